"""What a warehouse should hold is counted from the run and from totals, and is what counting each text would say."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.store import Store
from pipeline.store.counts import RowCounts
from pipeline.store.tables import analyses, deliveries, run_records, texts

from .test_deliveries import Watched, answered, read


def by_definition(store: Store, run_id: str) -> RowCounts:
    """Text by text."""
    with store.database.read() as connection:
        made_by = {one.analysis_id: one.run_id for one in connection.execute(sa.select(analyses))}
        dead = set(connection.execute(sa.select(deliveries.c.verbatim_id).where(deliveries.c.problem != "")).scalars())
        held = set(connection.execute(sa.select(run_records.c.text_id).where(run_records.c.run_id == run_id)).scalars())
        found = connection.execute(sa.select(texts).where(texts.c.current.is_not(None), ~texts.c.superseded)).all()
    taken = [one for one in found if one.verbatim_id not in dead]
    mine = [one for one in found if one.text_id in held]
    return RowCounts(
        made=sum(made_by[one.current] == run_id for one in taken),
        read=len(mine),
        refused=sum(one.verbatim_id in dead for one in mine),
        ever=len(taken),
    )


@pytest.mark.parametrize("folded", [False, True])
def test_edited_forgotten_and_rejected_verbatims_are_counted_as_text_by_text(
    store: Store, tmp_path: Path, folded: bool
) -> None:
    runs = [answered(store, {name: f"avis {name}" for name in "abcde"})]
    Watched(tmp_path / "rows.db").load(store, refuse="a")
    runs.append(answered(store, {"b": "avis b, avec une suite", "c": "avis c", "f": "avis f"}))
    runs.append(read(store, {"c": "avis c, pas encore analysé", "g": "avis g"}))
    store.erasure.forget(store.erasure.identities.of("shop", "d"))
    if folded:
        store.runs.finish(runs[0])
    assert by_definition(store, runs[0]) == RowCounts(made=1, read=2, refused=1, ever=3)
    assert [store.runs.count_rows(run_id) for run_id in runs] == [by_definition(store, run_id) for run_id in runs]
