"""The database stops answering while events arrive, and comes back: nothing is lost, nothing is doubled."""

import pytest

from spm.term import generate
from tests.integration.localstack.cloud import Cloud, Environment
from tests.integration.localstack.events import entries_of, expected, send, stored, wait_for_rows
from tests.integration.localstack.outages import Outage, paused, stopped
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack


@pytest.mark.parametrize(("outage", "seed"), [(paused, 31), (stopped, 32)])
def test_an_outage_of_the_database_loses_nothing(
    cloud: Cloud, environment: Environment, outage: Outage, seed: int
) -> None:
    events = list(generate(900, 50, seed=seed))
    before, during, after = events[:300], events[300:600], events[600:]
    send(environment, entries_of(before))
    wait_for_rows(cloud, before, seconds=60)
    failures = environment.failed_records()
    deferred = deferrals(environment)
    with outage(cloud.postgres.get_wrapped_container()):
        send(environment, entries_of(during))
        wait_until(lambda: deferrals(environment) > deferred, "a batch to be handed back", seconds=40)
    send(environment, entries_of(after))
    wait_for_rows(cloud, events, seconds=90)
    assert stored(cloud, environment, events) == expected(environment, events)
    assert environment.failed_records() == failures


def deferrals(environment: Environment) -> int:
    """How often the processor has handed records back, to be delivered again."""
    return environment.processor_log().count('"first_deferred"')
