"""An attempt: one request, sent until it is answered or the policy gives up. Each try is checked before it is sent."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from claude_message import message
from pytest_httpserver import HTTPServer
from store.test_statements import Silent
from werkzeug import Request, Response

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.attempts import Attempts
from pipeline.analyse.claude import Claude
from pipeline.analyse.client import connect
from pipeline.analyse.pace import Pace
from pipeline.analyse.pacing import Pacer
from pipeline.analyse.price import Price
from pipeline.analyse.topics import load_topics
from pipeline.errors import ClaimsLost
from pipeline.records import Ask, Attempt, Outcome

ANSWER = '{"summary": "Bien.", "sentiment": "positive", "topics": [], "new_topics": []}'


class Api:
    """Answers each request with the next status or error code of a script, then with 200."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.script: list[int | str] = []
        self.asked = 0
        self.tokens = 10
        self.stop: dict[str, Any] = {}
        server.expect_request("/v1/messages", method="POST").respond_with_handler(self._answer)

    def _answer(self, _: Request) -> Response:
        self.asked += 1
        said = self.script.pop(0) if self.script else 200
        if said == 200:
            return Response(json.dumps(message(ANSWER, input_tokens=self.tokens) | self.stop), 200)
        status, details = (said, None) if isinstance(said, int) else (429, {"error_code": said})
        body = {"type": "error", "error": {"type": "x", "message": "x", "details": details}}
        return Response(json.dumps(body), status, {"retry-after-ms": "1"}, content_type="application/json")


@pytest.fixture
def api(httpserver: HTTPServer) -> Iterator[Api]:
    yield Api(httpserver)
    httpserver.clear()


class Permit:
    """Lets so many requests leave."""

    def __init__(self, tries: int = 99) -> None:
        self._left = tries
        self.reserved: list[float] = []

    async def before_sending(self, ask: Ask, more_usd: float = 0.0) -> None:
        if not self._left:
            raise ClaimsLost("another has taken over")
        self._left -= 1
        self.reserved.append(more_usd)

    async def pause(self, seconds: float) -> bool:
        await asyncio.sleep(min(seconds, 0.01))
        return False


def ask(api: Api, permit: Permit | None = None, timeout_s: float = 5.0, patience_s: float = 3.0) -> Attempt:
    async def run() -> Attempt:
        silent: Any = Silent()
        async with connect(
            api_key="k", base_url=api.url, concurrency=1, timeout_s=timeout_s, sandbox=True, open_telemetry=None
        ) as client:
            claude = Claude(client, Analyser(define("m", load_topics(None)), 1024), Price("m", 1.0, 5.0))
            pacer = Pacer(Pace(), silent, lambda: 1)
            attempts = Attempts(claude, permit or Permit(), pacer, silent, patience_s)
            attempt = await attempts.make(Ask("v", "merci", "key", "fichier"), 1, again=False)
            assert attempt is not None
            return attempt

    return asyncio.run(run())


def test_errors_of_earlier_tries_stand_beside_the_answer(api: Api) -> None:
    api.script = [529, 500, "ramp_limit_exceeded"]
    attempt = ask(api)
    assert (attempt.outcome, attempt.error) == (Outcome.ANALYSED, None)
    assert attempt.retried == ("http_529", "http_500", "ramp_limit_exceeded")


def test_the_error_of_the_last_try_is_that_of_the_attempt(api: Api) -> None:
    api.script = [529, 500, 529, 400]
    attempt = ask(api)
    assert (attempt.error, attempt.retried) == ("http_400", ("http_529", "http_500", "http_529"))


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "organization_on_hold"])
def test_a_code_goes_before_the_status(api: Api, code: str) -> None:
    """Its status is 429, after which a request would be sent again."""
    api.script = [code]
    assert (ask(api).error, api.asked) == (code, 1)


def test_an_unknown_code_is_its_status(api: Api) -> None:
    api.script = ["a_code_of_tomorrow"]
    assert ask(api).retried == ("http_429",)


def test_nothing_is_sent_again_once_it_may_not_be(api: Api) -> None:
    """Between two tries is a pause: its process may have been stopped there."""
    api.script = [529, 529, 529]
    attempt = ask(api, Permit(tries=2))
    assert (attempt.outcome, attempt.error, api.asked) == (Outcome.FAILED, "http_529", 2)
    with pytest.raises(ClaimsLost):
        ask(api, Permit(tries=0))
    assert api.asked == 2


def test_a_try_that_may_be_paid_needs_a_reservation_of_its_own(httpserver: HTTPServer) -> None:
    """Nobody can tell what became of a request that timed out, so the next one may cost as much again."""
    api = Api(httpserver)
    httpserver.clear()
    httpserver.expect_request("/v1/messages").respond_with_handler(_slow)
    permit = Permit(tries=3)
    attempt = ask(api, permit, timeout_s=0.2, patience_s=60.0)
    assert (attempt.error, attempt.retried) == ("timeout", ("timeout", "timeout"))
    worst = attempt.maybe_usd / 3
    assert permit.reserved == pytest.approx([0.0, worst, worst]) and worst > 0.005


def _slow(_: Request) -> Response:
    import time

    time.sleep(0.5)
    return Response("", 200)


def test_a_refused_connection_cost_nothing(httpserver: HTTPServer) -> None:
    api = Api(httpserver)
    api.url = "http://127.0.0.1:9"
    permit = Permit(tries=2)
    attempt = ask(api, permit)
    assert (attempt.error, attempt.cause, attempt.maybe_usd) == ("connection", "connection refused", 0.0)
    assert permit.reserved == [0.0, 0.0]


@pytest.mark.parametrize("tokens", [-1, 2**40])
def test_a_count_of_tokens_that_is_none_is_a_bad_response(api: Api, tokens: int) -> None:
    api.tokens = tokens
    assert ask(api).error == "bad_response"


@pytest.mark.parametrize(
    ("details", "kept"),
    [({"category": "cyber"}, "cyber"), ({"category": None}, None), (None, None), ({"category": "Merci !"}, None)],
)
def test_a_refusal_keeps_its_category(api: Api, details: Any, kept: str | None) -> None:
    api.stop = {"stop_reason": "refusal", "stop_details": details, "content": []}
    attempt = ask(api)
    assert (attempt.outcome, attempt.refusal) == (Outcome.REFUSED, kept)
