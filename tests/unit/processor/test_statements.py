"""The named statements: each that is used exists, and each that exists is used."""

import re
from pathlib import Path

import pytest

from processor import statements

PACKAGE = statements.FOLDER.parent
REPORTS = {"students", "courses", "types", "days", "student", "tail"}


@pytest.mark.parametrize(
    "file",
    sorted(set(statements.FOLDER.glob("*.sql")) - {statements.FOLDER / "schema.sql"}),
    ids=lambda file: file.stem,
)
def test_names_used_are_names_defined(file: Path) -> None:
    defined = set(statements.load(file))
    [module] = [m for m in PACKAGE.glob("*.py") if f'"{file.name}"' in m.read_text(encoding="utf-8")]
    used = set(re.findall(r'SQL\["(\w+)"\]', module.read_text(encoding="utf-8")))
    if file.stem == "reports":
        used |= {f"report_{name}" for name in REPORTS}
    assert defined == used


def test_a_name_occurs_once(tmp_path: Path) -> None:
    file = tmp_path / "twice.sql"
    file.write_text("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n")
    with pytest.raises(ValueError, match=r"twice\.sql names a statement twice"):
        statements.load(file)
