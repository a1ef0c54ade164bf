"""The processor's settings: one model, read from the environment once, reported whole when wrong."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import msgspec

from processor.errors import ConfigurationError

SslMode = Literal["disable", "verify-full"]

DB_SECRET_ARN: Final = "DB_SECRET_ARN"  # noqa: S105 - the name of a setting, not a secret
DB_SSLMODE: Final = "DB_SSLMODE"
DB_MIGRATION_SECRET_ARN: Final = "DB_MIGRATION_SECRET_ARN"  # noqa: S105 - as above
DB_PROCESSOR_SECRET_ARN: Final = "DB_PROCESSOR_SECRET_ARN"  # noqa: S105 - as above
SERVICE_NAME: Final = "POWERTOOLS_SERVICE_NAME"
LOG_LEVEL: Final = "LOG_LEVEL"


class Settings(msgspec.Struct, frozen=True):
    """What a function needs to know; ``from_environment`` is the only way it is read.

    ``secret_arn``: the database login of this function, a secret of the RDS JSON shape.
    ``migration_secret_arn``: the schema owner's login; set only where no custom resource runs migrations.
    ``processor_secret_arn``: the login that ``migrate`` creates for the processor; absent: none is made.
    """

    secret_arn: str
    sslmode: SslMode = "verify-full"
    migration_secret_arn: str | None = None
    processor_secret_arn: str | None = None
    service: str = "student-performance"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; raise ConfigurationError naming every wrong variable at once."""
        wrong = []
        if not environment.get(DB_SECRET_ARN):
            wrong.append(f"{DB_SECRET_ARN} is not set: give the ARN of the database login's secret")
        sslmode = environment.get(DB_SSLMODE, "verify-full")
        if sslmode not in get_args(SslMode):
            wrong.append(f"{DB_SSLMODE} is {sslmode!r}: use one of {', '.join(get_args(SslMode))}")
        if wrong:
            raise ConfigurationError("; ".join(wrong))
        return cls(
            secret_arn=environment[DB_SECRET_ARN],
            sslmode="disable" if sslmode == "disable" else "verify-full",
            migration_secret_arn=environment.get(DB_MIGRATION_SECRET_ARN) or None,
            processor_secret_arn=environment.get(DB_PROCESSOR_SECRET_ARN) or None,
            service=environment.get(SERVICE_NAME, "student-performance"),
        )
