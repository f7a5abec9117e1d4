"""Back up what cannot be made again, and restore it: Postgres, the files of SQLite, Airflow's keys and password.

`make backup` and `make restore` run this on the machine that runs Docker, with nothing but Python and Compose. Metrics
and traces are not in a backup, nor is what lies beside docker-compose.yml: config/ and .env.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

COMPOSE = ("docker", "compose", "--progress", "quiet")
DATABASES = ("airflow", "verbatims_sandbox", "verbatims_prod")
FILES = "files.tar"
SUMS = "SHA256SUMS"
"""Written last: a folder without it is incomplete."""
PARTS = (*(f"{name}.dump" for name in DATABASES), FILES)
WRITERS = ("airflow-scheduler", "airflow-dag-processor", "airflow-api", "exporter")
"""Whoever has a connection to a database or opens a file of the volumes."""

# By TCP and with a password: whether the socket asks for one depends on the image. Names of databases are $1.
DUMP = 'pg_dump -Fc -d "$1"'
# Beside the old one, which is there until the new one is complete.
LOAD = 'dropdb --if-exists "$1_new" && createdb "$1_new" && pg_restore --exit-on-error --no-owner -d "$1_new"'
SWAP = 'dropdb --if-exists --force "$1" && psql -qX -d postgres -c "ALTER DATABASE \\"$1_new\\" RENAME TO \\"$1\\""'
AS_CLIENT = 'export PGHOST=127.0.0.1 PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD"; '

# Both run in /verbatims, beside var/ and airflow/. A copy of a file in use would be torn; SQLite's own backup is not.
# It lies in the volume for as long as it is packed: /tmp is memory.
PACK = """
import pathlib, sqlite3, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    for file in sorted(pathlib.Path("var").glob("*.db")):
        copy = file.with_suffix(".backup")
        copy.unlink(missing_ok=True)
        source, target = sqlite3.connect(file, timeout=60), sqlite3.connect(copy)
        source.backup(target)
        source.close(), target.close()
        tar.add(copy, file)
        copy.unlink()
    for name in ("airflow/keys", "airflow/passwords.json"):
        tar.add(name)
"""
# A journal of the old file would be applied to the new one.
UNPACK = "rm -f var/*.db* && tar -xf -"
# With both volumes, whether or not the service runs.
RUN = (*COMPOSE, "run", "--rm", "--no-deps", "-T", "--entrypoint")


def main(arguments: Sequence[str]) -> int:
    """Run `save [FOLDER]` or `restore FOLDER`."""
    os.umask(0o077)
    try:
        if arguments[:1] == ["save"]:
            save(Path(arguments[1] if arguments[1:] else f"backup/{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"))
        elif arguments[:1] == ["restore"] and arguments[1:]:
            restore(Path(arguments[1]))
        else:
            raise SystemExit("backup: name the folder: make restore FROM=backup/…")
    except FileNotFoundError as error:
        raise SystemExit(f"backup: {error.filename} is not there") from None
    except subprocess.CalledProcessError as error:
        print(f"backup: failed, see above: {' '.join(error.cmd[:7])} …", file=sys.stderr)
        if arguments[0] == "restore":
            print("backup: once that is mended, restore again; `make up` starts what was stopped", file=sys.stderr)
        return 1
    return 0


def save(folder: Path) -> None:
    """Write a new folder, readable by its owner alone."""
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"backup: {folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    # The store before the warehouse: rows that the store does not know of are written again, and never twice.
    for name in DATABASES:
        with (folder / f"{name}.dump").open("wb") as dump:
            _postgres(DUMP, name, stdout=dump)
    with (folder / FILES).open("wb") as files:
        subprocess.run(
            [*RUN, "python", "airflow-scheduler", "-c", PACK], stdin=subprocess.DEVNULL, stdout=files, check=True
        )
    (folder / SUMS).write_text("".join(f"{_sum(folder / part)}  {part}\n" for part in PARTS), encoding="utf-8")
    size = sum((folder / part).stat().st_size for part in PARTS)
    print(f"backup: {folder} is complete ({size / 1e6:.1f} MB); it holds passwords and every text that is stored")
    print(f"backup: to get it back, here or elsewhere: make restore FROM={folder}")


def restore(folder: Path) -> None:
    """Replace what is there by what a complete folder holds."""
    _check(folder)
    subprocess.run([*COMPOSE, "stop", *WRITERS], check=True)
    subprocess.run([*COMPOSE, "up", "--detach", "--wait", "postgres"], check=True)
    for name in DATABASES:
        with (folder / f"{name}.dump").open("rb") as dump:
            _postgres(LOAD, name, stdin=dump)
    for name in DATABASES:
        _postgres(SWAP, name)
    with (folder / FILES).open("rb") as files:
        subprocess.run([*RUN, "sh", "airflow-scheduler", "-ec", UNPACK], stdin=files, check=True)
    subprocess.run([*COMPOSE, "up", "--detach", "--wait", *WRITERS], check=True)
    print(f"backup: {folder} is restored and Airflow runs; `make up` starts what else does not run yet")


def _check(folder: Path) -> None:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        told = {part: digest for digest, _, part in (line.partition("  ") for line in lines)}
        broken = [part for part in PARTS if told.get(part) != _sum(folder / part)]
    except OSError as error:
        raise SystemExit(f"backup: {folder} is not complete: {Path(error.filename).name} is missing") from None
    if broken:
        raise SystemExit(f"backup: {folder} is not complete: {', '.join(broken)} differs from {SUMS}")


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _postgres(
    script: str, database: str, stdin: IO[bytes] | int = subprocess.DEVNULL, stdout: IO[bytes] | None = None
) -> None:
    command = [*COMPOSE, "exec", "-T", "postgres", "sh", "-ec", AS_CLIENT + script, "sh", database]
    subprocess.run(command, stdin=stdin, stdout=stdout, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
