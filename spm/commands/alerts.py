"""``spm alerts``: who was told about which risk, and whether the channels work."""

import json
from operator import attrgetter
from typing import Annotated

import msgspec
import typer

from processor.commands.alerts import ListAlerts, ListAlertsAnswer, ListedAlert, MuteAlerts
from spm.aws.commands import Commands
from spm.aws.target import connect
from spm.errors import OperationRefusedError
from spm.terminal import console
from spm.terminal.options import CourseOption, JsonOption, SuffixOption, TargetOption

app = typer.Typer(
    help="See who was told about a risk, test the channels, and mute a course.", no_args_is_help=True
)


@app.command(name="list")
def list_(
    *,
    course: CourseOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many messages.")] = 50,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages about students whose risk has risen, newest first.

    Example: spm alerts list --course MATH-101
    """
    found = listed(connect(target, suffix).commands, ListAlerts(course=course), limit)
    if as_json:
        console.print_json(found)
        return
    if found.alerts:
        console.print_table(
            ["risen", "course", "student", "level", "over", "state"],
            (
                [console.moment(a.changed_at), a.course, whom(a), a.level, a.channel, state(a)]
                for a in found.alerts
            ),
        )
    else:
        console.err.print("no message was sent yet")
    console.out.print(f"{found.waiting:,} waiting to be sent, {found.given_up:,} given up")
    if found.muted:
        console.out.print(f"muted: {', '.join(map(console.visible, found.muted))}")


@app.command(name="test")
def try_(*, suffix: SuffixOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Send a message marked as a test over every channel. The exit code is 1 if one does not accept it.

    Example: spm alerts test
    """
    connection = connect(target, suffix)
    name = connection.stack.alerts_name
    if name is None:
        raise OperationRefusedError("this stack sends no alerts: deploy it with the context alerts=true")
    answer = connection.aws.functions.invoke(FunctionName=name, Payload=b'{"test": true}')
    outcome = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise OperationRefusedError(f"{name}: {outcome.get('errorMessage', outcome)}")
    if as_json:
        console.print_json(outcome)
    else:
        for channel, told in outcome.items():
            console.out.print(f"{channel:<8} {console.visible(told)}")
    if any(told != "sent" for told in outcome.values()):
        raise typer.Exit(1)


@app.command()
def mute(
    course: Annotated[str, typer.Argument(help="Which course.")],
    *,
    off: Annotated[bool, typer.Option("--off", help="Send messages again for changes from now on.")] = False,
    suffix: SuffixOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send no messages about changes in a course from now on. Pages and lists still show them.

    Example: spm alerts mute MATH-101
    """
    muted = connect(target, suffix).commands.run(MuteAlerts(course=course, off=off)).muted
    if as_json:
        console.print_json({"muted": muted})
    else:
        console.out.print(f"muted: {', '.join(map(console.visible, muted)) or 'none'}")


def listed(commands: Commands, wanted: ListAlerts, limit: int) -> ListAlertsAnswer:
    """Return up to ``limit`` messages, page by page."""
    pages = list(commands.pages(wanted, limit, attrgetter("alerts")))
    return msgspec.structs.replace(pages[-1], alerts=[row for page in pages for row in page.alerts])


def whom(alert: ListedAlert) -> str:
    """Say whom a message is about."""
    return alert.student if alert.changes == 1 else f"{alert.changes:,} students"


def state(alert: ListedAlert) -> str:
    """Say in a few words what happened to a message."""
    if alert.sent_at:
        return f"sent {console.moment(alert.sent_at)}"
    attempts = console.counted(alert.attempts, "attempt")
    if alert.given_up:
        return f"given up after {attempts}: {alert.error or 'no answer'}"
    return f"waiting, {attempts}" + (f": {alert.error}" if alert.error else "")
