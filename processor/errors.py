"""Errors are decisions: each class means one thing that the caller does.

ProcessorError
├── RejectRecord         bad data: store the record in rejected_event and go on
├── RetryLater           the database cannot take it now: stop, let Lambda deliver it again
├── CredentialsRefused   no login works: fail the invocation with a clear message
├── ConfigurationError   a setting is wrong: fail at start
└── MigrationFailed      the schema cannot be brought up to date: fail the deployment
"""


class ProcessorError(Exception):
    """Whatever the processor raises on purpose."""


class ConfigurationError(ProcessorError):
    """A setting is missing or impossible; the message names each one and what to do."""
