"""The package is arithmetic: no input, no output; drift needs no library beyond Python's own."""

import ast
from pathlib import Path

from pipeline.evaluate import rules, verdict

PACKAGE = Path(rules.__file__).parent
ALLOWED = {
    "__future__",
    "collections",
    "collections.abc",
    "dataclasses",
    "enum",
    "heapq",
    "math",
    "statistics",
    "typing",
}
OURS = {"pipeline.records"}
NUMERIC = {"numpy", "numpy.typing", "scipy.stats", "sklearn.metrics"}
WITH_LABELS = {"agreement.py", "resampling.py", "scores.py", "paired.py"}
"""What the extra `model` is for."""
MORE = {"candidates.py": {"pipeline.errors", "pipeline.topic_key", "rapidfuzz"}} | dict.fromkeys(WITH_LABELS, NUMERIC)


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_the_package_imports_nothing_that_reads_or_writes() -> None:
    for file in PACKAGE.glob("*.py"):
        # extra.py asks whether the extra is installed
        if file.name != "extra.py":
            others = imported(file) - ALLOWED - OURS - MORE.get(file.name, set())
            assert all(name.startswith("pipeline.evaluate.") for name in others), file


def test_drift_needs_no_module_that_needs_the_extra() -> None:
    needing = {f"pipeline.evaluate.{Path(name).stem}" for name in WITH_LABELS}
    for file in PACKAGE.glob("*.py"):
        assert file.name in WITH_LABELS or not imported(file) & needing, file


def test_each_limit_says_what_it_costs() -> None:
    charts = (rules.GIVEN_STARS, rules.MIX, rules.TOPIC)
    every = [rule for chart in charts for rule in (chart.night, chart.average)]
    for rule in (*every, rules.RARE, rules.BASELINE, rules.SENTINEL):
        assert rule.limit > 0 and rule.unit and rule.false_alarms_a_year > 0


def test_what_pages_is_what_speaks_of_the_model_alone() -> None:
    assert {"mix", "no_topic", "new_topic", "baseline"} == set(verdict.Signal) - verdict.PAGING
