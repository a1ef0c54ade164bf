"""The clouds that the scenarios run against, and the record of how each did."""

import json
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import docker
import pytest
from docker.errors import APIError
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from emulation.cloud import EmbeddedCloud
from tests import engine
from tests.integration.conformance.clouds import CloudUnderTest
from tests.integration.conformance.deviations import DEVIATIONS
from tests.integration.conformance.lab import Lab

LOCALSTACK_PORT = 4566
AWS_ROLE = "SPM_CONFORMANCE_AWS_ROLE"  # the opt-in: an execution role for the scripted function
RESULTS = Path(__file__).parents[3] / ".local" / "conformance"

EMULATED = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
TARGETS = ["embedded", pytest.param("localstack", marks=pytest.mark.localstack), "aws"]


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> CloudUnderTest:
    """Each cloud in turn; one that is not available is skipped, with the reason."""
    return cast("CloudUnderTest", request.getfixturevalue(f"{request.param}_target"))


@pytest.fixture
def lab(target: CloudUnderTest) -> Iterator[Lab]:
    """The stream, function and mapping of one scenario."""
    lab = Lab(target)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def embedded_target(embedded_cloud: EmbeddedCloud) -> CloudUnderTest:
    """MiniStack with this project's runner."""
    return embedded_target_of(embedded_cloud)


def embedded_target_of(cloud: EmbeddedCloud) -> CloudUnderTest:
    """Describe an embedded cloud as a target of scenarios."""
    return CloudUnderTest(
        name="embedded",
        settings={**EMULATED, "endpoint_url": cloud.endpoint_url},
        role_arn="arn:aws:iam::000000000000:role/conformance",
        runtime=f"python3.{sys.version_info.minor}",
        pace=0.3,
        patience=2.0,
    )


@pytest.fixture(scope="session")
def localstack_target(docker_engine: None) -> Iterator[CloudUnderTest]:  # noqa: ARG001 - asked for its effect
    """LocalStack in a container of its own, with its own event source mapping."""
    container = (
        DockerContainer(engine.images()["localstack"])
        .with_exposed_ports(LOCALSTACK_PORT)
        .with_env("LAMBDA_KEEPALIVE_MS", "600000")
        .with_volume_mapping("/var/run/docker.sock", "/var/run/docker.sock", "rw")
        .waiting_for(HttpWaitStrategy(LOCALSTACK_PORT, "/_localstack/health").with_startup_timeout(120))
    )
    with container, _without_leftovers(container):
        port = container.get_exposed_port(LOCALSTACK_PORT)
        yield CloudUnderTest(
            name="localstack",
            settings={**EMULATED, "endpoint_url": f"http://localhost:{port}"},
            role_arn="arn:aws:iam::000000000000:role/conformance",
            patience=2.0,
        )


@pytest.fixture(scope="session")
def aws_target() -> CloudUnderTest:
    """AWS itself, in the environment's account and region; a run costs a few cents."""
    role = os.environ.get(AWS_ROLE)
    if not role:
        pytest.skip(f"set {AWS_ROLE} to the ARN of a function's role to run the scenarios on AWS")
    return CloudUnderTest(name="aws", settings={}, role_arn=role, patience=6.0)


@contextmanager
def _without_leftovers(container: DockerContainer) -> Iterator[None]:
    """Remove the containers of functions, which LocalStack leaves behind when it is removed."""
    try:
        yield
    finally:
        wrapped = container.get_wrapped_container()
        prefix = f"{str(wrapped.name).replace('_', '-')}-lambda-"
        for left in docker.from_env().containers.list(all=True, filters={"name": prefix}):
            with suppress(APIError):  # LocalStack is removing it itself
                left.remove(force=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the known deviations to fail."""
    for item in items:
        target, scenario = _which(item)
        deviations = DEVIATIONS.get(target, {})
        reason = deviations.get(scenario) or deviations.get(scenario.partition("[")[0])
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how each scenario went, for the table in docs/reference.md."""
    report = yield
    target, scenario = _which(item)
    if target and (report.when == "call" or report.skipped):
        results = item.session.stash.setdefault(_RESULTS, {})
        results.setdefault(target, {})[scenario] = {
            "outcome": "deviates" if hasattr(report, "wasxfail") else report.outcome,
            "reason": getattr(report, "wasxfail", ""),
        }
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the results of each target."""
    for target, results in session.stash.get(_RESULTS, {}).items():
        if any(result["outcome"] != "skipped" for result in results.values()):
            RESULTS.mkdir(parents=True, exist_ok=True)
            file = RESULTS / f"{target}.json"
            before = json.loads(file.read_text()) if file.exists() else {}
            file.write_text(json.dumps(before | results, indent=2))


_RESULTS = pytest.StashKey[dict[str, Any]]()


def _which(item: pytest.Item) -> tuple[str, str]:
    """Return a test's target and scenario, or empty strings if it is not a scenario."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return "", ""
    target = str(item.callspec.params.get("target", ""))
    if not target or not hasattr(item.obj, "source"):
        return "", ""
    scenario = item.name.removeprefix("test_").replace(f"{target}-", "").replace(f"[{target}]", "")
    return target, scenario
