"""Each HTTP request of a question is checked before it is sent, and its error is kept."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from claude_message import message
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.claude import Claude, connect
from pipeline.analyse.price import Price
from pipeline.analyse.topics import load_topics
from pipeline.errors import ClaimsLost
from pipeline.records import Attempt, Outcome

ANSWER = '{"summary": "Bien.", "sentiment": "positive", "topics": [], "new_topics": []}'


class Api:
    """Answers each request with the next status of a script, then with 200."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.script: list[int] = []
        self.asked = 0
        self.tokens = 10
        server.expect_request("/v1/messages", method="POST").respond_with_handler(self._answer)

    def _answer(self, _: Request) -> Response:
        self.asked += 1
        status = self.script.pop(0) if self.script else 200
        body = message(ANSWER, input_tokens=self.tokens) if status == 200 else {"type": "error", "error": {"type": "x"}}
        return Response(json.dumps(body), status, {"retry-after-ms": "1"}, content_type="application/json")


@pytest.fixture
def api(httpserver: HTTPServer) -> Iterator[Api]:
    yield Api(httpserver)
    httpserver.clear()


def ask(api: Api, stops_at: int = 99) -> Attempt:
    """One question, which may be sent so many times."""
    allowed = iter(range(stops_at))

    async def before_sending() -> None:
        if next(allowed, None) is None:
            raise ClaimsLost("another has taken over")

    async def run() -> Attempt:
        client = connect(
            api_key="k", base_url=api.url, concurrency=1, timeout_s=5, retries=3, sandbox=True, open_telemetry=None
        )
        async with client:
            analyser = Analyser(define("m", load_topics(None)), 1024)
            return await Claude(client, analyser, Price("m", 1.0, 5.0)).ask("merci", before_sending)

    return asyncio.run(run())


def test_errors_of_earlier_tries_stand_beside_the_answer(api: Api) -> None:
    api.script = [529, 500]
    attempt = ask(api)
    assert (attempt.outcome, attempt.retried, attempt.error) == (Outcome.ANALYSED, ("http_529", "http_500"), None)


def test_the_error_of_the_last_try_is_that_of_the_attempt(api: Api) -> None:
    api.script = [529, 500, 529, 503]
    attempt = ask(api)
    assert (attempt.error, attempt.retried) == ("http_503", ("http_529", "http_500", "http_529"))


def test_nothing_is_sent_again_once_it_may_not_be(api: Api) -> None:
    """The transport waits between two tries: its process may have been stopped there."""
    api.script = [529, 529, 529]
    attempt = ask(api, stops_at=2)
    assert (attempt.outcome, attempt.error, api.asked) == (Outcome.FAILED, "http_529", 2)
    with pytest.raises(ClaimsLost):
        ask(api, stops_at=0)
    assert api.asked == 2


@pytest.mark.parametrize("tokens", [-1, 2**40])
def test_a_count_of_tokens_that_is_none_is_a_bad_response(api: Api, tokens: int) -> None:
    api.tokens = tokens
    assert ask(api).error == "bad_response"
