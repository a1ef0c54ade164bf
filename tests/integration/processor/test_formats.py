"""PostgreSQL stores whatever the decoders of docs/formats.md let through."""

import json
from collections.abc import Iterator
from itertools import count, product
from uuid import UUID

from processor.records.formats import wrapping
from processor.records.formats.event import Sender
from tests.integration.processor.world import World, event, record
from tests.unit.processor.formats.test_hostile import DOCUMENTS, places, replaced

VALUES: list[object] = [
    None,
    True,
    0,
    -1.5,
    10**300,
    1e308,
    "",
    "x" * 60,
    "0002-01-01T00:00:00.000+14:00",
    "9998-12-31T23:59:60.000-12:00",
    "0002-01-01T00:00:00.000Z",
    "9998-12-31T23:59:60.000Z",
    "line\nbreak\u2028\U0001f600\x1b\x7f",
    [],
    {},
    [[None]],
    {"a": {"b": "\\u0000"}},
]


def variants() -> Iterator[bytes]:
    """Yield every document with every value in every place, each under its own identity."""
    numbers = count(1)
    for form, document in DOCUMENTS.items():
        for place, value in product(places(document), VALUES):
            changed = replaced(document, place, value)
            if isinstance(changed.get("id"), str):
                begin = "urn:uuid:" if form.startswith("caliper") else ""
                changed = {**changed, "id": f"{begin}{UUID(int=next(numbers))}"}
            original = json.dumps(changed, ensure_ascii=len(place) % 2 == 0).encode()
            yield wrapping.wrap(form, Sender("school"), original)


async def test_whatever_a_decoder_lets_through_is_stored(world: World) -> None:
    data = [*variants(), event(1)]
    outcome = await world.deliver([record(number, item) for number, item in enumerate(data)])
    saved = outcome.saved
    assert outcome.first_deferred is None
    assert saved.stored + saved.duplicates + sum(saved.rejected.values()) == len(data)
    assert saved.stored > len(data) / 4
    assert len(saved.rejected) > 2
    assert not {"not_storable", "decoder_failed"} & saved.rejected.keys()


async def test_a_document_sent_again_is_stored_once(world: World) -> None:
    data = [
        wrapping.wrap(form, Sender("school"), json.dumps(DOCUMENTS[form]).encode())
        for form in ("xapi/1.0.3", "canvas")
    ]
    for begin in (0, 10):
        await world.deliver([record(begin + number, item) for number, item in enumerate(data)])
    rows = await world.owner.fetch(
        "SELECT score, metadata->>'max_score', metadata ?& ARRAY['course', 'assessment', 'original']"
        " FROM student_performance ORDER BY sequence_number"
    )
    assert [tuple(row) for row in rows] == [(1, "2", True), (1, "2", False)]
