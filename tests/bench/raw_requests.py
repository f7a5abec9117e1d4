"""The stand-in's ceiling: `python -m tests.bench.raw_requests N`, the same requests as bytes over bare sockets.

Nothing is parsed but the number that an answer names. Prints one JSON object, as `bare_requests.py` does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.topics import load_topics

from .measured import measured, text_of

HEAD = "POST /v1/messages HTTP/1.1\r\nhost: stand-in\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"


async def ask(numbers: Iterator[int], bodies: list[bytes], port: int) -> int:
    """One connection; returns how many answers belonged to their verbatims."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    right = 0
    for number in numbers:
        writer.write(HEAD.format(len(bodies[number])).encode() + bodies[number])
        head = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(int(head.rpartition(b"content-length: ")[2]))
        right += rf"no. {number}\"".encode() in answer
    writer.close()
    return right


async def ask_all(bodies: list[bytes], in_flight: int, port: int) -> int:
    """All of them over so many connections."""
    numbers = iter(range(len(bodies)))
    return sum(await asyncio.gather(*(ask(numbers, bodies, port) for _ in range(in_flight))))


def main() -> None:
    """Ask, check, print."""
    count, in_flight = int(sys.argv[1]), int(os.environ["VERBATIMS_CONCURRENCY"])
    port = urlsplit(os.environ["ANTHROPIC_BASE_URL"]).port
    analyser = Analyser(define("claude-haiku-4-5", load_topics(None)), 1024)
    bodies = [analyser.body(text_of(number)) for number in range(count)]
    assert port is not None
    with measured() as found:
        right = asyncio.run(ask_all(bodies, in_flight, port))
    print(json.dumps(found | {"right": right}))


if __name__ == "__main__":
    main()
