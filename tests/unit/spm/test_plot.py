import pytest
from hypothesis import given
from hypothesis import strategies as st

from spm.terminal.plot import BARS, sparkline

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1, max_size=300), st.integers(1, 80))
def test_a_plot_is_as_wide_as_asked_at_most(values: list[float], width: int) -> None:
    plot = sparkline(values, width, 100)
    assert len(plot) == min(width, len(values))
    assert set(plot) <= set(BARS)


@pytest.mark.parametrize(
    ("values", "plot"),
    [([0, 100], "▁█"), ([97, 98, 97], "███"), ([], ""), ([50, 10, 30], "▅▂▃"), ([-5, 120], "▁█")],
)
def test_the_scale_is_that_of_the_scores(values: list[float], plot: str) -> None:
    assert sparkline(values, 60, 100) == plot
