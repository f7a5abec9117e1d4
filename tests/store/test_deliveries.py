"""A load brings what the warehouse lacks, whichever run made it, and a warehouse that lost its rows is filled again."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from analysers import ANALYSER

import pipeline.delivery
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.delivery import Delivered, deliver
from pipeline.errors import TransientError
from pipeline.load import Loaded, RejectedRow, Warehouse, open_warehouse
from pipeline.records import Review, WarehouseRow
from pipeline.store import Decision, Store, open_store
from pipeline.store.tables import deliveries, warehouses

from .test_claims import asks, good


def read(store: Store, texts: dict[str, str], **facts: object) -> str:
    """A run that has read and kept these."""
    run_id = store.runs.start("sandbox", "test")
    records = [
        replace(Review("shop", name, text, number), **facts)  # type: ignore[arg-type]
        for number, (name, text) in enumerate(texts.items(), 1)
    ]
    list(store.texts.add(run_id, records))
    for page in store.texts.uncleaned(run_id):
        store.texts.decide(run_id, [Decision(text.text_id, text.source, None) for text in page])
    return run_id


def answered(store: Store, texts: dict[str, str], **facts: object) -> str:
    """The same, and analysed."""
    run_id = read(store, texts, **facts)
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = claims.take(asks(claims))
    claims.commit(good(*taken.asks))
    claims.take(taken.waiting)
    claims.release()
    return run_id


class Watched:
    """A warehouse of its own file; remembers the rows that it was given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.given: list[str] = []

    def load(self, store: Store, *, refuse: str = "") -> Delivered:
        self.given.clear()
        with closing(open_warehouse(f"sqlite:///{self.path}", sandbox=True)) as warehouse:
            write = warehouse.load_rows

            def noting(pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
                rows = [row for page in pages for row in page]
                gone = list(outdated)
                self.given += sorted([row.external_id for row in rows] + ["gone"] * len(gone))
                bad = [row for row in rows if row.external_id == refuse]
                loaded = write([[row for row in rows if row not in bad]], gone)
                return Loaded(loaded.held, tuple(RejectedRow(row.verbatim_id, "no such row") for row in bad))

            warehouse.load_rows = noting  # type: ignore[method-assign]
            return deliver(store, warehouse, lambda *_: None)

    def rows(self) -> dict[str, str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return dict(connection.execute("SELECT external_id, text FROM verbatims_analysed_v2 ORDER BY 1").fetchall())


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "rows.db")


TWO = {"a": "merci", "b": "bof"}


def breaking_off(warehouse: Warehouse, at: int) -> None:
    """The warehouse fails at this call of `load_rows`, counted from 0."""
    write, calls = warehouse.load_rows, iter(range(10))

    def load_rows(pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        if next(calls) == at:
            raise TransientError("the disk is full")
        return write(pages, outdated)

    warehouse.load_rows = load_rows  # type: ignore[method-assign]


def test_a_load_brings_what_is_new_of_any_run_and_says_of_which(store: Store, watched: Watched) -> None:
    first = answered(store, TWO)
    second = answered(store, {"c": "encore"})
    assert dict(watched.load(store).by_run) == {first: 2, second: 1}
    assert (watched.load(store).by_run, watched.given) == ({}, [])
    assert (store.runs.count_held(first), store.runs.count_held(second)) == (2, 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "given"),
    [
        (lambda store: answered(store, TWO), []),
        (lambda store: answered(store, TWO, rating=2.0), ["a", "b"]),
        (lambda store: answered(store, TWO | {"a": "merci encore"}), ["a"]),
        (lambda store: read(store, TWO | {"a": "merci encore"}), ["gone"]),
        (lambda store: store.deliveries.make_due(store.runs.find(None)), ["a", "b"]),
        (lambda store: read(store, {"x": "un autre"}), []),
    ],
    ids=["nothing", "facts", "edited and analysed", "edited", "a run again", "read only"],
)
def test_exactly_what_has_changed_is_brought(
    store: Store, watched: Watched, change: Callable[[Store], object], given: list[str]
) -> None:
    answered(store, TWO)
    watched.load(store)
    change(store)
    watched.load(store)
    assert watched.given == given
    watched.load(store)
    assert watched.given == []


def emptied(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM verbatims_analysed_v2")
        connection.commit()


def removed(path: Path) -> None:
    for file in path.parent.glob("rows.db*"):
        file.unlink()


def restored(path: Path) -> None:
    shutil.copy(path.with_name("backup.db"), path)


@pytest.mark.long
@pytest.mark.parametrize("lose", [emptied, removed, restored])
def test_a_warehouse_that_has_lost_rows_is_filled_again(
    store: Store, watched: Watched, lose: Callable[[Path], None]
) -> None:
    answered(store, {"a": "merci"})
    watched.load(store)
    shutil.copy(watched.path, watched.path.with_name("backup.db"))
    answered(store, {"b": "bof"})
    watched.load(store)
    before = watched.rows()
    lose(watched.path)
    watched.load(store)
    assert watched.given == ["a", "b"] and watched.rows() == before
    watched.load(store)
    assert watched.given == []


def test_another_warehouse_is_filled_and_the_first_one_keeps_up_when_it_comes_back(
    store: Store, watched: Watched, tmp_path: Path
) -> None:
    answered(store, TWO)
    watched.load(store)
    other = Watched(tmp_path / "elsewhere.db")
    other.load(store)
    assert other.given == ["a", "b"]
    answered(store, {"c": "encore"})
    for one in (other, watched):
        one.load(store)
        assert one.given == ["c"]
    assert other.rows() == watched.rows()


@pytest.mark.long
def test_two_stores_may_fill_one_warehouse(store: Store, watched: Watched, tmp_path: Path) -> None:
    answered(store, {"a": "merci"})
    watched.load(store)
    with closing(open_store(f"sqlite:///{tmp_path}/second.db")) as second:
        answered(second, {"b": "bof"})
        for one in (second, store, second):
            watched.load(one)
        assert watched.given == [] and list(watched.rows()) == ["a", "b"]


def test_what_the_warehouse_refuses_stays_due_and_is_a_dead_letter_until_then(store: Store, watched: Watched) -> None:
    run_id = answered(store, TWO)
    assert list(watched.load(store, refuse="b").rejected.values()) == ["no such row"]
    assert store.runs.count(run_id).load_refused == 1 and store.runs.count_held(run_id) == 1
    [failure] = store.runs.failures(run_id)
    assert (failure.external_id, failure.outcome, failure.detail) == ("b", "load_refused", "no such row")
    watched.load(store, refuse="b")
    assert watched.given == ["b"] and len(store.runs.failures(run_id)) == 1
    later = answered(store, {"c": "encore"})
    assert dict(watched.load(store).by_run) == {run_id: 1, later: 1}
    assert (store.runs.count(run_id).load_refused, store.runs.failures(run_id)) == (0, [])


def test_what_was_brought_before_a_load_broke_off_is_not_brought_again(
    store: Store, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.delivery, "CHUNK", 1)
    monkeypatch.setattr("pipeline.store.deliveries.PAGE", 1)
    answered(store, TWO | {"c": "encore"})
    with closing(open_warehouse(f"sqlite:///{watched.path}", sandbox=True)) as warehouse:
        breaking_off(warehouse, at=2)
        with pytest.raises(TransientError):
            deliver(store, warehouse, lambda *_: None)
    assert len(watched.rows()) == 2
    watched.load(store)
    assert len(watched.given) == 1 and len(watched.rows()) == 3


def test_a_load_clears_no_dead_letter_of_a_later_change(store: Store, watched: Watched) -> None:
    """A slow load read the row before it changed; one beside it met the change and was refused."""
    run_id = answered(store, {"a": "merci"})
    slow = store.deliveries.start_load({})
    [read_early] = store.deliveries.due(slow)
    answered(store, {"a": "merci"}, rating=2.0)
    quick = store.deliveries.start_load({slow.identity: slow.number})
    [read_late] = store.deliveries.due(quick)
    [identity] = read_late.changes
    store.deliveries.settle(quick, read_late.changes, {identity: "no such row"})
    store.deliveries.settle(slow, read_early.changes, {})
    assert store.runs.count(run_id).load_refused == 1
    watched.load(store)
    assert watched.given == ["a"] and store.runs.count(run_id).load_refused == 0


def test_an_emptied_warehouse_whose_filling_breaks_off_is_filled_by_the_next_load(
    store: Store, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(store, TWO | {"c": "encore"})
    watched.load(store)
    emptied(watched.path)
    watched.load(store, refuse="b")
    assert list(watched.rows()) == ["a", "c"]
    emptied(watched.path)
    monkeypatch.setattr(pipeline.delivery, "CHUNK", 1)
    monkeypatch.setattr("pipeline.store.deliveries.PAGE", 1)
    with closing(open_warehouse(f"sqlite:///{watched.path}", sandbox=True)) as warehouse:
        breaking_off(warehouse, at=1)
        with pytest.raises(TransientError):
            deliver(store, warehouse, lambda *_: None)
    watched.load(store)
    assert list(watched.rows()) == ["a", "b", "c"]


def test_a_store_that_was_restored_brings_everything_once(store: Store, watched: Watched) -> None:
    answered(store, TWO)
    watched.load(store)
    with store.database.write() as connection:
        connection.execute(sa.update(warehouses).values(begun=0, done=0))
    [(identity, _)] = marks(watched.path)
    with closing(sqlite3.connect(watched.path)) as connection:
        connection.execute("UPDATE verbatims_loads_v1 SET number = 1000")
        connection.commit()
    for given in (["a", "b"], [], []):
        watched.load(store)
        assert watched.given == given
    assert [one for one, _ in marks(watched.path)] == [identity]


def marks(path: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT identity, number FROM verbatims_loads_v1").fetchall()


@pytest.mark.long
def test_a_warehouse_registered_beside_workers_misses_nothing(store: Store, store_url: str, tmp_path: Path) -> None:
    run_id = read(store, {f"n{number}": f"texte {number}" for number in range(400)})
    done = threading.Event()

    def work() -> None:
        with closing(open_store(store_url)) as other:
            claims = other.claims(run_id, ANALYSER, FINAL_OUTCOMES)
            while taken := claims.take(asks(claims)[:5]).asks:
                claims.commit(good(*taken))
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        store.deliveries.start_load({})
    worker.join()
    with store.database.read() as connection:
        owed = connection.execute(
            sa.select(deliveries.c.warehouse, sa.func.count()).group_by(deliveries.c.warehouse)
        ).all()
        registered = connection.execute(sa.select(sa.func.count()).select_from(warehouses)).scalar_one()
    assert len(owed) == registered and {number for _, number in owed} == {400}


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Warehouse]:
    with closing(open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True)) as warehouse:
        yield warehouse


def test_a_load_that_ends_behind_a_later_one_does_not_turn_the_number_back(store: Store, marked: Warehouse) -> None:
    answered(store, TWO)
    deliver(store, marked, lambda *_: None)
    early, late = (store.deliveries.start_load(marked.marks()) for _ in range(2))
    for loading in (late, early):
        marked.mark(loading.identity, loading.number)
        store.deliveries.finish_load(loading)
    assert marked.marks() == {late.identity: late.number}
    assert list(store.deliveries.due(store.deliveries.start_load(marked.marks()))) == []
