"""Project rules that no linter checks."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from stack.runs import OURS

from pipeline.cli import _parser

ROOT = Path(__file__).parents[1]
STAGES = ("source", "clean", "analyse", "evaluate", "load")
SHARED = {
    "pipeline",
    "pipeline.__version__",
    "pipeline.records",
    "pipeline.errors",
    "pipeline.settings",
    "pipeline.asking_settings",
    "pipeline.given",
    "pipeline.config_folder",
    "pipeline.urls",
    "pipeline.header_list",
    "pipeline.sqlite_file",
    "pipeline.shipped_yaml",
    "pipeline.events",
    "pipeline.claiming",
    "pipeline.batching",
    "pipeline.observer",
    "pipeline.topic_key",
    "pipeline.analyser_series",
}


def imports(file: Path) -> set[str]:
    """The modules that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file}: imports are absolute"
            found.add(node.module)
            if node.module == "pipeline":
                found |= {f"pipeline.{alias.name}" for alias in node.names}
    return found


def ours(file: Path) -> set[str]:
    return {name for name in imports(file) if name.split(".")[0] == "pipeline"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_other_stage_no_store_and_no_telemetry(stage: str) -> None:
    for file in (ROOT / "pipeline" / stage).rglob("*.py"):
        foreign = {name for name in ours(file) if not name.startswith(f"pipeline.{stage}")} - SHARED
        assert foreign <= {f"pipeline.{stage}"}, file
        assert not any(name.startswith(("opentelemetry", "sqlalchemy")) for name in imports(file)), file


def test_modules_beside_the_stages_import_no_stage() -> None:
    allowed = {
        "exporter.py": {
            "pipeline.store",
            "pipeline.store_snapshot",
            "pipeline.telemetry",
            "pipeline.telemetry.catalogue",
            "pipeline.telemetry.instruments",
            "pipeline.telemetry.metric",
        },
        "forwarder.py": set(),
        "progress.py": set(),
        "signals.py": set(),
    }
    for file, more in allowed.items():
        assert ours(ROOT / "pipeline" / file) <= SHARED | more, file
    for file in (ROOT / "pipeline" / "sandbox").rglob("*.py"):
        assert not any(name.startswith(tuple(f"pipeline.{stage}" for stage in STAGES)) for name in ours(file)), file


@pytest.mark.parametrize(
    "file",
    [
        "records.py",
        "errors.py",
        "settings.py",
        "asking_settings.py",
        "given.py",
        "config_folder.py",
        "urls.py",
        "events.py",
        "observer.py",
        "claiming.py",
        "batching.py",
    ],
)
def test_shared_modules_import_no_stage(file: str) -> None:
    assert ours(ROOT / "pipeline" / file) <= SHARED


def test_the_store_and_telemetry_import_no_stage() -> None:
    for folder in ("store", "telemetry"):
        for file in (ROOT / "pipeline" / folder).rglob("*.py"):
            assert ours(file) <= SHARED | {n for n in ours(file) if n.startswith(f"pipeline.{folder}")}, file


@pytest.mark.long
def test_the_pipeline_never_imports_airflow_and_imports_heavy_libraries_only_if_used() -> None:
    for file in (ROOT / "pipeline").rglob("*.py"):
        # what the triggerer imports, and nothing else does
        uses = any(name.split(".")[0] == "airflow" for name in imports(file))
        assert not uses or file.parent.name == "airflow", file
        assert not any(name.startswith("pipeline.airflow") for name in imports(file)), file
    code = "import sys, pipeline.session; print([m for m in sys.modules if m in ('google.cloud.bigquery', 'alembic')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip() == "[]"


def test_only_the_store_uses_its_database() -> None:
    for folder in ("pipeline", "dags"):
        for file in (ROOT / folder).rglob("*.py"):
            if "store" not in file.relative_to(ROOT).parts:
                assert ".database" not in file.read_text(encoding="utf-8"), file
                assert not any(name.startswith("pipeline.store.") for name in imports(file)), file


WITHOUT_AIRFLOW = """
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "airflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nowhere())
from pipeline.cli import main
sys.exit(main(["run", "--limit", "5", "--json"]))
"""


@pytest.mark.long
def test_the_pipeline_runs_without_airflow_installed(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIRFLOW],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["scraped"] == 5


def test_the_documentation_names_every_command_and_option() -> None:
    page = (ROOT / "docs" / "en" / "commands.md").read_text(encoding="utf-8")
    [commands] = [action for action in _parser()._actions if getattr(action, "choices", None)]
    for name, command in commands.choices.items():  # type: ignore[union-attr, attr-defined]
        assert re.search(rf"verbatims {name}\b", page), name
        for action in command._actions:
            assert action.help, f"{name} {action.option_strings}"
            long = [option for option in action.option_strings if option.startswith("--") and option != "--help"]
            assert all(option in page for option in long), f"{name} {long}"


def test_pinned_requirements_have_no_urls_and_have_hashes() -> None:
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        assert "://" not in text, file
        pins = re.findall(r"^[a-z0-9][^\s]*==[^\\\n]*(\\?)$", text, re.MULTILINE)
        assert pins and all(pins), f"{file}: a pin without a hash"


def test_every_dependency_of_the_project_is_pinned() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = (ROOT / "requirements" / "main.txt").read_text(encoding="utf-8")
    for wanted in project["project"]["dependencies"]:
        name = re.split(r"[\[=<>~ ]", wanted)[0]
        assert re.search(rf"^{re.escape(name)}==", pinned, re.MULTILINE), name


def test_every_test_that_the_promises_name_is_there() -> None:
    page = ROOT / "docs" / "en" / "promises.md"
    named = re.findall(r"\]\((\.\./\.\./[^)#]+)", page.read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [name for name in named if not (page.parent / name).exists()] == []
