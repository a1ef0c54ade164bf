"""``spm erase`` removes everything about students, and nothing about them is stored again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeVar

import typer

from processor.commands.erase import Erase, ErasePlan, ErasePlanAnswer
from processor.commands.erase_tombstones import EraseAgain, EraseLift
from processor.commands.erasing import Tombstone
from spm import certificate
from spm.aws import erasure
from spm.aws.erasure import FailedVersion
from spm.aws.stack import Stack, with_every_pipeline
from spm.aws.target import Connection, connect
from spm.certificate import Certificate, ErasedStudent
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import DryRunOption, JsonOption, SuffixOption, TargetOption, YesOption

AT_ONCE: Final = 100
"""How many students one command accepts."""

T = TypeVar("T")


class PlannedErasure(NamedTuple):
    """The students to erase, from which stacks, and what there is about them."""

    students: Sequence[str]
    stacks: Sequence[Stack]
    answers: Sequence[ErasePlanAnswer]
    versions: Sequence[FailedVersion]

    @property
    def rows(self) -> dict[str, int]:
        """How many rows there are, by table."""
        return summed(answer.rows for answer in self.answers)


def command(
    students: Annotated[list[str] | None, typer.Argument(metavar="STUDENT", help="Their ids.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="A text file with more ids, one per line.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="After a restore, erase everybody again who has a tombstone in the bucket."
        ),
    ] = False,
    lift: Annotated[
        bool,
        typer.Option("--lift", help="Let students come back; their earlier events are still refused."),
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase students permanently: everything about them, and whatever is sent about them later.

    Shows what there is and asks, then erases it and prints a certificate.
    After an interruption, run it again to go on with what is left.

    Example: spm erase student-0042 --dry-run
    Example: spm erase --file leavers.txt --yes --json > certificate.json
    Example: spm erase --again
    """
    given = list(dict.fromkeys([*(students or ()), *(read(file) if file else ())]))
    if again == bool(given) or (again and lift) or (lift and dry_run):
        raise InputError("name students or give --file; --again takes no students and goes without --lift")
    connection = connect(target, suffix)
    if lift:
        lift_all(connection, given, as_json=as_json)
        return
    if again:
        given = put_up_again(connection)
    if given:
        erase(connection, given, dry_run=dry_run, yes=yes, as_json=as_json)


