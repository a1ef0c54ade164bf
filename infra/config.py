"""The deployment's typed settings. ``infra/context.py`` reads them, ``infra/checks.py`` checks them together.

docs/reference.md, section "Context", has every key, its default and what it allows.
"""

from typing import Annotated, Final, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Meta

from infra.connections import InstanceClass
from processor import pipelines
from processor.errors import ConfigurationError

Target = Literal["embedded", "localstack", "aws"]
Profile = Literal["dev", "prod"]
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365]

MAXIMUM_RECORD_AGE: Final = 604_800  # seconds; Lambda's own limit
WEEKDAY: Final = "(mon|tue|wed|thu|fri|sat|sun)"
KEY_ARN: Final = Meta(
    pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+$", description="the ARN of a KMS key"
)
ADDRESS: Final = Meta(pattern=r"^https?://[^\s?#]+$", description="an address that begins with https://")
WORD: Final = Meta(pattern=r"^\S+$", description="a word without spaces")
TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"

APPLICATION: Final = "student-performance"
"""The name of resources that belong to no single pipeline."""


class ConfigError(Exception):
    """A context value is unknown or impossible. The message names the key and what is allowed."""


class DeployedPipeline(NamedTuple):
    """A pipeline, as its resources need it. ``module`` declares it (docs/extending.md)."""

    name: str
    module: str
    first: bool
    """Whether it is the first: what all share is watched with it, and its logical ids have no prefix."""

    @property
    def construct_id(self) -> str:
        """Return the name as construct ids and outputs have it."""
        return "".join(part.capitalize() for part in self.name.split("-"))


class Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a deployment is made from. Only ``read_config`` builds it, and also checks values together."""

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

    pipelines: Annotated[
        str,
        Meta(
            pattern=r"^\w+(\.\w+)*( \w+(\.\w+)*)*$",
            description="Python modules of this project, separated by spaces",
        ),
    ] = " ".join(pipelines.DEFAULT)
    requirements: (
        Annotated[str, Meta(min_length=1, description="a file of requirements with hashes")] | None
    ) = None

    vpc_id: Annotated[str, Meta(pattern=r"^vpc-[0-9a-f]{8,17}$", description="the id of a VPC")] | None = None
    subnet_ids: (
        Annotated[
            str,
            Meta(
                pattern=r"^subnet-[0-9a-f]{8,17}( subnet-[0-9a-f]{8,17})+$",
                description="ids of two or more subnets, separated by spaces",
            ),
        ]
        | None
    ) = None
    availability_zones: (
        Annotated[
            str,
            Meta(
                pattern=r"^[a-z]+(-[a-z]+)+-\d[a-z]( [a-z]+(-[a-z]+)+-\d[a-z])+$",
                description="names of two or more zones, separated by spaces",
            ),
        ]
        | None
    ) = None

    stream_arn: (
        Annotated[
            str,
            Meta(
                pattern=r"^arn:[a-z-]+:kinesis:[a-z0-9-]+:\d{12}:stream/[\w.-]+$",
                description="the ARN of a Kinesis stream",
            ),
        ]
        | None
    ) = None
    stream_key_arn: Annotated[str, KEY_ARN] | None = None
    stream_mode: Literal["provisioned", "on-demand"] = "provisioned"
    ingest: bool = False
    dashboard: bool = False
    dashboard_issuer: Annotated[str, ADDRESS] | None = None
    dashboard_client_id: Annotated[str, WORD] | None = None
    dashboard_admin_claim: (
        Annotated[str, Meta(pattern=r"^[^=\s]+=\S.*$", description="a claim and its value: claim=value")]
        | None
    ) = None
    dashboard_subject_claim: Annotated[str, WORD] = "sub"
    dashboard_url: Annotated[str, ADDRESS] | None = None
    alerts: bool = False
    alert_email: (
        Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", description="an e-mail address")] | None
    ) = None
    alert_webhook: (
        Annotated[
            str, Meta(pattern=r"^https?://[^\s/]\S*$", description="an address that begins with https://")
        ]
        | None
    ) = None
    alert_names: bool = False
    shard_count: Annotated[int, Meta(ge=1, le=500)] = 1
    stream_retention_hours: Annotated[int, Meta(ge=24, le=8760)] = 24

    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 500
    batch_window_seconds: Annotated[int, Meta(ge=0, le=300)] = 1
    parallelization_factor: Annotated[int, Meta(ge=1, le=10)] = 1
    retry_attempts: Annotated[int, Meta(ge=0, le=10_000)] = 10_000
    maximum_record_age_seconds: Annotated[int, Meta(ge=60, le=MAXIMUM_RECORD_AGE)] | None = None

    processor_memory_mb: Annotated[int, Meta(ge=128, le=10_240)] = 512
    processor_timeout_seconds: Annotated[int, Meta(ge=10, le=900)] = 60
    processor_concurrency: Annotated[int, Meta(ge=1, le=1000)] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_retention_days: LogRetentionDays = 7

    database_secret_arn: (
        Annotated[
            str,
            Meta(
                pattern=r"^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+-\w{6}$",
                description="the whole ARN of a secret",
            ),
        ]
        | None
    ) = None
    database_secret_key_arn: Annotated[str, KEY_ARN] | None = None
    database_security_group_id: (
        Annotated[str, Meta(pattern=r"^sg-[0-9a-f]{8,17}$", description="the id of a security group")] | None
    ) = None
    database_instance_class: InstanceClass = "t4g.small"
    database_storage_gb: Annotated[int, Meta(ge=20, le=65_536)] = 20
    database_max_storage_gb: Annotated[int, Meta(ge=20, le=65_536)] = 100
    database_multi_az: bool = True
    database_maintenance_window: Annotated[
        str,
        Meta(
            pattern=rf"^{WEEKDAY}:{TIME}-{WEEKDAY}:{TIME}$",
            description="a weekly window in UTC such as sun:03:00-sun:04:00",
        ),
    ] = "sun:03:00-sun:04:00"
    database_backup_window: Annotated[
        str, Meta(pattern=rf"^{TIME}-{TIME}$", description="a daily window in UTC such as 01:00-02:00")
    ] = "01:00-02:00"
    backup_retention_days: Annotated[int, Meta(ge=1, le=35)] = 7
    database_certificates: Annotated[str, Meta(min_length=1, description="a PEM file")] | None = None
    secret_rotation_days: Annotated[int, Meta(ge=0, le=1000)] = 0
    failed_records_retention_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    retention_months: Annotated[int, Meta(ge=1, le=1200)] | None = None

    alarm_email: (
        Annotated[str, Meta(pattern=r"^(none|[^@\s]+@[^@\s]+)$", description="an e-mail address, or none")]
        | None
    ) = None
    alarm_database_cpu_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_database_free_storage_percent: Annotated[int, Meta(ge=1, le=50)] = 5
    alarm_database_connections_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_duration_percent: Annotated[int, Meta(ge=1, le=100)] = 80
    alarm_iterator_age_seconds: Annotated[int, Meta(ge=1, le=MAXIMUM_RECORD_AGE)] = 60

    @property
    def deployed_pipelines(self) -> list[DeployedPipeline]:
        """The pipelines in the order of the list. Raise ConfigError if a module declares none."""
        try:
            found = pipelines.load(self.pipeline_modules)
        except ConfigurationError as error:
            raise ConfigError(f"context pipelines: {error}") from error
        named = zip(found, self.pipeline_modules, strict=True)
        return [DeployedPipeline(name, module, first=not place) for place, (name, module) in enumerate(named)]

    @property
    def pipeline_modules(self) -> list[str]:
        """The modules that declare the pipelines."""
        return self.pipelines.split()

    @property
    def consumers(self) -> int:
        """How many copies of one pipeline's processor its stream can keep busy."""
        if self.stream_mode == "on-demand" and self.processor_concurrency:
            return self.processor_concurrency
        return self.shard_count * self.parallelization_factor

    @property
    def record_age_seconds(self) -> int:
        """Age at which a record is no longer retried: as set, or the stream's retention (at most 7 days)."""
        return self.maximum_record_age_seconds or min(self.stream_retention_hours * 3600, MAXIMUM_RECORD_AGE)

    @property
    def protected(self) -> bool:
        """Whether data outlives the stack and deletion is refused: ``prod`` on AWS."""
        return self.target == "aws" and self.profile == "prod"


def allowed(key_type: object) -> str:
    """Return in words what a context value of this type may be, for messages and for docs/reference.md."""
    if get_origin(key_type) is Literal:
        return "one of " + ", ".join(str(value) for value in get_args(key_type))
    described = msgspec.inspect.type_info(key_type)
    if isinstance(described, msgspec.inspect.UnionType):
        described = next(t for t in described.types if not isinstance(t, msgspec.inspect.NoneType))
    if isinstance(described, msgspec.inspect.Metadata):
        return str((described.extra_json_schema or {})["description"])
    if isinstance(described, msgspec.inspect.BoolType):
        return "true or false"
    if isinstance(described, msgspec.inspect.IntType):
        return f"a whole number from {described.ge} to {described.le}"
    raise TypeError(f"no words for {described!r}")
