"""The pytest plugin with the fixture ``spm_pipeline``. It imports nothing before a test uses the fixture."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from spm.testing.kit import PipelineKit


def pytest_configure(config: pytest.Config) -> None:
    """Let tests import the project's pipelines from its folder, as ``spm`` does."""
    sys.path.append(str(config.rootpath))


@pytest.fixture(scope="session")
def spm_pipeline_kit(pytestconfig: pytest.Config) -> "Iterator[PipelineKit]":
    """The kit that tries pipelines, on one PostgreSQL for all tests of a run."""
    from spm.testing.kit import PipelineKit  # noqa: PLC0415 - a run that asks for no fixture waits for nothing
    from spm.testing.postgres import database  # noqa: PLC0415 - as above

    with database(pytestconfig.rootpath) as server:
        yield PipelineKit(server)


@pytest.fixture
def spm_pipeline(spm_pipeline_kit: "PipelineKit") -> "Iterator[PipelineKit]":
    """The kit, for ``spm_pipeline.check(PIPELINE, events)``: see docs/testing.md."""
    yield spm_pipeline_kit
    spm_pipeline_kit.forget()
