"""``./scripts/localstack``: the pipeline on LocalStack, from nothing to code that follows each edit."""

import os
from pathlib import Path
from typing import Annotated

import typer

from spm.cli import run
from spm.errors import MonitorError
from spm.localstack import settings
from spm.localstack.containers import Containers, answers
from spm.localstack.deployment import deploy, ignored_shard_counts, last, summary
from spm.terminal import console

CHECKOUT = Path.cwd()
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(name="./scripts/localstack", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def commands(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Run the pipeline on LocalStack and PostgreSQL, in containers on this machine.

    Settings come from the shell and from .env (see .env.example). LOCALSTACK_NAME becomes LocalStack's own
    setting NAME: LOCALSTACK_LAMBDA_KEEPALIVE_MS=0 ./scripts/localstack up
    """
    console.debug = debug


@app.command()
def up() -> None:
    """Start the containers, and wait until LocalStack answers."""
    given = settings.read(CHECKOUT, os.environ)
    endpoint = settings.for_clients(given)["AWS_ENDPOINT_URL"]
    Containers(CHECKOUT, given).up(endpoint)
    console.err.print(f"LocalStack answers at {endpoint}. Next: ./scripts/localstack deploy", soft_wrap=True)


@app.command(name="deploy", context_settings=PASSED_ON)
def deploy_(context: typer.Context) -> None:
    """Deploy the stack, or update it; bootstraps first where LocalStack has forgotten that.

    Arguments go to `cdklocal deploy`.

    Example: ./scripts/localstack deploy -c alerts=true
    """
    deployed = deploy(CHECKOUT, _clients(), context.args)
    width = max(map(len, found := summary(deployed))) + 2
    for name, value in found.items():
        console.out.print(f"{name:<{width}}{value}", soft_wrap=True)
    if ignored := list(ignored_shard_counts(deployed)):
        raise MonitorError("; ".join(ignored))


@app.command()
def watch() -> None:
    """Have LocalStack run the code of this checkout as it is edited, until Ctrl-C."""
    from spm.localstack.hot_reload import follow  # noqa: PLC0415 - only this command needs it

    clients = _clients()
    follow(CHECKOUT, last(CHECKOUT, clients))


@app.command(context_settings=PASSED_ON)
def down(context: typer.Context) -> None:
    """Stop and remove the containers, with those of functions; LocalStack forgets everything.

    PostgreSQL's data stays, unless you add --volumes. Arguments go to `docker compose down`.
    """
    Containers(CHECKOUT, settings.read(CHECKOUT, os.environ)).down(context.args)


def _clients() -> dict[str, str]:
    clients = settings.for_clients(settings.read(CHECKOUT, os.environ))
    if not answers(clients["AWS_ENDPOINT_URL"]):
        raise MonitorError(
            f"LocalStack does not answer at {clients['AWS_ENDPOINT_URL']}: run ./scripts/localstack up first"
        )
    return clients


if __name__ == "__main__":
    run(app, "localstack")
