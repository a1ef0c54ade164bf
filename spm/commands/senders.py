"""``spm senders``: who may send events over HTTP."""

from typing import Annotated, Final

import typer

from portal.ingest.senders import CANVAS_KEYS, NAME, token
from processor.records.formats.wrapping import FORMATS
from spm.aws import ingest
from spm.aws.target import connect
from spm.errors import InputError
from spm.terminal import console
from spm.terminal.options import JsonOption, SuffixOption, TargetOption

FIELDS: Final = tuple(dict.fromkeys(field for form in FORMATS.values() for field in form.fields))

app = typer.Typer(help="Manage who may send events over HTTP.", no_args_is_help=True)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The sender's name, which marks each of its events.")
]


@app.command()
def add(
    name: NameArgument,
    *,
    student_id: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help=f"The field that is the student id: {', '.join(FIELDS)}."),
    ] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="Accept only what hosted Canvas has signed with its keys.")
    ] = False,
    keys: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of these keys, if it is not Canvas's own.")
    ] = None,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a sender, and print its secret once, because only a hash of it is kept.

    Example: spm senders add moodle --student-id account.name
    Example: spm senders add canvas --signed --student-id sis_id
    """
    if not NAME.fullmatch(name):
        raise InputError(f"{name!a} cannot be a sender's name: use 1 to 50 of A-Z, a-z, 0-9, _ and -")
    if student_id is not None and student_id not in FIELDS:
        raise InputError(f"{student_id!a} cannot be the student id's field: use one of {', '.join(FIELDS)}")
    if keys is not None and not keys.startswith("https://"):
        raise InputError("--keys: give an address that begins with https://")
    connection = connect(target, suffix)
    where = keys or (CANVAS_KEYS if signed else None)
    secret = ingest.add(connection.aws, connection.stack, name, student_id, where)
    url = connection.ingest_address or ""
    given = {"url": url, "name": name, "secret": secret, "token": token(name, secret)}
    if as_json:
        console.print_json(given)
        return
    told = {
        "Address": url,
        "Name": name,
        "Secret": secret,
        "Bearer token": given["token"],
        "For Canvas": f"{url}canvas?token={given['token']}",
    }
    for label, value in told.items():
        console.out.print(f"{label:<13}{value}", soft_wrap=True)
    console.err.print("the secret is shown only this once: give it to the sender now")


@app.command(name="list")
def list_(*, suffix: SuffixOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """List the senders.

    Example: spm senders list
    """
    connection = connect(target, suffix)
    known = ingest.read(connection.aws, connection.stack)
    rows = [(name, sender.student_id, sender.keys) for name, sender in sorted(known.items())]
    if as_json:
        console.print_json([{"name": row[0], "student_id": row[1], "keys": row[2]} for row in rows])
        return
    console.print_table(["name", "student id", "signed by the keys at"], rows)
    console.err.print(f"they send to {connection.ingest_address}", soft_wrap=True)


@app.command()
def revoke(name: NameArgument, *, suffix: SuffixOption = None, target: TargetOption = None) -> None:
    """Refuse a sender from now on, within a minute. What it sent stays.

    Example: spm senders revoke moodle
    """
    connection = connect(target, suffix)
    ingest.revoke(connection.aws, connection.stack, name)
    console.out.print(f"{name} is refused within a minute")
