"""The function as Lambda calls it: event and context go in, response and log lines come out."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from aws_lambda_powertools.logging import Logger

from emulation.postgres import PostgresServer
from processor import environment, report
from processor.handler import handler
from processor.metrics import NAMESPACE
from processor.settings import Settings
from processor.storage.connection import Database
from tests.integration.processor.conftest import drop_world, make_world
from tests.integration.processor.world import World, connection_of, event, record, records


class HandlerContext:
    aws_request_id = "request-1"
    seconds = 30.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Function:
    """An execution environment whose log lines a test can read."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.printed = io.StringIO()
        self.database: Database = world.processor()

    def invoke(self, batch: list[Any], seconds: float = 30) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        context = HandlerContext()
        context.seconds = seconds
        self.printed.truncate(self.printed.seek(0))
        with contextlib.redirect_stdout(self.printed):
            response = handler({"Records": batch}, context)
        return response, [json.loads(line) for line in self.printed.getvalue().splitlines()]


@pytest.fixture
def function(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "student-performance-processor-test")
    loop = asyncio.Runner()
    world = loop.run(make_world(server))
    function = Function(world)
    monkeypatch.setattr(report, "logger", Logger(service=world.login.dbname, stream=function.printed))
    monkeypatch.setattr(environment, "settings", lambda: Settings("arn:secret"))
    monkeypatch.setattr(environment, "database", lambda: function.database)
    yield function
    environment.LOOP.run(asyncio.sleep(0))
    function.database.discard()
    environment.LOOP.run(asyncio.sleep(0))
    loop.run(drop_world(server, world))
    loop.close()


def test_a_healthy_invocation_prints_one_line_of_metrics(function: Function) -> None:
    response, [line] = function.invoke(records(range(10)))
    assert response == {"batchItemFailures": []}
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE
    assert line["service"] == "student-performance-processor-test"
    assert (line["ReceivedEvents"], line["StoredEvents"], line["DuplicateEvents"]) == ([10], [10], [0])
    assert (line["RejectedEvents"], line["DeferredRecords"], line["Retries"]) == ([0], [0], [0])
    assert line["BatchDuration"][0] > 0
    assert (line["shard"], line["request_id"]) == ("shardId-000000000000", "request-1")
    assert (line["first_sequence_number"], line["last_sequence_number"]) == (f"{0:056d}", f"{9:056d}")


def test_one_loop_and_one_connection_serve_every_invocation(function: Function) -> None:
    connections = []
    for number in range(3):
        function.invoke(records([number]))
        connection = environment.LOOP.run(connection_of(function.database))
        connections.append(connection.get_server_pid())
    assert len(set(connections)) == 1


def test_rejections_are_told_by_reason_and_duplicates_and_conflicts_are_counted(function: Function) -> None:
    function.invoke(records([1]))
    batch = [
        record(2, b"bad"),
        record(3, b""),
        record(4, event(4, student_id="")),
        record(5, event(1, score=1)),
    ]
    _, lines = function.invoke(batch)
    warning = next(line for line in lines if line.get("level") == "WARNING")
    assert warning["rejected"] == {"not_json": 2, "invalid_member": 1}
    total, *by_reason = [line for line in lines if "_aws" in line]
    assert (total["RejectedEvents"], total["DuplicateEvents"], total["ConflictingEvents"]) == ([3], [1], [1])
    assert {line["reason"]: line["RejectedEvents"] for line in by_reason} == {
        "not_json": [2],
        "invalid_member": [1],
    }
    assert {line["service"] for line in by_reason} == {"student-performance-processor-test"}


def test_a_deferred_batch_is_an_error_line_that_says_why(function: Function) -> None:
    function.world.secrets["AWSCURRENT"] = msgspec.structs.replace(function.world.login, port=1)
    response, lines = function.invoke(records([1, 2]), seconds=2.5)
    assert response == {"batchItemFailures": [{"itemIdentifier": f"{1:056d}"}]}
    error = next(line for line in lines if line.get("level") == "ERROR")
    assert "no time for another attempt after ConnectionRefusedError" in error["message"]
    assert error["first_deferred"] == f"{1:056d}"
    [metrics] = [line for line in lines if "_aws" in line]
    assert metrics["DeferredRecords"] == [2]
    assert metrics["Retries"][0] > 0


def test_no_line_holds_a_students_id_a_payload_or_a_secret(function: Function) -> None:
    private = "very-private-student"
    batch = [
        record(1, event(1, student_id=private)),
        record(2, event(2, student_id=private, score=private)),
        record(3, event(3, student_id=private, metadata={"note": private, "nul": "\0"})),
        record(4, event(1, student_id=private, score=7)),
        record(5, f'{{"student_id":"{private}","student_id":"{private}"}}'.encode()),
    ]
    _, lines = function.invoke(batch)
    text = json.dumps(lines)
    assert len(lines) > 1
    assert private not in text
    assert function.world.login.password not in text


def test_importing_the_handler_loads_no_more_than_it_needs() -> None:
    """Above all not botocore, which costs more than everything else and is only needed for the secret."""
    code = "import sys, processor.handler; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    modules = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    packages = {name.partition(".")[0] for name in modules}
    assert {"asyncpg", "msgspec", "aws_lambda_powertools"} <= packages
    assert not packages & {"boto3", "pydantic", "typer", "rich", "emulation", "infra", "spm"}
    assert "botocore.session" not in modules
