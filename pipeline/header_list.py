"""The format of OTEL_EXPORTER_OTLP_HEADERS: `name=value,name=value`."""

from __future__ import annotations

import re
from urllib.parse import unquote

_HEADER = re.compile(r"[!#$&'*+.^_`|~0-9A-Za-z-]+ *=(?:[ !-$&-+\--~]|%[2-7][0-9A-Fa-f])*")
"""A token of RFC 9110, then a value of visible ASCII with all other characters and the comma as %XX."""


def check_headers(text: str) -> str:
    """Return the list. Raises ValueError, without any value, where the SDK would show a malformed one in a warning."""
    if not all(_HEADER.fullmatch(one.strip()) for one in text.split(",")):
        raise ValueError(
            "is not name=value,name=value; write special characters in a value as %XX, such as %2C for a comma"
        )
    return text


def parse_headers(text: str) -> dict[str, str]:
    """Name → value; decodes %XX and skips items without a value."""
    parts = (part.partition("=") for part in text.split(","))
    return {name.strip(): unquote(value.strip()) for name, _, value in parts if value}
