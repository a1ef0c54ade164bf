"""The deployment's settings: CDK context values, typed and checked once, before anything is built.

Every key, its default and what it allows stand in docs/reference.md, section "Context".
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, NamedTuple, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from infra.connections import InstanceClass, check_budget
from processor import pipelines
from processor.errors import ConfigurationError

Target = Literal["embedded", "localstack", "aws"]
Profile = Literal["dev", "prod"]
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365]

LOCAL_DATABASE_KEYS: Final = ("databaseHost", "databasePort", "databaseUser", "databasePassword")
LOCALSTACK_DATABASE: Final[Mapping[str, object]] = {
    "databaseHost": "postgres",
    "databasePort": 5432,
    "databasePassword": "local-only-password",
}
MAXIMUM_RECORD_AGE: Final = 604_800  # seconds; Lambda's own limit
FIXED_STREAM_KEYS: Final = ("shardCount", "parallelizationFactor")


APPLICATION: Final = "student-performance"
"""What resources are named after that belong to no single pipeline."""


class ConfigError(Exception):
    """A context value is unknown or impossible; the message names the key and what is allowed."""


class DeployedPipeline(NamedTuple):
    """A pipeline as far as its resources go: ``module`` declares it (docs/extending.md)."""

    name: str
    module: str

    @property
    def ships(self) -> bool:
        """Whether it is the one that is always deployed."""
        return self.name == pipelines.SHIPPED.name

    @property
    def construct_id(self) -> str:
        """Return the name as it stands in construct ids and outputs."""
        return "".join(part.capitalize() for part in self.name.split("-"))


class Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a deployment is made from. Built by ``read_config`` only, which also checks values together."""

    target: Target
    environment_suffix: Annotated[
        str,
        Meta(
            pattern=r"^(?!.*--)[a-z][a-z0-9-]{0,18}[a-z0-9]$",
            description="2 to 20 of a-z, 0-9 and single '-', first a letter, last no '-'",
        ),
    ] = "dev"
    profile: Profile = "dev"

    database_host: Annotated[str, Meta(min_length=1, description="a host name or address")] | None = None
    database_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    database_name: Annotated[
        str,
        Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="1 to 63 of a-z, 0-9 and '_', first a letter"),
    ] = "studentdata"
    database_user: Annotated[str, Meta(min_length=1, description="a login that may create roles")] = "dbadmin"
    database_password: Annotated[str, Meta(min_length=1, description="that login's password")] | None = None

    pipelines: (
        Annotated[
            str,
            Meta(
                pattern=r"^\w+(\.\w+)*( \w+(\.\w+)*)*$",
                description="Python modules of this checkout, separated by spaces",
            ),
        ]
        | None
    ) = None

    stream_mode: Literal["provisioned", "on-demand"] = "provisioned"
    shard_count: Annotated[int, Meta(ge=1, le=500)] = 1
    stream_retention_hours: Annotated[int, Meta(ge=24, le=8760)] = 24

    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 500
    batch_window_seconds: Annotated[int, Meta(ge=0, le=300)] = 1
    parallelization_factor: Annotated[int, Meta(ge=1, le=10)] = 1
    retry_attempts: Annotated[int, Meta(ge=0, le=10_000)] = 3
    maximum_record_age_seconds: Annotated[int, Meta(ge=60, le=MAXIMUM_RECORD_AGE)] | None = None

    processor_memory_mb: Annotated[int, Meta(ge=128, le=10_240)] = 512
    processor_timeout_seconds: Annotated[int, Meta(ge=10, le=900)] = 60
    processor_concurrency: Annotated[int, Meta(ge=1, le=1000)] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_retention_days: LogRetentionDays = 7

    database_instance_class: InstanceClass = "t4g.small"
    database_storage_gb: Annotated[int, Meta(ge=20, le=65_536)] = 20
    database_max_storage_gb: Annotated[int, Meta(ge=20, le=65_536)] = 100
    backup_retention_days: Annotated[int, Meta(ge=1, le=35)] = 7
    database_certificates: Annotated[str, Meta(min_length=1, description="a PEM file")] | None = None
    secret_rotation_days: Annotated[int, Meta(ge=1, le=1000)] | None = None
    failed_records_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 90

    alarm_email: (
        Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", description="an e-mail address")] | None
    ) = None
    alarm_database_cpu_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_database_free_storage_gb: Annotated[int, Meta(ge=1, le=65_536)] = 5
    alarm_database_connections_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_duration_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_iterator_age_seconds: Annotated[int, Meta(ge=1, le=MAXIMUM_RECORD_AGE)] = 60

    @property
    def deployed_pipelines(self) -> list[DeployedPipeline]:
        """The pipelines, the one that ships first; raise ConfigError where a module declares none."""
        try:
            found = {module: pipelines.load_one(module).name for module in self.pipeline_modules}
            pipelines.load(self.pipeline_modules)
        except ConfigurationError as error:
            raise ConfigError(f"context pipelines: {error}") from error
        return [
            DeployedPipeline(pipelines.SHIPPED.name, ""),
            *(DeployedPipeline(name, module) for module, name in found.items()),
        ]

    @property
    def pipeline_modules(self) -> list[str]:
        """The modules of the pipelines beside the one that ships."""
        return (self.pipelines or "").split()

    @property
    def record_age_seconds(self) -> int:
        """Age at which a record stops being retried: as set, else the stream's retention (7 days at most)."""
        return self.maximum_record_age_seconds or min(self.stream_retention_hours * 3600, MAXIMUM_RECORD_AGE)

    @property
    def protected(self) -> bool:
        """Whether data outlives the stack and deletion is refused: ``prod`` on AWS."""
        return self.target == "aws" and self.profile == "prod"


