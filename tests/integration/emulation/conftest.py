"""Fixtures of the tests of the embedded cloud: a cloud of a module's own, and a lab in it."""

from collections.abc import Iterator

import pytest

from emulation.cloud import EmbeddedCloud
from tests.integration.conformance.conftest import embedded_target_of
from tests.integration.conformance.lab import Lab


@pytest.fixture(scope="module")
def cloud() -> Iterator[EmbeddedCloud]:
    """A cloud that a module may slow down, and whose runner it may kill."""
    with EmbeddedCloud() as cloud:
        cloud.start_runner()
        yield cloud


@pytest.fixture
def lab(cloud: EmbeddedCloud) -> Iterator[Lab]:
    lab = Lab(embedded_target_of(cloud))
    yield lab
    lab.close()
