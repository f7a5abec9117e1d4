#!/usr/bin/env python3
"""Makes the PNG beside an SVG, which Word needs: `python docs/render.py docs/c11/chaine.svg`. Needs Chromium."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

KEY = b"svg-sha256"
"""The PNG says in a text chunk which SVG it shows, so that a test can tell a stale one."""
SCALE = 2
FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars"


def render(svg: Path) -> None:
    """Write the PNG, twice as large as the view box."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg.read_text(encoding="utf-8"))
    assert found, "the SVG has a view box that begins at 0 0"
    png = svg.with_suffix(".png")
    with tempfile.TemporaryDirectory() as profile:
        page = Path(profile) / "page.html"
        page.write_text(f'<body style="margin:0"><img src="{svg.resolve().as_uri()}" width={found[1]}>')
        options = (
            f"--user-data-dir={profile}",
            f"--screenshot={png.resolve()}",
            f"--window-size={found[1]},{found[2]}",
        )
        scale = f"--force-device-scale-factor={SCALE}"
        subprocess.run(["chromium", *FLAGS.split(), *options, scale, page.as_uri()], check=True, capture_output=True)
    png.write_bytes(marked(png.read_bytes(), digest(svg)))


def digest(svg: Path) -> bytes:
    return hashlib.sha256(svg.read_bytes()).hexdigest().encode()


def marked(png: bytes, value: bytes) -> bytes:
    """The PNG with one text chunk behind its header, which ends at byte 33."""
    data = b"tEXt" + KEY + b"\0" + value
    return png[:33] + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data)) + png[33:]


def shown(png: bytes) -> bytes | None:
    """Which SVG a PNG says it shows."""
    found = re.search(KEY + rb"\0([0-9a-f]{64})", png[:200])
    return found[1] if found else None


if __name__ == "__main__":
    for name in sys.argv[1:]:
        render(Path(name))
