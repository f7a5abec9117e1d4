"""A stand-in for Claude's real API, for what only prod does: it is not the sandbox, and says so nowhere."""

import json
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class Recorder:
    """A stand-in for the real API (not the sandbox): notes every request and answers well."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.status = 200
        self.odd = ""
        """What is answered to a text that holds the word bizarre."""
        server.expect_request("/v1/messages", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.requests.append(json.loads(request.data))
        self.keys.append(request.headers.get("authorization"))
        if self.status != 200:
            error = {"type": "error", "error": {"type": "authentication_error", "message": "no"}}
            return Response(json.dumps(error), self.status, content_type="application/json")
        if "bizarre" in str(self.requests[-1]["messages"]):
            return Response(self.odd, content_type="application/json")
        answer = {"summary": "Bien.", "sentiment": "positive", "topics": [], "new_topics": []}
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-5-5",
            "content": [{"type": "text", "text": json.dumps(answer)}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1000, "output_tokens": 20},
        }
        return Response(json.dumps(message), content_type="application/json")
