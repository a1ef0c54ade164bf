"""``spm local``: the embedded cloud in the foreground, with a panel that shows how it is doing."""

import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from emulation.cloud import EmbeddedCloud, database_name, read_state, remove_state
from emulation.process import ChildProcess
from processor.pipeline import Pipeline
from processor.student_performance import PIPELINE
from spm.authoring.choose import BrokenModule, imported, listed
from spm.aws import ingest
from spm.aws.health import Health, look
from spm.aws.stack import Aws, find
from spm.aws.target import Connection
from spm.commands.status import screen
from spm.errors import InputError, MonitorError
from spm.target import DEFAULT_SUFFIX, Target
from spm.terminal import console
from spm.watching.watch import Watch

SENDER: Final = "local"
"""Who may send over HTTP from the start."""

REFRESH_SECONDS: Final = 2.0
RATE_SECONDS: Final = 10.0
ERRORS_SHOWN: Final = 5
LONGEST_LINE: Final = 300
LOG_WINDOW: Final = 1 << 16  # bytes at a log's end that are looked at
ERROR_SIGNS: Final = (" ERROR ", " WARNING ", "ERROR:", "FATAL:", "PANIC:")
ORDINARY: Final = "duplicate key value violates unique constraint"
"""How the processor learns of a redelivery: nothing is wrong then."""


def command(
    *,
    suffix: Annotated[str, typer.Option(help="The environment to deploy.")] = DEFAULT_SUFFIX,
    shards: Annotated[int, typer.Option(min=1, max=20, help="Shards of the stream.")] = 1,
    data: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            resolve_path=True,
            help="Keep the database in this folder, and find it there again.",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Tell this address whose risk has risen.", show_default=False),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Reload the code of pipelines when it is changed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print how to reach it as JSON, and no panel.")
    ] = False,
) -> None:
    """Run the whole pipeline on this machine until Ctrl-C. The other commands find it by themselves.

    The stream is a new one each time. So is the database, unless --data keeps it.

    Example: spm local --shards 4
    Example: spm local --data ~/spm-data
    Example: spm local --watch
    Example, in another terminal: spm generate - | spm publish -
    """
    if (other := read_state()) is not None:
        raise MonitorError(f"an embedded cloud is running already (process {other.pid}): stop it first")
    pipelines = deployed()
    is_school = PIPELINE.name in [pipeline.name for pipeline in pipelines]
    with ExitStack() as until_the_end:
        with console.step("Starting PostgreSQL and MiniStack"):
            cloud = until_the_end.enter_context(EmbeddedCloud(data=data))
        with console.step("Deploying the stack with cdklocal"):
            over_http = {"ingest": "true"} if is_school else {}
            cloud.deploy(suffix, {"shardCount": str(shards), **over_http, **told(webhook)})
            cloud.start_runner()
        until_the_end.callback(remove_state)
        cloud.write_state()
        aws = Aws(cloud.aws_environment())
        watching = None
        if watch:
            stacks = [find(aws, suffix, pipeline.name) for pipeline in pipelines]
            watching = until_the_end.enter_context(Watch(aws, stacks, listed()))
        kept = f"keeps its database in {data}" if data else "forgets what it holds (--data DIR keeps it)"
        console.err.print(f"ready; Ctrl-C stops it and {kept}", soft_wrap=True)
        connection = Connection(Target.EMBEDDED, aws, find(aws, suffix))
        door = opened_door(connection) if is_school else None
        if as_json:
            environment = cloud.aws_environment()
            console.print_json({"suffix": suffix, "environment": environment, "ingest": door})
        reach = ways_in(cloud, suffix, data, is_school=is_school)
        if door:
            from spm.serving import beside  # noqa: PLC0415 - a web server takes half a second to import

            reach |= {
                "Dashboard": until_the_end.enter_context(beside(connection)),
                "Over HTTP": str(door["url"]),
                "Credential": f"{door['name']}:{door['secret']}",
            }
        follow(cloud, connection, reach, watching, panel_wanted=not as_json)


def deployed() -> list[Pipeline]:
    """Return the project's pipelines; raise InputError, with the place, where one cannot be imported."""
    try:
        return [imported(module) for module in listed()]
    except BrokenModule as error:
        raise InputError(str(error)) from error


def opened_door(connection: Connection) -> dict[str, str | None]:
    """Let somebody send over HTTP; return where to, and the credential."""
    secret = ingest.add(connection.aws, connection.stack, SENDER, None, None)
    return {"url": connection.ingest_address, "name": SENDER, "secret": secret}


