"""The reference documents every reason, metric and command that there is."""

from pathlib import Path
from typing import get_args

import pytest

from processor import commands
from processor.errors import Reason
from processor.metrics import MetricName

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*get_args(Reason), *get_args(MetricName), *commands.KINDS])
def test_is_documented(name: str) -> None:
    assert f"| `{name}` |" in REFERENCE
