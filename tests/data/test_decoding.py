from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autolora.data.decoding import read_text
from autolora.errors import DataError

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]

JAPANESE = "text,label\n①髙橋様～のご注文が届きません,配送\n「領収書」をお願いします。㈱山田,経理\n"
WITHOUT_VENDOR_LETTERS = "text,label\n橋様のご注文が届きません,配送\n「領収書」をお願いします。,経理\n"
FRENCH = "text,label\nLe café était fermé hier soir, désolé pour la gêne,avis\n"


def refusal(path: str, encoding: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        read_text(Path(path), encoding)
    return caught.value


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with its mark"])
def test_utf_8_is_no_news(write: Write, mark: bytes) -> None:
    decoded = read_text(Path(write("a.csv", mark + JAPANESE.encode())))

    assert (decoded.text, decoded.finding) == (JAPANESE, None)


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
    decoded = read_text(Path(write("a.csv", text.encode(encoding))))

    assert decoded.text == text
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
    assert read_text(Path(path), encoding).text == text


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
