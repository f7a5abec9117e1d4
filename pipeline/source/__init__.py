"""Source: where verbatims come from. Each gives reviews, and says of each record that it cannot read where it stands.

site.py        a web site with numbered pages: robots.txt, delay, retries, the way from page to page
page.py        one page: schema.org Review in JSON-LD, bytes in, records out
file.py        CSV and JSON Lines, or either on stdin
columns.py     which column holds what      csv_table.py, jsonl_table.py, table.py  the formats
stream.py      bytes to lines of text       fields.py  what ratings, dates, languages and ids mean

A new kind of source is a new file here that fulfils `Source`, and a line in `ready.py`, which chooses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pipeline.records import BrokenRecord, Review
from pipeline.source.columns import Columns
from pipeline.source.file import File
from pipeline.source.found import Found, Page
from pipeline.source.page import parse
from pipeline.source.site import Site

__all__ = ["Columns", "File", "Found", "Page", "Site", "Source", "parse"]


class Source(Protocol):
    """Made by `ready.py`, read by the scrape stage. Constructors raise InputError and send nothing."""

    @property
    def name(self) -> str:
        """What people call it: a file's name, or an address without its secrets."""

    @property
    def guesses(self) -> list[str]:
        """What was assumed, in sentences to print before anything is read."""

    def reviews(self) -> Iterator[Review | BrokenRecord]:
        """Raises InputError where nothing is found, and Stopped where the source fails on the way."""
