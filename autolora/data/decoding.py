"""From a file to its text: packed or not, in which encoding, found or given, and told. Knows no tables.

In this order: the encoding that was given; a byte-order mark; UTF-16 without one; UTF-8; the Japanese encodings, told
apart by what they read as. A file may be larger than memory: it is read through for its encoding, then again for its
lines. Nothing is guessed, replaced or left out: what cannot be read to the last byte is refused.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from autolora.errors import DataError
from autolora.records import Finding

_MARKS = (  # the longer first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JAPANESE = ("cp932", "euc_jis_2004")
_NAMES = {"cp932": "Shift_JIS (cp932)", "euc_jis_2004": "EUC-JP"}
_OTHERS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "gb18030", "big5", "cp949")
"""What a file in another encoding is usually in; suggested, never taken."""
_PLAUSIBLE, _LEAST_KANA = 0.6, 0.1
"""Least shares of ordinary Japanese characters, and of kana alone, among those that are not ASCII, for a Japanese
encoding to be taken. Chinese and Korean read as EUC-JP are kanji without kana; EUC-JP read as Shift_JIS is mostly
half-width kana."""
_LOOKED_AT = 200_000
"""Characters, or bytes, from which an encoding is judged."""
_GUESSED_FROM = 1_000_000
_PIECE_BYTES = 1 << 20
"""Bytes of a file that are looked at together."""


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A text file whose encoding is known, and which was read to its last byte once."""

    path: Path
    encoding: str
    """A name that Python knows."""
    start: int = 0
    """Bytes before the text: those of a byte-order mark."""
    finding: Finding | None = None
    """What a person should know of its encoding; None for UTF-8."""

    def lines(self) -> Iterator[str]:
        """Yield the lines as they stand, with what ends them: a line feed, a carriage return, or both.

        Raises:
            DataError: If the file is no longer what it was.
        """
        with _opened(self.path) as file:
            file.seek(self.start)
            try:
                for number, line in enumerate(io.TextIOWrapper(file, self.encoding, newline="")):
                    yield line if number else line.removeprefix("\ufeff")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{self.path.name} has changed while it was read", "wait until nobody writes to it"
                ) from error


class _Seen(NamedTuple):
    """What a look at every character of a text has shown."""

    head: str
    """Its first characters."""
    newlines: int
    is_blank: bool
    nul_line: int | None
    """The line of the first NUL character."""


def open_text(path: Path, encoding: str | None = None) -> TextFile:
    """Return a file as text, unpacked if its name ends in ``.gz``, without a byte-order mark.

    Args:
        path: The file.
        encoding: Its encoding, for files whose own cannot be found; a name that Python knows.

    Raises:
        DataError: If it cannot be opened or unpacked, is empty, or holds bytes that its encoding lacks.
    """
    file, seen = _given(path, encoding) if encoding is not None else _found(path)
    if seen.is_blank:
        raise DataError(f"{path.name} is empty", "give a file with a header and rows of text and label", code="empty")
    if seen.nul_line is not None:
        raise DataError(
            f"{path.name} holds a NUL character on line {seen.nul_line}, which no text has",
            "export the file again: it is damaged, or no text file",
            code="damaged",
        )
    return file


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked; what goes wrong while it is read is said in one way."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} cannot be unpacked: {error}", "pack the file again", code="damaged") from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", "check its permissions") from error


