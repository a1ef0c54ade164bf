"""The code of the scripted function, and what it reports of each invocation."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTED = Path(__file__).with_name("scripted.py")


@dataclass(frozen=True)
class Delivery:
    """One invocation, as the function saw it."""

    at: float
    labels: list[str]
    sequences: list[str]
    shard: str
    request_id: str
    function: str
    first_record: dict[str, Any]


def archive(scripted: bytes) -> bytes:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("scripted.py", scripted)
    return code.getvalue()
