from __future__ import annotations

import re
import sys
import zlib

import pytest

from autolora.errors import RequestError
from autolora.report.management.paper import as_pdf
from tests.report.management.test_page import page
from tests.report.management.test_proposal import page as proposal

pytestmark = pytest.mark.unit

A4_POINTS = (595, 842)


def has_weasyprint() -> bool:
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


@pytest.mark.skipif(not has_weasyprint(), reason="no weasyprint, or no Pango")
@pytest.mark.parametrize("made", [page, proposal], ids=["management", "proposal"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_page_is_a_pdf_of_at_most_three_a4_pages(made, language) -> None:
    content = as_pdf(made(language))

    assert content.startswith(b"%PDF-")
    objects = b"".join(map(zlib.decompress, re.findall(rb"/ObjStm.*?stream\n(.*?)\nendstream", content, re.DOTALL)))
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content + objects)
    assert 1 <= len(sizes) <= 3
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {A4_POINTS}


def test_without_weasyprint_it_is_said_what_to_install_or_to_do_instead(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)

    with pytest.raises(RequestError) as caught:
        as_pdf("<p>")
    assert "a PDF needs weasyprint" in caught.value.message
    assert "autolora[pdf]" in caught.value.hint
    assert "print the HTML page" in caught.value.hint
