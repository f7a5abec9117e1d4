"""A fake of Claude's real API for tests of prod mode: it does not identify itself as a sandbox."""

import json
from typing import Any

from claude_message import message
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class Recorder:
    """A fake of the real API (not the sandbox): records every request and answers correctly."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.counted: list[dict[str, Any]] = []
        self.count_status = 200
        self.status = 200
        self.refusal = "no"
        """The message of a status other than 200."""
        self.odd: str | bytes = ""
        self.odd_word = "bizarre"
        """`odd` is the response to a text that contains this word."""
        server.expect_request("/v1/messages", method="POST").respond_with_handler(self._answer)
        server.expect_request("/v1/messages/count_tokens", method="POST").respond_with_handler(self._count)

    def _count(self, request: Request) -> Response:
        """Count four characters a token, free and apart from the requests that are billed."""
        self.counted.append(json.loads(request.data))
        if self.count_status != 200:
            return Response("{}", self.count_status, content_type="application/json")
        return Response(json.dumps({"input_tokens": len(request.data) // 4}), content_type="application/json")

    def _answer(self, request: Request) -> Response:
        self.requests.append(json.loads(request.data))
        self.keys.append(request.headers.get("authorization"))
        if self.status != 200:
            error = {"type": "error", "error": {"type": "authentication_error", "message": self.refusal}}
            return Response(json.dumps(error), self.status, content_type="application/json")
        if self.odd_word in str(self.requests[-1]["messages"]):
            return Response(self.odd, content_type="application/json")
        answer = {"summary": "Bien.", "sentiment": "positive", "topics": [], "new_topics": []}
        return Response(json.dumps(message(json.dumps(answer))), content_type="application/json")
