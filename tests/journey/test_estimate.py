"""The estimate of a dry run: a range that the bill falls in, and what it says if Claude does not count."""

import json
import random
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from pipeline.sandbox import Sandbox
from pipeline.sandbox.corpus import verbatims as corpus

from .conftest import Command, Ended, query, write_jsonl
from .recorder import Recorder

PROD = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "sk-ant-real-0123456789"}


def texts(number: int, seed: int, name: str) -> list[str]:
    """Texts of one to eight reviews each: the longest has some fifty times the length of the shortest."""
    drawn, reviews = random.Random(f"{seed} {name}"), [review.text for review in corpus()]
    return [f"{name} {n} : " + " ".join(drawn.choices(reviews, k=drawn.randint(1, 8))) for n in range(number)]


def dry_run(verbatims: Command, file: Path, **environment: str) -> Ended:
    ended = verbatims("run", "--input", file.name, "--dry-run", "--json", **environment)
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.long
@pytest.mark.parametrize(("thinking", "seeds"), [("disabled", 10), ("adaptive", 3)])
def test_the_bill_is_within_the_estimated_range(verbatims: Command, tmp_path: Path, thinking: str, seeds: int) -> None:
    """After 60 calls; the sandbox bills tokens that no estimate can know, and some texts are asked twice."""
    bills = [estimated_and_paid(verbatims, tmp_path, thinking, seed) for seed in range(seeds)]
    shown = "\n".join(f"{low:.4f} to {high:.4f}, paid {paid:.4f}" for low, high, paid in bills)
    print(shown)
    assert sum(low <= paid <= high for low, high, paid in bills) >= 0.9 * seeds, shown
    assert all(high <= 3 * low for low, high, _ in bills), shown


def estimated_and_paid(verbatims: Command, folder: Path, thinking: str, seed: int) -> tuple[float, float, float]:
    """The low and the high end of the estimate for 200 texts, and their bill."""
    past, new = (
        write_jsonl(folder / f"{name}-{seed}.jsonl", texts(number, seed, name))
        for name, number in (("past", 60), ("new", 200))
    )
    place = {"STORE": f"sqlite:///store-{seed}.db", "VERBATIMS_THINKING": thinking}
    with Sandbox(latency_s=0, noise=0.2, seed=seed, faults={"unreadable": 0.03}) as sandbox:
        place["ANTHROPIC_BASE_URL"] = sandbox.url
        verbatims("run", "--input", past.name, "--json", **place)
        found = dry_run(verbatims, new, **place).data
        before = bill(folder / f"store-{seed}.db")
        verbatims("run", "--input", new.name, "--json", **place)
    return found["low_cost_usd"], found["high_cost_usd"], bill(folder / f"store-{seed}.db") - before


def bill(store: Path) -> float:
    [(paid,)] = query(store, "SELECT sum(cost_usd) FROM attempts")
    return float(paid)


@pytest.mark.parametrize("number", [1, 40])
def test_the_first_bill_is_within_the_range_too(verbatims: Command, tmp_path: Path, number: int) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(number, 1, "new"))
    with Sandbox(latency_s=0, noise=0.2) as sandbox:
        found = dry_run(verbatims, file, ANTHROPIC_BASE_URL=sandbox.url).data
        verbatims("run", "--input", file.name, ANTHROPIC_BASE_URL=sandbox.url)
    assert found["low_cost_usd"] <= bill(tmp_path / "var/verbatims.db") <= found["high_cost_usd"]


def test_fifty_texts_at_most_are_counted_and_none_is_asked(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(120, 1, "new"))
    settings = {"ANTHROPIC_BASE_URL": recorder.url, **PROD}
    found = dry_run(verbatims, file, **settings).data
    sent = [json.dumps(request) for request in recorder.counted]
    assert (len(sent), len(set(sent)), recorder.requests) == (51, 51, [])
    assert "counted by Claude on 50 texts" in found["basis"] and "without past calls" in found["basis"]
    assert found["low_cost_usd"] < found["estimated_cost_usd"] < found["high_cost_usd"]
    recorder.counted.clear()
    assert dry_run(verbatims, file, **settings).data == found
    assert sorted(sent) == sorted(json.dumps(request) for request in recorder.counted)


