"""The processor's settings: one model that is read from the environment once. All mistakes are reported."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from msgspec import Struct, field

from processor.errors import ConfigurationError
from processor.pipeline import Pipeline
from processor.pipelines import DEFAULT, Pipelines, load, named

SslMode = Literal["disable", "verify-full"]

DB_SECRET_ARN: Final = "DB_SECRET_ARN"  # noqa: S105 - the name of a setting, not a secret
DB_SSLMODE: Final = "DB_SSLMODE"
DB_MIGRATION_SECRET_ARN: Final = "DB_MIGRATION_SECRET_ARN"  # noqa: S105 - as above
DB_PROCESSOR_SECRET_ARN: Final = "DB_PROCESSOR_SECRET_ARN"  # noqa: S105 - as above
DB_READER_SECRET_ARN: Final = "DB_READER_SECRET_ARN"  # noqa: S105 - as above
PIPELINE: Final = "PIPELINE"
PIPELINES: Final = "PIPELINES"
SERVICE_NAME: Final = "POWERTOOLS_SERVICE_NAME"
LOG_LEVEL: Final = "LOG_LEVEL"


class Settings(Struct, frozen=True):
    """What a function needs to know; ``from_environment`` is the only way it is read.

    ``secret_arn``: the database login of this function, a secret of the RDS JSON shape.
    ``migration_secret_arn``: the schema owner's login; set only where no custom resource runs migrations.
    ``processor_secret_arn``, ``reader_secret_arn``: the logins that ``migrate`` makes for the processor and
    for who only looks; absent: none is made.
    ``pipelines``: all that are deployed, by name; ``pipeline``: the one whose events this function stores,
    the first unless it is named.
    """

    secret_arn: str
    sslmode: SslMode = "verify-full"
    migration_secret_arn: str | None = None
    processor_secret_arn: str | None = None
    reader_secret_arn: str | None = None
    service: str = "student-performance"
    pipelines: Pipelines = field(default_factory=load)
    pipeline: Pipeline = field(default_factory=lambda: named(load(), None))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings. Raise ConfigurationError naming every wrong variable at once."""
        wrong = []
        if not environment.get(DB_SECRET_ARN):
            wrong.append(f"{DB_SECRET_ARN} is not set: give the ARN of the database login's secret")
        sslmode = environment.get(DB_SSLMODE, "verify-full")
        if sslmode not in get_args(SslMode):
            wrong.append(f"{DB_SSLMODE} is {sslmode!r}: use one of {', '.join(get_args(SslMode))}")
        try:
            pipelines = load(environment.get(PIPELINES, "").split() or DEFAULT)
        except ConfigurationError as error:
            wrong.append(f"{PIPELINES}: {error}")
            pipelines = load()
        name = environment.get(PIPELINE) or next(iter(pipelines))
        if name not in pipelines:
            wrong.append(f"{PIPELINE} is {name!r}: use one of {', '.join(pipelines)}")
        if wrong:
            raise ConfigurationError("; ".join(wrong))
        return cls(
            secret_arn=environment[DB_SECRET_ARN],
            sslmode="disable" if sslmode == "disable" else "verify-full",
            migration_secret_arn=environment.get(DB_MIGRATION_SECRET_ARN) or None,
            processor_secret_arn=environment.get(DB_PROCESSOR_SECRET_ARN) or None,
            reader_secret_arn=environment.get(DB_READER_SECRET_ARN) or None,
            service=environment.get(SERVICE_NAME, "student-performance"),
            pipelines=pipelines,
            pipeline=pipelines[name],
        )
