"""A hash that stands for an id is keyed by the store, and tombstones of older rules still count."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.clean import prepare
from pipeline.delivery import deliver
from pipeline.load import Warehouse
from pipeline.records import Review
from pipeline.store import Store, open_store
from pipeline.store.database import Database
from pipeline.store.identity import verbatim_id
from pipeline.store.tables import forgotten, texts

from .test_upgrade import ask_old, old_url, warehouse

PHONE = "0612345678"
__all__ = ["old_url", "warehouse"]


def add(store: Store, *external_ids: str) -> list[str]:
    """Read reviews with these ids; returns the external ids that the store keeps."""
    run_id = store.runs.start("sandbox", "test")
    list(store.texts.add(run_id, [prepare(Review("shop", one, "merci", n)) for n, one in enumerate(external_ids, 1)]))
    with store.database.read() as connection:
        return list(connection.execute(sa.select(texts.c.external_id).order_by(texts.c.external_id.desc())).scalars())


def test_a_hash_that_stands_for_an_id_is_another_in_every_store(store: Store, tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/other.db")) as other:
        [here, ordinary], [there] = add(store, PHONE, "17"), add(other, PHONE)
    assert here.startswith("hmac:") and there.startswith("hmac:") and here != there
    assert ordinary == "17"
    assert add(store, PHONE) == [here, ordinary], "the same in all runs of a store"
    assert store.texts.is_known(prepare(Review("shop", PHONE, "merci", 1))) is False, "it is not decided yet"


@pytest.mark.parametrize("rule", ["as read", "plain hash"])
def test_what_was_forgotten_under_an_older_rule_stays_forgotten(store: Store, rule: str) -> None:
    review = prepare(Review("shop", PHONE, "merci", 1))
    identity = verbatim_id("shop", PHONE if rule == "as read" else review.external_id)
    with store.database.write() as connection:
        connection.execute(sa.insert(forgotten).values(verbatim_id=identity, forgotten_on="2026-01-01"))
    assert add(store, PHONE) == []
    assert store.texts.is_known(review) and store.crawls().known([review]) == [True]


@pytest.mark.parametrize("erasing", [False, True])
def test_an_upgrade_renames_plain_hashes_and_the_next_load_moves_their_rows(
    old_url: str, warehouse: Warehouse, tmp_path: Path, erasing: bool
) -> None:
    plain = "sha256:" + "0" * 32
    old = verbatim_id("shop", plain)
    analysed = "SELECT verbatim_id FROM verbatims WHERE outcome = 'analysed' AND NOT erased AND NOT superseded LIMIT 1"
    [[before]] = ask_old(old_url, analysed)
    renamed = {"before": before, "after": old, "external": plain}
    with closing(Database(old_url)) as database, database.write() as connection:
        statement = "UPDATE verbatims SET verbatim_id = :after, external_id = :external WHERE verbatim_id = :before"
        connection.execute(sa.text(statement), renamed)
    rows = old_url.removeprefix("sqlite:///") if old_url.startswith("sqlite") else f"{tmp_path}/rows.db"
    with closing(sqlite3.connect(rows)) as connection:
        connection.execute("UPDATE verbatims_analysed_v2 SET verbatim_id = ? WHERE verbatim_id = ?", (old, before))
        connection.commit()
    held = warehouse.query("SELECT verbatim_id FROM verbatims_analysed_v2", {})
    with closing(open_store(old_url)) as store:
        with store.database.read() as connection:
            new = connection.execute(sa.select(texts.c.verbatim_id).where(texts.c.external_id.like("hmac:%"))).scalar()
        deliver(store, warehouse, lambda *_: None, erased=erasing)
    found = {row["verbatim_id"] for row in warehouse.query("SELECT verbatim_id FROM verbatims_analysed_v2", {})}
    assert old in {row["verbatim_id"] for row in held} and new != old
    assert (new in found) is not erasing and old not in found, "an erasure leaves no words under an old id"
