"""What tests of Message Batches need: a store, a sandbox that bills, and sessions that come and go as processes do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline import batch_journey, journey
from pipeline.analyse import batch_sending
from pipeline.progress import Warnings
from pipeline.sandbox import Sandbox
from pipeline.session import Session, analyser_of, open_session
from pipeline.store import Store
from pipeline.store.tables import attempts, claims, holders, spending

TEXTS = [f"La livraison numéro {number} était rapide et le colis intact." for number in range(40)]


class Heard(Warnings):
    """Keeps every line, as a terminal shows it."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(said.append)
        self._said = said

    def say(self, line: str) -> None:
        self._said.append(line)


class Crash(BaseException):
    """The process ends here: nothing after it runs."""


class Place:
    """A store with a run, a sandbox with a bill, and sessions that come and go as processes do."""

    def __init__(self, folder: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.said = folder, list[str]()
        self._monkeypatch = monkeypatch
        self._sandbox: Sandbox | None = None
        self.bill = folder / "billed.jsonl"
        monkeypatch.chdir(folder)
        for name, value in {"STORE": store_url, "WAREHOUSE": f"sqlite:///{folder}/rows.db"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(batch_sending, "SETTLES_S", 0.5)
        monkeypatch.setattr(batch_sending, "LOOK_S", 0.1)
        monkeypatch.setattr(batch_journey, "LONGEST_LOOK_S", 0.2)
        monkeypatch.setattr(batch_journey, "FIRST_LOOK_S", 0.1)

    def serve(self, faults: str = "", delay_s: float = 0.3, seed: int = 7) -> None:
        self._sandbox = Sandbox(
            latency_s=0,
            faults=faults,
            seed=seed,
            billed=self.bill,
            batches=self.folder / "batches.db",
            batch_delay_s=delay_s,
        ).start()
        self._monkeypatch.setenv("ANTHROPIC_BASE_URL", self._sandbox.url)

    def forget_batches(self) -> None:
        """The API knows none of its batches any more."""
        self.stop()
        (self.folder / "batches.db").unlink()
        self.serve()

    def stop(self) -> None:
        if self._sandbox:
            self._sandbox.stop()

    def session(self, **options: Any) -> Any:
        return open_session(lambda _: Heard(self.said), asks=True, **options)

    def billed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.bill.read_text().splitlines()] if self.bill.exists() else []

    def remote(self) -> list[Any]:
        """The batches at Claude's side."""
        import anthropic

        assert self._sandbox is not None
        with anthropic.Anthropic(api_key="k", base_url=self._sandbox.url) as client:
            return list(client.messages.batches.list())


def analyse(session: Session, run_id: str) -> int:
    return journey.analyse(session, run_id, batch=True)


def left_over(store: Store) -> dict[str, int]:
    """Rows that a run in batches leaves behind where nothing is under way."""
    with store.database.read() as connection:
        count = sa.select(sa.func.count())
        return {
            "claims": connection.execute(count.select_from(claims)).scalar_one(),
            "holders": connection.execute(count.select_from(holders)).scalar_one(),
            "open": len(store.open_batches()),
        }


NOTHING = {"claims": 0, "holders": 0, "open": 0}


def paid(store: Store) -> tuple[int, int, float]:
    """Answers that cost something, their tokens, and what the budget counts."""
    with store.database.read() as connection:
        tokens = sa.func.sum(attempts.c.input_tokens + attempts.c.output_tokens)
        paid_for = attempts.c.output_tokens > 0
        number, total = connection.execute(sa.select(sa.func.count(), tokens).where(paid_for)).one()
        usd = connection.execute(sa.select(sa.func.sum(spending.c.usd))).scalar_one()
    return int(number), int(total or 0), float(usd or 0.0)


def check(place: Place, store: Store, run_id: str, texts: int = len(TEXTS)) -> None:
    """Each text has one outcome, each answer was paid and stored once, and nothing is left at Claude's side."""
    counts = store.runs.count(run_id)
    assert (counts.analysed + sum(counts.failed.values()), counts.pending) == (texts, 0)
    bill = place.billed()
    number, tokens, _ = paid(store)
    assert tokens == sum(line["input_tokens"] + line["output_tokens"] for line in bill)
    assert number == len(bill) == len({(line["batch_id"], line["custom_id"]) for line in bill})
    assert left_over(store) == NOTHING and place.remote() == []


def ignore(done: int, usd: float) -> None:
    """Nobody watches."""


def worst_of(session: Session) -> float:
    """What one of the texts may cost in a batch, in USD."""
    price = batch_journey.price_of(session.settings, batch=True)
    return batch_journey.WorstCase(analyser_of(session.settings), price).usd(TEXTS[0])
