"""Which files of Airflow's logs go, and which stay."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _trim import trim_logs

NOW = datetime(2026, 3, 31, tzinfo=UTC)
BEFORE = NOW - timedelta(days=30)


def log(folder: Path, name: str, days: int) -> Path:
    """A log that was last written so many days ago, in folders as old as it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("line\n", encoding="utf-8")
    for path in (file, *list(file.parents)[: len(Path(name).parents)]):
        os.utime(path, ((NOW - timedelta(days=days)).timestamp(),) * 2)
    return file


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_old_logs_of_tasks_and_of_the_dag_processor_go_with_their_folders(tmp_path: Path) -> None:
    log(tmp_path, "dag_id=a/run_id=1/task_id=load/attempt=1.log", 31)
    log(tmp_path, "dag_id=a/run_id=1/task_id=load/attempt=2.log", 31)
    log(tmp_path, "dag_processor/2026-02-28/dags-folder/a.py.log", 31)
    kept = log(tmp_path, "dag_id=a/run_id=2/task_id=load/attempt=1.log", 29)
    log(tmp_path, "dag_processor/2026-03-02/dags-folder/a.py.log", 29)
    assert trim_logs(tmp_path, BEFORE) == 3
    assert left(tmp_path) == [str(kept.relative_to(tmp_path)), "dag_processor/2026-03-02/dags-folder/a.py.log"]
    assert not (tmp_path / "dag_id=a/run_id=1").exists() and not (tmp_path / "dag_processor/2026-02-28").exists()
    assert trim_logs(tmp_path, BEFORE) == 0


def test_what_is_no_log_of_a_task_stays(tmp_path: Path) -> None:
    """The servers of `make airflow` write to files beside; a link may lead anywhere."""
    log(tmp_path, "scheduler.log", 99)
    log(tmp_path, "elsewhere/a.log", 99)
    linked = log(tmp_path, "dag_processor/latest.log", 1)
    linked.unlink()
    linked.symlink_to(tmp_path / "elsewhere" / "a.log")
    (tmp_path / "dag_processor" / "latest").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert trim_logs(tmp_path, BEFORE) == 0
    assert left(tmp_path) == ["dag_processor/latest.log", "elsewhere/a.log", "scheduler.log"]


def test_a_new_folder_stays_since_its_first_log_is_about_to_come(tmp_path: Path) -> None:
    made = tmp_path / "dag_id=a" / "run_id=3"
    made.mkdir(parents=True)
    os.utime(made, (NOW.timestamp(),) * 2)
    assert trim_logs(tmp_path, BEFORE) == 0 and made.is_dir()


def test_no_logs_are_no_error(tmp_path: Path) -> None:
    assert trim_logs(tmp_path / "nowhere", BEFORE) == 0
