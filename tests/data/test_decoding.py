from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from autolora.data import decoding
from autolora.data.decoding import TextFile, open_text
from autolora.errors import DataError

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]

JAPANESE = "text,label\n①髙橋様～のご注文が届きません,配送\n「領収書」をお願いします。㈱山田,経理\n"
WITHOUT_VENDOR_LETTERS = "text,label\n橋様のご注文が届きません,配送\n「領収書」をお願いします。,経理\n"
FRENCH = "text,label\nLe café était fermé hier soir, désolé pour la gêne,avis\n"


def text_of(file: TextFile) -> str:
    return "".join(file.lines())


def refusal(path: str, encoding: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        open_text(Path(path), encoding)
    return caught.value


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with its mark"])
def test_utf_8_is_no_news(write: Write, mark: bytes) -> None:
    decoded = open_text(Path(write("a.csv", mark + JAPANESE.encode())))

    assert (text_of(decoded), decoded.finding) == (JAPANESE, None)


@pytest.mark.parametrize(
    ("encoding", "text", "told"),
    [
        ("cp932", JAPANESE, "Shift_JIS (cp932)"),
        ("cp932", WITHOUT_VENDOR_LETTERS, "Shift_JIS (cp932)"),
        ("euc_jis_2004", WITHOUT_VENDOR_LETTERS, "EUC-JP"),
        ("euc_jp", WITHOUT_VENDOR_LETTERS, "EUC-JP"),
        ("utf-16", JAPANESE, "UTF-16-LE"),
        ("utf-16-le", JAPANESE, "UTF-16-LE"),
        ("utf-16-be", JAPANESE, "UTF-16-BE"),
        ("utf-16-le", "text,label\ngood,pos\n", "UTF-16-LE"),
        ("utf-32", FRENCH, "UTF-32-LE"),
    ],
)
def test_an_encoding_is_found_and_told(write: Write, encoding: str, text: str, told: str) -> None:
    decoded = open_text(Path(write("a.csv", text.encode(encoding))))

    assert text_of(decoded) == text
    assert decoded.finding is not None
    assert decoded.finding.message == f"a.csv was read as {told}, not as UTF-8."


@pytest.mark.parametrize(
    ("encoding", "text", "byte"),
    [
        ("cp1252", FRENCH, "byte 17 (0xe9, on line 2)"),
        ("gb18030", "text,label\n我想退货，因为这个产品坏了,a\n", "byte 11 (0xce, on line 2)"),
        ("cp949", "text,label\n배송이 너무 늦어요 환불해 주세요,a\n", "byte 11 (0xb9, on line 2)"),
        ("cp1251", "text,label\nЗаказ не пришёл, верните деньги,a\n", "byte 11 (0xc7, on line 2)"),
    ],
)
def test_an_encoding_that_only_a_guess_could_tell_must_be_named(
    write: Write, encoding: str, text: str, byte: str
) -> None:
    path = write("a.csv", text.encode(encoding))
    error = refusal(path)

    assert error.message == f"a.csv is not UTF-8, and its encoding cannot be told: {byte} cannot be read"
    assert encoding in error.hint
    assert text_of(open_text(Path(path), encoding)) == text


def test_a_file_in_two_encodings_is_refused_with_a_line_of_each(write: Write) -> None:
    rows = WITHOUT_VENDOR_LETTERS.splitlines(keepends=True)

    error = refusal(write("a.csv", "".join(rows[:2]).encode() + rows[2].encode("cp932")))

    assert error.message == "a.csv mixes encodings: line 2 is UTF-8, and line 3 is not"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,label\na\0b,pos\n", "a.csv holds a NUL character on line 2"),
        (b"\xff\xfet\0e\0x", "begins with the mark of UTF-16-LE, but byte 6 (0x78, on line 1) cannot be read"),
        (b"\xef\xbb\xbftext\xff", "begins with the mark of UTF-8, but byte 7 (0xff, on line 1) cannot be read"),
        ("a,b\n\ud83d".encode("utf-16-le", "surrogatepass"), "its encoding cannot be told: byte 9 (0xd8, on line 2)"),
        (b" \n\n", "a.csv is empty"),
        (b"", "a.csv is empty"),
    ],
    ids=["NUL", "half a letter", "damaged UTF-8", "lone surrogate", "blank", "empty"],
)
def test_a_damaged_file_is_refused_with_the_place(write: Write, content: bytes, message: str) -> None:
    assert message in refusal(write("a.csv", content)).message


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", ""])
def test_an_encoding_that_is_none_is_refused(write: Write, name: str) -> None:
    error = refusal(write("a.csv", "text,label\n"), name)

    assert error.message == f"there is no encoding {name!r}"
    assert "cp932" in error.hint


def test_a_given_encoding_must_fit_to_the_last_byte(write: Write) -> None:
    error = refusal(write("a.csv", FRENCH.encode("cp1252")), "utf-8")

    assert error.message == "a.csv is not utf-8: byte 17 (0xe9, on line 2) cannot be read"


PIECE = 7
"""So few bytes are looked at together that characters of every encoding stand across a border."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jis_2004", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_where_pieces_of_a_file_meet_makes_no_difference(
    write: Write, monkeypatch: pytest.MonkeyPatch, encoding: str, packed: bool
) -> None:
    monkeypatch.setattr(decoding, "_PIECE_BYTES", PIECE)
    raw = WITHOUT_VENDOR_LETTERS.encode(encoding)

    file = open_text(Path(write("a.csv.gz", gzip.compress(raw)) if packed else write("a.csv", raw)))

    assert text_of(file) == WITHOUT_VENDOR_LETTERS


@pytest.mark.parametrize(("place", "line"), [(23, 2), (29, 2), (35, 3)])
def test_a_bad_byte_is_found_in_whichever_piece_it_stands(
    write: Write, monkeypatch: pytest.MonkeyPatch, place: int, line: int
) -> None:
    monkeypatch.setattr(decoding, "_PIECE_BYTES", PIECE)
    raw = bytearray(("text,label\n" + "é" * 10 + "\nand more, of it\n").encode())
    raw[place] = 0xE9

    assert f"byte {place} (0xe9, on line {line}) cannot be read" in refusal(write("a.csv", bytes(raw)), "utf-8").message


def test_a_nul_character_is_found_in_whichever_piece_it_stands(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_PIECE_BYTES", PIECE)

    assert "NUL character on line 3" in refusal(write("a.csv", "text,label\none,a\nt\0wo,b\n")).message


def test_lines_keep_what_ends_them(write: Write) -> None:
    assert list(open_text(Path(write("a.csv", "a\rb\r\nc\n\u2028d\r"))).lines()) == ["a\r", "b\r\n", "c\n", "\u2028d\r"]


def test_a_file_that_changes_while_it_is_read_is_refused(write: Write) -> None:
    file = open_text(Path(write("a.csv", FRENCH)))
    write("a.csv", FRENCH.encode("cp1252"))

    with pytest.raises(DataError, match="has changed while it was read"):
        list(file.lines())
