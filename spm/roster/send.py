"""Sends a roster to the operations function, chunk by chunk."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from processor.commands.roster_import import RosterImport, RosterImportAnswer
from processor.commands.roster_stage import RosterStage
from processor.roster import Rows
from spm.aws.commands import Commands
from spm.roster.roster import Roster

CHUNK_BYTES: Final = 4_000_000
"""The size of rows as JSON in ASCII. Lambda takes 6 MB including everything else."""


def send(
    commands: Commands, roster: Roster, advance: Callable[[int], None], *, dry_run: bool
) -> RosterImportAnswer:
    """Stage every row, apply them, and return the answer of ``roster_import``."""
    import_id = uuid.uuid4()
    number = -1
    for number, rows in enumerate(chunks(roster)):
        answer = commands.run(RosterStage(import_id=import_id, number=number, rows=rows))
        advance(answer.staged)
    return commands.run(RosterImport(import_id=import_id, chunks=number + 1, dry_run=dry_run))


def chunks(roster: Roster, limit: int = CHUNK_BYTES) -> Iterator[Rows]:
    """Yield the rows in chunks of at most ``limit`` bytes, or of one row."""
    chunk = Rows()
    held = 0
    for table, row in roster.listed():
        size = len(json.dumps(msgspec.to_builtins(row))) + 2
        if held and held + size > limit:
            yield chunk
            chunk, held = Rows(), 0
        getattr(chunk, table).append(row)
        held += size
    if held:
        yield chunk
