"""Finds settings that are possible by themselves but not together, before anything is built."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from infra.brought import check_brought
from infra.config import APPLICATION, Config, ConfigError
from infra.connections import check_budget
from infra.windows import overlap

LOCAL_DATABASE_KEYS: Final = ("databaseHost", "databasePort", "databaseUser", "databasePassword")
BROUGHT_DATABASE_KEYS: Final = ("databaseHost", "databasePort")


def check_together(config: Config, given: AbstractSet[str]) -> None:
    """Raise ConfigError with one line that names a key and what it may be.

    ``given`` are the keys that were set, by a flag or in the environment's file.
    """
    _check_local_database(config, given)
    _check_stream(config, given)
    _check_alerts(config, given)
    pipelines = [pipeline.name for pipeline in config.deployed_pipelines]
    if config.ingest and APPLICATION not in pipelines:
        raise ConfigError(
            f"context ingest: what is sent over HTTP becomes events of {APPLICATION}, which is not deployed;"
            " allowed: false, or with that pipeline among pipelines"
        )
    _check_dashboard(config, pipelines)
    if config.target == "aws":
        check_brought(config, given)
        _check_database(config)
        _check_prod(config, given)


def _check_alerts(config: Config, given: AbstractSet[str]) -> None:
    if config.alerts and APPLICATION not in [pipeline.name for pipeline in config.deployed_pipelines]:
        raise ConfigError(
            f"context alerts: they tell of the risk of {APPLICATION}, which is not deployed;"
            " allowed: false, or with that pipeline among pipelines"
        )
    for key in ("alertEmail", "alertWebhook", "alertNames"):
        if key in given and not config.alerts:
            raise ConfigError(f"context {key}: nobody is told without alerts; allowed: with alerts=true")
    if config.target == "aws" and str(config.alert_webhook or "https:").startswith("http:"):
        raise ConfigError(
            "context alertWebhook: it would carry what is known of students in the clear;"
            " allowed: an address that begins with https://"
        )


def _check_local_database(config: Config, given: AbstractSet[str]) -> None:
    for key in LOCAL_DATABASE_KEYS:
        brought = config.database_secret_arn and key in BROUGHT_DATABASE_KEYS
        if config.target == "aws" and key in given and not brought:
            raise ConfigError(
                f"context {key}: only for the targets embedded and localstack; aws makes its own,"
                " or is given one with databaseSecretArn"
            )
    for key in ("databaseHost", "databasePort", "databasePassword"):
        if config.target == "embedded" and key not in given:
            raise ConfigError(f"context {key}: the target embedded needs it; give it with -c {key}=…")


def _check_dashboard(config: Config, pipelines: Sequence[str]) -> None:
    if config.dashboard and APPLICATION not in pipelines:
        raise ConfigError(
            f"context dashboard: its pages are about the events of {APPLICATION}, which is not deployed;"
            " allowed: false, or with that pipeline among pipelines"
        )
    if config.dashboard_client_id and not config.dashboard_issuer:
        raise ConfigError(
            "context dashboardClientId: one provider knows it; allowed: together with dashboardIssuer"
        )
    for key, value in (
        ("dashboardIssuer", config.dashboard_issuer),
        ("dashboardUrl", config.dashboard_url),
    ):
        if config.target == "aws" and value and not value.startswith("https://"):
            raise ConfigError(
                f"context {key}: {value} would be read on the way; allowed: an address that begins with https://"
            )


def _check_database(config: Config) -> None:
    if config.database_max_storage_gb < config.database_storage_gb:
        raise ConfigError(
            f"context databaseMaxStorageGb: {config.database_max_storage_gb} is not possible;"
            f" allowed: at least databaseStorageGb ({config.database_storage_gb})"
        )
    if overlap(config.database_maintenance_window, config.database_backup_window):
        raise ConfigError(
            f"context databaseMaintenanceWindow: {config.database_maintenance_window} is not possible;"
            f" allowed: outside databaseBackupWindow ({config.database_backup_window}, every day)"
        )
    if config.database_secret_arn:
        return  # nobody knows here how many connections it takes
    over = check_budget(
        config.database_instance_class,
        consumers=config.consumers,
        processors=len(config.pipeline_modules),
        bounded_by="processorConcurrency"
        if config.stream_mode == "on-demand"
        else "shardCount x parallelizationFactor",
    )
    if over:
        raise ConfigError(over)


def _check_prod(config: Config, given: AbstractSet[str]) -> None:
    if not config.protected:
        return
    if "alarmEmail" not in given:
        raise ConfigError(
            "context alarmEmail: the profile prod needs it, or nobody is told of an alarm;"
            " allowed: an e-mail address, or none where the topic has other subscribers"
        )
    if not config.database_multi_az:
        raise ConfigError(
            "context databaseMultiAz: false is not possible with the profile prod, which survives a zone;"
            " allowed: true, or the profile dev"
        )


def _check_stream(config: Config, given: AbstractSet[str]) -> None:
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
    concurrency = config.processor_concurrency
    if concurrency is not None and concurrency < config.consumers:
        raise ConfigError(
            f"context processorConcurrency: {concurrency} would throttle the stream's own consumers;"
            f" allowed: at least shardCount x parallelizationFactor ({config.consumers})"
        )
