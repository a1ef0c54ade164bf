"""Remembers how far a file was published, so that an interrupted publish continues where it stopped."""

import hashlib
import json
import os
from pathlib import Path

from spm.errors import InputError


class ProgressFile:
    """The position in one input file on its way to one stream. It is removed when the file is done.

    It is kept under ``$XDG_STATE_HOME/spm`` (``~/.local/state/spm``). A file starts again if it or its
    ``map_file`` has changed. ``stream`` distinguishes a stream from an earlier one of the same name.
    """

    def __init__(self, source: Path, stream: str, map_file: Path | None = None) -> None:
        status = source.stat()
        mapped = hashlib.sha256(map_file.read_bytes()).hexdigest()[:24] if map_file else ""
        self._version = [status.st_size, status.st_mtime_ns, mapped]
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        key = hashlib.sha256(f"{source.resolve()}\0{stream}".encode()).hexdigest()[:24]
        self._file = state / "spm" / f"publish-{key}.json"

    def read(self) -> int:
        """Return how many records are already in the stream; 0 if there is nothing to continue."""
        try:
            kept = json.loads(self._file.read_text())
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise InputError(f"{self._file} is broken: remove it to publish from the beginning") from error
        return int(kept["position"]) if kept["version"] == self._version else 0

    def write(self, position: int) -> None:
        """Remember that everything up to ``position`` is in the stream."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({"version": self._version, "position": position}))
        draft.replace(self._file)

    def remove(self) -> None:
        """Forget the position, because the file is done."""
        self._file.unlink(missing_ok=True)
