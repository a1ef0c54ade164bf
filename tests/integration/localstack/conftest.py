"""One LocalStack for all of these tests, started when first needed."""

from collections.abc import Iterator

import pytest

from tests import engine
from tests.integration.dashboard import provider
from tests.integration.localstack.cloud import PORTAL, SHARED, Cloud, Environment
from tests.integration.portal.receiver import Receiver


@pytest.fixture(scope="session")
def cloud(
    docker_engine: None,  # noqa: ARG001 - asked for its effect
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Cloud]:
    """LocalStack and PostgreSQL in containers, private to this run; their logs are kept when a test fails."""
    with Cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
        if request.session.testsfailed:
            cloud.save_logs(engine.ROOT / ".local" / "localstack-logs")


@pytest.fixture(scope="session")
def environment(cloud: Cloud) -> Environment:
    """One deployed environment with two shards that tests share: each looks only at its own events."""
    return cloud.deploy(SHARED)


@pytest.fixture(scope="session")
def receiver(cloud: Cloud) -> Iterator[Receiver]:
    """A webhook's receiver that containers reach."""
    receiver = Receiver(host=cloud.host)
    yield receiver
    receiver.stop()


@pytest.fixture(scope="session")
def issuer(cloud: Cloud) -> Iterator[str]:
    """A school's sign-in that containers reach."""
    with provider.running(cloud.host) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def portal(cloud: Cloud, receiver: Receiver, issuer: str) -> Environment:
    """One deployed environment with all that faces the outside, which tests share."""
    return cloud.deploy({**PORTAL, "alertWebhook": receiver.url, "dashboardIssuer": issuer})