def told(webhook: str | None) -> dict[str, str]:
    """Return the context by which somebody is told of risks; nobody is without an address."""
    return {"alerts": "true", "alertWebhook": webhook} if webhook else {}


def ways_in(cloud: EmbeddedCloud, suffix: str, data: Path | None, *, is_school: bool) -> dict[str, str]:
    """Return what a person needs to use it, by name."""
    publish = "spm generate - | spm publish -" if is_school else "spm publish FILE"
    return {
        "AWS": f"AWS_ENDPOINT_URL={cloud.endpoint_url}",
        "Database": cloud.database.dsn(database_name(suffix)),
        "Data": f"kept in {data}" if data else "forgotten at Ctrl-C (--data DIR keeps it)",
        "Next": f"in another terminal: {publish}",
    }


def follow(
    cloud: EmbeddedCloud,
    connection: Connection,
    reach: Mapping[str, str],
    watching: Watch | None,
    *,
    panel_wanted: bool,
) -> None:
    """Keep the panel up to date until Ctrl-C; raise MonitorError when a part of the cloud ends."""
    rate, errors = Rate(), Errors(cloud.programs)
    shown = panel_wanted and console.out.is_terminal
    try:
        with Live(console=console.out, auto_refresh=False, screen=shown) as live:
            while True:
                for program in cloud.programs:
                    if not program.running:
                        raise MonitorError(f"{program.name} has ended.\n{program.end_of_log()}")
                if shown:
                    shown_now = panel(cloud, connection, reach, rate, errors)
                    live.update(Group(*changes(watching), shown_now), refresh=True)
                pause(watching)
    except KeyboardInterrupt:
        console.err.print("stopping")


def pause(watching: Watch | None) -> None:
    """Wait until the panel is to be shown anew: at once after a change."""
    if watching is None:
        time.sleep(REFRESH_SECONDS)
    else:
        watching.wait(REFRESH_SECONDS)


def changes(watching: Watch | None) -> list[Text]:
    """Return how the last change of the code went."""
    if watching is None:
        return []
    style = "red" if watching.mistaken else "green"
    return [Text(console.visible(line), style=style) for line in watching.lines]


class Rate:
    """Events per second over the last moments."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, stored: int, now: float) -> float:
        """Note how many are stored now; return the rate since about ten seconds ago."""
        self._seen.append((now, stored))
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_SECONDS:
            self._seen.popleft()
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        return (after - before) / (now - then) if now > then else 0.0


class Errors:
    """The warnings and errors that the processes write from now on."""

    def __init__(self, programs: list[ChildProcess]) -> None:
        # What a server says while it starts, and is not reachable yet, is no error.
        self._starts = {program.log: program.log.stat().st_size for program in programs}

    def last(self) -> list[Text]:
        """Return the last ones, as they are shown."""
        lines = [line for log, start in self._starts.items() for line in _written_since(log, start)]
        shown = [line for line in lines if is_error(line)][-ERRORS_SHOWN:]
        title = [Text("Last errors", style="bold")] if shown else []
        return title + [Text(console.visible(line[:LONGEST_LINE]), style="red") for line in shown]


def is_error(line: str) -> bool:
    """Whether a person should see a line of a log."""
    return any(sign in line for sign in ERROR_SIGNS) and ORDINARY not in line


def panel(
    cloud: EmbeddedCloud, connection: Connection, reach: Mapping[str, str], rate: Rate, errors: Errors
) -> RenderableType:
    """Lay out services, how to reach them, figures and the last errors."""
    services = Table.grid(padding=(0, 2))
    services.add_column(style="bold", no_wrap=True, min_width=14)
    services.add_column(overflow="fold")
    names = ", ".join(program.name for program in cloud.programs)
    for name, value in {"Services": names, **reach}.items():
        services.add_row(name, Text(value))
    try:
        health = look(connection)
    except (MonitorError, BotoCoreError, ClientError) as error:
        return Group(services, Text(console.visible(str(error)), style="red"), *errors.last())
    return Group(services, figures(health, rate), *errors.last())


def figures(health: Health, rate: Rate) -> RenderableType:
    """The status screen, with the rate above it."""
    per_second = rate.update(health.database.stored, time.monotonic())
    line = Table.grid(padding=(0, 2))
    line.add_column(style="bold", no_wrap=True, min_width=14)
    line.add_row("Rate", f"{per_second:,.0f} events/s stored")
    return Group(line, screen(health))


def _written_since(log: Path, start: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(max(start, file.seek(0, os.SEEK_END) - LOG_WINDOW))
        return file.read().decode(errors="replace").splitlines()
