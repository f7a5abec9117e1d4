"""What leaves for Claude's API is what the SDK's own `messages.create` sends."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import anthropic
import pytest
from claude_message import message
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.client import Client, connect
from pipeline.analyse.topics import load_topics

ANALYSER = Analyser(define("claude-haiku-4-5", load_topics(None)), 1024)


def connected(server: HTTPServer) -> Client:
    url = server.url_for("").rstrip("/")
    return connect(api_key="k", base_url=url, concurrency=2, timeout_s=5, sandbox=True, open_telemetry=False)


def sent(request: Request) -> tuple[str, str, dict[str, str], Any]:
    # `raw` says how the SDK's caller wants the answer
    left_out = ("X-Stainless-Raw-Response", "Content-Length")
    headers = {name: value for name, value in request.headers.items() if name not in left_out}
    return request.method, request.full_path, headers, json.loads(request.get_data())


def test_each_message_is_sent_as_the_sdk_sends_it(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/messages").respond_with_json(message("{}"))

    async def ask() -> None:
        async with connected(httpserver) as client:
            for text in ("Parfait « é » 👍", "Encore"):
                await client.messages.with_raw_response.create(**ANALYSER.request(text, 2))
                await client.send_message(ANALYSER.body(text, 2))

    asyncio.run(ask())
    sdks, ours, sdks_second, our_second = [sent(request) for request, _ in httpserver.log]
    assert ours == sdks
    assert our_second == sdks_second != ours


@given(st.text(), st.integers(1, 3))
def test_the_body_is_the_request_as_json(text: str, room: int) -> None:
    assert json.loads(ANALYSER.body(text, room)) == ANALYSER.request(text, room)


def test_bytes_for_another_path_are_sent_there(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/messages").respond_with_json(message("{}"))
    httpserver.expect_request("/v1/messages/batches").respond_with_json({"id": "msgbatch_1"})

    async def ask() -> dict[str, Any]:
        async with connected(httpserver) as client:
            await client.send_message(b"{}")
            batch = await client.post("/v1/messages/batches", cast_to=dict[str, Any], content=b'{"requests":[]}')
            return batch

    assert asyncio.run(ask()) == {"id": "msgbatch_1"}


def test_a_compressed_answer_is_read(httpserver: HTTPServer) -> None:
    def compressed(_: Request) -> Response:
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        return Response(gzip.compress(json.dumps(message("Bien")).encode()), 200, headers)

    httpserver.expect_request("/v1/messages").respond_with_handler(compressed)

    async def ask() -> Any:
        async with connected(httpserver) as client:
            return (await client.send_message(b"{}")).json()

    assert asyncio.run(ask())["content"][0]["text"] == "Bien"


def test_an_answer_cannot_send_a_verbatim_on(httpserver: HTTPServer) -> None:
    elsewhere = httpserver.url_for("/elsewhere")
    httpserver.expect_request("/v1/messages").respond_with_data("", 307, {"location": elsewhere})

    async def ask() -> None:
        async with connected(httpserver) as client:
            await client.send_message(b"{}")

    with pytest.raises(anthropic.APIStatusError) as raised:
        asyncio.run(ask())
    assert raised.value.status_code == 307
    assert [request.path for request, _ in httpserver.log] == ["/v1/messages"]
