"""SQLite alone: tables and views of older versions are replaced."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from load.places import ROW
from pipeline.load import open_warehouse


def rows(url: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute("SELECT * FROM verbatims_analysed_v1 ORDER BY verbatim_id").fetchall()


def test_a_view_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rows.db"
    open_warehouse(url, sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute("DROP VIEW topics_v1")
        connection.execute("CREATE VIEW topics_v1 AS SELECT 1 AS old")
        connection.commit()
    open_warehouse(url, sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        assert "old" not in [column[0] for column in connection.execute("SELECT * FROM topics_v1").description]


def test_a_table_with_older_constraints_is_recreated_with_its_rows_and_all_views(tmp_path: Path) -> None:
    """Older versions required texts to be non-null; an analyst's own views keep working."""
    url = f"sqlite:///{tmp_path}/rows.db"
    with closing(open_warehouse(url, sandbox=True)) as warehouse:
        warehouse.load_rows([[ROW]])
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
        assert warehouse.load_rows([[replace(ROW, text=None, summary=None)]]).refused == ()
    mine = {"mine": "CREATE VIEW mine AS SELECT text FROM verbatims_analysed_v1"}
    assert _schema(tmp_path) == today | mine
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == [(None,)]
        assert connection.execute("SELECT count(*) FROM topics_v1").fetchone() == (len(ROW.topics),)


def _schema(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "rows.db")) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
