import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.commands.query import Form, per_cent, print_rows
from spm.commands.tail import line
from spm.terminal import console

CLEARS_THE_SCREEN = "\x1b[2J\x9b31m\r\u202e"
WRITTEN_OUT = r"\x1b[2J\x9b31m\r\u202e"


@given(st.text())
def test_nothing_in_a_value_commands_the_terminal_or_ends_the_line(text: str) -> None:
    assert all(character.isprintable() or ord(character) > 0x9F for character in console.visible(text))
    assert "\n" not in console.visible(text)


@given(st.text(st.characters(exclude_categories=["C"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert console.visible(text) == text


def test_half_a_surrogate_pair_is_written_out() -> None:
    assert console.visible("a\ud800") == r"a\ud800"


def test_a_message_keeps_its_lines_and_its_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    console.out.print(f"[bold]root:x:0[/]\n\tlines {CLEARS_THE_SCREEN}", soft_wrap=True)
    assert capsys.readouterr().out.expandtabs() == f"[bold]root:x:0[/]\n        lines {WRITTEN_OUT}\n"


def test_tables_lines_and_details_show_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    event = {
        "occurred_at": "2026-01-01T00:00:00+00:00",
        "student_id": CLEARS_THE_SCREEN,
        "event_type": "x",
        "score": None,
        "metadata": {CLEARS_THE_SCREEN: [CLEARS_THE_SCREEN]},
    }
    assert line(event).count(r"\x1b[2J") == 2
    console.print_table(["a"], [[CLEARS_THE_SCREEN], [{"b": CLEARS_THE_SCREEN}]])
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(line(event) + capsys.readouterr().out)


@pytest.mark.parametrize(
    ("score", "shown"), [(9.25, "9.25"), (20.0, "20"), (0.1 + 0.2, "0.3"), (1234.5, "1,234.5"), (None, "")]
)
def test_a_score_is_shown_as_it_is(score: float | None, shown: str) -> None:
    assert console.exact(score) == shown


def test_csv_holds_objects_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["id", "metadata", "score"], [["s1", {"course": "Māori"}, None]], Form.CSV)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["id", "metadata", "score"], ["s1", '{"course": "Māori"}', ""]]


@pytest.mark.parametrize(
    ("score", "metadata", "expected"),
    [
        (None, {}, None),
        (91.5, {}, 91.5),
        (15, {"max_score": 20}, 75.0),
        (15, {"max_score": 0}, 15.0),
        (15, {"max_score": "twenty"}, 15.0),
    ],
)
def test_per_cent_is_of_the_maximum(
    score: float | None, metadata: dict[str, object], expected: float | None
) -> None:
    assert per_cent({"event_type": "quiz", "score": score, "metadata": metadata}) == expected


def test_csv_for_a_file_keeps_what_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["id"], [[CLEARS_THE_SCREEN]], Form.CSV)
    assert "\x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize(("count", "says"), [(0, "0 months"), (1, "1 month"), (1200, "1,200 months")])
def test_one_is_not_plural(count: int, says: str) -> None:
    assert console.counted(count, "month") == says
