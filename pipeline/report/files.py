"""Where reports lie, and which of them go with the words of a verbatim."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.report.facts import Facts
from pipeline.store import Store

HEAD_BYTES = 65_536
"""Where a page says which texts it quotes: far behind the some hundred numbers that it may name."""

_RUN = re.compile(rb'<meta name="run" content="([^"]+)">')
_TEXTS = re.compile(rb'<meta name="texts" content="([\d ]*)">')


def folder_of(store_url: str) -> Path:
    """Beside a store that is a file; in `var/reports` for a server's."""
    if store_url.startswith("sqlite:///"):
        return Path(store_url.removeprefix("sqlite:///")).parent / "reports"
    return Path("var/reports")


def file_of(facts: Facts, folder: Path) -> Path:
    """The file of a run. The run of a day has the same name in sandbox and prod, and both may share a folder."""
    return folder / f"{facts.run.run_id}{'-sandbox' if facts.run.mode == 'sandbox' else ''}.html"


def drop_erased(store: Store, folder: Path) -> tuple[int, list[Path]]:
    """Delete the reports that quote texts which the store has erased.

    Returns how many, and the files that cannot be read, which may quote them too. A report can be made again, then
    without these words. Copies elsewhere are not found.
    """
    dropped, unread = 0, list[Path]()
    # what a killed process has begun to write is a report too
    for path in sorted({*folder.glob("*.html"), *folder.glob(".*.html.*.part")}):
        if not path.is_file():
            continue
        try:
            if _quotes_erased(store, path):
                path.unlink()
                dropped += 1
        except FileNotFoundError:
            continue  # another process has deleted it, or it is whole now and has its own name
        except OSError:
            unread.append(path)
    return dropped, unread


def _quotes_erased(store: Store, path: Path) -> bool:
    run_id, texts = _quoted(path)
    # numbers of texts mean something in their own store alone
    return run_id is not None and store.runs.is_known(run_id) and bool(store.facts.erased_among(texts))


def _quoted(path: Path) -> tuple[str | None, set[int]]:
    """The run of a report and the texts that it quotes; no run for a file that is no report."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    run, texts = _RUN.search(head), _TEXTS.search(head)
    if not run or not texts:
        return None, set()
    return run[1].decode(), set(map(int, texts[1].split()))
