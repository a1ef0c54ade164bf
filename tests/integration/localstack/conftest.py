"""One LocalStack for all of these tests, started when first needed."""

from collections.abc import Iterator

import pytest

from tests import engine
from tests.integration.localstack.cloud import SHARED, Cloud, Environment


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
