"""Runs every Monday: asks the sentinel's texts again, to see whether the model still answers as it was accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _house import defaults, log, opened, say_run_failure
from _moments import LONGEST
from airflow.sdk import BaseOperator, Param, dag
from airflow.sdk.exceptions import AirflowSkipException

BATCH = timedelta(hours=20)
"""How long the task waits for batches: it ends before the next night's run of the day's DAG does."""

ROUNDS = 3
"""How often what is pending is sent in batches; what fails then is left out of this week's question."""


@dag(
    schedule="0 5 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=LONGEST,
    on_failure_callback=say_run_failure,
    is_paused_upon_creation=False,
    default_args=defaults(timeout=timedelta(hours=2)),
    params={
        "mode": Param(
            "live",
            type="string",
            enum=["live", "batch"],
            description="live: Claude is asked at once; batch: in Message Batches, at half the price, within 24 hours.",
        ),
    },
    tags=["verbatims", "weekly"],
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
)
def verbatims_sentinel() -> None:
    AskSentinel(task_id="ask")


class AskSentinel(BaseOperator):
    """Asks this week's question; in batches it is deferred while Claude works on them."""

    def execute(self, context: Any) -> None:
        """Ask live, or send the batches."""
        self.step(context, None, rounds=ROUNDS if context["params"]["mode"] == "batch" else 0)

    def step(self, context: Any, event: Any, rounds: int) -> None:
        """Store what has ended, ask for what is pending, and judge once nothing is under way."""
        from pipeline import sentinel
        from pipeline.airflow.batches import BatchesEnded
        from pipeline.errors import InputError

        live = context["params"]["mode"] == "live"
        # a retry behind the end of the question must not ask a second one
        since = context["dag_run"].run_after
        with opened(asks=True) as session:
            try:
                sentinel.require_accepted(session)
            except InputError as error:
                raise AirflowSkipException(str(error)) from None
            ids = [] if live else sentinel.send_or_collect(session, sends=rounds > 0, since=since)
            if not ids:
                self._say(sentinel.ask(session, since=since) if live else sentinel.end(session, since))
        if ids:
            self.defer(trigger=BatchesEnded(ids), method_name="step", kwargs={"rounds": rounds - 1}, timeout=BATCH)

    def _say(self, found: Any) -> None:
        """An alarm fails nothing here: Prometheus tells who is on call."""
        said = f"{found.flips.flips} of {found.flips.asked} answers have another sentiment than the accepted one"
        if found.verdict.alarms:
            log.warning("%s: more than the limit of %s, the model may have changed", said, found.limit)
        else:
            log.info("%s", said)


verbatims_sentinel()
