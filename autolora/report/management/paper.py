"""A page as PDF, by weasyprint, which is an optional part. Knows HTML alone."""

from __future__ import annotations

from autolora.errors import RequestError


def as_pdf(html: str) -> bytes:
    """Return a page as a PDF file.

    Raises:
        RequestError: If weasyprint, or a library of the system that it needs, is not there.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: Pango is missing
        raise RequestError(
            f"a PDF needs weasyprint, which could not be loaded: {str(error).splitlines()[0]}",
            "install autolora[pdf] and the system's Pango library, or print the HTML page from a browser",
        ) from error
    made: bytes = HTML(string=html).write_pdf()
    return made
