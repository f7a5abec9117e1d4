"""A stand-in for Claude's Messages API, fast enough not to be what is measured: `python -m tests.bench.stand_in`.

Each answer comes after LATENCY_S and names the number in its verbatim (`no. 17`), so that a client can check that the
answer belongs to it. A request that makes the model call a tool is answered by that call, with the answer as its input.
It speaks HTTP/1.1 with keep-alive over asyncio's own protocol, without a framework. It makes none of Claude's errors:
the sandbox does.

On standard output stands the port; each line on standard input is answered by one JSON object with what was answered
since the line before: `answered`, `seconds` from the first request to the last answer, and `most_in_flight`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

LATENCY_S = 0.05

_NUMBER = re.compile(rb"no\. (\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Counts:
    """What was answered since the last question."""

    def __init__(self) -> None:
        self.answered = self.in_flight = self.most_in_flight = 0
        self.began = self.ended = 0.0

    def taken(self) -> dict[str, float]:
        """The counts, which begin anew."""
        found = {
            "answered": self.answered,
            "seconds": self.ended - self.began,
            "most_in_flight": self.most_in_flight,
        }
        self.__init__()  # type: ignore[misc]
        return found


class Connection(asyncio.Protocol):
    """One connection of a client, which sends one request after the other."""

    def __init__(self, counts: Counts, latency_s: float) -> None:
        self._counts = counts
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        self._begin()
        number = (_NUMBER.findall(body) or [b"0"])[-1].decode()
        asyncio.get_running_loop().call_later(self._latency_s, self._answer, number, forced_tool(body))

    def _begin(self) -> None:
        counts = self._counts
        counts.began = counts.began or time.perf_counter()
        counts.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)

    def _answer(self, number: str, tool: str) -> None:
        counts = self._counts
        counts.in_flight -= 1
        counts.answered += 1
        counts.ended = time.perf_counter()
        if not self._transport.is_closing():
            self._transport.write(response(number, tool))  # type: ignore[attr-defined]


def forced_tool(body: bytes) -> str:
    """The tool that the request makes the model call, or nothing. Only requests with a choice of tools are parsed."""
    if b'"tool_choice":' not in body:
        return ""
    request = json.loads(body)
    choice = request["tool_choice"]
    named = {"tool": choice.get("name", ""), "any": request["tools"][0]["name"]}
    return str(named.get(choice["type"], ""))


def response(number: str, tool: str = "") -> bytes:
    """The answer to the verbatim of this number, as bytes of HTTP: a text, or the input of the tool."""
    answer = {"summary": f"no. {number}", "sentiment": "positive", "topics": ["delivery"], "new_topics": []}
    content: dict[str, object] = {"type": "text", "text": json.dumps(answer)}
    if tool:
        content = {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": answer}
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [content],
        "stop_reason": "tool_use" if tool else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 120 + int(number) % 80,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 1100,
            "output_tokens": 50 + int(number) % 30,
        },
    }
    body = json.dumps(message).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"request-id: req_{number}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(latency_s: float) -> None:
    """Serve on a free port until standard input ends."""
    counts, loop = Counts(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts, latency_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(counts.taken()), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else LATENCY_S))
