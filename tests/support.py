"""Deploys stacks for tests, and finds the processes of an embedded cloud."""

from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # ships no types

from emulation.cloud import EmbeddedCloud, database_name
from emulation.process import ChildProcess
from spm.aws.commands import Commands
from spm.aws.stack import Aws, Stack, find


@dataclass(frozen=True)
class Deployment:
    """One environment in the embedded cloud."""

    suffix: str
    aws: Aws
    stack: Stack
    commands: Commands
    dsn: str


def deploy(cloud: EmbeddedCloud, suffix: str, **context: str) -> Deployment:
    """Deploy an environment with an empty database, and return how to reach it."""
    cloud.deploy(suffix, context)
    aws = Aws(cloud.aws_environment())
    stack = find(aws, suffix)
    return Deployment(suffix, aws, stack, stack.commands(aws), cloud.database.dsn(database_name(suffix)))


def process_of(program: ChildProcess | None) -> psutil.Process:
    """Return the process that runs a program's command."""
    assert program is not None
    assert program.guard_pid is not None
    (process,) = psutil.Process(program.guard_pid).children()
    return process


def kill_workers(cloud: EmbeddedCloud) -> int:
    """SIGKILL every process that runs a function, in the middle of an invocation or not."""
    killed = 0
    for process in psutil.process_iter(["cmdline", "environ"]):
        arguments, environment = process.info["cmdline"] or [], process.info["environ"] or {}
        if any("_worker.py" in part for part in arguments) and cloud.endpoint_url in environment.values():
            process.kill()
            killed += 1
    return killed
