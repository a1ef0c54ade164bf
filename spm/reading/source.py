"""Opens and unpacks the bytes of a file or a pipe, and finds out the encoding of their text."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from spm.errors import InputError

STDIN: Final = Path("-")
CHUNK: Final = 1 << 16
GZIP_MAGIC: Final = b"\x1f\x8b"
BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Content = io.BufferedReader | gzip.GzipFile


@contextmanager
def opened(file: Path) -> Iterator[io.BufferedReader]:
    """Open the file, or take standard input for ``-``. Raise InputError if it cannot be read."""
    try:
        raw = io.FileIO(0, closefd=False) if file == STDIN else io.FileIO(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    source: io.BufferedReader = io.BufferedReader(raw, CHUNK)
    with source:
        yield source


def unpacked(source: io.BufferedReader) -> Content:
    """Return what reads the content, also of gzip. Reading may raise what ``told_if_broken`` handles."""
    return gzip.GzipFile(fileobj=source) if source.peek(2)[:2] == GZIP_MAGIC else source


@contextmanager
def told_if_broken() -> Iterator[None]:
    """Raise InputError if compressed bytes or text are broken."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"the compressed file is broken: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file is not entirely {error.encoding} text ({error.reason}): save it as UTF-8"
        ) from error


def encoding_of(source: io.BufferedReader, content: Content) -> str:
    """Find out the encoding by a byte order mark, NUL bytes, or strict UTF-8. Otherwise it is Windows-1252.

    A file is read once from end to end for this, and its position stays. Of a pipe only the start is seen.
    """
    start = content.peek(CHUNK)
    if (marked := _by_first_bytes(start)) is not None:
        return marked
    if not source.seekable():
        return "utf-8" if _is_utf8(iter([start]), whole=False) else "windows-1252"
    position = content.tell()
    chunks = iter(lambda: content.read(1 << 20), b"")
    found = "utf-8" if _is_utf8(chunks, whole=True) else "windows-1252"
    content.seek(position)
    return found


def marked_encoding_of(content: Content) -> str:
    """Return the encoding that the first bytes show. Otherwise it is UTF-8, which JSON must be (RFC 8259)."""
    return _by_first_bytes(content.peek(CHUNK)) or "utf-8"


def as_text(content: Content, encoding: str) -> io.TextIOWrapper:
    """Return the text with its line ends. Bytes that are not text are kept too, for validation to name."""
    errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
    return io.TextIOWrapper(content, encoding=encoding, errors=errors, newline="")


def _by_first_bytes(start: bytes) -> str | None:
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    # In UTF-16, text of the Latin alphabet has a zero in each pair of bytes.
    sample = start[:400]
    zeros = (sample[0::2].count(0), sample[1::2].count(0))
    if max(zeros) > len(sample) // 4:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def _is_utf8(chunks: Iterator[bytes], *, whole: bool) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
        decoder.decode(b"", final=whole)
    except UnicodeDecodeError:
        return False
    return True
