"""What stands inside a page that asks nothing of any network: JSON that no text breaks out of, scripts by hash."""

from __future__ import annotations

import base64
import hashlib
import json

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
