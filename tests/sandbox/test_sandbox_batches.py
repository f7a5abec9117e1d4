"""The sandbox's Message Batches API, called by the real SDK."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
import requests
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from pipeline.errors import SettingsError
from pipeline.sandbox import Sandbox

Body = Callable[[str], dict[str, Any]]
Start = Callable[..., Sandbox]
Asked = list[dict[str, Any]]
HEADERS = {"x-api-key": "sandbox", "anthropic-version": "2023-06-01"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a sandbox without any delay; several share the file of batches."""
    running: list[Sandbox] = []

    def start(**options: Any) -> Sandbox:
        files = {"batches": tmp_path / "batches.db", "billed": tmp_path / "billed.jsonl"}
        running.append(Sandbox(**{"latency_s": 0, "batch_delay_s": 0, **files, **options}).start())
        return running[-1]

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def asked(body: Body) -> Callable[[int], Asked]:
    """The requests of a batch about some texts."""
    shared = body("")  # its schema takes 2 ms to make

    def params(text: str) -> dict[str, Any]:
        return {**shared, "messages": [{"role": "user", "content": text}]}

    return lambda count: [{"custom_id": f"v-{n}", "params": params(f"Livraison {n}")} for n in range(count)]


def _client(sandbox: Sandbox) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sandbox", base_url=sandbox.url, max_retries=0, timeout=20)


def _ended(client: anthropic.Anthropic, batch_id: str) -> MessageBatch:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        batch = client.messages.batches.retrieve(batch_id)
        if batch.processing_status == "ended":
            return batch
        time.sleep(0.1)
    raise AssertionError("the batch has not ended")


def _results(client: anthropic.Anthropic, requests: Asked) -> list[MessageBatchIndividualResponse]:
    """The results of a new batch."""
    batch = client.messages.batches.create(requests=requests)
    _ended(client, batch.id)
    return list(client.messages.batches.results(batch.id))


def test_a_batch_is_in_progress_until_it_ends_with_a_message_per_request(start: Start, asked: Any) -> None:
    with _client(start(batch_delay_s=0.5)) as client:
        created = client.messages.batches.create(requests=asked(3))
        assert (created.processing_status, created.request_counts.processing) == ("in_progress", 3)
        assert created.id.startswith("msgbatch_sandbox") and created.results_url is None
        assert (created.expires_at - created.created_at).total_seconds() == 24 * 3600
        with pytest.raises(anthropic.NotFoundError):
            client.get(f"/v1/messages/batches/{created.id}/results", cast_to=object)
        ended = _ended(client, created.id)
        assert ended.ended_at is not None and (ended.ended_at - ended.created_at).total_seconds() >= 0.5
        assert (ended.request_counts.processing, ended.request_counts.succeeded) == (0, 3)
        for line in client.messages.batches.results(created.id):
            assert line.result.type == "succeeded"
            assert json.loads(line.result.message.content[0].text)["topics"] == ["delivery"]
            assert line.result.message.usage.service_tier == "batch"


def test_results_are_complete_and_in_another_order(start: Start, asked: Any) -> None:
    with _client(start()) as client:
        ids = [line.custom_id for line in _results(client, asked(50))]
    assert ids != sorted(ids, key=lambda one: int(one[2:])) and sorted(ids) == sorted(f"v-{n}" for n in range(50))


