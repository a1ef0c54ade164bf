"""Where reading continues in each shard after the runner restarts, in a small file per shard.

A checkpoint is written when records are done and never before, so a restart skips nothing. It is written per
lane, so a restart repeats only what was in flight.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a shard has come.

    ``sequence``: everything up to it is done; None means that nothing is.
    ``starting_at``: where to begin while there is no ``sequence``, in seconds since the epoch; None means at
    the oldest record.
    ``lanes``: the last record that is done in each lane that is beyond ``sequence``.
    ``finished``: the shard is closed and all of it is done.
    ``shard_begins``: the shard's first sequence number, which tells it from a shard of the same name in a
    stream that was deleted and made again.
    """

    sequence: str | None = None
    starting_at: float | None = None
    lanes: dict[int, str] = field(default_factory=dict)
    parallelization_factor: int = 1
    finished: bool = False
    shard_begins: str = ""

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored checkpoint."""
        stored = json.loads(text)
        stored["lanes"] = {int(lane): sequence for lane, sequence in stored["lanes"].items()}
        return cls(**stored)


class CheckpointFolder:
    """One file per mapping and shard, which is always replaced whole. A shard has one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, mapping_uuid: str) -> dict[str, Checkpoint]:
        """Return a mapping's checkpoints by shard."""
        files = (self._path / mapping_uuid).glob("*.json")
        return {file.stem: Checkpoint.from_json(file.read_text()) for file in files}

    def save(self, mapping_uuid: str, shard_id: str, checkpoint: Checkpoint) -> None:
        """Store a shard's checkpoint in place of the previous one."""
        file = self._path / mapping_uuid / f"{shard_id}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft")
        draft.write_text(checkpoint.to_json())
        draft.replace(file)

    def forget(self, mapping_uuid: str) -> None:
        """Remove a deleted mapping's checkpoints."""
        shutil.rmtree(self._path / mapping_uuid, ignore_errors=True)
