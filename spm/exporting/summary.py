"""One page that tells a student what is kept about them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spm.terminal.console import counted

Rows = Sequence[Mapping[str, Any]]


def summary(student: str, tables: Mapping[str, Rows]) -> str:
    """Return the text; ``tables`` has, by the table's name, rows with values that a person can read."""
    names = [row["display_name"] for row in tables.get("person", ())]
    title = f"What is kept about {student}" + (f", {names[0]}" if names else "")
    chapters = {
        "Courses": _courses(tables),
        "Work": _work(tables.get("student_assessment", ())),
        "Do you seem to need help?": _risk(tables.get("risk", ())),
        "Conversations": _conversations(tables.get("follow_up", ())),
        "Who looked": _looks(tables.get("access_log", ())),
    }
    text = [title, "=" * len(title), ""]
    for heading, lines in chapters.items():
        text += [heading, "-" * len(heading), *(list(lines) or ["Nothing is noted."]), ""]
    return "\n".join(text)


def _courses(tables: Mapping[str, Rows]) -> Iterator[str]:
    enrolled = {row["course"]: row for row in tables.get("enrolment", ())}
    done: dict[str, Counter[str]] = {}
    for row in tables.get("student_course", ()):
        counts = done.setdefault(row["course"], Counter())
        counts.update({name: row[name] for name in ("events", "present", "late", "absent", "excused")})
    for course in sorted(enrolled.keys() | done.keys()):
        given = enrolled.get(course)
        yield f"{course or 'no course named'}" + (f", {given['title']}, as {given['role']}" if given else "")
        if course in done:
            counts = done[course]
            yield f"    recorded: {counted(counts['events'], 'time')}"
            if counts["present"] + counts["late"] + counts["absent"] + counts["excused"]:
                yield (
                    f"    lessons: {counts['present']:,} present, {counts['late']:,} late, "
                    f"{counts['absent']:,} absent, {counts['excused']:,} excused"
                )


def _work(results: Rows) -> Iterator[str]:
    """Yield the earliest time and the latest score of each piece of work, from all months."""
    pieces: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in results:
        pieces.setdefault((row["course"], row["assessment"]), []).append(row)
    for (course, assessment), rows in sorted(pieces.items()):
        scored = max(
            (row for row in rows if row["occurred_at"]), key=lambda row: str(row["occurred_at"]), default=None
        )
        score = "no score"
        if scored:
            of = f" of {scored['max_score']:g}" if scored["max_score"] else ""
            score = f"score {scored['score']:g}{of}"
        yield f"{course} {assessment}: handed in {min(row['handed_in_at'] for row in rows)}, {score}"


def _risk(risks: Rows) -> Iterator[str]:
    for row in risks:
        yield f"{row['course']}: {row['level']}, since {row['since']}"
        if row["reasons"]:
            yield f"    because: {row['reasons']}"


def _conversations(talks: Rows) -> Iterator[str]:
    for row in talks:
        yield f"{row['followed_up_at']}, {row['course']}, {row['who']}: {row['note']}"


def _looks(looks: Rows) -> Iterator[str]:
    times = Counter(str(row["who"]) for row in looks)
    last = {str(row["who"]): row["accessed_at"] for row in looks}
    for who, count in times.most_common():
        yield f"{who}: {counted(count, 'time')}, the last on {last[who]}"