def _pieces(path: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` on, some at a time."""
    with _opened(path) as file:
        file.seek(start)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _first_bytes(path: Path, count: int) -> bytes:
    with _opened(path) as file:
        return file.read(count)


def _look(path: Path, encoding: str, start: int = 0) -> _Seen:
    """Decode a file to its end and return what was seen.

    Raises:
        UnicodeDecodeError: At the first byte that cannot be read; its ``start`` counts from the beginning of the file.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    head, newlines, is_blank, nul_line = "", 0, True, None
    offset = start
    for piece in chain(_pieces(path, start), [b""]):
        offset += len(piece)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            error.start += offset - len(error.object)  # it counts in the last bytes, those kept from before included
            raise
        head += text[: _LOOKED_AT - len(head)]
        is_blank = is_blank and not text.removeprefix("\ufeff").strip()
        if nul_line is None and (place := text.find("\0")) >= 0:
            nul_line = newlines + text.count("\n", 0, place) + 1
        newlines += text.count("\n")
    return _Seen(head.removeprefix("\ufeff"), newlines, is_blank, nul_line)


def _given(path: Path, encoding: str) -> tuple[TextFile, _Seen]:
    """Return the text in the encoding that the user named.

    Raises:
        DataError: If Python knows none of that name, or the file holds bytes that it lacks.
    """
    try:
        known = codecs.lookup(encoding)
    except LookupError:
        known = None
    if known is None or not getattr(known, "_is_text_encoding", True) or known.incrementaldecoder is None:
        raise DataError(
            f"there is no encoding {encoding!r}", "for example utf-8, cp932 (Shift_JIS), euc_jp, cp1252 or utf-16"
        )
    try:
        return TextFile(path=path, encoding=known.name), _look(path, known.name)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not {encoding}: {_place(path, error.start)} cannot be read",
            "leave the encoding out to have it found, or give another one",
        ) from error


def _found(path: Path) -> tuple[TextFile, _Seen]:
    """Return the text in the encoding that the bytes themselves point to."""
    first = _first_bytes(path, _LOOKED_AT)
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return _marked(path, len(mark), encoding)
    if b"\0" in first and (found := _utf_16_without_mark(path)):
        return found
    try:
        return TextFile(path=path, encoding="utf-8"), _look(path, "utf-8")
    except UnicodeDecodeError as error:
        first_bad = error.start
    _refuse_mixed(path)
    if found := _japanese(path):
        return found
    # A guess among the others would read the file to its end and be wrong now and then, unseen: it is for the user.
    likely = " or ".join(_guesses(path)[:2])
    raise DataError(
        f"{path.name} is not UTF-8, and its encoding cannot be told: {_place(path, first_bad)} cannot be read",
        "save it as UTF-8 (in a spreadsheet 'CSV UTF-8'), or give its --encoding"
        + (f", which may be {likely}" if likely else ""),
        code="unknown_encoding",
    )


def _told_file(path: Path, encoding: str, start: int = 0) -> TextFile:
    """Return a file in another encoding than UTF-8, which a person is told."""
    return TextFile(path=path, encoding=encoding, start=start, finding=_told(path.name, encoding))


def _marked(path: Path, start: int, encoding: str) -> tuple[TextFile, _Seen]:
    try:
        seen = _look(path, encoding, start)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} begins with the mark of {_name(encoding)}, but {_place(path, error.start)} cannot be read",
            "the file is damaged or cut off; export it again",
            code="damaged",
        ) from error
    if encoding == "utf-8":
        return TextFile(path=path, encoding=encoding, start=start), seen
    return _told_file(path, encoding, start), seen


def _utf_16_without_mark(path: Path) -> tuple[TextFile, _Seen] | None:
    """Return the text if every second byte fits UTF-16 text: letters and line breaks, nothing unprintable."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            seen = _look(path, encoding)
        except UnicodeDecodeError:
            continue
        if seen.newlines and all(letter.isprintable() or letter in "\t\r\n\u3000" for letter in seen.head):
            return _told_file(path, encoding), seen
    return None


def _refuse_mixed(path: Path) -> None:
    """Refuse a file some of whose lines are clearly UTF-8 while others are not.

    Text in another encoding that happens to be UTF-8 with several characters on a line is rare enough to be an error.
    """
    utf_8 = other = 0
    with _opened(path) as file:
        for number, line in enumerate((line for part in file for line in part.splitlines()), start=1):
            if line.isascii():
                continue
            try:
                letters = sum(letter > "\x7f" for letter in line.decode("utf-8"))
            except UnicodeDecodeError:
                other = other or number
            else:
                utf_8 = utf_8 or (number if letters > 1 else 0)
            if utf_8 and other:
                raise DataError(
                    f"{path.name} mixes encodings: line {utf_8} is UTF-8, and line {other} is not",
                    "convert the file to UTF-8 as a whole, or take the rows from one source",
                    code="mixed_encodings",
                )


def _japanese(path: Path) -> tuple[TextFile, _Seen] | None:
    """Return the text in the Japanese encoding that reads best, None where neither reads like Japanese."""
    best, found = 0.0, None
    for encoding in _JAPANESE:
        try:
            seen = _look(path, encoding)
        except UnicodeDecodeError:
            continue
        ordinary, kana = _japanese_shares(seen.head)
        if ordinary >= _PLAUSIBLE and kana >= _LEAST_KANA and ordinary > best:
            best, found = ordinary, (_told_file(path, encoding), seen)
    return found


def _japanese_shares(text: str) -> tuple[float, float]:
    """Return the shares of (kana, kanji and wide forms; kana) among the characters that are not ASCII."""
    letters = [letter for letter in text if letter > "\x7f"]
    kana = sum("\u3040" <= letter <= "\u30ff" for letter in letters)
    others = sum(
        "\u3000" <= letter <= "\u303f" or "\u4e00" <= letter <= "\u9fff" or "\uff01" <= letter <= "\uff60"
        for letter in letters
    )
    count = max(len(letters), 1)
    return (kana + others) / count, kana / count


def _guesses(path: Path) -> list[str]:
    """Return the encodings that charset-normalizer finds likely, most likely first."""
    from charset_normalizer import from_bytes

    return [match.encoding for match in from_bytes(_first_bytes(path, _GUESSED_FROM), cp_isolation=list(_OTHERS))]


def _told(name: str, encoding: str) -> Finding:
    message = f"{name} was read as {_name(encoding)}, not as UTF-8."
    return Finding(code="encoding", severity="note", message=message)


def _name(encoding: str) -> str:
    return _NAMES.get(encoding, encoding.upper().replace("_", "-"))


def _place(path: Path, offset: int) -> str:
    """Return where a byte stands: ``byte 12 (0xe9, on line 2)``."""
    line, before = 1, 0
    for piece in _pieces(path):
        if offset < before + len(piece):
            line += piece.count(b"\n", 0, offset - before)
            return f"byte {offset} (0x{piece[offset - before]:02x}, on line {line})"
        line, before = line + piece.count(b"\n"), before + len(piece)
    return f"byte {offset} (on line {line})"
