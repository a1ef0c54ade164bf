import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from portal.dashboard.tables import Cell, Heading, PageTable, Value

HEADINGS = (Heading("name", "Name"), Heading("points", "Points", is_number=True))


def table(*rows: tuple[str, Value]) -> PageTable:
    return PageTable(
        "points", "Points", HEADINGS, [(name, [Cell(name, name), Cell(n, str(n))]) for name, n in rows]
    )


def names(one: PageTable) -> list[str]:
    return [key for key, _ in one.rows]


def test_rows_are_sorted_either_way_and_what_is_missing_comes_last() -> None:
    some = table(("Ben", 2), ("ada", 3), ("Zoe", None))
    assert names(some.sorted("points")) == ["Ben", "ada", "Zoe"]
    assert names(some.sorted("-points")) == ["ada", "Ben", "Zoe"]
    assert names(some.sorted("name")) == ["ada", "Ben", "Zoe"]


def test_an_unknown_column_changes_nothing() -> None:
    some = table(("Ben", 2), ("ada", 3))
    assert some.sorted("-nothing") == some


def test_a_click_asks_for_the_highest_first_and_then_the_other_way() -> None:
    some = table(("Ben", 2))
    name, points = HEADINGS
    assert some.next_sort(points) == "-points"
    assert some.sorted("-points").next_sort(points) == "points"
    assert some.next_sort(name) == "name"
    assert some.sorted("name").direction(name) == "ascending"


def test_a_formula_stays_text_in_a_spreadsheet() -> None:
    assert table(("=HYPERLINK(1)", -3)).csv() == "Name,Points\r\n'=HYPERLINK(1),-3\r\n"


@given(
    st.lists(st.tuples(st.text(st.characters(blacklist_categories=("Cs", "Cc"))), st.integers() | st.none()))
)
def test_csv_holds_every_row(rows: list[tuple[str, int | None]]) -> None:
    read = list(csv.reader(io.StringIO(table(*rows).csv())))
    assert len(read) == len(rows) + 1
    assert [line[0].removeprefix("'") for line in read[1:]] == [name.removeprefix("'") for name, _ in rows]
