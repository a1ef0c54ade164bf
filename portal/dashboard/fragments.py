"""Small pieces of HTML that cells are made of, from one template file."""

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from portal.dashboard.shapes import Sparkline
from processor.insight.answers import Reason


class Fragments:
    """The macros of ``fragments.html``. They escape whatever they are given."""

    def __init__(self, environment: Environment) -> None:
        self._macros: Any = environment.get_template("fragments.html").module

    def link(self, page: str, key: str, text: str) -> Markup:
        """Return a link to a page about one thing."""
        return Markup(self._macros.link(page, key, text))  # noqa: S704 - made by a template that escapes

    def level(self, level: str) -> Markup:
        """Return a level as a word and a shape."""
        return Markup(self._macros.level(level))  # noqa: S704 - as above

    def attention(self, high: int, elevated: int, risen: int, followed_up: int) -> Markup:
        """Return how many need attention, by level, and how many of them somebody talked to."""
        return Markup(self._macros.attention(high, elevated, risen, followed_up))  # noqa: S704 - as above

    def reasons(self, reasons: Sequence[Reason]) -> Markup:
        """Return reasons as a list."""
        return Markup(self._macros.reasons(reasons))  # noqa: S704 - as above

    def with_sparkline(self, said: str, line: Sparkline | None) -> Markup:
        """Return words with a small line beside them."""
        return Markup(self._macros.with_sparkline(said, line))  # noqa: S704 - as above

    def talk(self, who: str, note: str) -> Markup:
        """Return who talked to a student, and what was noted."""
        return Markup(self._macros.talk(who, note))  # noqa: S704 - as above

    def alarm(self, said: str) -> Markup:
        """Return an alarm's state as a word and a shape."""
        return Markup(self._macros.alarm(said))  # noqa: S704 - as above

    def code(self, text: str) -> Markup:
        """Return words in which everything between back quotes is code."""
        return Markup(self._macros.code(text.split("`")))  # noqa: S704 - as above
