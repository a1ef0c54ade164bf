"""An edit is tried before it runs, in a process of its own on the running cloud's database."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from processor.storage.secret import Login
from spm.scaffold import pipeline
from spm.testing.postgres import database
from spm.watching.release import Released, Wanted

Release = Callable[[], Released]


@pytest.fixture(scope="module")
def owner() -> Iterator[Login]:
    with database(Path(__file__).parents[3]) as server:
        yield server


@pytest.fixture
def release(owner: Login, tmp_path: Path, request: pytest.FixtureRequest) -> Release:
    """Release the pipeline that ``spm init`` writes, in this test's folder and under a name of its own."""
    name = f"lending{abs(hash(request.node.name)) % 10**6}"
    pipeline.write(tmp_path, pipeline.NewPipeline(name, "lending", tmp_path / "lending"))
    logins = [
        msgspec.structs.replace(owner, username=who, password="secret") for who in ("processor", "reader")
    ]
    wanted = msgspec.json.encode(Wanted(["lending"], [str(tmp_path)], owner, *logins))

    def released() -> Released:
        command = [sys.executable, "-P", "-m", "spm.watching.release"]
        done = subprocess.run(command, cwd=tmp_path, input=wanted, capture_output=True, check=True)
        return msgspec.json.decode(done.stdout, type=Released)

    return released


def test_what_fits_is_migrated(release: Release) -> None:
    assert [name.partition("_")[0] for name in release().applied][-1] == "0001"
    assert release() == Released()


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("__init__.py", "key=", "key=="), "lending/__init__.py:24: SyntaxError: positional argument"),
        (
            ("__init__.py", "message=Event", "message=Evnt"),
            "lending/__init__.py:20: NameError: name 'Evnt' is",
        ),
        (
            ("__init__.py", "points: int", "marks: int"),
            "lending/__init__.py:15: the event's marks is not a column",
        ),
        (
            ("statements.sql", "{limit}", "{limits}"),
            "lending/statements.sql:2: report_students: there is no blank",
        ),
        (
            ("statements.sql", "sum(points)", "sum(pointz)"),
            "lending/statements.sql:3: report_students: column",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(
    release: Release, tmp_path: Path, edit: tuple[str, str, str], told: str
) -> None:
    file, old, new = edit
    path = tmp_path / "lending" / file
    path.write_text(path.read_text().replace(old, new))
    found = release()
    assert found.mistakes[0].startswith(told)


def test_a_migration_waits_until_something_is_in_it(release: Release, tmp_path: Path) -> None:
    file = tmp_path / "lending" / "migrations" / "0002_later.sql"
    file.write_text("-- What comes later.\n")
    assert release() == Released(
        mistakes=[f"lending/migrations/{file.name}: there is no statement in it yet"]
    )
    file.write_text("SELECT 1;\n")
    assert release().applied[-1] == "0002_later"
    file.write_text("SELECT 2;\n")
    [mistake] = release().mistakes
    assert mistake.startswith("lending/migrations/0002_later.sql was changed after it was applied")
