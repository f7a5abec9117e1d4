"""The model thinks only if a setting allows it; an answer cut off by thinking is retried once with more tokens."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.sandbox import Sandbox

from .conftest import Command, query, write_jsonl
from .recorder import Recorder

PROD = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "sk-ant-real-0123456789"}


def texts(number: int) -> list[str]:
    return [f"La livraison numéro {n} était vraiment rapide" for n in range(number)]


@pytest.mark.parametrize(("setting", "sent"), [({}, "disabled"), ({"VERBATIMS_THINKING": "adaptive"}, "adaptive")])
def test_every_request_sets_the_thinking_mode(
    verbatims: Command, recorder: Recorder, tmp_path: Path, setting: dict[str, str], sent: str
) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(3))
    assert verbatims("run", "--input", file.name, ANTHROPIC_BASE_URL=recorder.url, **PROD, **setting).code == 0
    assert [request.get("thinking") for request in recorder.requests] == [{"type": sent}] * 3


def test_without_thinking_the_sandbox_bills_no_thinking(verbatims: Command, tmp_path: Path) -> None:
    file, bill = write_jsonl(tmp_path / "reviews.jsonl", texts(20)), tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, billed=bill) as sandbox:
        assert verbatims("run", "--input", file.name, ANTHROPIC_BASE_URL=sandbox.url).code == 0
    assert [json.loads(line)["thinking_tokens"] for line in bill.read_text().splitlines()] == [0] * 20


def test_an_empty_answer_is_retried_once_with_more_tokens(verbatims: Command, tmp_path: Path) -> None:
    """On the texts with the longest thinking; every token of both attempts is paid and counted."""
    file, bill = write_jsonl(tmp_path / "reviews.jsonl", texts(60)), tmp_path / "billed.jsonl"
    thinking = {"VERBATIMS_THINKING": "adaptive", "VERBATIMS_MAX_TOKENS": "600"}
    with Sandbox(latency_s=0, billed=bill) as sandbox:
        ended = verbatims("run", "--input", file.name, "--json", ANTHROPIC_BASE_URL=sandbox.url, **thinking)
    calls = query(
        tmp_path / "var/verbatims.db", "SELECT request_key, outcome, output_tokens FROM attempts ORDER BY sent_at"
    )
    tries: dict[str, list[tuple[str, int]]] = {}
    for verbatim, outcome, tokens in calls:
        tries.setdefault(verbatim, []).append((outcome, tokens))
    seen = Counter(tuple(outcome for outcome, _ in each) for each in tries.values())
    assert seen["analysed",] > 0 and seen["truncated", "analysed"] > 0 and ended.data["analysed"] > 0
    assert all(each[0][1] == 600 for each in tries.values() if len(each) == 2)
    paid = [json.loads(line)["output_tokens"] for line in bill.read_text().splitlines()]
    assert sorted(paid) == sorted(tokens for _, _, tokens in calls) and ended.data["calls"] == len(paid)


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        ([], [1024, 4096]),
        ([{"type": "thinking", "thinking": "Hm.", "signature": "x"}], [1024, 4096]),
        ([{"type": "text", "text": '{"summary": "Bi'}], [1024]),
    ],
)
def test_a_second_cut_answer_is_final_and_a_partial_answer_is_not_retried(
    verbatims: Command, recorder: Recorder, tmp_path: Path, content: list[dict[str, str]], limits: list[int]
) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", ["Un texte bizarre entre tous"])
    usage = {"input_tokens": 1000, "output_tokens": 1024}
    recorder.odd = json.dumps({"type": "message", "content": content, "stop_reason": "max_tokens", "usage": usage})
    arguments = ("run", "--input", file.name, "--json")
    for _ in range(2):
        ended = verbatims(*arguments, ANTHROPIC_BASE_URL=recorder.url, **PROD)
        assert ended.data["failed"] == {"truncated": 1}
        assert [request["max_tokens"] for request in recorder.requests] == limits
