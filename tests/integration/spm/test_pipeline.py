"""What an author learns before deploying anything: the rows that would be stored, or the mistakes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.library_loans import PIPELINE
from tests.waiting import wait_until

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Edit = Callable[[str, str, str], None]

SAMPLE = """\
{"student_id":"ada","barcode":"b1","action":"borrowed","timestamp":"2026-11-23T08:00:00Z"}
{"student_id":"bo","barcode":"b2","action":"borrowed","timestamp":"2026-11-23T08:05:00Z"}
{"student_id":"ada","barcode":"b1","action":"lost"}
{"student_id":"ada","barcode":"b1","action":"returned","timestamp":"2026-11-23T09:00:00Z"}
"""


@pytest.fixture
def spm(tmp_path: Path) -> Run:
    """Run ``spm pipeline …`` in an author's folder, in which the example is the package ``loans``."""
    shutil.copytree(PIPELINE.folder, tmp_path / "loans", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sample.jsonl").write_text(SAMPLE)

    def run(*arguments: str, group: str = "pipeline") -> "subprocess.CompletedProcess[str]":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
        return subprocess.run(
            ["spm", group, *arguments],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    def replace(file: str, old: str, new: str) -> None:
        text = (tmp_path / "loans" / file).read_text()
        assert old in text
        (tmp_path / "loans" / file).write_text(text.replace(old, new))

    return replace


def test_a_dry_run_goes_by_the_first_pipeline_that_is_listed(spm: Run, tmp_path: Path) -> None:
    table = tmp_path / "loans.csv"
    table.write_text("Barcode,Student ID,Action\nb1,ada,borrowed\nb2,bo,lost\n")
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.spm]\npipelines = ["loans", "processor.student_performance"]\n')
    done = spm("loans.csv", "--dry-run", "--json", group="publish")
    seen = json.loads(done.stdout)
    assert (done.returncode, seen["good"], seen["events"][0]["barcode"]) == (1, 1, "b1")
    assert seen["kinds_of_bad"][0]["right"] == "borrowed"
    proposed = spm("--propose-map", "loans.csv", group="publish").stdout
    assert 'barcode = "Barcode"' in proposed
    project.unlink()
    shipped = spm("loans.csv", "--dry-run", group="publish")
    assert (shipped.returncode, "no column is event_type" in shipped.stderr) == (2, True)


def test_a_sample_becomes_the_rows_that_would_be_stored(spm: Run) -> None:
    done = spm("check", "loans", "--sample", "sample.jsonl", "--json")
    assert done.returncode == 1, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert [row["action"] for row in told["tables"]["library_loans"]] == ["borrowed", "borrowed", "returned"]
    assert told["tables"]["book_loans"][0] == {
        "barcode": "b1",
        "month": told["tables"]["book_loans"][0]["month"],
        "loans": 1,
        "last_at": "2026-11-23T09:00:00Z",
    }
    [mistake] = told["mistakes"]
    assert mistake == "sample.jsonl:3: invalid_member: Invalid enum value 'lost' - at `$.action`"


def test_what_fits_is_said_to(spm: Run) -> None:
    done = spm("check", "loans")
    assert (done.returncode, done.stdout, done.stderr) == (0, "everything fits\n", "")


def test_each_mistake_is_a_line_with_its_place(spm: Run, edit: Edit) -> None:
    edit("__init__.py", 'key="barcode"', 'key="book"')
    edit("migrations/0001_library_loans.sql", "due_at timestamptz", "due_at timestamp")
    done = spm("check", "loans")
    assert done.returncode == 1
    key, column, summary = done.stdout.splitlines()
    assert key.startswith("loans/__init__.py:24: its key book is not one of its columns")
    expected = (
        "loans/__init__.py:17: the event's due_at needs timestamptz, the table library_loans has timestamp"
    )
    assert (column, summary) == (expected, "2 mistakes")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "max(occurred_at)",
            "max(occured_at)",
            'statements.sql:20: book_loans: column "occured_at" does not',
        ),
        ("count(*) FILTER", "count(*) / (count(*) - 2) * count(*) FILTER", "book_loans: division by zero"),
        ("count(*) FILTER", "2 + count(*) FILTER", "the sample in two batches gives other rows than in one"),
    ],
)
def test_a_projection_that_would_fail_or_go_wrong(
    spm: Run, edit: Edit, old: str, new: str, expected: str
) -> None:
    edit("statements.sql", old, new)
    done = spm("check", "loans", "--sample", "sample.jsonl")
    assert done.returncode == 1
    assert expected in done.stdout


def test_what_a_module_raises_is_told_with_its_line(spm: Run, edit: Edit) -> None:
    edit("__init__.py", "message=Loan", "message=Lone")
    assert "loans/__init__.py:22: NameError: name 'Lone' is not defined" in spm("check", "loans").stdout
    edit("__init__.py", "message=Lone,", "message=Loan")
    done = spm("check", "loans", "--json")
    assert done.returncode == 1
    assert re.match(r"loans/__init__\.py:\d+: SyntaxError: ", json.loads(done.stdout)["mistakes"][0])


def test_what_is_no_pipeline_is_refused(spm: Run) -> None:
    done = spm("check", "nothing")
    assert done.returncode == 2
    assert (
        "nothing is not a module that can be imported here, and not one of the pipelines stud" in done.stderr
    )


def test_the_statements_are_shown_with_every_name_filled_in(spm: Run) -> None:
    done = spm("show", "loans")
    assert done.returncode == 0
    assert 'INSERT INTO "library_loans" ("source_id", ' in done.stdout
    assert 'DO UPDATE SET "loans" = stored."loans" + excluded."loans"' in done.stdout
    assert "-- reports: books\n-- takes $1 barcode, $2 limit\n" in done.stdout
    shown = json.loads(spm("show", "student-performance", "--json").stdout)
    assert {"merge", "find_stored", "tail", "students"} <= {statement["name"] for statement in shown}
    assert not [statement for statement in shown if "{" in statement["sql"]]


def test_a_project_keeps_what_initdb_made(spm: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.spm]\n")
    for _ in range(2):
        assert spm("check", "loans").stdout == "everything fits\n"
        (template,) = (tmp_path / ".local").iterdir()
        assert template.stat().st_mode & 0o077 == 0  # because it holds a password


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach, which it cannot with pytest's own when root runs this."""
    folder = Path(tempfile.mkdtemp(prefix="spm-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.usefixtures("spm")
def test_what_a_killed_check_leaves_goes_with_the_next(tmp_path: Path, temporary: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(temporary)}
    check = [str(Path(sys.executable).with_name("spm")), "pipeline", "check", "loans"]
    killed = subprocess.Popen(check, cwd=tmp_path, env=environment)
    wait_until(lambda: any(temporary.glob("spm-check-*")), "a check that has begun", seconds=60)
    killed.kill()
    killed.wait()
    assert any(temporary.glob("spm-check-*"))
    subprocess.run(check, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert not any(temporary.glob("spm-check-*"))
