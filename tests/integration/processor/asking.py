"""Asks a function's commands, as its handler does."""

import json
from typing import Any

import msgspec

from processor.settings import Settings
from processor.storage.session import Session
from tests.integration.processor.world import parsed

SETTINGS = Settings("arn:secret")


async def run(session: Session, command: str, **parameters: Any) -> dict[str, Any]:
    """Run a command, and pass its parameters and its answer through JSON as Lambda does."""
    wanted = parsed(json.loads(json.dumps({"command": command, **parameters})))
    return dict(json.loads(msgspec.json.encode(await wanted.run(session, SETTINGS))))


class CommandContext:
    """The parts of Lambda's context object that are used."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000
