"""The real stack, which the real cdklocal deploys to the embedded cloud."""

import asyncio
import base64
import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

import asyncpg
import pytest

from emulation.cloud import EmbeddedCloud, stack_name
from emulation.errors import DeployFailed
from emulation.project import CHECKOUT
from processor import metrics
from tests.support import Deployment
from tests.waiting import wait_until

pytestmark = pytest.mark.long

SUFFIX = "test"
PATIENCE = 30.0  # seconds


@pytest.fixture
def cloud(embedded_cloud: EmbeddedCloud, deployed: Deployment) -> EmbeddedCloud:
    """Return this run's cloud, with the shared environment in it."""
    assert deployed.suffix == SUFFIX
    return embedded_cloud


def outputs(cloud: EmbeddedCloud) -> dict[str, str]:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=stack_name(SUFFIX))["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def login(cloud: EmbeddedCloud, function: str) -> dict[str, Any]:
    """Return the login that a function gets."""
    name = f"student-performance-{function}-{SUFFIX}"
    environment = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]
    secret = cloud.client("secretsmanager").get_secret_value(
        SecretId=environment["Variables"]["DB_SECRET_ARN"]
    )
    return dict(json.loads(secret["SecretString"]))


async def connect(secret: dict[str, Any]) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=secret["host"],
        port=secret["port"],
        database=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
    )


def test_the_deployment_migrates_the_database(cloud: EmbeddedCloud) -> None:
    answer = cloud.client("lambda").invoke(
        FunctionName=outputs(cloud)["ReportsFunctionName"], Payload=json.dumps({"command": "status"})
    )
    assert json.loads(answer["Payload"].read())["schema_version"] >= 1


def test_the_functions_have_logins_of_their_own(cloud: EmbeddedCloud) -> None:
    assert login(cloud, "operations")["username"] == "dbadmin"
    assert login(cloud, "processor")["username"] == f"processor_{SUFFIX}"
    assert login(cloud, "reports")["username"] == f"reader_{SUFFIX}"


