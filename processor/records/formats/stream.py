"""The formats' entry for a pipeline. It is cheap to import, because most streams carry only native events."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processor.records.native import NativeColumns

_WRAPPED, _OF_CANVAS = b'{"format":"', b'{"attributes":{'
_BEGINNINGS: Final = (_WRAPPED, _OF_CANVAS)
_FORMATS: Final = tuple(_WRAPPED + name for name in (b"xapi/", b"caliper/", b"canvas", b'native"'))


def is_foreign(data: bytes) -> bool:
    """Tell a wrapped document, or a record of Canvas's own, from a native event by how it begins."""
    if not data.startswith(_BEGINNINGS):
        return False
    if data.startswith(_WRAPPED):
        return data.startswith(_FORMATS)
    return b'"event_name"' in data and b'"body"' in data


def parse(data: bytes, arrived_at: datetime) -> "NativeColumns":
    """Return the columns of a record that ``is_foreign``. Raise RejectRecord and nothing else."""
    from processor.records.formats import wrapping  # noqa: PLC0415  # a cold start does not pay for it

    return wrapping.parse(data, arrived_at)
