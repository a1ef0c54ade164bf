"""Fixtures that several packages' tests share: one embedded cloud a run, started when first needed."""

import uuid
from collections.abc import Iterator

import pytest

from emulation.cloud import EmbeddedCloud
from tests import engine
from tests.support import Deployment, deploy


@pytest.fixture(scope="session")
def embedded_cloud() -> Iterator[EmbeddedCloud]:
    """PostgreSQL, MiniStack and the mapping runner, private to this run."""
    with EmbeddedCloud() as cloud:
        cloud.start_runner()
        yield cloud


@pytest.fixture(scope="session")
def deployed(embedded_cloud: EmbeddedCloud) -> Deployment:
    """One environment that tests share: each looks only at the records that it sent itself."""
    return deploy(embedded_cloud, "test")


@pytest.fixture(scope="session")
def door_deployment(embedded_cloud: EmbeddedCloud) -> Deployment:
    """One environment with a front door that tests share: each has a sender of its own."""
    return deploy(embedded_cloud, f"door-{uuid.uuid4().hex[:6]}", ingest="true")


@pytest.fixture(scope="session")
def docker_engine(request: pytest.FixtureRequest) -> None:
    """Skip where containers cannot run, or fail where ``--localstack`` says that they must."""
    why = engine.missing()
    if why is None:
        return
    if request.config.getoption("--localstack"):
        pytest.fail(why)
    pytest.skip(why)
