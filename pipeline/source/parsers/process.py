"""Parses pages in a process of its own: pages are hostile until shown otherwise, and parsers have their worst cases.

Seen with pages under the 5 MB that are read at most: 800,000 nested `<div>` take ten minutes, and so do a tag with
600,000 attributes or a selector such as `p:nth-last-child(2n)`. Here a page costs at most what the limits say.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType

from selectolax.lexbor import SelectolaxError

from pipeline.errors import InputError, TransientError
from pipeline.source.address import shown
from pipeline.source.parsers import apple, css, schema_org
from pipeline.source.parsers.parsed import NO_OPTIONS, Options, ParsedPage, ParsedReview

Parser = Callable[[bytes, str, Options], ParsedPage]
"""Reads the bytes of the page at an address. Never raises: what is wrong with a page is a problem of it."""

PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "schema_org": schema_org.parse,
        "apple": apple.parse,
        "css": css.parse,
    }
)
"""What reads the pages of a kind of source. A new kind is a file with its parser, and a line here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may cost. 5 MB of usual HTML take 1.4 s and 100 MB."""

    cpu_s: int = 20
    wall_s: float = 120.0
    """The same by the clock, for a machine that is busy with other things."""
    memory: int = 1 << 30
    """Bytes of address space."""


LIMITS = Limits()

MAX_TEXT = 100_000
"""Characters of one review; cleaning puts aside what has more than 20,000."""

MAX_PAGE_TEXT = 10_000_000
"""Of all reviews of a page together."""

_NO_MEMORY = 3
"""Exit code."""

_ROOT = str(Path(__file__).parents[3])


class ParserProcess:
    """Parses pages of one kind, each within the limits; its process starts with the first and ends with the block."""

    def __init__(self, kind: str, options: Options = NO_OPTIONS, limits: Limits = LIMITS) -> None:
        self._kind, self._options, self._limits = kind, options, limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ParserProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._process is not None:
            self._process.kill()  # whoever leaves in haste waits for no page
        self._end()

    def parse(self, body: bytes, url: str) -> ParsedPage:
        """What the parser reads.

        Raises InputError for a page beyond the limits, TransientError where the parser itself is broken.
        """
        said = self._ask(body, url)
        if said.endswith(b"\n"):
            return _page(said)
        code, error = self._end()
        if code < 0 or code == _NO_MEMORY:  # below zero: a signal, the kernel's or ours
            limits = f"{self._limits.cpu_s} s and {self._limits.memory >> 20} MB"
            raise InputError(f"{shown(url)}: a page that cannot be parsed within {limits}")
        kind = error.strip().rpartition("\n")[2].partition(":")[0]
        raise TransientError(f"{shown(url)}: could not be parsed: that process ended with {kind or code}")

    def _ask(self, body: bytes, url: str) -> bytes:
        """A line of JSON, or less where the process has ended."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(self._limits.wall_s, process.kill)
        timer.daemon = True
        timer.start()
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps({"url": url, "bytes": len(body)}).encode() + b"\n" + body)
                process.stdin.flush()
            return process.stdout.readline()
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        limits = self._limits
        asked = {"kind": self._kind, "options": dict(self._options), "cpu_s": limits.cpu_s, "memory": limits.memory}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.source.parsers.process", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # no secret of the environment is where a page is read
            env={"PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))},
            start_new_session=True,  # Ctrl-C is for whoever waits here
        )

    def _end(self) -> tuple[int, str]:
        """Its exit code and its last words."""
        process, self._process = self._process, None
        if process is None:
            return 0, ""
        try:
            _, error = process.communicate()
        except BrokenPipeError:  # what is still in the buffer has no reader any more
            error = b""
        finally:
            process.kill()
        return process.wait(), error.decode(errors="replace")


def main() -> None:
    """The other side: pages on standard input, each behind a line that says its size; a line for each on standard
    output."""
    asked = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # macOS bounds no address space
        resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
    try:
        while request := sys.stdin.buffer.readline():
            used = math.ceil(time.process_time())
            resource.setrlimit(resource.RLIMIT_CPU, (used + asked["cpu_s"], resource.RLIM_INFINITY))
            page = json.loads(request)
            read = PARSERS[asked["kind"]](sys.stdin.buffer.read(page["bytes"]), page["url"], asked["options"])
            print(json.dumps(asdict(_bounded(read))), flush=True)
    except (MemoryError, SelectolaxError):  # the latter is how the parser says it
        sys.exit(_NO_MEMORY)


def _bounded(page: ParsedPage) -> ParsedPage:
    """Nested elements can say one text many times over: what is too long to be a review goes, before it travels."""
    kept: list[ParsedReview] = []
    room = MAX_PAGE_TEXT
    for found in page.reviews:
        if len(found.text) <= min(MAX_TEXT, room):
            kept.append(found)
            room -= len(found.text)
    if len(kept) == len(page.reviews):
        return page
    problem = f"{len(page.reviews) - len(kept)} texts of more than {MAX_TEXT:,} characters, or too many of them"
    return replace(page, reviews=tuple(kept), problems=(*page.problems, problem))


def _page(said: bytes) -> ParsedPage:
    read = json.loads(said)
    read |= {name: tuple(read[name]) for name in ("problems", "left_over")}
    return ParsedPage(**{**read, "reviews": tuple(ParsedReview(**found) for found in read["reviews"])})


if __name__ == "__main__":
    main()
