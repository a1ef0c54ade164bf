"""How far a shard has come: which records are done, and which checkpoint is safe to write down."""

from collections import deque
from collections.abc import Sequence

from emulation.runner.checkpoints import Checkpoint
from emulation.runner.records import ShardRecord


class Progress:
    """Turns records that are done, in any order between lanes, into a checkpoint that skips no record."""

    def __init__(self, checkpoint: Checkpoint, parallelization_factor: int) -> None:
        self._sequence = checkpoint.sequence
        self._starting_at = checkpoint.starting_at
        self._shard_begins = checkpoint.shard_begins
        self._factor = parallelization_factor
        same_lanes = checkpoint.parallelization_factor == parallelization_factor
        self._lanes = dict(checkpoint.lanes) if same_lanes else {}
        self._open: deque[str] = deque()  # read, and not yet below the checkpoint
        self._done: set[str] = set()
        self.bytes_read_ahead = 0

    @property
    def records_read_ahead(self) -> int:
        """How many records were read and are not below the checkpoint."""
        return len(self._open)

    def was_done(self, record: ShardRecord, lane: int) -> bool:
        """Return whether the lane was past this record before a restart."""
        done = self._lanes.get(lane)
        return done is not None and int(record.sequence) <= int(done)

    def read(self, record: ShardRecord) -> None:
        """Note a record as read, after all the others."""
        self._open.append(record.sequence)
        self.bytes_read_ahead += record.size

    def passed_over(self, record: ShardRecord) -> None:
        """Note a record that no lane gets, because it was filtered out or done before a restart."""
        self._mark(record)
        self._advance()

    def done(self, records: Sequence[ShardRecord], lane: int) -> None:
        """Note a lane's next records as done: they are processed, or safe in the destination."""
        for record in records:
            self._mark(record)
        self._lanes[lane] = records[-1].sequence
        self._advance()

    def _mark(self, record: ShardRecord) -> None:
        self._done.add(record.sequence)
        self.bytes_read_ahead -= record.size

    def _advance(self) -> None:
        while self._open and self._open[0] in self._done:
            self._sequence = self._open.popleft()
            self._done.remove(self._sequence)

    def checkpoint(self, *, finished: bool = False) -> Checkpoint:
        """Return the place to go on from after a restart."""
        here = -1 if self._sequence is None else int(self._sequence)
        return Checkpoint(
            sequence=self._sequence,
            starting_at=self._starting_at,
            lanes={lane: sequence for lane, sequence in self._lanes.items() if int(sequence) > here},
            parallelization_factor=self._factor,
            finished=finished,
            shard_begins=self._shard_begins,
        )
