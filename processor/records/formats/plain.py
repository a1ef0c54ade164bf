"""A native event that came through a front door: the event itself, and who sent it."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from processor.records import native
from processor.records.formats.event import Sender
from processor.records.formats.problems import Problem
from processor.records.native import NativeColumns

_decode_members = Decoder(dict[str, Raw]).decode
_encode = Encoder().encode


def problems(original: bytes, form: str) -> Iterator[Problem]:  # noqa: ARG001  # one signature for all
    """Yield nothing: ``decode`` says what is wrong with an event."""
    return iter(())


def decode(original: bytes, form: str, sender: Sender, arrived_at: datetime) -> NativeColumns:  # noqa: ARG001  # one signature for all
    """Return the columns, with the sender's name in ``metadata``. Raise only RejectRecord."""
    columns = native.parse(original, arrived_at)
    name = Raw(_encode(sender.name))  # anybody could have written what the event itself says about its sender
    metadata = _encode({**_decode_members(columns.metadata), "sender": name})
    return columns._replace(metadata=metadata.decode())
