"""How a command finds the project that it runs for."""

from pathlib import Path

import pytest

from emulation import project


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two levels below the temporary one, in which the command runs."""
    folder = tmp_path / "school" / "notes"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_nearest_folder_with_a_table_is_the_project(folder: Path) -> None:
    (folder.parents[1] / "pyproject.toml").write_text('[tool.spm]\npipelines = ["loans"]\n')
    assert project.folder() == folder.parents[1]
    (folder.parent / "pyproject.toml").write_text("[tool.spm]\n")
    assert project.folder() == folder.parent
    (folder / "pyproject.toml").write_text("[tool.black]\n")
    assert project.folder() == folder.parent
    assert project.local() == folder.parent / ".local"


def test_a_broken_file_is_a_project_so_that_it_is_told(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.spm\n")
    assert project.folder() == folder


def test_without_one_it_is_the_checkout_and_otherwise_this_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.folder() == project.CHECKOUT
    monkeypatch.setattr(project, "CHECKOUT", folder.parents[1])
    assert project.folder() == folder