FORBIDDEN = [
    "UPDATE student_performance SET score = 100",
    "DELETE FROM student_performance",
    "TRUNCATE student_performance",
    "DROP TABLE student_performance",
    "ALTER TABLE student_performance ADD COLUMN x integer",
    "UPDATE rejected_event SET redriven_at = now()",
    "DELETE FROM rejected_event",
    "DELETE FROM event_identity",
    "DELETE FROM event_source",
    "SELECT FROM schema_migration",
    "INSERT INTO schema_migration (pipeline, version, name, checksum) VALUES ('x', 99, 'x', 'x')",
    "INSERT INTO pipeline_table (name, kind) VALUES ('x', 'event log')",
    "DELETE FROM chunk",
    "UPDATE student_course SET events = 0",
    "CREATE TABLE public.mine (x integer)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "SELECT drop_month('student_performance', '2026-01-01')",
    "SELECT make_processor_login('mallory', 'x')",
    "CREATE ROLE mallory LOGIN SUPERUSER",
    "CREATE DATABASE mallory",
    "SET ROLE dbadmin",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "ALTER ROLE dbadmin PASSWORD 'x'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dbadmin'",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_processors_login_may_not(statement: str, cloud: EmbeddedCloud) -> None:
    owner = await connect(login(cloud, "operations"))
    processor = await connect(login(cloud, "processor"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await processor.execute(statement)
    finally:
        await processor.close()
        await owner.close()


async def test_the_processors_login_may_select_insert_and_make_a_month(cloud: EmbeddedCloud) -> None:
    processor = await connect(login(cloud, "processor"))
    transaction = processor.transaction()
    await transaction.start()
    try:
        await processor.execute("SELECT make_month('student_performance', '2020-02-01')")
        source = await processor.fetchval(
            "INSERT INTO event_source (stream_arn, shard_id, pipeline) VALUES ('arn', 'shard', 'p')"
            " RETURNING id"
        )
        await processor.execute(
            "INSERT INTO student_performance"
            " (source_id, sequence_number, sub_sequence, student_id,"
            " event_type, occurred_at, arrived_at, metadata)"
            " VALUES ($1, '1', 0, 's', 'quiz', $2, $2, '{}')",
            source,
            datetime(2020, 2, 3, tzinfo=UTC),
        )
        assert (
            await processor.fetchval("SELECT count(*) FROM student_performance WHERE source_id = $1", source)
            == 1
        )
    finally:
        await transaction.rollback()
        await processor.close()


@pytest.fixture
def notices(cloud: EmbeddedCloud) -> Callable[[], list[dict[str, Any]]]:
    """Subscribe a queue to the alarm topic; return a function that reads what the queue got so far."""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"alarms-{time.monotonic_ns()}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    topic = outputs(cloud)["AlarmTopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    got: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        got.extend(json.loads(json.loads(message["Body"])["Message"]) for message in messages)
        return got

    return read


def states(notices: Callable[[], list[dict[str, Any]]], alarm: str) -> list[str]:
    return [
        n["NewStateValue"] for n in notices() if n["AlarmName"] == f"student-performance-{SUFFIX}-{alarm}"
    ]


def told_both(notices: Callable[[], list[dict[str, Any]]], alarm: str) -> bool:
    # SNS keeps no order, and the emulator may evaluate the alarm in between, which sends another message.
    return set(states(notices, alarm)) == {"ALARM", "OK"}


def alarms(cloud: EmbeddedCloud) -> dict[str, dict[str, Any]]:
    found = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    prefix = f"student-performance-{SUFFIX}-"
    return {a["AlarmName"].removeprefix(prefix): a for a in found if a["AlarmName"].startswith(prefix)}


def test_every_alarm_reaches_a_subscriber_when_it_starts_and_when_it_is_over(
    cloud: EmbeddedCloud, notices: Callable[[], list[dict[str, Any]]]
) -> None:
    cloudwatch = cloud.client("cloudwatch")
    for alarm in alarms(cloud).values():
        for state in ("ALARM", "OK"):
            cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason="tested")
    for name in alarms(cloud):
        wait_until(partial(told_both, notices, name), f"{name} and its end", seconds=PATIENCE)


def broken_record(cloud: EmbeddedCloud) -> dict[str, Any]:
    return {
        "eventID": "shardId-000000000000:1",
        "eventSource": "aws:kinesis",
        "eventSourceARN": outputs(cloud)["KinesisStreamArn"],
        "kinesis": {
            "partitionKey": "p",
            "sequenceNumber": str(time.time_ns()),
            "data": base64.b64encode(b"not an event").decode(),
            "approximateArrivalTimestamp": time.time(),
        },
    }


def test_an_event_that_the_deployed_processor_rejects_raises_the_alarm(
    cloud: EmbeddedCloud, notices: Callable[[], list[dict[str, Any]]]
) -> None:
    function = f"student-performance-processor-{SUFFIX}"
    answer = cloud.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps({"Records": [broken_record(cloud)]}), LogType="Tail"
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    log = base64.b64decode(answer["LogResult"]).decode()
    # CloudWatch makes metrics from such lines by itself; for the emulator, the test puts the same metrics.
    (line,) = [json.loads(text) for text in log.splitlines() if '"_aws"' in text and '"reason"' not in text]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    (dimensions,) = directive["Dimensions"]
    cloud.client("cloudwatch").put_metric_data(
        Namespace=directive["Namespace"],
        MetricData=[
            {
                "MetricName": metric["Name"],
                "Dimensions": [{"Name": name, "Value": line[name]} for name in dimensions],
                "Timestamp": datetime.now(tz=UTC) - timedelta(seconds=1),
                "Value": line[metric["Name"]][0],
                "Unit": metric["Unit"],
            }
            for metric in directive["Metrics"]
        ],
    )
    wait_until(lambda: "ALARM" in states(notices, "rejected-events"), "the alarm", seconds=PATIENCE)


def test_what_is_not_emitted_has_no_alarm(cloud: EmbeddedCloud) -> None:
    own = {a["MetricName"] for a in alarms(cloud).values() if a["Namespace"] == metrics.NAMESPACE}
    assert own
    assert own <= set(get_args(metrics.MetricName))


@pytest.fixture
def release_with_a_broken_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Deploy from a copy of the checkout that has one more migration; return its name."""
    for name in ("infra", "processor"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = tmp_path / "processor" / "sql" / "migrations"
    name = f"{len(list(migrations.glob('*.sql'))) + 1:04}_broken"
    (migrations / f"{name}.sql").write_text("CREATE TABLE student_performance (something_else integer);")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # comes before the installed package
    return name


def test_a_failing_migration_rolls_back_with_the_databases_message_and_the_old_release_runs_on(
    cloud: EmbeddedCloud, release_with_a_broken_migration: str
) -> None:
    functions = cloud.client("lambda")

    def code() -> list[str]:
        names = [f"student-performance-{part}-{SUFFIX}" for part in ("processor", "operations")]
        return [functions.get_function_configuration(FunctionName=name)["CodeSha256"] for name in names]

    before = code()
    with pytest.raises(DeployFailed):
        cloud.deploy(SUFFIX)

    cloudformation = cloud.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=stack_name(SUFFIX))["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=stack_name(SUFFIX))["StackEvents"]
    reasons = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"] == "UPDATE_FAILED"]
    message = f'{release_with_a_broken_migration}.sql: relation "student_performance" already exists'
    assert any(message in reason for reason in reasons), reasons
    assert code() == before
    answer = functions.invoke(
        FunctionName=outputs(cloud)["ReportsFunctionName"], Payload=json.dumps({"command": "status"})
    )
    assert json.loads(answer["Payload"].read())["schema_version"] >= 1


COMPACTED = "SELECT events FROM student_course WHERE student_id = 'compacted'"


async def test_the_schedule_compacts_what_was_stored(cloud: EmbeddedCloud, deployed: Deployment) -> None:
    entry = {"student_id": "compacted", "event_type": "login"}
    deployed.aws.kinesis.put_record(
        StreamName=deployed.stack.stream_name, Data=json.dumps(entry).encode(), PartitionKey="compacted"
    )
    owner = await connect(login(cloud, "operations"))
    try:
        async with asyncio.timeout(120):
            while not (rows := await owner.fetch(COMPACTED)):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.5)
        assert [row["events"] for row in rows] == [1]
    finally:
        await owner.close()
