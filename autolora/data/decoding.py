"""From a file to its text: packed or not, in which encoding, found or given, and told. Knows no tables.

In this order: the encoding that was given; a byte-order mark; UTF-16 without one; UTF-8; the Japanese encodings, told
apart by what they read as. Nothing is guessed, replaced or left out: what cannot be read to the last byte is refused.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The text of a file."""

    text: str
    finding: Finding | None = None
    """What a person should know of its encoding; None for UTF-8."""


def read_text(path: Path, encoding: str | None = None) -> Decoded:
    """Return the text of a file, unpacked if its name ends in ``.gz``, without a byte-order mark.

    Args:
        path: The file.
        encoding: Its encoding, for files whose own cannot be found; a name that Python knows.

    Raises:
        DataError: If it cannot be opened or unpacked, is empty, or holds bytes that its encoding lacks.
    """
    raw = _bytes(path)
    decoded = _given(raw, path.name, encoding) if encoding is not None else _found(raw, path.name)
    if not decoded.text.strip():
        raise DataError(f"{path.name} is empty", "give a file with a header and rows of text and label")
    if (place := decoded.text.find("\0")) >= 0:
        line = decoded.text.count("\n", 0, place) + 1
        raise DataError(
            f"{path.name} holds a NUL character on line {line}, which no text has",
            "export the file again: it is damaged, or no text file",
        )
    return decoded


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix.lower() != ".gz":
            return path.read_bytes()
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} cannot be unpacked: {error}", "pack the file again") from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", "check its permissions") from error


def _given(raw: bytes, name: str, encoding: str) -> Decoded:
    """Return the text in the encoding that the user named.

    Raises:
        DataError: If Python knows none of that name, or the file holds bytes that it lacks.
    """
    try:
        known = codecs.lookup(encoding)
    except LookupError:
        known = None
    if known is None or not getattr(known, "_is_text_encoding", True):
        raise DataError(
            f"there is no encoding {encoding!r}", "for example utf-8, cp932 (Shift_JIS), euc_jp, cp1252 or utf-16"
        )
    try:
        return Decoded(text=raw.decode(known.name).removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not {encoding}: {_place(raw, error.start)} cannot be read",
            "leave the encoding out to have it found, or give another one",
        ) from error


def _found(raw: bytes, name: str) -> Decoded:
    """Return the text in the encoding that the bytes themselves point to."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _marked(raw, len(mark), encoding, name)
    if b"\0" in raw[:_LOOKED_AT] and (found := _utf_16_without_mark(raw)):
        return Decoded(text=found[0], finding=_told(name, found[1]))
    try:
        return Decoded(text=raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        first_bad = error.start
    _refuse_mixed(raw, name)
    if found := _japanese(raw):
        return Decoded(text=found[0], finding=_told(name, found[1]))
    # A guess among the others would read the file to its end and be wrong now and then, unseen: it is for the user.
    likely = " or ".join(_guesses(raw)[:2])
    raise DataError(
        f"{name} is not UTF-8, and its encoding cannot be told: {_place(raw, first_bad)} cannot be read",
        "save it as UTF-8 (in a spreadsheet 'CSV UTF-8'), or give its --encoding"
        + (f", which may be {likely}" if likely else ""),
    )


def _marked(raw: bytes, start: int, encoding: str, name: str) -> Decoded:
    try:
        text = raw[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} begins with the mark of {_name(encoding)}, but {_place(raw, start + error.start)} cannot be read",
            "the file is damaged or cut off; export it again",
        ) from error
    return Decoded(text=text, finding=None if encoding == "utf-8" else _told(name, encoding))


def _utf_16_without_mark(raw: bytes) -> tuple[str, str] | None:
    """Return text and encoding if every second byte fits UTF-16 text: letters and line breaks, nothing unprintable."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\n" in text and all(letter.isprintable() or letter in "\t\r\n\u3000" for letter in text[:_LOOKED_AT]):
            return text, encoding
    return None


def _refuse_mixed(raw: bytes, name: str) -> None:
    """Refuse a file some of whose lines are clearly UTF-8 while others are not.

    Text in another encoding that happens to be UTF-8 with several characters on a line is rare enough to be an error.
    """
    utf_8 = other = 0
    for number, line in enumerate(raw.splitlines(), start=1):
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
                f"{name} mixes encodings: line {utf_8} is UTF-8, and line {other} is not",
                "convert the file to UTF-8 as a whole, or take the rows from one source",
            )


def _japanese(raw: bytes) -> tuple[str, str] | None:
    """Return text and encoding of the Japanese encoding that reads best, None where neither reads like Japanese."""
    best: tuple[float, str, str] = (0.0, "", "")
    for encoding in _JAPANESE:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        ordinary, kana = _japanese_shares(text)
        if ordinary >= _PLAUSIBLE and kana >= _LEAST_KANA and ordinary > best[0]:
            best = (ordinary, text, encoding)
    return (best[1], best[2]) if best[2] else None


def _japanese_shares(text: str) -> tuple[float, float]:
    """Return the shares of (kana, kanji and wide forms; kana) among the characters that are not ASCII."""
    letters = [letter for letter in text[:_LOOKED_AT] if letter > "\x7f"]
    kana = sum("\u3040" <= letter <= "\u30ff" for letter in letters)
    others = sum(
        "\u3000" <= letter <= "\u303f" or "\u4e00" <= letter <= "\u9fff" or "\uff01" <= letter <= "\uff60"
        for letter in letters
    )
    count = max(len(letters), 1)
    return (kana + others) / count, kana / count


def _guesses(raw: bytes) -> list[str]:
    """Return the encodings that charset-normalizer finds likely, most likely first."""
    from charset_normalizer import from_bytes

    return [match.encoding for match in from_bytes(raw[:_GUESSED_FROM], cp_isolation=list(_OTHERS))]


def _told(name: str, encoding: str) -> Finding:
    message = f"{name} was read as {_name(encoding)}, not as UTF-8."
    return Finding(code="encoding", severity="note", message=message)


def _name(encoding: str) -> str:
    return _NAMES.get(encoding, encoding.upper().replace("_", "-"))


def _place(raw: bytes, offset: int) -> str:
    """Return where a byte stands: ``byte 12 (0xe9, on line 2)``."""
    line = raw.count(b"\n", 0, offset) + 1
    return f"byte {offset} (0x{raw[offset]:02x}, on line {line})"
