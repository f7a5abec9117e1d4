"""One turn of the loop: the model drifts, a chart alarms, labels say which class, a second prompt is accepted."""

from pathlib import Path

import pytest
from model_history import totals_of
from model_turn import Turn

from pipeline.sandbox import Sandbox

from .conftest import Command, query

pytestmark = pytest.mark.long

ROWS = "SELECT verbatim_id, sentiment FROM verbatims_analysed_v2"


def test_one_turn_of_the_loop(verbatims: Command, tmp_path: Path) -> None:
    warehouse = tmp_path / "var/verbatims-warehouse.db"
    with Sandbox(latency_s=0) as steady, Sandbox(latency_s=0, drift="negative=0.15") as drifting:
        turn = Turn(verbatims, tmp_path, steady.url, drifting.url)
        turn.month()
        assert turn.alarms() == set()
        said = turn.drifted_night().err
        assert "warning: model: shop: given stars negative" in said and "the model may have changed" in said
        assert ("shop", "given_stars") in turn.alarms()

        scores = turn.evaluate()
        assert scores["enough"] and scores["lacking"] is None
        negative, positive = scores["classes"]["negative"], scores["classes"]["positive"]
        assert negative["precision"] < 0.9 < negative["recall"] and positive["recall"] < 0.9 < positive["precision"]

        compared = turn.compare()
        assert (compared.code, compared.data["judgement"], compared.data["lost"]) == (0, "not_worse", 0)
        before, rows = totals_of(turn.store), dict(query(warehouse, ROWS))
        poor = turn.reanalyse("--budget", "0.001")
        assert poor.code == 3 and "budget" in poor.err
        assert turn.reanalyse().code == 0
        assert rows == dict(query(warehouse, ROWS)) and ("shop", "given_stars") in turn.alarms()

        accepted = turn.accept()
        assert accepted.code == 0 and "3900 rows brought" in accepted.err
    assert turn.alarms() == set() and totals_of(turn.store) == before
    now = dict(query(warehouse, ROWS))
    changed = {one for one, sentiment in now.items() if rows[one] != sentiment}
    assert now.keys() == rows.keys() and 50 < len(changed) < 150
    assert {rows[one] for one in changed} == {"negative"}
    [(version,)] = query(warehouse, "SELECT DISTINCT prompt_version FROM verbatims_analysed_v2")
    assert version.startswith("second-")
    ready = query(turn.store, "SELECT count(*) FROM verdicts WHERE signal = 'given_stars' AND state = 'ready'")
    assert ready == [(4,)]
