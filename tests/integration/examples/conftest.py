"""The examples' tables are made in databases of the processor's tests."""

from tests.integration.processor.conftest import server, world

__all__ = ["server", "world"]
