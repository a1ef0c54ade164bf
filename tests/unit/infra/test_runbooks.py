"""Every AWS command that the runbooks tell people to type exists, with its options, in AWS's own models."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

DOCS = Path(__file__).resolve().parents[3] / "docs"
EVERYWHERE = {"query", "output", "region", "profile"}
SERVICES = {"s3api": "s3"}


def commands() -> list[tuple[str, str]]:
    """Return (document, command in one line) of every ``aws …`` in code, blocks and spans alike."""
    found = []
    for document in ("deploy-aws.md", "operations.md"):
        text = (DOCS / document).read_text()
        blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks for line in re.split(r"\n *\$ ", re.sub(r"^ *\$ ", "", block))]
        spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for code in (*lines, *spans):
            one_line = re.sub(r"\s*\\?\s*\n\s*", " ", code)
            found += [(document, f"aws {rest}") for rest in re.split(r"(?:^|\$\()aws ", one_line)[1:]]
    return found


@cache
def model(service: str) -> Any:
    session = botocore.session.get_session()
    return session.get_service_model(SERVICES.get(service, service))


def operation(service: str, name: str) -> Any:
    names = {xform_name(operation, "-"): operation for operation in model(service).operation_names}
    assert name in names, f"aws {service} has no {name}"
    return model(service).operation_model(names[name])


def test_commands_are_found() -> None:
    assert len(commands()) > 15
    assert {command.split()[1] for _, command in commands()} >= {"cloudformation", "lambda", "rds"}


@pytest.mark.parametrize(("document", "command"), commands())
def test_aws_has_the_command(document: str, command: str) -> None:
    assert document
    _, service, name, *_ = command.split()
    options = set(re.findall(r"(?:^| )--([a-z][a-z-]*)", command.partition("$(")[0]))
    if name == "wait":
        waiter = command.split()[3]
        waiters = botocore.session.get_session().get_waiter_model(service)
        assert waiter.replace("-", "") in {known.lower() for known in waiters.waiter_names}
        name = xform_name(waiters.get_waiter(known_name(waiters, waiter)).operation, "-")
    members = operation(service, name).input_shape.members if options else {}
    known = {xform_name(member, "-") for member in members} | EVERYWHERE
    assert {option.removeprefix("no-") for option in options} <= known, command


def known_name(waiters: Any, waiter: str) -> str:
    return next(str(name) for name in waiters.waiter_names if xform_name(name, "-") == waiter)
