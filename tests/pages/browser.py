"""What a Chromium that is there sees on pages: `look.mjs`, with what npm installs beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from required import skip_or_fail

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("TESTS_CACHE") or HERE.parents[1] / ".cache") / "pages"
INSTALL_WITHIN_S = 300
PAGE_WITHIN_S = 60
"""Six seconds on an idle machine, for four looks at one page."""


@dataclass(frozen=True)
class Seen:
    """One page as the browser saw it."""

    address: str
    violations: Sequence[dict[str, Any]]
    """Of axe-core: in the light theme, in the dark one, and at 320 pixels."""
    narrow: dict[str, Any]
    """At 320 pixels: by how much the page scrolls sideways, and what is too wide."""
    tabs: Sequence[dict[str, Any]]
    """What the Tab key reaches, in its order."""
    pdfBytes: int
    requests: Sequence[str]
    """All that the page has asked for, itself among them."""


def look(pages: Sequence[Path]) -> list[Seen]:
    """Open each of these files."""
    chromium, node, npm = (shutil.which(name) for name in ("chromium", "node", "npm"))
    if not (chromium and node and npm):
        skip_or_fail("needs chromium, nodejs and npm, which Debian has")
    assert chromium and node and npm
    ended = subprocess.run(
        [node, "look.mjs", chromium],
        cwd=_installed(npm),
        input=json.dumps([page.absolute().as_uri() for page in pages]),
        capture_output=True,
        text=True,
        timeout=PAGE_WITHIN_S * len(pages),
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return [Seen(**page) for page in json.loads(ended.stdout)]


def _installed(npm: str) -> Path:
    """The folder of the script and the packages that it uses, pinned by package-lock.json."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock, kept = HERE / "package-lock.json", CACHE / "package-lock.json"
    fresh = kept.exists() and kept.read_bytes() == lock.read_bytes() and (CACHE / "node_modules").is_dir()
    for name in ("package.json", ".npmrc", "look.mjs"):
        shutil.copy(HERE / name, CACHE / name)
    if not fresh:
        shutil.copy(lock, CACHE / "package-lock.json.new")
        kept.unlink(missing_ok=True)
        (CACHE / "package-lock.json.new").rename(kept)
        subprocess.run([npm, "ci", "--silent"], cwd=CACHE, check=True, timeout=INSTALL_WITHIN_S)
    return CACHE
