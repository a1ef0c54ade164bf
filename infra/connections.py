"""The connection budget: all consumers that a deployment can start must fit into its database."""

from typing import Final, Literal, get_args

InstanceClass = Literal[
    "t4g.micro", "t4g.small", "t4g.medium", "t4g.large", "t4g.xlarge", "t4g.2xlarge",
    "m7g.large", "m7g.xlarge", "m7g.2xlarge", "m7g.4xlarge",
    "m8g.large", "m8g.xlarge", "m8g.2xlarge", "m8g.4xlarge",
    "r7g.large", "r7g.xlarge", "r7g.2xlarge", "r7g.4xlarge",
    "r8g.large", "r8g.xlarge", "r8g.2xlarge", "r8g.4xlarge",
]  # fmt: skip
_T4G, _M, _R = (1, 2, 4, 8, 16, 32), (8, 16, 32, 64), (16, 32, 64, 128)
MEMORY_GIB: Final[dict[InstanceClass, int]] = dict(
    zip(get_args(InstanceClass), (*_T4G, *_M, *_M, *_R, *_R), strict=True)
)

BYTES_PER_CONNECTION: Final = 9_531_392
"""RDS for PostgreSQL's default is ``max_connections = LEAST({DBInstanceClassMemory/9531392}, 5000)``:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections"""

MEMORY_SHARE: Final = 0.7
"""``DBInstanceClassMemory`` is what the operating system and RDS leave. AWS does not publish how much, so
we set ``max_connections`` ourselves, to what 70 % of the memory give. So budget and alarm know the number."""

OPERATIONS: Final = 5
"""Connections kept for the operations function: one per call, calls of several people at a time."""

REPORTS: Final = 10
"""Reserved concurrency of the reports function, and so the largest number of its connections."""

ALERTS: Final = 2
"""Reserved concurrency of the alerts function, which asks the operations function for one thing at a time."""

RESERVED: Final = 10
"""Kept for PostgreSQL's own ``superuser_reserved_connections`` (3), RDS's agents, and a rotation's logins."""

OVERLAP: Final = 2
"""After a deployment or a time-out, old execution environments hold connections while new ones start."""


def max_connections(instance_class: InstanceClass) -> int:
    """Return how many connections the database of an instance class is set to take."""
    return min(int(MEMORY_GIB[instance_class] * 2**30 * MEMORY_SHARE) // BYTES_PER_CONNECTION, 5000)


def needed_connections(*, consumers: int, processors: int) -> int:
    """Return how many connections a deployment may hold at once.

    ``consumers`` are copies of one pipeline's processor. ``processors`` is the number of deployed pipelines.
    """
    return (consumers * processors + REPORTS) * OVERLAP + OPERATIONS + ALERTS + RESERVED


def check_budget(
    instance_class: InstanceClass, *, consumers: int, processors: int, bounded_by: str
) -> str | None:
    """Return why the budget is overdrawn, in one line, or None if everything fits.

    ``bounded_by`` names the settings that give the number of consumers, for the message.
    """
    needed = needed_connections(consumers=consumers, processors=processors)
    available = max_connections(instance_class)
    if needed <= available:
        return None
    fits = [c for c in MEMORY_GIB if max_connections(c) >= needed]
    return (
        f"context databaseInstanceClass: {instance_class} takes {available} connections,"
        f" {bounded_by} may open {needed}; allowed: fewer of these, or one of {', '.join(fits) or 'none'}"
    )
