"""Where each shard's reading goes on after a restart of the runner: one small SQLite file.

A checkpoint is written when records are done, never before, so a restart skips nothing; and per lane, so that
it repeats no more than what was in flight.
"""

import json
import sqlite3
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a shard has come.

    ``sequence``: everything up to it is done; None: nothing yet.
    ``starting_at``: where to begin while there is no ``sequence``, in seconds since the epoch; None: at the
    oldest record.
    ``lanes``: per lane the last record that is done, where it is beyond ``sequence``.
    ``finished``: the shard is closed and all of it is done.
    """

    sequence: str | None = None
    starting_at: float | None = None
    lanes: dict[int, str] = field(default_factory=dict)
    parallelization_factor: int = 1
    finished: bool = False

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored checkpoint."""
        stored = json.loads(text)
        stored["lanes"] = {int(lane): sequence for lane, sequence in stored["lanes"].items()}
        return cls(**stored)


class CheckpointFile:
    """Checkpoints by mapping and shard; each write is a transaction of its own. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A killed runner loses nothing; only a crash of the whole machine could, and the stream with it.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS checkpoint"
            " (mapping TEXT, shard TEXT, checkpoint TEXT NOT NULL, PRIMARY KEY (mapping, shard))"
        )

    def load(self, mapping_uuid: str) -> dict[str, Checkpoint]:
        """Return a mapping's checkpoints by shard."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT shard, checkpoint FROM checkpoint WHERE mapping = ?", (mapping_uuid,)
            ).fetchall()
        return {shard: Checkpoint.from_json(text) for shard, text in rows}

    def save(self, mapping_uuid: str, shard_id: str, checkpoint: Checkpoint) -> None:
        """Store a shard's checkpoint, replacing the one before."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                (mapping_uuid, shard_id, checkpoint.to_json()),
            )

    def forget(self, mapping_uuid: str) -> None:
        """Remove a deleted mapping's checkpoints."""
        with self._lock:
            self._connection.execute("DELETE FROM checkpoint WHERE mapping = ?", (mapping_uuid,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
