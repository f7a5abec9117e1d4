"""What failed for good is asked again on request, through the commands."""

import json
from pathlib import Path

import pytest

from pipeline.sandbox import Sandbox

from .conftest import Command, query, write_jsonl

pytestmark = pytest.mark.long

FAULTS = {"unreadable": 0.5, "refused": 0.2}
SEED = 7
ROWS = "SELECT count(*), count(DISTINCT verbatim_id) FROM verbatims_analysed_v2"


def reviews(folder: Path) -> str:
    return write_jsonl(folder / "reviews.jsonl", [f"La livraison numéro {n} était rapide" for n in range(30)]).name


def test_a_run_asks_again_what_may_do_better_and_with_other_settings_the_rest(
    verbatims: Command, tmp_path: Path
) -> None:
    run = ("run", "--input", reviews(tmp_path), "--json")
    with Sandbox(latency_s=0, faults=FAULTS, seed=SEED) as faulty:
        first = verbatims(*run, ANTHROPIC_BASE_URL=faulty.url).data
    unreadable, refused = first["failed"]["unreadable"], first["failed"]["refused"]
    assert unreadable > 1 and refused > 1
    listed = verbatims("failed")
    failures = [json.loads(line) for line in listed.out.splitlines()]
    cost_usd = sum(failure["cost_usd"] for failure in failures)
    assert {failure["outcome"] for failure in failures} == {"unreadable", "refused"}
    assert all(failure["input_tokens"] and failure["cost_usd"] for failure in failures)
    # Claude names no category for some refusals
    details = sorted(failure["detail"] or "" for failure in failures if failure["outcome"] == "refused")
    categories = query(tmp_path / "var/verbatims.db", "SELECT refusal FROM attempts WHERE outcome = 'refused'")
    assert details == sorted(category or "" for (category,) in categories) and any(details)
    assert list(failures[0])[-5:] == ["detail", "input_tokens", "output_tokens", "cost_usd", "trace_id"]
    assert listed.err == f"{len(failures)} failed records in run {first['run_id']}, which cost ${cost_usd:.4f}\n"
    with Sandbox(latency_s=0) as sandbox:
        given = {"ANTHROPIC_BASE_URL": sandbox.url}
        assert verbatims(*run, **given).data["calls"] == 0
        second = verbatims(*run, "--retry-failed", **given)
        third = verbatims(*run, "--retry-failed", **given, VERBATIMS_MAX_TOKENS="2048")
    said = f"{unreadable} failed verbatims are asked again, {refused} would fail in the same way and stay"
    assert said in second.err, second.err
    assert (second.data["analysed"], second.data["calls"]) == (unreadable, unreadable)
    assert (third.data["analysed"], third.data["failed"], third.code) == (refused, {}, 0)
    assert query(tmp_path / "var/verbatims-warehouse.db", ROWS) == [(30, 30)]
    ever = "SELECT sum(n) FROM totals WHERE name = 'analysed' AND run_id = ''"
    assert query(tmp_path / "var/verbatims.db", ever) == [(30,)]


def test_one_stage_asks_again_what_failed_in_an_earlier_run(verbatims: Command, tmp_path: Path) -> None:
    with Sandbox(latency_s=0, faults=FAULTS, seed=SEED) as faulty:
        first = verbatims("run", "--input", reviews(tmp_path), "--json", ANTHROPIC_BASE_URL=faulty.url).data
    unreadable = first["failed"]["unreadable"]
    other = verbatims("run", "--limit", "3", "--json").data
    with Sandbox(latency_s=0) as sandbox:
        again = ("analyse", "--run", first["run_id"], "--retry-failed", "--json")
        second = verbatims(*again, ANTHROPIC_BASE_URL=sandbox.url).data
    assert second["failed"] == {"refused": first["failed"]["refused"]}
    assert (second["calls"], second["analysed"]) == (first["calls"] + unreadable, first["analysed"] + unreadable)
    verbatims("load")
    [(rows, distinct)] = query(tmp_path / "var/verbatims-warehouse.db", ROWS)
    assert rows == distinct == second["analysed"] + other["loaded"]


def test_batches_ask_again_too(verbatims: Command, tmp_path: Path) -> None:
    run = ("run", "--input", reviews(tmp_path), "--json")
    with Sandbox(latency_s=0, faults=FAULTS, seed=SEED) as faulty:
        first = verbatims(*run, ANTHROPIC_BASE_URL=faulty.url).data
    with Sandbox(latency_s=0, batch_delay_s=0) as sandbox:
        second = verbatims(*run, "--mode", "batch", "--retry-failed", ANTHROPIC_BASE_URL=sandbox.url).data
    assert second["failed"] == {"refused": first["failed"]["refused"]}
    assert second["analysed"] == first["failed"]["unreadable"]


def test_a_dry_run_retries_nothing(verbatims: Command, tmp_path: Path) -> None:
    assert verbatims("run", "--retry-failed", "--dry-run").code == 2
    assert not (tmp_path / "var").exists()
