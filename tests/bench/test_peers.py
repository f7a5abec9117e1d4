"""What the libraries are asked with and answered by; the measurement itself takes minutes and is no test."""

import json

import pytest
from pydantic import ValidationError

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.topics import load_topics

from .peer_programs.program import answer_model
from .stand_in import forced_tool, response

TOOLS = [{"name": "first"}, {"name": "Answer"}]


@pytest.mark.parametrize(
    ("choice", "called"),
    [({"type": "tool", "name": "Answer"}, "Answer"), ({"type": "any"}, "first"), ({"type": "auto"}, "")],
)
def test_the_stand_in_calls_the_tool_that_a_request_forces(choice: dict[str, str], called: str) -> None:
    assert forced_tool(json.dumps({"tools": TOOLS, "tool_choice": choice}).encode()) == called


def test_a_verbatim_that_names_a_tool_forces_none() -> None:
    body = {"messages": [{"role": "user", "content": '"tool_choice": {"type": "any"}'}]}
    assert forced_tool(json.dumps(body).encode()) == ""


def test_the_model_of_an_answer_is_the_schema_of_the_request() -> None:
    request = Analyser(define("claude-haiku-4-5", load_topics(None)), 1024).request("Bien")
    model = answer_model(request)
    called = json.loads(response("17", "Answer").partition(b"\r\n\r\n")[2])["content"][0]
    assert model.model_validate(called["input"]).model_dump() == called["input"]
    with pytest.raises(ValidationError, match="topics"):
        model.model_validate(called["input"] | {"topics": ["no such topic"]})
