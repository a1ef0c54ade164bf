"""The examples' tests use the databases of the processor's tests."""

from tests.integration.processor.conftest import server, world

__all__ = ["server", "world"]
