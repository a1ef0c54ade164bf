"""Fixtures for several packages' tests: one embedded cloud per run, which starts when it is first needed."""

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
    """One environment that tests share, so each test looks only at the records that it sent itself."""
    return deploy(embedded_cloud, "test")


@pytest.fixture(scope="session")
def door_deployment(embedded_cloud: EmbeddedCloud) -> Deployment:
    """One environment with a front door that tests share, so each test has a sender of its own."""
    return deploy(embedded_cloud, f"door-{uuid.uuid4().hex[:6]}", ingest="true")


@pytest.fixture(scope="session")
def docker_engine(request: pytest.FixtureRequest) -> None:
    """Skip the test if containers cannot run, or fail it if ``--localstack`` says that they must."""
    why = engine.missing()
    if why is None:
        return
    if request.config.getoption("--localstack"):
        pytest.fail(why)
    pytest.skip(why)