def allowed(key_type: object) -> str:
    """What a context value of this type may be, in words: for messages and for docs/reference.md."""
    if get_origin(key_type) is Literal:
        return "one of " + ", ".join(str(value) for value in get_args(key_type))
    described = msgspec.inspect.type_info(key_type)
    if isinstance(described, msgspec.inspect.UnionType):
        described = next(t for t in described.types if not isinstance(t, msgspec.inspect.NoneType))
    if isinstance(described, msgspec.inspect.Metadata):
        return str((described.extra_json_schema or {})["description"])
    if isinstance(described, msgspec.inspect.IntType):
        return f"a whole number from {described.ge} to {described.le}"
    raise TypeError(f"no words for {described!r}")


def read_config(context: Mapping[str, Any], environment: Mapping[str, str]) -> Config:
    """Check the context and return it typed; raise ConfigError with one line on the first wrong value.

    Keys of the CDK's own (they hold ``:`` or ``/``) are left alone; an empty string counts as not given.
    """
    given = {k: v for k, v in context.items() if not any(c in k for c in ":/") and v not in ("", None)}
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(Config)}
    for key in given:
        if key not in fields:
            raise ConfigError(f"context key {key} is unknown{_did_you_mean(key, list(fields))}")
    values = {key: _convert(key, value, fields[key]) for key, value in given.items()}
    values.setdefault("target", "localstack" if environment.get("AWS_ENDPOINT_URL") else "aws")
    values.setdefault("profile", "prod" if values.get("environmentSuffix") == "prod" else "dev")
    if values["target"] == "localstack":
        if password := environment.get("POSTGRES_PASSWORD"):
            values.setdefault("databasePassword", password)  # docker-compose.yml takes the same variable
        values = {**LOCALSTACK_DATABASE, **values}
    config = msgspec.convert(values, Config)
    _check_together(config, given)
    return config


def _did_you_mean(key: str, keys: list[str]) -> str:
    close = get_close_matches(key, keys, n=1)
    return f": did you mean {close[0]}?" if close else f"; allowed: {', '.join(keys)}"


def _convert(key: str, value: object, key_type: object) -> object:
    try:
        # Not strict: `-c shardCount=2` arrives as a string, cdk.json's values as they were written.
        return cast("object", msgspec.convert(value, type=cast("Any", key_type), strict=False))
    except msgspec.ValidationError:
        shown = "its value" if key == "databasePassword" else repr(value)
        raise ConfigError(f"context {key}: {shown} is not possible; allowed: {allowed(key_type)}") from None


def _check_together(config: Config, given: Mapping[str, object]) -> None:
    _check_database(config, given)
    _check_stream(config, given)
    _ = config.deployed_pipelines
    if config.alarm_database_free_storage_gb >= config.database_storage_gb:
        raise ConfigError(
            f"context alarmDatabaseFreeStorageGb: {config.alarm_database_free_storage_gb} would always alarm;"
            f" allowed: less than databaseStorageGb ({config.database_storage_gb})"
        )
    if config.target == "aws" and (over := check_budget(config)):
        raise ConfigError(over)


def _check_database(config: Config, given: Mapping[str, object]) -> None:
    if config.target == "aws":
        for key in LOCAL_DATABASE_KEYS:
            if key in given:
                raise ConfigError(
                    f"context {key}: only for the targets embedded and localstack; aws makes its own"
                )
    elif config.target == "embedded":
        for key in ("databaseHost", "databasePort", "databasePassword"):
            if key not in given:
                raise ConfigError(f"context {key}: the target embedded needs it; give it with -c {key}=…")
    if config.database_max_storage_gb < config.database_storage_gb:
        raise ConfigError(
            f"context databaseMaxStorageGb: {config.database_max_storage_gb} is not possible;"
            f" allowed: at least databaseStorageGb ({config.database_storage_gb})"
        )


def _check_stream(config: Config, given: Mapping[str, object]) -> None:
    retention = config.stream_retention_hours * 3600
    if config.record_age_seconds > retention:
        raise ConfigError(
            f"context maximumRecordAgeSeconds: {config.record_age_seconds} is not possible;"
            f" allowed: at most streamRetentionHours ({retention} s), after which Kinesis drops the record"
        )
    if config.alarm_iterator_age_seconds >= retention:
        raise ConfigError(
            f"context alarmIteratorAgeSeconds: {config.alarm_iterator_age_seconds} would warn too late;"
            f" allowed: less than streamRetentionHours ({retention} s)"
        )
    if config.stream_mode == "on-demand" and "shardCount" in given:
        raise ConfigError("context shardCount: an on-demand stream opens its own shards; allowed: not given")
    if config.stream_mode == "on-demand" and config.processor_concurrency is None:
        raise ConfigError(
            "context processorConcurrency: an on-demand stream needs it, to bound the database's connections;"
            " allowed: a whole number from 1 to 1000"
        )
    consumers = config.shard_count * config.parallelization_factor
    concurrency = config.processor_concurrency
    if config.stream_mode == "provisioned" and concurrency is not None and concurrency < consumers:
        raise ConfigError(
            f"context processorConcurrency: {concurrency} would throttle the stream's own consumers;"
            f" allowed: at least shardCount x parallelizationFactor ({consumers})"
        )
