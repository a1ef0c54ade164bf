"""What ``spm init`` writes into a project: a pipeline to begin with, and the CDK command line."""
