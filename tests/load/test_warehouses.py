"""One contract for every warehouse: the same rows once, odd ones named, nothing lost, kinds never mixed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import SettingsError, Stopped
from pipeline.load import WAREHOUSES, Warehouse, open_warehouse
from pipeline.records import NewTopic, Row

ROW = Row(
    verbatim_id="a",
    run_id="r1",
    source="shop",
    external_id="1",
    url=None,
    rating=4.5,
    language="fr",
    written_at="2026-01-02",
    seen_on="2026-01-03",
    text="La livraison est « parfaite »",
    summary="Livraison parfaite.",
    sentiment="positive",
    topics=("delivery",),
    new_topics=(NewTopic("cadeaux", "Tout sur les cadeaux.", "parfaite"),),
    model="sandbox",
    prompt_version="analyse_v1",
    cost_usd=0.001,
    trace_id=None,
    analysed_at="2026-01-03T00:00:00+00:00",
)
B = replace(ROW, verbatim_id="b", external_id="2")


@pytest.fixture(params=sorted(WAREHOUSES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"sqlite": f"sqlite:///{tmp_path}/rows.db"}[request.param]


@pytest.fixture
def warehouse(url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(url, sandbox=True)
    yield opened
    opened.close()


def rows(url: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute("SELECT * FROM verbatims_analysed_v1 ORDER BY verbatim_id").fetchall()


def test_loading_again_changes_nothing_and_a_changed_row_replaces_its_own(warehouse: Warehouse, url: str) -> None:
    assert warehouse.load([[ROW], [B]]).held == 2
    before = rows(url)
    assert warehouse.load([[ROW, B]]).held == 2 and rows(url) == before
    assert warehouse.load([[replace(ROW, text="Autre")]]).held == 1
    assert [row[9] for row in rows(url)] == ["Autre", B.text]


def test_a_row_that_is_refused_is_named_and_the_rest_is_loaded(warehouse: Warehouse, url: str) -> None:
    odd = replace(ROW, verbatim_id="odd", sentiment=None)  # type: ignore[arg-type, unused-ignore]
    loaded = warehouse.load([[ROW, odd, B]])
    assert (loaded.held, [refusal.verbatim_id for refusal in loaded.refused]) == (2, ["odd"])
    assert ROW.text not in loaded.refused[0].problem and len(rows(url)) == 2


def test_rows_of_the_sandbox_and_of_claude_never_share_a_table(warehouse: Warehouse, url: str) -> None:
    warehouse.load([[ROW]])
    with pytest.raises(SettingsError, match="WAREHOUSE"):
        open_warehouse(url, sandbox=False)


def test_a_load_that_is_stopped_leaves_whole_pages_and_goes_on(warehouse: Warehouse, url: str) -> None:
    def pages() -> Iterator[list[Row]]:
        yield [ROW]
        raise Stopped("the store is gone")

    with pytest.raises(Stopped):
        warehouse.load(pages())
    assert len(rows(url)) == 1
    assert warehouse.load([[ROW, B]]).held == 2


def test_a_table_of_another_shape_is_refused_with_the_columns_that_differ(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute("CREATE TABLE verbatims_analysed_v1 (verbatim_id TEXT, mood TEXT)")
    with pytest.raises(SettingsError, match="mood"):
        open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True)


def test_a_view_of_an_older_version_gives_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rows.db"
    open_warehouse(url, sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute("DROP VIEW topics_v1")
        connection.execute("CREATE VIEW topics_v1 AS SELECT 1 AS old")
        connection.commit()
    open_warehouse(url, sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        assert "old" not in [column[0] for column in connection.execute("SELECT * FROM topics_v1").description]


def test_a_table_of_older_rules_is_renewed_with_its_rows_and_everybodys_views(tmp_path: Path) -> None:
    """Texts could not be null once; what an analyst has built on the table goes on working."""
    url = f"sqlite:///{tmp_path}/rows.db"
    with closing(open_warehouse(url, sandbox=True)) as warehouse:
        warehouse.load([[ROW]])
    before, today = rows(url), _schema(tmp_path)
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute("ALTER TABLE verbatims_analysed_v1 RENAME TO newer")
        connection.execute(today["verbatims_analysed_v1"].replace("summary TEXT,", "summary TEXT NOT NULL,"))
        connection.execute("INSERT INTO verbatims_analysed_v1 SELECT * FROM newer")
        connection.execute("DROP VIEW topics_v1")
        connection.execute("DROP VIEW sentiment_by_week_v1")
        connection.execute("DROP TABLE newer")
        connection.execute("CREATE VIEW mine AS SELECT text FROM verbatims_analysed_v1")
        connection.commit()
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE verbatims_analysed_v1 SET summary = NULL")
    with closing(open_warehouse(url, sandbox=True)) as warehouse:
        assert rows(url) == before
        assert warehouse.load([[replace(ROW, text=None, summary=None)]]).refused == ()
    mine = {"mine": "CREATE VIEW mine AS SELECT text FROM verbatims_analysed_v1"}
    assert _schema(tmp_path) == today | mine
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == [(None,)]
        assert connection.execute("SELECT count(*) FROM topics_v1").fetchone() == (1,)


def _schema(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "rows.db")) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
