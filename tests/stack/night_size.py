#!/usr/bin/env python3
"""What a verbatim leaves on disk and in memory: `PYTHONPATH=.:tests python -m stack.night_size [VERBATIMS]`.

One run of `verbatims run` on a real Postgres, Collector, Tempo and Prometheus, beside the sandbox in place of Claude,
after a small one that fills what is there once. Texts are those of the sandbox's corpus, each with a number of its own.
Prints one JSON object; docs/en/scaling.md multiplies it.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from postgres import serving

from pipeline.sandbox import Sandbox
from pipeline.sandbox.corpus import verbatims

from .runs import Run, Runs
from .server import Server, eventually, get
from .servers.build import build
from .stack import Stack
from .test_tempo_outage import counted

VERBATIMS, BEFORE = 20_000, 1000
LATENCY_S = 0.2
MIN_CHARACTERS = 40
"""Shorter texts than this are too often skipped."""
Figures = dict[str, float]

_STORE = (
    "SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid)), pg_current_wal_lsn() - '0/0'::pg_lsn"
    " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_WORK = (
    "SELECT xact_commit, tup_inserted, tup_updated, tup_deleted FROM pg_stat_database"
    " WHERE datname = current_database()"
)
_TABLES = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 8"
)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else VERBATIMS
    with tempfile.TemporaryDirectory() as folder, serving() as server, _stack(Path(folder)) as stack:
        store = f"{server}/postgres"
        places = {"STORE": store, "WAREHOUSE": f"sqlite:///{folder}/warehouse.db"}
        runs = Runs(Path(folder), {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint, **places})
        with Sandbox(latency_s=LATENCY_S) as sandbox:
            _run(runs, "before", BEFORE, sandbox)
            before = _figures(store, stack)
            cpu_s = _run(runs, "measured", count, sandbox)
        after = _figures(store, stack)
        each = {name: round((after[name] - before[name]) / count, 3) for name in before}
        print(json.dumps({"verbatims": count, "each": each, "process_cpu_ms": round(1000 * cpu_s / count, 2)}))
        peak_mb = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
        print(json.dumps({"tables": _tables(store, count), "peak_mb": peak_mb, **_series(stack)}))


@contextmanager
def _stack(folder: Path) -> Iterator[Stack]:
    stack = Stack(build(), folder / "stack")
    try:
        stack.start()
        stack.tempo.wait()
        yield stack
    finally:
        stack.stop()


def _run(runs: Runs, name: str, count: int, sandbox: Sandbox) -> float:
    """Run the five stages; returns the CPU seconds of the process."""
    texts = [each.text for each in verbatims() if len(each.text) >= MIN_CHARACTERS]
    numbered = [f"{texts[n % len(texts)]} Commande {name} no. {n}." for n in range(count)]
    before = os.times()
    run: Run = runs.start(name, numbered, ANTHROPIC_BASE_URL=sandbox.url)
    assert run.process.wait() == 0, run.output()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _figures(store: str, stack: Stack) -> Figures:
    """Totals so far, once the Collector has sent all spans, and Tempo has written its blocks."""
    eventually(lambda: _queue(stack) == 0, 120, "the Collector's queue is empty", every_s=1)
    time.sleep(2)
    get(f"{stack.url('tempo')}/flush")
    time.sleep(15)  # a block is written by a loop of some seconds
    with psycopg.connect(store) as connection:
        tables, indexes, wal = connection.execute(_STORE).fetchone() or (0, 0, 0)
        commits, *rows = connection.execute(_WORK).fetchone() or (0,)
    return {
        "table_bytes": float(tables),
        "index_bytes": float(indexes),
        "wal_bytes": float(wal),
        "commits": commits,
        "rows_written": sum(rows),
        "spans": counted(stack, "collector_own", "otelcol_exporter_sent_spans"),
        "block_traces": _traces(stack.folder / "tempo" / "blocks"),
        "block_bytes": _bytes(stack.folder / "tempo" / "blocks"),
        "collector_cpu_ms": _cpu_ms(stack.collector),
        "tempo_cpu_ms": _cpu_ms(stack.tempo),
    }


def _queue(stack: Stack) -> int:
    # the forwarder does not run here: what waits for it, waits
    return counted(stack, "collector_own", "otelcol_exporter_queue_size", without="otlp_http/forwarder")


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _traces(folder: Path) -> int:
    metas = (json.loads(file.read_text(encoding="utf-8")) for file in folder.rglob("meta.json"))
    return sum(meta.get("totalObjects", 0) for meta in metas)


def _cpu_ms(server: Server) -> float:
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _tables(store: str, count: int) -> dict[str, float]:
    """The largest tables with their indexes, in bytes a verbatim."""
    with psycopg.connect(store) as connection:
        return {name: round(size / (count + BEFORE)) for name, size in connection.execute(_TABLES)}


def _series(stack: Stack) -> Figures:
    """Series of one process in the Collector, all series there, and Prometheus' memory beside its series."""
    samples = [line for line in stack.live().splitlines() if line and not line.startswith("#")]
    instances = Counter(found[1] for line in samples if (found := re.search(r'instance="([^"]+)"', line)))
    head = stack.value('prometheus_tsdb_head_series{job="prometheus"}')
    return {
        "series_of_a_process": max(instances.values()),
        "series_without_a_process": len(samples) - sum(instances.values()),
        "prometheus_series": head or 0.0,
    }


if __name__ == "__main__":
    main()
