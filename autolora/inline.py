"""What pages that ask nothing of any network are made of: templates that escape, JSON that no text breaks out of, and
scripts by their hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup


def json_block(value: object) -> Markup:
    """Return JSON that can stand inside a script element, whatever texts it holds."""
    plain = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        plain = plain.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(plain)


def script_hash(script: str) -> Markup:
    """Return a script's name in a content security policy."""
    return Markup("'sha256-{}'").format(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())


@cache
def asset(package: str, folder: str, name: str) -> str:
    """Return a text file that comes with a package."""
    return resources.files(package).joinpath(folder, name).read_text(encoding="utf-8")


def environment(package: str) -> jinja2.Environment:
    """Return what renders a package's templates: everything from outside is escaped, and nothing may be missing."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
