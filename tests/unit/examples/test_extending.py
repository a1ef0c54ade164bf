"""The tutorial's snippets, put together, are exactly the example's files."""

from pathlib import Path

from tests import tutorial

EXAMPLES = tutorial.ROOT / "examples"


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.suffix in (".py", ".sql"))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_the_steps_build_the_example(tmp_path: Path) -> None:
    tutorial.follow(tmp_path, tutorial.STEPS)
    assert files(tmp_path / "library_loans") == files(EXAMPLES / "library_loans")


def test_what_the_tutorial_shows_of_the_other_example_is_in_it() -> None:
    [shown] = (block for block in tutorial.blocks() if block.file.startswith("examples/"))
    assert shown.text in (tutorial.ROOT / shown.file).read_text()


def test_each_step_ends_in_something_that_runs() -> None:
    steps = {block.section for block in tutorial.blocks() if block.section[0].isdigit()}
    assert len(steps) == 5
    for step in steps:
        *_, last = (block for block in tutorial.blocks() if block.section == step)
        assert last.language == "sh"


def test_every_snippet_is_a_file_a_change_or_commands() -> None:
    assert {block.language for block in tutorial.blocks()} == {"python", "sql", "json", "toml", "diff", "sh"}
    assert all(bool(block.file) != (block.language == "sh") for block in tutorial.blocks())
