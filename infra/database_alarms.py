"""The alarms of the database."""

from collections.abc import Iterator
from typing import Final

from infra.alarm import SILENT, Alarm, Comparison, Dimensions, Within
from infra.config import Config
from infra.connections import MEMORY_GIB, max_connections
from infra.metric import rds_metric

MEMORY_LEFT: Final = 0.1
"""Share of the instance's memory. Below it, PostgreSQL's and the system's caches lose their room."""

TRANSACTION_IDS: Final = 1_000_000_000
"""Autovacuum freezes at 200 million. PostgreSQL stops accepting writes at about 2,146 million:
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND"""


def of_load(config: Config, instance: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms about the work of the database."""
    yield Alarm(
        "database-cpu",
        rds_metric("CPUUtilization", instance),
        config.alarm_database_cpu_percent,
        f"The database's CPU is above {config.alarm_database_cpu_percent} %, or it has stopped reporting",
        comparison=Comparison.GREATER_THAN_THRESHOLD,
        within=Within(2, 6),
        missing=SILENT,
    )
    available = max_connections(config.database_instance_class)
    yield Alarm(
        "database-connections",
        rds_metric("DatabaseConnections", instance, statistic="Maximum"),
        available * config.alarm_database_connections_percent // 100,
        f"Connections reach {config.alarm_database_connections_percent} % of what the instance takes",
        within=Within(1, 6),
    )
    yield Alarm(
        "database-memory",
        rds_metric("FreeableMemory", instance),
        int(MEMORY_GIB[config.database_instance_class] * 2**30 * MEMORY_LEFT),
        f"The database has less than {MEMORY_LEFT:.0%} of its memory left",
        comparison=Comparison.LESS_THAN_THRESHOLD,
        within=Within(3, 6),
    )


def of_room(config: Config, instance: Dimensions) -> Iterator[Alarm]:
    """Yield the alarms about the room that the database has left."""
    percent = config.alarm_database_free_storage_percent
    yield Alarm(
        "database-free-storage",
        rds_metric("FreeStorageSpace", instance, statistic="Minimum"),
        config.database_storage_gb * 2**30 * percent // 100,
        f"Less than {percent} % of databaseStorageGb is left: the storage no longer grows by itself",
        comparison=Comparison.LESS_THAN_THRESHOLD,
        within=Within(2, 3),
    )
    yield Alarm(
        "database-transaction-ids",
        rds_metric("MaximumUsedTransactionIDs", instance, statistic="Maximum"),
        TRANSACTION_IDS,
        "Vacuum does not keep up: at 2.1 billion unfrozen transactions PostgreSQL stops taking writes",
    )
