"""Changed code of pipelines, brought into a running cloud on this machine."""
