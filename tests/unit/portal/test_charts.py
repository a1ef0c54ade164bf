from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.dashboard import charts

COUNTS = st.lists(st.integers(0, 100_000), min_size=10, max_size=10)


def test_a_bar_is_as_high_as_its_share_of_the_axis() -> None:
    chart = charts.histogram([0, 0, 0, 0, 0, 10, 20, 0, 0, 0], 65.0)
    ten, twenty = chart.marks[5], chart.marks[6]
    assert twenty.height == 2 * ten.height
    assert [tick.text for tick in chart.y] == ["0", "10", "20"]
    assert chart.line_text == "median 65"
    assert ten.title == "50 to 60 %: 10 students"


@given(COUNTS)
def test_bars_stay_between_the_top_and_the_floor(bins: list[int]) -> None:
    chart = charts.histogram(bins, None)
    for mark in chart.marks:
        assert charts.TOP <= mark.y <= chart.height - charts.BOTTOM
        assert mark.x >= charts.LEFT
        assert mark.x + mark.width <= charts.WIDTH - charts.RIGHT + 1e-6


def test_a_minute_is_named_by_its_time_and_large_numbers_fit_the_axis() -> None:
    now = datetime(2026, 11, 24, 9, 41, tzinfo=UTC)
    chart = charts.by_minute([0] * 58 + [42_000, 7], now, UTC)
    assert [mark.title for mark in chart.marks[-2:]] == ["09:40: 42,000 events", "09:41: 7 events"]
    assert [tick.text for tick in chart.x] == ["08:45", "09:00", "09:15", "09:30"]
    assert [tick.text for tick in chart.y] == ["0", "40 k", "80 k"]


@given(st.integers(0, 10**7))
def test_an_axis_holds_its_highest_value_and_is_not_much_longer(highest: int) -> None:
    assert highest <= charts.nice_top(highest) <= max(4, 2.5 * highest)


def test_the_busiest_hour_is_the_darkest() -> None:
    hours = [[0] * 24 for _ in range(7)]
    hours[1][19], hours[2][8] = 80, 1
    chart = charts.heat(hours)
    assert chart.marks[24 + 19].kind == "heat-5"
    assert chart.marks[2 * 24 + 8].kind == "heat-1"
    assert chart.marks[0].kind == "heat-0"
    assert chart.marks[24 + 19].title == "Tue 19:00: 80 events"


def test_scores_beyond_the_scale_are_drawn_at_its_end() -> None:
    chart = charts.scores(
        [
            charts.ComparedScore("A1", 140.0, 50.0, 60.0, 70.0),
            charts.ComparedScore("A2", None, None, None, None),
        ]
    )
    assert [mark.y for mark in chart.marks] == [charts.TOP]
    assert chart.marks[0].title == "A1: 140 %"


def test_a_level_goes_up_and_down_in_steps_with_follow_ups_on_it() -> None:
    begins, ends = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC)
    changes = [
        charts.Moment(begins, "high", "high"),
        charts.Moment(datetime(2026, 11, 6, tzinfo=UTC), "none", "none"),
    ]
    chart = charts.levels(changes, [charts.Moment(ends, "Called")], ends, UTC)
    assert chart is not None
    none, _, high = [tick.at for tick in chart.y]
    middle, right = (64 + 352) / 2, 352
    assert [(mark.x, mark.y) for mark in chart.marks] == [(64, high), (middle, none)]
    corners = [(64, none), (64, none), (64, high), (middle, high), (middle, none), (right, none)]
    assert chart.line == " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    assert [(mark.x, mark.title) for mark in chart.moments] == [(right, "Called")]
    assert [tick.text for tick in chart.x] == ["2 Nov", "4 Nov", "7 Nov", "9 Nov"]
    assert charts.levels([], [charts.Moment(ends, "Called")], ends, UTC) is None


@given(st.lists(st.tuples(st.integers(-100, 100), st.sampled_from(charts.LEVELS)), min_size=1))
def test_no_step_leaves_the_chart(changes: list[tuple[int, str]]) -> None:
    until = datetime(2026, 11, 11, tzinfo=UTC)
    moments = [charts.Moment(until + timedelta(days=day), "x", level) for day, level in sorted(changes)]
    chart = charts.levels(moments, moments, until, UTC)
    assert chart is not None
    for mark in (*chart.marks, *chart.moments):
        assert chart.left <= mark.x <= charts.WIDTH - charts.RIGHT
        assert charts.TOP <= mark.y <= chart.height - charts.BOTTOM


def test_one_value_does_not_make_a_line() -> None:
    assert charts.sparkline([1], 1) is None
    assert charts.sparkline([], 1) is None
    line = charts.sparkline([0, 1], 1)
    assert line is not None
    assert (line.last_x, line.last_y) == (70, 2)
