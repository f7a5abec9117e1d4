"""A separate working folder per test, and the command as a user calls it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from pipeline.cli import main

from .recorder import Recorder

OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")


@dataclass
class Ended:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """`verbatims …` in one folder with one environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(
        self, *arguments: str, stdin: int | None = None, within: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """Start it in a separate process, `within` another program, and return at once."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return subprocess.Popen(
            [*within, sys.executable, "-m", "pipeline", *arguments],
            cwd=self.folder,
            env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **self.environment, **environment},
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str], stdin: str | None = None) -> Ended:
        out, err = process.communicate(stdin, timeout=170)
        return Ended(process.returncode, out, err)

    def process(self, *arguments: str) -> Ended:
        """Run it in a separate process and wait for its end."""
        return self.end(self.start(*arguments))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


Command = Callable[..., Ended]


@pytest.fixture
def recorder(httpserver: HTTPServer) -> Iterator[Recorder]:
    yield Recorder(httpserver)
    httpserver.clear()


@pytest.fixture
def verbatims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command in this process, in a separate folder: saves 2 s of imports per test."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*arguments: str, **environment: str) -> Ended:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            code = main([*arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def write_jsonl(path: Path, texts: list[str]) -> Path:
    """Write a file of reviews whose ids are their positions."""
    reviews = [{"id": f"r{number}", "texte": text, "langue": "fr"} for number, text in enumerate(texts)]
    lines = [json.dumps(review, ensure_ascii=False) for review in reviews]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Query a SQLite file."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()
