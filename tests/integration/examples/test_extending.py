"""The tutorial's commands do what it says, and its later sections keep what was stored before."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from processor import migrations
from processor.pipeline import Pipeline
from processor.storage.connection import Database
from processor.student_performance import PIPELINE as SHIPPED
from tests import tutorial
from tests.integration.processor.world import World, connect, record

ADDING, RENAMING, PROJECTING = tutorial.LATER


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (1, ["library_loans:", "2026-11-23 14:00:00"]),
        (2, ["report_out:", "2026-11-23 08:04:00", "-- reports: out\n-- takes $1 student_id, $2 barcode"]),
        (3, ["book_loans:", "report_books:"]),
    ],
)
def test_a_step_ends_in_something_that_runs(tmp_path: Path, step: int, shown: Sequence[str]) -> None:
    tutorial.follow(tmp_path, tutorial.STEPS[:step])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    for commands in tutorial.commands(tutorial.STEPS[step - 1]):
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "everything fits" in done.stdout
        assert [text for text in shown if text not in done.stdout] == []


class Author:
    """Follows the tutorial, and deploys each release to a database that has events."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.sessions: dict[type, asyncpg.Connection] = {}
        self.sent = 0

    async def release(self, *sections: str) -> Pipeline:
        """Make the changes of these sections, and deploy them."""
        tutorial.follow(self.folder, sections)
        pipeline = tutorial.pipeline(self.folder)
        await self.deploy(pipeline)
        return pipeline

    async def deploy(self, pipeline: Pipeline) -> None:
        await migrations.migrate(self.world.owner, self.world.login, [SHIPPED, pipeline])

    async def send(self, pipeline: Pipeline, to: Database, **members: str) -> None:
        """Deliver a loan to this release's processor, and compact it in this release's session."""
        self.sent += 1
        self.world.pipeline = pipeline
        loan = {"student_id": "ada", "barcode": f"b{self.sent}", "action": "borrowed", **members}
        await self.world.deliver([record(self.sent, json.dumps(loan).encode())], to=to)
        release = pipeline.message
        if release not in self.sessions:
            self.sessions[release] = await connect(self.world.owner_login)
        await pipeline.upkeep.compact(self.sessions[release])

    async def stored(self, column: str) -> list[Any]:
        rows = await self.world.owner.fetch("SELECT * FROM library_loans ORDER BY sequence_number")
        return [row[column] and str(row[column])[:10] for row in rows]

    async def compacted(self) -> int:
        counted: int = await self.world.owner.fetchval("SELECT sum(loans)::int FROM book_loans")
        return counted


@pytest.fixture
async def author(world: World, tmp_path: Path) -> AsyncIterator[Author]:
    author = Author(world, tmp_path)
    yield author
    for session in author.sessions.values():
        await session.close()


def day(number: int) -> str:
    return f"2026-12-{number:02}T08:00:00Z"


async def test_adding_a_column_later(author: Author) -> None:
    before = await author.release(*tutorial.STEPS)
    old = author.world.processor()
    await author.send(before, old)
    after = await author.release(ADDING)
    await author.send(before, old)  # the previous code still runs
    await author.send(after, author.world.processor(), branch="north")
    await author.send(after, author.world.processor())
    assert await author.stored("branch") == [None, None, "north", None]
    assert await author.compacted() == 4


async def test_renaming_a_column(author: Author) -> None:
    before = await author.release(*tutorial.STEPS, ADDING)
    old = author.world.processor()
    await author.send(before, old, due_at=day(1))

    tutorial.follow(author.folder, [RENAMING])
    last = author.folder / "library_loans" / "migrations" / "0004_due_at.sql"
    drops = last.read_text()
    last.unlink()
    first_release = tutorial.pipeline(author.folder)
    await author.deploy(first_release)
    await author.send(before, old, due_at=day(2))
    await author.send(first_release, author.world.processor(), due_at=day(3))  # producers change nothing
    assert await author.stored("return_by") == [None, None, "2026-12-03"]

    last.write_text(drops)
    running = author.world.processor()
    await author.send(first_release, running, due_at=day(4))
    await author.deploy(tutorial.pipeline(author.folder))
    await author.send(first_release, running, due_at=day(5))
    assert await author.stored("return_by") == [f"2026-12-0{number}" for number in range(1, 6)]
    assert await author.compacted() == 5


async def test_adding_a_projection_to_a_log_that_has_events(author: Author) -> None:
    before = await author.release(*tutorial.STEPS)
    await author.send(before, author.world.processor())
    after = await author.release(*tutorial.LATER)
    await author.send(after, author.world.processor())
    projection = after.projections[1]
    assert projection.name == "student_loans"
    count = "SELECT sum(loans)::int FROM student_loans"
    assert await author.world.owner.fetchval(count) == 1  # it counts from its deployment on
    [month] = await after.upkeep.months(author.world.owner)
    await after.upkeep.rebuild(author.world.owner, projection, month)
    assert await author.world.owner.fetchval(count) == 2
    assert await after.upkeep.check(author.world.owner, projection, month) == 0
