"""Migrations of the schema, as a command and as CloudFormation sees them."""

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from emulation.postgres import PostgresServer
from processor import environment, migrations, operations, statements
from processor.errors import MigrationFailed
from processor.storage.scram import verifier
from processor.storage.secret import Login
from processor.student_performance import PIPELINE as SHIPPED
from tests.integration.processor.asking import CommandContext
from tests.integration.processor.world import World, connect


class TestMigrations:
    async def test_a_second_run_applies_nothing(self, world: World) -> None:
        assert await migrations.migrate(world.owner, world.login, [SHIPPED]) == []

    async def test_a_failing_one_is_rolled_back_whole_with_the_databases_message(
        self, world: World, tmp_path: Path
    ) -> None:
        self.copy_to(tmp_path)
        bad = f"{len(migrations.available(SHIPPED.migrations)) + 1:04}_bad.sql"
        (tmp_path / "migrations" / bad).write_text("CREATE TABLE half (id int);\nSELECT nonsense;")
        with pytest.raises(MigrationFailed, match=rf'{bad}:2: column "nonsense" does not exist'):
            await migrations.migrate(world.owner, None, [replace(SHIPPED, folder=tmp_path)])
        assert await world.owner.fetchval("SELECT to_regclass('half')") is None
        applied = "SELECT max(version) FROM schema_migration WHERE pipeline = $1"
        shipped = len(migrations.available(SHIPPED.migrations))
        assert await world.owner.fetchval(applied, SHIPPED.name) == shipped

    async def test_an_edited_one_is_refused(self, world: World, tmp_path: Path) -> None:
        self.copy_to(tmp_path)
        with (tmp_path / "migrations" / "0001_student_performance.sql").open("a") as file:
            file.write("-- edited")
        with pytest.raises(MigrationFailed, match=r"0001_student_performance\.sql was changed after it was"):
            await migrations.migrate(world.owner, None, [replace(SHIPPED, folder=tmp_path)])

    def test_a_gap_in_the_numbers_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "0002_late.sql").write_text("SELECT 1")
        with pytest.raises(MigrationFailed, match=r"0002_late\.sql: expected 0001_name\.sql"):
            migrations.available(tmp_path)

    async def test_the_processor_may_do_what_it_needs_and_nothing_else(self, world: World) -> None:
        processor = await connect(world.login)
        for forbidden in (
            "DELETE FROM student_performance",
            "UPDATE student_performance SET score = 100",
            "TRUNCATE rejected_event",
            "UPDATE rejected_event SET redriven_at = now()",
            "SELECT * FROM schema_migration",
            "SELECT * FROM pipeline_table",
            "SELECT FROM chunk",
            "SELECT FROM course",
            "SELECT FROM assessment",
            "SELECT FROM enrolment",
            "SELECT FROM person",
            "SELECT FROM roster_chunk",
            "DELETE FROM chunk",
            "INSERT INTO course_hour VALUES ('c', now(), now(), 1)",
            "SELECT close_months('student_performance', '2026-11-01')",
            "CREATE TABLE mine (id int)",
            "SELECT drop_month('student_performance', '2026-11-01')",
            "SELECT make_processor_login('me', 'too')",
            "ALTER TABLE event_source ADD COLUMN mine int",
            "SET ROLE dbadmin",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await processor.execute(forbidden)
        await processor.close()

    async def test_they_add_up_to_the_schema_that_is_there_for_reading(
        self, server: PostgresServer, world: World
    ) -> None:
        admin = world.owner
        await admin.execute(f'CREATE DATABASE "{world.login.dbname}_read"')
        read = msgspec.structs.replace(world.owner_login, dbname=f"{world.login.dbname}_read")
        connection = await connect(read)
        await connection.execute((statements.FOLDER / "schema.sql").read_text())
        for login, kind in ((world.login, "processor"), (world.reader_login, "reader")):
            await connection.execute(
                f"SELECT make_{kind}_login($1, $2)", login.username, verifier(login.password)
            )
        await connection.close()
        assert "CREATE TABLE public.student_performance" in dump(server, read)
        assert dump(server, read) == dump(server, world.owner_login)
        await admin.execute(f'DROP DATABASE "{read.dbname}"')

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(SHIPPED.folder, folder, dirs_exist_ok=True)


def dump(server: PostgresServer, login: Login) -> str:
    """Return the catalogue of a database as SQL, without anything that differs from one dump to the next."""
    dumped = server.tool("pg_dump", "--schema-only", login.dbname)
    assert dumped.returncode == 0, dumped.stderr
    return "\n".join(line for line in dumped.stdout.splitlines() if not line.startswith("\\"))


class TestCustomResource:
    """The migration as CloudFormation sees it, with a URL that receives the answer."""

    @pytest.fixture
    def answers(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        received: list[dict[str, Any]] = []

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
            thread = threading.Thread(target=receiver.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{receiver.server_port}/answer", received
            receiver.shutdown()
            thread.join()

    def request(self, url: str, kind: str) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Migration",
        }

    def test_success_failure_and_delete_are_answered(
        self, answers: tuple[str, list[dict[str, Any]]], as_owner: World
    ) -> None:
        url, received = answers
        context = CommandContext()
        operations.handler(self.request(url, "Create"), context)
        edited = "UPDATE schema_migration SET checksum = 'of another text'"
        environment.LOOP.run(as_owner.owner.execute(edited))
        operations.handler(self.request(url, "Update") | {"PhysicalResourceId": "schema"}, context)
        operations.handler(self.request(url, "Delete") | {"PhysicalResourceId": "schema"}, context)
        assert [answer["Status"] for answer in received] == ["SUCCESS", "FAILED", "SUCCESS"]
        assert received[0]["Data"] == {"SchemaVersion": str(len(migrations.available()))}
        assert "0001_framework.sql was changed after it was applied" in received[1]["Reason"]
        assert {answer["PhysicalResourceId"] for answer in received} == {"schema"}
