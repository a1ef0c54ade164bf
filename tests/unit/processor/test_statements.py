"""The named statements: each that is used exists, and each that exists is used."""

import re
from pathlib import Path

import pytest

from processor import statements

PACKAGE = statements.FOLDER.parent
NOT_RUN = statements.FOLDER / "schema.sql"


@pytest.mark.parametrize(
    "file",
    sorted(set(statements.FOLDER.glob("*.sql")) - {NOT_RUN, statements.FOLDER / "reports.sql"}),
    ids=lambda file: file.stem,
)
def test_names_used_are_names_defined(file: Path) -> None:
    defined = set(statements.load(file))
    [module] = [m for m in PACKAGE.rglob("*.py") if f'"{file.name}"' in m.read_text(encoding="utf-8")]
    texts = [m.read_text(encoding="utf-8") for m in module.parent.glob("*.py")]
    uses = (
        r'(?:SQL|sql)\["(\w+)"\]|_filled\("(\w+)"\)|of_place\("(\w+)", |\("(add|least|greatest|latest)", self'
    )
    used = {name for text in texts for found in re.findall(uses, text) for name in found if name}
    assert defined <= used


def test_a_blank_is_filled_in_or_refused() -> None:
    assert statements.fill("SELECT '{}' FROM {log} AS a", {"log": "loans"}) == "SELECT '{}' FROM loans AS a"
    with pytest.raises(ValueError, match=r"there is no blank \{table\}: use one of log"):
        statements.fill("SELECT FROM {table}", {"log": "loans"})


def test_a_name_occurs_once(tmp_path: Path) -> None:
    file = tmp_path / "twice.sql"
    file.write_text("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n")
    with pytest.raises(ValueError, match=r"twice\.sql holds more than one statement a"):
        statements.load(file)
