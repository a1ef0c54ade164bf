"""The whole pipeline on this machine: deploy it, send it a school's term, and show that everything adds up.

Once the embedded cloud is up, everything goes through AWS APIs: in by PutRecords, out by the functions.
"""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from emulation.cloud import EmbeddedCloud, database_name, read_state, remove_state
from emulation.process import temporary_folder
from processor.commands.query import Query
from processor.commands.refresh import Refresh
from processor.commands.rejected import Rejected
from processor.commands.risk_list import RiskList
from processor.commands.status import Status, StatusAnswer
from processor.pipelines import DEFAULT
from spm.aws.commands import Commands
from spm.aws.delivery import Delivered, deliver, lambda_record
from spm.aws.stack import Aws, Stack, find
from spm.aws.stream import records_of, shard_ids
from spm.aws.target import Connection
from spm.demo import planted, report
from spm.demo.figures import Figure, Tally
from spm.demo.result import Options, Result
from spm.errors import DemoError
from spm.publishing.put_records import Entry, publish
from spm.risks import listed
from spm.roster.files import contents
from spm.roster.read import read_roster
from spm.roster.send import send
from spm.school import School, happenings, make, write
from spm.target import Target
from spm.term import BAD_RECORDS, COURSES, NativeEvent
from spm.terminal import console

SUFFIX: Final = "demo"
PATIENCE_SECONDS: Final = 60.0
BATCH_DELIVERED_TWICE: Final = 500


def run(options: Options) -> None:
    """Run the demo. Raise DemoError if a figure does not add up."""
    with ExitStack() as until_the_end:
        with console.step("Starting PostgreSQL and MiniStack"):
            cloud = until_the_end.enter_context(EmbeddedCloud())
        with console.step("Deploying the stack with cdklocal"):
            cloud.deploy(SUFFIX, {"pipelines": " ".join(DEFAULT)})  # whatever the project's own are
            cloud.start_runner()
        aws = Aws(cloud.aws_environment())
        school = make(options.students, len(COURSES), options.seed, datetime.now(UTC).date())
        happened = happenings(school, options.seed)
        result = send_and_look(aws, find(aws, SUFFIX), school, happened)
        checks = figures(school, happened, result)
        if options.as_json:
            report.print_json(result, checks)
        else:
            report.show(result, checks)
        failed = [check.what for check in checks if not check.holds]
        if failed:
            raise DemoError(f"these figures do not add up: {', '.join(failed)}")
        if options.keep:
            keep_running(cloud, aws)


def send_and_look(aws: Aws, stack: Stack, school: School, happened: Sequence[NativeEvent]) -> Result:
    """Publish, wait until everything is stored, deliver one batch twice more, and read everything back."""
    commands = stack.commands(aws)
    with console.step("Importing the roster"):
        import_roster(commands, school, happened)
    sent = len(happened) + len(BAD_RECORDS)
    started = time.monotonic()
    accepted = 0
    with console.bar("Publishing", sent) as advance:
        for batch in publish(aws.kinesis, stack.stream_name, records(happened)):
            accepted += len(batch)
            advance(len(batch))
    before = wait_until_stored(commands, sent)
    seconds = time.monotonic() - started
    with console.step("Delivering one batch twice more"):
        redelivered = deliver_again(aws, stack)
    commands.run(Refresh())
    return Result(
        accepted=accepted,
        seconds=seconds,
        before=before,
        after=commands.run(Status()),
        redelivered=redelivered,
        students=commands.report(Query("students", limit=len(school.pupils))).rows,
        rejected=commands.run(Rejected(limit=100)).rejected,
        risks=listed(commands, RiskList(level="none"), len(school.pupils) * len(school.courses)),
    )


def import_roster(commands: Commands, school: School, happened: Sequence[NativeEvent]) -> None:
    """Import the school's roster as its owner would, from files."""
    with temporary_folder("spm-demo-") as folder:
        write(folder, school, happened)
        roster = read_roster(contents(Path(folder) / "roster"), None, None, "UTC")
        send(commands, roster, lambda _: None, dry_run=False)


