"""A store that cannot be opened is one line that says what to try; one that cannot be written can still be read."""

import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from pipeline.errors import SettingsError, VerbatimsError
from pipeline.load import open_warehouse
from pipeline.sqlite_file import use_wal
from pipeline.store import open_store, peek_store
from pipeline.store.database import Database, Turn
from pipeline.store.migrate import HEAD

from .test_upgrade import BEFORE, restore

AT_ONCE = """
import os, sys, time
import alembic.command, alembic.config
from pipeline.load import open_warehouse
from pipeline.store import open_store

begin, codes = time.time() + 0.3, []
for _ in range(6):
    if not os.fork():
        time.sleep(max(begin - time.time(), 0))  # a busy machine forks late
        {open}
        os._exit(0)
for _ in range(6):
    codes.append(os.wait()[1])
print(codes)
"""
STORE = "open_store(sys.argv[1]).close()"
WAREHOUSE = "open_warehouse(sys.argv[1], sandbox=True).close()"


@pytest.mark.long
@pytest.mark.parametrize(("opened", "old"), [(STORE, True), (STORE, False), (WAREHOUSE, False)])
def test_six_processes_open_one_file_at_once(tmp_path: Path, opened: str, old: bool) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    if old:
        restore(url)
    said = subprocess.check_output([sys.executable, "-c", AT_ONCE.replace("{open}", opened), url], text=True)
    assert said == "[0, 0, 0, 0, 0, 0]\n"
    if old:
        with closing(sqlite3.connect(tmp_path / f"x.db.before-{HEAD}")) as copy:
            assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0004",)]


def test_a_new_file_is_waited_for_while_another_uses_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", check_same_thread=False, isolation_level=None)) as first:
        first.execute("CREATE TABLE t (x)")
        first.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: first.execute("COMMIT")).start()
        with closing(sqlite3.connect(tmp_path / "x.db", timeout=0)) as second:
            use_wal(second)
            assert second.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        time.sleep(0.1)


def damaged(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    else:
        content[100:] = bytes(len(content) - 100)
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "overwritten"])
def test_a_damaged_file_is_named(tmp_path: Path, how: str) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    open_warehouse(url, sandbox=True).close()
    open_store(url).close()
    damaged(tmp_path / "x.db", how)
    for look in (open_store, peek_store, lambda url: open_warehouse(url, sandbox=True)):
        with pytest.raises(SettingsError, match=r"(STORE|WAREHOUSE): .*x\.db.*malformed.*restore a backup"):
            look(url)


def test_an_upgrade_on_a_full_disk_is_one_line_and_leaves_the_old_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    restore(url)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(VerbatimsError, match=r"x\.db.*full|x\.db.*disk I/O error"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
        try:
            open_store(url)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / f"x.db.before-{HEAD}").exists()
    open_store(url).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user without rights")
def test_a_store_that_cannot_be_written_is_read_as_it_is(tmp_path: Path) -> None:
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        with closing(open_store(f"sqlite:///{folder}/x.db")) as store:
            run_id = store.runs.start("sandbox", "test")
        folder.chmod(0o755)
        os.setresuid(65534, 65534, 0)
        try:
            for opened in (peek_store(store.name), open_store(store.name, writes=False)):
                assert opened is not None and opened.runs.find(None) == run_id
                opened.close()
            with pytest.raises(SettingsError, match=r"STORE: .*x\.db cannot be written: give this user the right"):
                open_store(store.name)
        finally:
            os.setresuid(0, 0, 0)
        assert {path.name for path in folder.iterdir()} <= {"x.db", "x.db.upgrading-lock"}
    finally:
        shutil.rmtree(folder)


def made(server: str, name: str, more: str = "") -> str:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {more}".encode())
    return f"{server}/{name}"


def test_a_database_of_another_encoding_is_refused(postgres: str) -> None:
    url = made(postgres, "latin", "ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(SettingsError, match=r"STORE: .*/latin has the encoding LATIN1 .* ENCODING 'UTF8'"):
        open_store(url)


def test_a_role_that_may_not_create_tables_is_named(postgres: str) -> None:
    url = made(postgres, "strict")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute("CREATE ROLE weak LOGIN")
    with pytest.raises(SettingsError, match=r"STORE: .*weak@.*permission denied for schema public; name"):
        open_store(url.replace("postgres@", "weak@"))


def test_the_backup_of_an_earlier_upgrade_is_named(postgres: str) -> None:
    url = made(postgres, "left_over")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((BEFORE / "postgres.sql").read_bytes())
        connection.execute(f"CREATE SCHEMA before_{HEAD}")
    with pytest.raises(SettingsError, match=rf"STORE: schema before_{HEAD}.*rename or drop it"):
        open_store(url)


def test_what_one_process_does_at_a_time_is_a_lock_of_a_transaction(postgres: str) -> None:
    """A lock of a session, or a prepared statement, would be lost behind a pooler of transactions."""
    with closing(Database(made(postgres, "pooled"))) as database, database.exclusive(Turn.LOADING):
        for _ in range(10):
            with database.read() as connection:
                held = connection.exec_driver_sql(
                    "SELECT xact_start IS NOT NULL FROM pg_locks JOIN pg_stat_activity USING (pid) "
                    "WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = 'pooled')"
                ).all()
                assert [tuple(row) for row in held] == [(True,)]
                assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SettingsError, match=r"STORE: cannot open .*timeout"):
            open_store(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2")
