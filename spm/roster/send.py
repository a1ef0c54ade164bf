"""Send a roster to the operations function, chunk by chunk."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from spm.aws.operations import Operations
from spm.roster.roster import Roster

CHUNK_BYTES: Final = 4_000_000
"""Of rows as JSON in ASCII; Lambda takes 6 MB with everything."""

Chunk = dict[str, list[Any]]


def send(
    operations: Operations, roster: Roster, advance: Callable[[int], None], *, dry_run: bool
) -> dict[str, Any]:
    """Stage every row, apply them, and return the answer of ``roster_import``."""
    import_id = str(uuid.uuid4())
    number = -1
    for number, rows in enumerate(chunks(roster)):
        answer = operations.call("roster_stage", import_id=import_id, number=number, rows=rows)
        advance(answer["staged"])
    return operations.call("roster_import", import_id=import_id, chunks=number + 1, dry_run=dry_run)


def chunks(roster: Roster, limit: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Yield the rows in chunks of at most ``limit`` bytes, or of one row."""
    chunk: Chunk = {}
    held = 0
    for table, row in roster.listed():
        plain = msgspec.to_builtins(row)
        size = len(json.dumps(plain)) + 2
        if chunk and held + size > limit:
            yield chunk
            chunk, held = {}, 0
        chunk.setdefault(table, []).append(plain)
        held += size
    if chunk:
        yield chunk
