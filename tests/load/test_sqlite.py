"""SQLite alone: tables and views of older versions are replaced."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from load.former import FORMER, former_rows
from load.places import ROW
from pipeline.load import open_warehouse
from pipeline.load.table import ANALYSED, describe


def rows(url: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute("SELECT * FROM verbatims_analysed_v2 ORDER BY verbatim_id").fetchall()


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
        connection.execute("ALTER TABLE verbatims_analysed_v2 RENAME TO newer")
        connection.execute(today["verbatims_analysed_v2"].replace("summary TEXT,", "summary TEXT NOT NULL,"))
        connection.execute("INSERT INTO verbatims_analysed_v2 SELECT * FROM newer")
        connection.execute("DROP VIEW topics_v1")
        connection.execute("DROP VIEW sentiment_by_week_v1")
        connection.execute("DROP TABLE newer")
        connection.execute("CREATE VIEW mine AS SELECT text FROM verbatims_analysed_v2")
        connection.commit()
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE verbatims_analysed_v2 SET summary = NULL")
    with closing(open_warehouse(url, sandbox=True)) as warehouse:
        assert rows(url) == before
        assert warehouse.load_rows([[replace(ROW, text=None, summary=None)]]).refused == ()
    mine = {"mine": "CREATE VIEW mine AS SELECT text FROM verbatims_analysed_v2"}
    assert _schema(tmp_path) == today | mine
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == [(None,)]
        assert connection.execute("SELECT count(*) FROM topics_v1").fetchone() == (len(ROW.topics),)


def _schema(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "rows.db")) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())


def test_the_former_table_becomes_a_view_and_its_rows_are_taken_over(tmp_path: Path) -> None:
    """A file of the version before, and an analyst's own view on its table."""
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        connection.execute(FORMER)
        connection.execute("CREATE VIEW sentiment_by_week_v1 AS SELECT 1 FROM verbatims_analysed_v1")
        connection.execute("CREATE VIEW mine AS SELECT verbatim_id, written_at FROM verbatims_analysed_v1")
        for row in former_rows():
            connection.execute(f"INSERT INTO verbatims_analysed_v1 VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()
        before = connection.execute("SELECT * FROM verbatims_analysed_v1 ORDER BY 1").fetchall()
    for _ in range(2):
        open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        after = connection.execute("SELECT * FROM verbatims_analysed_v1 ORDER BY 1").fetchall()
        assert [(*row[:7], *row[8:19]) for row in after] == [(*row[:7], *row[8:]) for row in before]
        assert connection.execute("SELECT verbatim_id, written_at FROM mine ORDER BY 1").fetchall() == [
            ("a", "2026-01-02"), ("b", "2026-01-02T09:30:00+00:00"), ("c", None), ("d", "2026-01-02T10:30:00+00:00")
        ]  # fmt: skip
        taken = connection.execute("SELECT written_at, written_on FROM verbatims_analysed_v2 ORDER BY verbatim_id")
        assert taken.fetchall() == [
            (None, "2026-01-02"),
            ("2026-01-02T09:30:00+00:00", "2026-01-02"),
            (None, None),
            ("2026-01-02T10:30:00+00:00", "2026-01-02"),
        ]


def test_what_the_columns_mean_can_be_asked_with_sql(tmp_path: Path) -> None:
    open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True).close()
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        said = dict(connection.execute("SELECT column_name, description FROM columns_v1").fetchall())
    assert set(said) == {column.name for column in describe(ANALYSED).columns} and all(said.values())
