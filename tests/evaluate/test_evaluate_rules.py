"""The package is arithmetic: no input, no output, no library beyond Python's own."""

import ast
from pathlib import Path

from pipeline.evaluate import rules, verdict

PACKAGE = Path(rules.__file__).parent
ALLOWED = {"__future__", "collections.abc", "dataclasses", "enum", "math", "statistics", "pipeline.records"}


def test_the_package_imports_nothing_that_reads_or_writes() -> None:
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Import), file
            if isinstance(node, ast.ImportFrom):
                assert node.module in ALLOWED or str(node.module).startswith("pipeline.evaluate."), (file, node.module)


def test_each_limit_says_what_it_costs() -> None:
    charts = (rules.GIVEN_STARS, rules.MIX, rules.TOPIC)
    every = [rule for chart in charts for rule in (chart.night, chart.average)]
    for rule in (*every, rules.RARE, rules.BASELINE, rules.SENTINEL):
        assert rule.limit > 0 and rule.unit and rule.false_alarms_a_year > 0


def test_what_pages_is_what_speaks_of_the_model_alone() -> None:
    assert {"mix", "no_topic", "new_topic", "baseline"} == set(verdict.Signal) - verdict.PAGING