@pytest.mark.parametrize(
    ("fault", "kind", "error"),
    [
        ("batch_errored", "errored", "api_error"),
        ("batch_invalid", "errored", "invalid_request_error"),
        ("error", "errored", "api_error"),
        ("overloaded", "errored", "overloaded_error"),
        ("batch_expired", "expired", None),
        ("batch_canceled", "canceled", None),
    ],
)
def test_a_request_that_fails_is_not_billed(
    start: Start, asked: Any, tmp_path: Path, fault: str, kind: str, error: str | None
) -> None:
    with _client(start(faults={fault: 0.5})) as client:
        results = _results(client, asked(30))
        counts = client.messages.batches.list().data[0].request_counts
    failed = [line for line in results if line.result.type == kind]
    succeeded = {line.custom_id for line in results if line.result.type == "succeeded"}
    assert 0 < len(failed) == getattr(counts, kind) and len(failed) + len(succeeded) == counts.succeeded + len(failed)
    assert error is None or {line.result.error.error.type for line in failed} == {error}
    bill = [json.loads(line) for line in (tmp_path / "billed.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["custom_id"] for line in bill} == succeeded and len(bill) == len(succeeded) > 0
    assert all(line["batch"] is True and line["batch_id"].startswith("msgbatch_") for line in bill)


def test_the_params_of_a_request_are_validated_when_the_batch_is_processed(start: Start, body: Body) -> None:
    bad = {"custom_id": "bad", "params": {**body("Bien"), "max_tokens": 0}}
    with _client(start()) as client:
        results = {line.custom_id: line.result for line in _results(client, [bad])}
    assert results["bad"].error.error.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"requests": []}, "at least 1"),
        ({"requests": [{"custom_id": "a b", "params": {}}]}, r"requests\.0\.custom_id"),
        ({"requests": [{"custom_id": "a", "params": 1}]}, r"requests\.0\.params"),
        ({"requests": [{"custom_id": "a", "params": {}}] * 2}, "not unique"),
        ({"requests": 3}, "valid list"),
        ({}, "Field required"),
    ],
)
def test_a_bad_creation_makes_no_batch(start: Start, change: dict[str, Any], says: str) -> None:
    sandbox = start()
    with _client(sandbox) as client:
        with pytest.raises(anthropic.BadRequestError, match=says):
            client.post("/v1/messages/batches", body=change, cast_to=object)
        assert client.messages.batches.list().data == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"requests": [{', b'{"requests": []} 1', b"\xff", b'{"requests":[[[['])
def test_a_body_that_is_not_json_is_a_bad_request(start: Start, body: bytes) -> None:
    answer = requests.post(f"{start().url}/v1/messages/batches", data=body, headers=HEADERS, timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_long_request_is_read_in_parts(start: Start, body: Body) -> None:
    """Longer than what is read at once, with characters of several bytes."""
    with _client(start()) as client:
        results = _results(client, [{"custom_id": name, "params": body("é" * 300_000)} for name in "ab"])
    assert [line.result.message.usage.input_tokens > 75_000 for line in results] == [True, True]


def test_a_batch_whose_reply_was_lost_is_found_in_the_list(start: Start, asked: Any) -> None:
    with _client(start(faults={"batch_lost_reply": 1})) as client:
        with pytest.raises(anthropic.APIConnectionError):
            client.messages.batches.create(requests=asked(2))
        (found,) = client.messages.batches.list()
        assert _ended(client, found.id).request_counts.succeeded == 2


def test_a_refused_creation_makes_nothing_and_a_retry_can_succeed(start: Start, asked: Any) -> None:
    made = []
    with _client(start(faults={"batch_refused": 0.5})) as client:
        for _ in range(12):
            try:
                made.append(client.messages.batches.create(requests=asked(1)).id)
            except anthropic.InternalServerError:
                continue
        assert 0 < len(made) < 12
        assert [batch.id for batch in client.messages.batches.list()] == made[::-1]


def test_a_late_batch_is_missing_for_two_questions(start: Start, asked: Any) -> None:
    with _client(start(faults={"batch_late": 1})) as client:
        batch = client.messages.batches.create(requests=asked(1))
        for _ in range(2):
            with pytest.raises(anthropic.NotFoundError):
                client.messages.batches.retrieve(batch.id)
        assert _ended(client, batch.id).id == batch.id


@pytest.mark.parametrize("count", [1, 1200])
def test_broken_results_are_complete_when_they_are_read_again(start: Start, asked: Any, count: int) -> None:
    with _client(start(faults={"batch_broken_results": 1})) as client:
        batch = client.messages.batches.create(requests=asked(count))
        _ended(client, batch.id)
        read = []
        with pytest.raises(Exception, match=r"incomplete|closed|peer|JSON"):
            read.extend(client.messages.batches.results(batch.id))
        assert len(read) < count
        assert len(list(client.messages.batches.results(batch.id))) == count


def test_a_canceled_batch_keeps_the_answers_that_it_has(start: Start, asked: Any, tmp_path: Path) -> None:
    with _client(start(batch_delay_s=3)) as client:
        batch = client.messages.batches.create(requests=asked(30))
        with pytest.raises(anthropic.BadRequestError):
            client.messages.batches.delete(batch.id)
        time.sleep(1)
        assert client.messages.batches.cancel(batch.id).processing_status == "canceling"
        counts = _ended(client, batch.id).request_counts
        kinds = Counter(line.result.type for line in client.messages.batches.results(batch.id))
        with pytest.raises(anthropic.BadRequestError):
            client.messages.batches.cancel(batch.id)
    assert kinds == {"succeeded": counts.succeeded, "canceled": counts.canceled} and min(kinds.values()) > 0
    assert len((tmp_path / "billed.jsonl").read_text(encoding="utf-8").splitlines()) == counts.succeeded


def test_a_deleted_batch_is_gone_with_its_texts(start: Start, asked: Any, tmp_path: Path) -> None:
    with _client(start()) as client:
        batch = client.messages.batches.create(requests=asked(2))
        _ended(client, batch.id)
        assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.retrieve(batch.id)
        assert client.messages.batches.list().data == []
    assert b"Livraison" not in b"".join(file.read_bytes() for file in tmp_path.glob("batches.db*"))


def test_another_process_goes_on_with_the_batches_in_the_file(start: Start, asked: Any, tmp_path: Path) -> None:
    before = start(batch_delay_s=2)
    with _client(before) as client:
        batch = client.messages.batches.create(requests=asked(20))
        time.sleep(1)
    before.stop()
    with _client(start(batch_delay_s=0)) as client:
        assert _ended(client, batch.id).request_counts.succeeded == 20
        assert len({line.custom_id for line in client.messages.batches.results(batch.id)}) == 20
    assert len((tmp_path / "billed.jsonl").read_text(encoding="utf-8").splitlines()) == 20


def test_the_list_has_pages_in_both_directions(start: Start, asked: Any) -> None:
    with _client(start()) as client:
        made = [client.messages.batches.create(requests=asked(1)).id for _ in range(5)][::-1]
        first = client.messages.batches.list(limit=2)
        assert ([batch.id for batch in first.data], first.has_more) == (made[:2], True)
        assert [batch.id for batch in first] == made
        newer = client.messages.batches.list(limit=2, before_id=made[3])
        assert ([batch.id for batch in newer.data], newer.has_more) == (made[1:3], True)
        with pytest.raises(anthropic.BadRequestError):
            client.messages.batches.list(limit=1001)


def test_live_requests_are_answered_while_5000_requests_are(start: Start, asked: Any, body: Body) -> None:
    slowest = 0.0
    with _client(start()) as client:
        batch = client.messages.batches.create(requests=asked(5000))
        started = time.monotonic()
        while client.messages.batches.retrieve(batch.id).processing_status != "ended":
            before = time.monotonic()
            client.messages.create(**body("Bien"))
            slowest = max(slowest, time.monotonic() - before)
            time.sleep(0.1)
        # not a benchmark: it takes some 5 s, and a blocked loop would let the live request wait as long
        assert time.monotonic() - started < 60 and slowest < 2
        assert sum(1 for _ in client.messages.batches.results(batch.id)) == 5000


def test_shares_of_faults_that_exclude_each_other_add_up_to_1_at_most() -> None:
    Sandbox(faults="error=0.9,batch_errored=0.9,batch_refused=0.9,batch_late=1")
    with pytest.raises(SettingsError, match="requests of a batch"):
        Sandbox(faults="batch_errored=0.6,batch_expired=0.6")
