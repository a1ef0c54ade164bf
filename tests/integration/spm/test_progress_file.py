import os
from pathlib import Path

import pytest

from spm.errors import InputError
from spm.publishing.progress import ProgressFile


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n")
    return file


def test_a_position_is_found_again_by_file_and_stream(source: Path) -> None:
    ProgressFile(source, "stream-a").write(42)
    assert ProgressFile(source, "stream-a").read() == 42
    assert ProgressFile(source, "stream-b").read() == 0


def test_a_file_that_changed_starts_again(source: Path) -> None:
    ProgressFile(source, "stream").write(42)
    source.write_text("{}\n{}\n")
    assert ProgressFile(source, "stream").read() == 0
    os.utime(source, (1, 1))
    assert ProgressFile(source, "stream").read() == 0


def test_another_map_starts_again(source: Path, tmp_path: Path) -> None:
    map_file = tmp_path / "map.toml"
    map_file.write_text('decimal = ","')
    ProgressFile(source, "stream", map_file).write(42)
    assert ProgressFile(source, "stream", map_file).read() == 42
    assert ProgressFile(source, "stream").read() == 0
    map_file.write_text('decimal = "."')
    assert ProgressFile(source, "stream", map_file).read() == 0


def test_a_finished_file_is_forgotten(source: Path) -> None:
    progress = ProgressFile(source, "stream")
    progress.write(1)
    progress.remove()
    assert progress.read() == 0
    progress.remove()


def test_a_broken_state_file_says_what_to_do(source: Path, tmp_path: Path) -> None:
    ProgressFile(source, "stream").write(1)
    (kept,) = (tmp_path / "state" / "spm").iterdir()
    kept.write_text("nonsense")
    with pytest.raises(InputError, match="remove it to publish from the beginning"):
        ProgressFile(source, "stream").read()
