"""One turn of the loop: the model drifts, a chart alarms, labels say which class, a second prompt is accepted."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from model_history import PROMPT, date_back, fill_in, totals_of, write_reviews

from pipeline.sandbox import Sandbox

from .conftest import Command, query

NIGHTS = 30
ROWS = "SELECT verbatim_id, sentiment FROM verbatims_analysed_v2"


def alarms(store: Path) -> set[tuple[str, str]]:
    """(source, signal) over its limit."""
    return set(query(store, "SELECT source, signal FROM verdicts WHERE score > 1"))


@pytest.mark.long
def test_one_turn_of_the_loop(verbatims: Command, tmp_path: Path) -> None:
    store, warehouse = tmp_path / "var/verbatims.db", tmp_path / "var/verbatims-warehouse.db"
    with Sandbox(latency_s=0) as steady, Sandbox(latency_s=0, drift="negative=0.15") as drifting:
        first = ("run", "--input", write_reviews(tmp_path / "month.csv", 3000, 1).name, "--source", "shop")
        assert verbatims(*first, ANTHROPIC_BASE_URL=steady.url).code == 0
        date_back(store, NIGHTS)
        verbatims("publish")
        assert alarms(store) == set()
        assert verbatims("baseline", "accept").code == 0

        last = ("run", "--input", write_reviews(tmp_path / "night.csv", 900, 2).name, "--source", "shop")
        ended = verbatims(*last, ANTHROPIC_BASE_URL=drifting.url)
        assert ("shop", "given_stars") in alarms(store)
        assert "warning: model: shop: given stars negative" in ended.err and "the model may have changed" in ended.err

        today = datetime.now(UTC).date().isoformat()
        assert verbatims("label", "--sample", "400", "--since", today, "--output", "empty.csv").code == 0
        fill_in(tmp_path / "empty.csv", tmp_path / "labels.csv")
        scores = verbatims("evaluate", "--labels", "labels.csv", "--json").data
        assert scores["enough"] and scores["lacking"] is None
        negative, positive = scores["classes"]["negative"], scores["classes"]["positive"]
        assert negative["precision"] < 0.9 < negative["recall"] and positive["recall"] < 0.9 < positive["precision"]

        (tmp_path / "second.md").write_text(PROMPT, encoding="utf-8")
        second = {"VERBATIMS_PROMPT": "second.md", "ANTHROPIC_BASE_URL": drifting.url}
        compared = verbatims("compare", "--labels", "labels", "--yes", "--json", "current", "settings", **second)
        assert (compared.code, compared.data["judgement"], compared.data["lost"]) == (0, "not_worse", 0)

        before, rows = (
            totals_of(store),
            dict(query(warehouse, ROWS)),
        )
        poor = verbatims("reanalyse", "--yes", "--budget", "0.001", **second)
        assert poor.code == 3 and "budget" in poor.err
        assert verbatims("reanalyse", "--yes", **second).code == 0
        assert rows == dict(query(warehouse, ROWS))
        assert ("shop", "given_stars") in alarms(store)
        accepted = verbatims("accept", "settings", **second)
        assert accepted.code == 0 and "3900 rows brought" in accepted.err
    assert alarms(store) == set() and totals_of(store) == before
    now = dict(query(warehouse, ROWS))
    changed = {one for one, sentiment in now.items() if rows[one] != sentiment}
    assert now.keys() == rows.keys() and 50 < len(changed) < 150
    assert {rows[one] for one in changed} == {"negative"}
    versions = query(warehouse, "SELECT DISTINCT prompt_version FROM verbatims_analysed_v2")
    assert len(versions) == 1 and versions[0][0].startswith("second-")
    ready = query(store, "SELECT count(*) FROM verdicts WHERE signal = 'given_stars' AND state = 'ready'")
    assert ready == [(4,)]
    with closing(sqlite3.connect(store)) as connection:
        [(result,)] = connection.execute("SELECT result FROM evaluations")
    assert json.loads(result)["f1"]["macro"]
