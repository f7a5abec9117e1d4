"""Runs parsers in a separate process with limits of time and memory, since a page may be hostile.

Worst cases measured with pages below the limit of 5 MB: 800,000 nested `<div>`, a tag with 600,000 attributes, or a
selector such as `p:nth-last-child(2n)` take ten minutes each.
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
"""Parses the bytes of the page at an address. Never raises: errors are problems of the page."""

PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "schema_org": schema_org.parse,
        "apple": apple.parse,
        "css": css.parse,
    }
)
"""The parser of each kind of source. A new kind is a file with its parser and a line here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per page. A usual page of 5 MB takes 1.4 s and 100 MB."""

    cpu_s: int = 20
    wall_s: float = 120.0
    """Limit by the clock, much higher than the CPU limit for the sake of busy machines."""
    memory: int = 1 << 30
    """Bytes of address space."""


LIMITS = Limits()

MAX_TEXT = 100_000
"""Characters of one review. Cleaning skips texts above 20,000 anyway."""

MAX_PAGE_TEXT = 10_000_000
"""Characters of all reviews of a page together."""

_OUT_OF_MEMORY = 3
"""Exit code of the process."""

_ROOT = str(Path(__file__).parents[3])


class ParserProcess:
    """Parses pages of one kind, each within the limits. The process starts with the first page and ends on exit."""

    def __init__(self, kind: str, options: Options = NO_OPTIONS, limits: Limits = LIMITS) -> None:
        self._kind, self._options, self._limits = kind, options, limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ParserProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._process is not None:
            self._process.kill()  # on Ctrl-C or an error, do not wait for the current page
        self._end()

    def parse(self, body: bytes, url: str) -> ParsedPage:
        """The content of a page.

        Raises InputError for a page that exceeds the limits, TransientError if the parser itself crashes.
        """
        response = self._request(body, url)
        if response.endswith(b"\n"):
            return _page(response)
        code, error = self._end()
        if code < 0 or code == _OUT_OF_MEMORY:  # negative: ended by a signal, for CPU time or by our timer
            limits = f"{self._limits.cpu_s} s and {self._limits.memory >> 20} MB"
            raise InputError(f"{shown(url)}: a page that cannot be parsed within {limits}")
        kind = error.strip().rpartition("\n")[2].partition(":")[0]
        raise TransientError(f"{shown(url)}: could not be parsed: that process ended with {kind or code}")

    def _request(self, body: bytes, url: str) -> bytes:
        """A line of JSON, or an incomplete one if the process has ended."""
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
        settings = {"kind": self._kind, "options": dict(self._options), "cpu_s": limits.cpu_s, "memory": limits.memory}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.source.parsers.process", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # no secrets of the environment in the process that parses hostile pages
            env={"PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))},
            start_new_session=True,  # Ctrl-C must reach only the parent, which then ends this process
        )

    def _end(self) -> tuple[int, str]:
        """Wait for the process to end. Returns its exit code and what it wrote to stderr."""
        process, self._process = self._process, None
        if process is None:
            return 0, ""
        try:
            _, error = process.communicate()
        except BrokenPipeError:  # it has ended before reading all of the page
            error = b""
        finally:
            process.kill()
        return process.wait(), error.decode(errors="replace")


def main() -> None:
    """The child process: reads pages from stdin, each after a line with its size, and writes JSON lines."""
    settings = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain the page
    with suppress(ValueError):  # macOS does not support this limit
        resource.setrlimit(resource.RLIMIT_AS, (settings["memory"], settings["memory"]))
    try:
        while request := sys.stdin.buffer.readline():
            # the kernel counts CPU time per process, and each page may use the whole limit
            used = math.ceil(time.process_time())
            resource.setrlimit(resource.RLIMIT_CPU, (used + settings["cpu_s"], resource.RLIM_INFINITY))
            page = json.loads(request)
            parsed = PARSERS[settings["kind"]](sys.stdin.buffer.read(page["bytes"]), page["url"], settings["options"])
            print(json.dumps(asdict(_limited(parsed))), flush=True)
    except (MemoryError, SelectolaxError):  # selectolax raises its own error when it cannot allocate
        sys.exit(_OUT_OF_MEMORY)
    except Exception as error:
        sys.exit(type(error).__name__)  # its message may quote the page


def _limited(page: ParsedPage) -> ParsedPage:
    """The page without texts too long to be reviews. Nested elements can multiply one text hundreds of times."""
    kept: list[ParsedReview] = []
    room = MAX_PAGE_TEXT
    for review in page.reviews:
        if len(review.text) <= min(MAX_TEXT, room):
            kept.append(review)
            room -= len(review.text)
    if len(kept) == len(page.reviews):
        return page
    problem = f"{len(page.reviews) - len(kept)} texts of more than {MAX_TEXT:,} characters, or too many of them"
    return replace(page, reviews=tuple(kept), problems=(*page.problems, problem))


def _page(line: bytes) -> ParsedPage:
    fields = json.loads(line)
    fields |= {name: tuple(fields[name]) for name in ("problems", "left_over")}
    return ParsedPage(**{**fields, "reviews": tuple(ParsedReview(**review) for review in fields["reviews"])})


if __name__ == "__main__":
    main()
