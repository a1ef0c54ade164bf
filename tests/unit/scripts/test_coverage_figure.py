import pytest

from scripts.coverage_figure import PAGE, enough, figure, written

TOTALS = {"percent_statements_covered": 97.749, "percent_branches_covered": 95.04}
FIGURE = "The tests of `processor/` run 97.7 % of the lines and 95.0 % of the branches."


def test_the_figure_takes_the_place_of_the_one_before() -> None:
    before = "# A\n<!-- coverage: begin -->\n90 %, say\n<!-- coverage: end -->\nB\n"
    assert written(before, figure(TOTALS)) == before.replace("90 %, say", FIGURE)


def test_the_page_has_a_place_for_it() -> None:
    assert FIGURE in written(PAGE.read_text(), FIGURE)
    with pytest.raises(ValueError, match="no place for the coverage"):
        written("# A\n", FIGURE)


def test_too_few_branches_are_too_little_whatever_the_lines() -> None:
    assert enough(TOTALS)
    assert not enough({**TOTALS, "percent_branches_covered": 94.9})
    assert not enough({**TOTALS, "percent_statements_covered": 94.9})