def records(happened: Sequence[NativeEvent]) -> Iterator[Entry]:
    """Yield the events, with the bad records spread evenly between them."""
    bad = iter(BAD_RECORDS)
    every = len(happened) // (len(BAD_RECORDS) + 1) + 1
    for number, event in enumerate(happened, start=1):
        yield Entry(json.dumps(event).encode(), event["student_id"])
        if number % every == 0:
            yield Entry(next(bad)[0], "a faulty producer")
    for data, _ in bad:
        yield Entry(data, "a faulty producer")


def wait_until_stored(commands: Commands, sent: int) -> StatusAnswer:
    """Wait until as many records are accounted for as were sent. Raise DemoError if no more arrive."""
    done = 0
    moved = time.monotonic()
    with console.bar("Waiting until everything is stored", sent) as advance:
        while True:
            status = commands.run(Status())
            seen = status.stored + status.rejected
            if seen > done:
                advance(seen - done)
                done, moved = seen, time.monotonic()
            if done >= sent:
                return status
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise DemoError(
                    f"{done:,} of {sent:,} records arrived, then none for {PATIENCE_SECONDS:.0f} s"
                )
            time.sleep(0.2)


def deliver_again(aws: Aws, stack: Stack) -> Delivered:
    """Read a batch back from the stream and hand it to the deployed processor, twice, as Lambda might."""
    shard_id = shard_ids(aws, stack)[0]
    oldest = islice(records_of(aws, stack, shard_id), BATCH_DELIVERED_TWICE)
    batch = [lambda_record(stack, shard_id, record) for record in oldest]
    first, second = (deliver(aws, stack, batch) for _ in range(2))
    if first is None or second is None:
        raise DemoError("the processor's log does not say what became of the batch that was delivered again")
    return Delivered(*(a + b for a, b in zip(first, second, strict=True)))


def figures(school: School, happened: Sequence[NativeEvent], result: Result) -> list[Figure]:
    """Return every figure that must hold."""
    sent = len(happened) + len(BAD_RECORDS)
    tally = Tally()
    for event in happened:
        tally.add(event)
    again = result.redelivered
    rejected = sorted((row.payload, row.reason) for row in result.rejected)
    return [
        Figure("records accepted by the stream", sent, result.accepted),
        Figure("events stored", len(happened), result.before.stored),
        Figure("records rejected", len(BAD_RECORDS), result.before.rejected),
        Figure("bytes and reasons of rejected records", sorted(BAD_RECORDS), rejected),
        Figure("every student's events and mean score", [], tally.differences(result.students)),
        Figure("new rows after the second delivery", (0, 0), (again.stored, again.rejected)),
        Figure("events stored after it", len(happened), result.after.stored),
        Figure("records rejected after it", len(BAD_RECORDS), result.after.rejected),
        Figure(
            "redelivered records seen as duplicates",
            (True, again.received),
            (again.received > 0, again.duplicates),
        ),
        Figure(
            "every student's missing work, as the school left it out",
            [],
            planted.differences(school, happened, result.risks),
        ),
    ]


def keep_running(cloud: EmbeddedCloud, aws: Aws) -> None:
    """Let other terminals find the running cloud, say how to use it, and wait for Ctrl-C."""
    if read_state() is None:
        cloud.write_state()
    else:
        console.err.print("another embedded cloud is running: the commands below find that one instead")
    from spm.serving import beside  # noqa: PLC0415 - a web server takes half a second to import

    try:
        with beside(Connection(Target.EMBEDDED, aws, find(aws, SUFFIX))) as address:
            report.explain(cloud.database.dsn(database_name(SUFFIX)), address)
            signal.pause()
    except KeyboardInterrupt:
        console.err.print("stopping")
    finally:
        remove_state()
