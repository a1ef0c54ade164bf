"""The deployed code changes while events arrive."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from processor.commands.status import Status
from spm.term import NativeEvent, generate
from tests.integration.localstack.checkout import copy_of_the_project
from tests.integration.localstack.cloud import SHARED, Cloud, Environment
from tests.integration.localstack.events import entries_of, expected, send, stored, wait_for_rows

pytestmark = pytest.mark.localstack


def test_an_update_under_load_loses_nothing(cloud: Cloud, environment: Environment, tmp_path: Path) -> None:
    changed = copy_of_the_project(tmp_path, cloud.aws_environment)
    changed.change_status()
    assert not environment.commands.run(Status()).stored_is_estimate
    with producing(environment) as sent:
        cloud.deploy(SHARED, changed)
        assert environment.commands.run(Status()).stored_is_estimate
    wait_for_rows(cloud, sent, seconds=60)
    rows = stored(cloud, environment, sent)
    assert rows == expected(environment, sent)
    assert len(rows) == len(sent) > 0


@contextmanager
def producing(environment: Environment) -> Iterator[list[NativeEvent]]:
    """Send about 100 events per second as long as the block runs; gives the list of those that were sent."""
    sent: list[NativeEvent] = []
    events = generate(100_000, 100, seed=51)
    enough = threading.Event()

    def produce() -> None:
        while not enough.wait(0.2):
            some = list(islice(events, 20))
            send(environment, entries_of(some))
            sent.extend(some)

    with ThreadPoolExecutor(1) as pool:
        producer = pool.submit(produce)
        try:
            yield sent
        finally:
            enough.set()
        producer.result()
