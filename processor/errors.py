"""Errors are decisions: each class tells the caller what to do.

ProcessorError
├── RejectRecord          bad data: store the record in rejected_event and go on
├── UnfitValue            a value does not fit its column: find the event and reject it
├── EpochPassed           a student was erased in the meantime: roll back, learn who, store the rest
├── TransientError        it may work in a moment: try again until the deadline nears
├── RetryLater            the deadline is near: stop, let Lambda deliver the rest again
├── CredentialsRefused    no login works: fail the invocation with a clear message
├── ConfigurationError    a setting is wrong: fail at start
├── CommandError          an operations command is wrong: tell its caller
└── MigrationFailed       the schema cannot be brought up to date: fail the deployment

Anything else that is raised is a defect.
"""

from collections.abc import Sequence
from typing import Literal

Reason = Literal[
    "not_base64",  # the envelope's data does not decode; the payload kept is the base64 text itself
    "not_utf8",  # bytes that are not UTF-8 text
    "not_json",  # text that is not a JSON document
    "not_an_object",  # JSON, but an array, a string, a number, …
    "missing_member",  # student_id or event_type is absent
    "invalid_member",  # a member has the wrong type, length, form or range
    "duplicate_member",  # a name occurs twice in one object: which value was meant is unknown
    "lone_surrogate",  # a \ud800–\udfff escape without its other half: not a character
    "null_character",  # a \u0000 escape: PostgreSQL's text and jsonb have no such character
    "number_too_long",  # a number of more than 1,000 digits once it is written out
    "too_deep",  # arrays and objects nested beyond what is allowed
    "broken_aggregate",  # a Kinesis Producer Library frame whose digest or content is wrong
    "aggregate_too_large",  # a Kinesis Producer Library frame of more user records than anybody needs
    "unknown_format",  # a document whose format or version no decoder reads
    "decoder_failed",  # a defect of a decoder: an alarm tells its author
    "no_student",  # a statement or event that no student acted in: a teacher's, a group's, a system's
    "not_storable",  # only PostgreSQL refused it: the detail is PostgreSQL's own message
]


class ProcessorError(Exception):
    """Everything that the processor raises on purpose."""


class RejectRecord(ProcessorError):
    """The record can never become an event. ``detail`` tells its producer what to change."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class UnfitValue(ProcessorError):
    """A value of some event does not fit the type of its column. The caller has to find the event."""


class EpochPassed(ProcessorError):
    """A student was erased since the tombstones were read. Nothing of the attempt may be committed."""


class TransientError(ProcessorError):
    """Something outside did not answer as it should, but may do so in a moment."""


class RetryLater(ProcessorError):
    """The deadline came near before the work was done. Nothing of it was committed."""


class CredentialsRefused(ProcessorError):
    """PostgreSQL refused both the current and the pending version of the login."""


class ConfigurationError(ProcessorError):
    """A setting is missing or impossible. The message names each one and says what to do."""


class CommandError(ProcessorError):
    """A command or one of its parameters is wrong. The message names it and what is allowed."""


class MigrationFailed(ProcessorError):
    """A migration was rolled back, or a pipeline does not fit its tables. The message says which, and why.

    ``mistakes`` names each mistake with its file and line.
    """

    def __init__(self, message: str, mistakes: Sequence[str] = ()) -> None:
        super().__init__("\n".join([f"{message}:", *mistakes] if mistakes else [message]))
        self.mistakes = mistakes
