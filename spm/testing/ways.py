"""The ways in which events reach a pipeline. All have to leave the same tables as the clean one."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final, NamedTuple

from processor.records.kinesis import KinesisRecord
from spm.testing.events import Sent
from spm.testing.store import EventStore

MOST_BATCHES: Final = 10


class Scenario(NamedTuple):
    """A way of delivering events; messages use ``name`` and ``told``."""

    name: str
    told: str
    run: Callable[[EventStore, Sequence[Sent]], Awaitable[None]]


async def _clean(store: EventStore, events: Sequence[Sent]) -> None:
    await store.deliver(_records(events))
    await store.compact()


async def _duplicates(store: EventStore, events: Sequence[Sent]) -> None:
    for some in (_halves(events)[0], events, events):
        await store.deliver(_records(some))
        await store.compact()
    await store.deliver(_by_shard([event.record(again=True) for event in events if event.event_id]))
    await store.compact()


async def _crashes(store: EventStore, events: Sequence[Sent]) -> None:
    for half in _halves(events):
        for calls in count(1):
            if await store.deliver(_records(half), crash_after=calls):
                break
        for calls in count(1):
            if await store.compact(crash_after=calls):
                break


async def _reorderings(store: EventStore, events: Sequence[Sent]) -> None:
    await _one_by_one(store, [*reversed(events)])


async def _splits(store: EventStore, events: Sequence[Sent]) -> None:
    await _one_by_one(store, events)


async def _rebuild(store: EventStore, events: Sequence[Sent]) -> None:
    for half in _halves(events):
        await store.deliver(_records(half))
        await store.rebuild()


CLEAN: Final = Scenario("one clean delivery", "all events in one batch, compacted", _clean)
WAYS: Final = (
    Scenario(
        "duplicates",
        "half of the events, then all of them, then all again, compacted each time;"
        " then those with an event_id once more, as from a producer that got no answer",
        _duplicates,
    ),
    Scenario(
        "crashes",
        "the process ends after its first call to PostgreSQL, after the second, …; its work comes again",
        _crashes,
    ),
    Scenario(
        "reorderings", "the last event first, each in a batch of its own, compacted after each", _reorderings
    ),
    Scenario("splits", "each event in a batch of its own, compacted after each", _splits),
    Scenario(
        "a rebuild",
        "half of the events, all months made again, the other half, all months made again",
        _rebuild,
    ),
)


async def _one_by_one(store: EventStore, events: Sequence[Sent]) -> None:
    size = -(-len(events) // MOST_BATCHES)
    for first in range(0, len(events), size or 1):
        await store.deliver(_records(events[first : first + size]))
        await store.compact()


def _halves(events: Sequence[Sent]) -> tuple[Sequence[Sent], Sequence[Sent]]:
    middle = (len(events) + 1) // 2
    return events[:middle], events[middle:]


def _records(events: Sequence[Sent]) -> list[KinesisRecord]:
    return _by_shard([event.record() for event in events])


def _by_shard(records: Sequence[KinesisRecord]) -> list[KinesisRecord]:
    return sorted(records, key=lambda record: record["eventID"].partition(":")[0])
