"""Postgres behind a pooler that gives each transaction another session."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from analysers import ANALYSER
from required import skip_or_fail
from stack.server import eventually, free_port

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.delivery import deliver
from pipeline.load import open_warehouse
from pipeline.store import open_store

from .test_claims import asks, good, kept

pytestmark = pytest.mark.long


@pytest.fixture
def pooled(postgres: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, through pgbouncer in transaction mode with few sessions."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        skip_or_fail("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS pooled")
        connection.execute("CREATE DATABASE pooled")
    port = free_port()
    settings = tmp_path / "pooler.ini"
    settings.write_text(
        f"[databases]\npooled = host=127.0.0.1 port={urlsplit(postgres).port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 8\n"
    )
    user = ["--user", "postgres"] if os.geteuid() == 0 else []  # it refuses to run as root
    for folder in (tmp_path, *tmp_path.parents):
        if user and folder.name.startswith(("test", "pytest", "popen")):
            folder.chmod(0o755)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([program, *user, str(settings)], **quiet)
    url = f"postgresql://postgres@127.0.0.1:{port}/pooled"
    try:
        eventually(lambda: answers(url), 10, "the pooler answers")
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), closing(psycopg.connect(url)):
        return True
    return False


def test_workers_and_loads_share_a_store_behind_a_pooler(pooled: str, tmp_path: Path) -> None:
    with closing(open_store(pooled)) as store:
        run_id = kept(store, *(f"texte {number}" for number in range(60)))

    def work(_: int) -> None:
        with closing(open_store(pooled)) as mine:
            claims = mine.claims(run_id, ANALYSER, FINAL_OUTCOMES)
            while taken := claims.take(asks(claims)[:7]).asks:
                claims.commit(good(*taken))
            claims.release()
            with closing(open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True)) as warehouse:
                deliver(mine, warehouse, lambda *_: None)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with closing(open_store(pooled)) as store:
        counts = store.runs.count(run_id)
        assert (counts.analysed, counts.calls, store.runs.count_held(run_id)) == (60, 60, 60)
