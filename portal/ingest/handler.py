"""The Lambda function ``student-performance-ingest-{suffix}`` answers one HTTP request."""

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Final, Protocol

from portal.ingest import canvas_keys, doors, settings, stream
from portal.ingest.canvas_keys import Keys
from portal.ingest.credentials import Register, credential
from portal.ingest.doors import VERSION_HEADER
from portal.ingest.http import HttpAnswer, Refusal, read, refused, response
from processor.records.formats.event import Sender

MARGIN_SECONDS: Final = 2.0
"""How much of an invocation is left when putting ends, so that the client gets an answer."""

Note = dict[str, object]


class UrlContext(Protocol):
    """The part of Lambda's context object that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


def handler(event: Mapping[str, Any], context: UrlContext) -> dict[str, object]:
    """Answer a request, whatever happens, with a body that says what to do.

    Each request writes one line of log: who, which format, how many, which status, and nothing of what was
    sent.
    """
    started = time.monotonic()
    note: Note = {}
    try:
        answer = respond(event, context, note)
    except Refusal as refusal:
        answer = refused(refusal)
    except Exception as error:  # noqa: BLE001  # its message may hold what was sent, so the log has only the places
        note["defect"] = type(error).__name__
        note["at"] = [
            f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        message = f"this is a defect: tell the operators the request id {context.aws_request_id}"
        answer = HttpAnswer(500, {"error": message})
    if str(event.get("rawPath", "")).startswith("/xapi/"):
        answer = answer._replace(headers={VERSION_HEADER: doors.answered_version(event), **answer.headers})
    note |= {"status": answer.status, "ms": round((time.monotonic() - started) * 1000, 1)}
    sys.stdout.write(json.dumps({"request": context.aws_request_id, **note}) + "\n")
    return response(answer)


def respond(event: Mapping[str, Any], context: UrlContext, note: Note) -> HttpAnswer:
    """Return the answer once every record is acknowledged, or raise Refusal."""
    request = read(event)
    if (request.method, request.path) == ("GET", "/xapi/about"):
        return doors.about()
    given = credential(request)
    registered = _register().sender(given)
    note["sender"] = given.name
    door = doors.door(request)
    sender = Sender(given.name, registered.student_id)
    doors.check_field(door, sender)
    accepted = door.take(request, _for(door, sender), partial(_open, registered.keys))
    note |= {"format": accepted.form, "records": len(accepted.records), "rejected": accepted.rejected}
    seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    stream.put_all(_put_records(), accepted.records, seconds)
    return accepted.answer


def _for(door: doors.Door, sender: Sender) -> Sender:
    return sender if door.fields else sender._replace(student_id=None)


def _open(url: str | None, body: bytes) -> bytes:
    return body if url is None else _keys(url).payload(body)


@cache
def _keys(url: str) -> Keys:
    return Keys(partial(canvas_keys.fetch, url))


@cache
def _register() -> Register:
    client, arn = _client("secretsmanager"), os.environ[settings.SENDERS_SECRET_ARN]
    return Register(lambda: str(client.get_secret_value(SecretId=arn)["SecretString"]))


@cache
def _put_records() -> stream.PutRecords:
    client, name = _client("kinesis"), os.environ[settings.STREAM_NAME]
    return lambda records: dict(client.put_records(StreamName=name, Records=records))


def _client(service: str) -> Any:  # noqa: ANN401  # botocore makes its clients at run time
    from botocore.config import Config  # noqa: PLC0415  # /xapi/about and what is refused do without
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"total_max_attempts": 1, "mode": "standard"},
        parameter_validation=False,
    )
    return get_session().create_client(service, config=config)
