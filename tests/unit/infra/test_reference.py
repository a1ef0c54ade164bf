"""docs/reference.md describes every context key correctly."""

from pathlib import Path

import msgspec
import pytest

from infra.config import Config, allowed
from infra.context import LOCALSTACK, PROD

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference.md"


def rows() -> dict[str, list[str]]:
    section = REFERENCE.read_text().split("\n## Context\n")[1].split("\n## ")[0]
    cells = [
        [c.strip() for c in line.strip("|").split(" | ")] for line in section.splitlines() if "| `" in line
    ]
    return {row[0].strip("| `"): row[1:] for row in cells}


def test_the_table_has_every_key_and_no_other() -> None:
    assert list(rows()) == [field.encode_name for field in msgspec.structs.fields(Config)]


@pytest.mark.parametrize("field", msgspec.structs.fields(Config), ids=lambda field: field.encode_name)
def test_default_and_allowed_values_are_right(field: msgspec.structs.FieldInfo) -> None:
    default, values, meaning = rows()[field.encode_name]
    assert values.rstrip(" |") == allowed(field.type)
    assert meaning
    if field.default not in (None, msgspec.NODEFAULT) and field.encode_name != "profile":
        shown = f"`{str(field.default).lower() if field.type is bool else field.default}`"
        prod = f"; prod: `{PROD[field.encode_name]}`" if field.encode_name in PROD else ""
        local = f"; localstack: `{LOCALSTACK[field.encode_name]}`" if field.encode_name in LOCALSTACK else ""
        assert default == shown + prod + local