def erase(
    connection: Connection, students: Sequence[str], *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Show the plan, ask, erase and certify."""
    plan = make_plan(connection, students)
    if dry_run and as_json:
        console.print_json({"rows": plan.rows, "failed_record_versions": len(plan.versions)})
        return
    show(plan, to_standard_error=as_json)
    if dry_run:
        return
    if not yes:
        who = console.counted(len(students), "student")
        typer.confirm(f"Erase {who} from {connection.stack.name} permanently?", abort=True, err=True)
    done = carry_out(connection, plan)
    if as_json:
        console.print_json(done)
        return
    for line in certificate.lines(done):
        console.out.print(console.visible(line), soft_wrap=True)


def make_plan(connection: Connection, students: Sequence[str]) -> PlannedErasure:
    """Find everything that there is about the students."""
    stacks = with_every_pipeline(connection.aws, connection.stack.name)
    answers = [connection.commands.run(ErasePlan(students=list(some))) for some in in_parts(students)]
    return PlannedErasure(students, stacks, answers, found(connection, stacks, students))


def found(connection: Connection, stacks: Sequence[Stack], students: Sequence[str]) -> list[FailedVersion]:
    """Return the versions of objects that hold something of the students."""
    with console.bar("Reading failed records", None) as advance:
        return list(erasure.failed_versions(connection.aws, stacks, set(students), advance))


def show(plan: PlannedErasure, *, to_standard_error: bool) -> None:
    """Print what is there, on standard error if standard output is for programs."""
    out = console.err if to_standard_error else console.out
    for table, rows in plan.rows.items():
        note = ": records that may hold an id" if table == "rejected_event" else ""
        out.print(f"{rows:>9,}  {table}{note}", soft_wrap=True)
    out.print(f"{len(plan.versions):>9,}  versions of objects with failed records")


def carry_out(connection: Connection, plan: PlannedErasure) -> Certificate:
    """Erase the students; each step may be repeated, and so may the whole."""
    aws, first = connection.aws, plan.stacks[0]
    now = datetime.now(UTC)
    for answer in plan.answers:  # the tombstones come first, so that a restore can be repaired from now on
        standing = {one.hash: one for one in answer.tombstones if one.lifted_at is None}
        new = [standing.get(digest, Tombstone(digest, now, None)) for digest in answer.hashes]
        erasure.keep_tombstones(aws, first, new, answer.key)
    removed: list[dict[str, int]] = []
    with console.bar("Erasing", None) as advance:
        for some in in_parts(plan.students):
            for rows in steps(connection, some):
                removed.append(rows)
                advance(sum(rows.values()))
    # More records may have failed meanwhile.
    cleaned = erasure.clean(aws, found(connection, plan.stacks, plan.students))
    return certified(connection, plan, summed(removed), cleaned)


def steps(connection: Connection, students: Sequence[str]) -> Iterator[dict[str, int]]:
    """Take one step after another; yield the rows that each removed."""
    after: str | None = None
    while True:
        answer = connection.commands.run(Erase(students=list(students), after=after))
        yield answer.rows
        if answer.done:
            return
        after = answer.next


def certified(
    connection: Connection, plan: PlannedErasure, removed: dict[str, int], cleaned: erasure.Cleaned
) -> Certificate:
    """Return the certificate, and put the tombstones into the bucket with the times of the database."""
    aws, made_at = connection.aws, datetime.now(UTC)
    erased: list[ErasedStudent] = []
    for some in in_parts(plan.students):
        answer = connection.commands.run(ErasePlan(students=list(some)))
        erasure.keep_tombstones(aws, plan.stacks[0], answer.tombstones, answer.key)
        standing = {one.hash: one for one in answer.tombstones}
        erased += [
            ErasedStudent(student, standing[digest])
            for student, digest in zip(some, answer.hashes, strict=True)
        ]
    hours = {}
    for stack in plan.stacks:
        summary = aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)
        hours[stack.stream_name] = summary["StreamDescriptionSummary"]["RetentionPeriodHours"]
    remains = certificate.remaining(made_at, hours, cleaned.left)
    removed.pop("tombstone", None)
    return Certificate(connection.stack.name, made_at, erased, removed, cleaned.versions, remains)


def put_up_again(connection: Connection) -> list[str]:
    """Put up every tombstone of the bucket; return the students whom a restore brought back."""
    kept = list(erasure.kept_tombstones(connection.aws, connection.stack))
    students: list[str] = []
    for key in sorted({one.key for one in kept}):
        of_key = [Tombstone(one.hash, one.erased_at, one.lifted_at) for one in kept if one.key == key]
        for some in in_parts(of_key):
            answer = connection.commands.run(EraseAgain(key=key, tombstones=list(some)))
            students += answer.students
            if answer.lifted:
                names = console.visible(", ".join(answer.lifted))
                console.err.print(f"came back later; erase them by name if needed: {names}", soft_wrap=True)
    back = console.counted(len(students), "student")
    console.err.print(f"{console.counted(len(kept), 'tombstone')}, {back} to erase again")
    return students


def lift_all(connection: Connection, students: Sequence[str], *, as_json: bool) -> None:
    """Lift the tombstones of students, also in the bucket."""
    lifted: list[Tombstone] = []
    for some in in_parts(students):
        answer = connection.commands.run(EraseLift(students=list(some)))
        erasure.keep_tombstones(connection.aws, connection.stack, answer.tombstones, answer.key)
        lifted += answer.tombstones
    if as_json:
        console.print_json({"lifted": lifted})
    else:
        console.out.print(f"lifted {console.counted(len(lifted), 'tombstone')}")


def read(file: Path) -> list[str]:
    """Return the ids in a file, one per line; raise InputError if it cannot be read."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error


def in_parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield as many at a time as one command accepts."""
    for first in range(0, len(whole), AT_ONCE):
        yield whole[first : first + AT_ONCE]


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums by table."""
    sums: dict[str, int] = {}
    for one in counts:
        for table, rows in one.items():
            sums[table] = sums.get(table, 0) + rows
    return sums