def test_the_output_is_estimated_from_past_calls(verbatims: Command, recorder: Recorder, tmp_path: Path) -> None:
    past, new = (write_jsonl(tmp_path / f"{name}.jsonl", texts(30, 1, name)) for name in ("past", "new"))
    settings = {"ANTHROPIC_BASE_URL": recorder.url, **PROD}
    assert "assumed, without past calls" in dry_run(verbatims, new, **settings).data["basis"]
    assert verbatims("run", "--input", past.name, **settings).code == 0
    assert "as in the last 30 calls" in dry_run(verbatims, new, **settings).data["basis"]
    assert "without past calls" in dry_run(verbatims, new, VERBATIMS_THINKING="adaptive", **settings).data["basis"]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_estimate_without_a_count_is_wider_and_says_so(
    verbatims: Command, recorder: Recorder, tmp_path: Path, status: int
) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(20, 1, "new"))
    settings = {"ANTHROPIC_BASE_URL": recorder.url, **PROD}
    counted = dry_run(verbatims, file, **settings).data
    recorder.counted.clear()
    recorder.count_status = status
    assumed = dry_run(verbatims, file, **settings).data
    # the request without a text has failed, so no text was sent
    assert len(recorder.counted) == 1 and texts(20, 1, "new")[0] not in str(recorder.counted)
    assert f"Claude did not count (HTTP {status})" in assumed["basis"]
    width = [found["high_cost_usd"] / found["low_cost_usd"] for found in (counted, assumed)]
    assert width[1] > 1.3 * width[0]


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"input_tokens": "many"}', '{"input_tokens": -1}'])
def test_a_gateway_that_cannot_count_does_not_fail_a_dry_run(
    verbatims: Command, httpserver: HTTPServer, tmp_path: Path, body: str
) -> None:
    httpserver.expect_request("/v1/messages/count_tokens").respond_with_data(body, content_type="application/json")
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(3, 1, "new"))
    found = dry_run(verbatims, file, ANTHROPIC_BASE_URL=httpserver.url_for("").rstrip("/"), **PROD).data
    httpserver.clear()
    assert "no count in the answer" in found["basis"]


@pytest.mark.parametrize(("settings", "reason"), [(PROD, "no connection"), ({}, "no sandbox answers")])
def test_a_dry_run_works_offline(verbatims: Command, tmp_path: Path, settings: dict[str, str], reason: str) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(3, 1, "new"))
    found = dry_run(verbatims, file, ANTHROPIC_BASE_URL="http://127.0.0.1:1", **settings).data
    assert reason in found["basis"] and found["high_cost_usd"] > found["low_cost_usd"] > 0


def test_nothing_to_ask_costs_nothing_and_nothing_is_counted(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", ["Bof"])
    found = dry_run(verbatims, file, ANTHROPIC_BASE_URL=recorder.url, **PROD).data
    assert (found["high_cost_usd"], found["basis"], recorder.counted) == (0, "no text to ask", [])


def test_batches_are_estimated_at_half_the_price(verbatims: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", texts(30, 1, "lot"))
    with Sandbox(latency_s=0) as sandbox:
        live = dry_run(verbatims, file, ANTHROPIC_BASE_URL=sandbox.url).data
        options = ("run", "--input", file.name, "--dry-run", "--mode", "batch", "--json")
        batch = verbatims(*options, ANTHROPIC_BASE_URL=sandbox.url).data
    for bound in ("low_cost_usd", "high_cost_usd"):
        assert batch[bound] == pytest.approx(live[bound] / 2)
