"""The servers accept the files in otel/, and each alert has a test and a runbook section."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from .stack import OTEL

pytestmark = pytest.mark.stack

PROMETHEUS = OTEL / "prometheus"
Binaries = Mapping[str, Path]


def read(name: str) -> Any:
    return yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))


ALERTS = {rule["alert"]: rule for group in read("alerts.yml")["groups"] for rule in group["rules"]}
CASES = [case for test in read("rules_test.yml")["tests"] for case in test["alert_rule_test"]]


def accepts(*command: object, **environment: str) -> str:
    """Run a server's own check of a file; fail with its output if it reports an error."""
    ended = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=60, cwd=PROMETHEUS
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_collector_accepts_its_file(binaries: Binaries) -> None:
    said = accepts(binaries["collector"] / "otelcol", "validate", f"--config={OTEL / 'collector.yaml'}")
    assert "deprecated" not in said


def test_tempo_accepts_its_file(binaries: Binaries) -> None:
    accepts(
        binaries["tempo"] / "tempo",
        f"-config.file={OTEL / 'tempo.yaml'}",
        "-config.expand-env=true",
        "-config.verify=true",
    )


def test_prometheus_accepts_its_file(binaries: Binaries) -> None:
    promtool = binaries["prometheus"] / "promtool"
    assert "2 rule files found" in accepts(promtool, "check", "config", "prometheus.yml")


def test_every_rule_is_valid(binaries: Binaries) -> None:
    promtool = binaries["prometheus"] / "promtool"
    accepts(promtool, "check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerts.yml")


def test_alerts_fire_exactly_in_their_firing_cases(binaries: Binaries) -> None:
    accepts(binaries["prometheus"] / "promtool", "test", "rules", "rules_test.yml")


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_firing_and_a_silent_case(alert: str) -> None:
    cases = [bool(case.get("exp_alerts")) for case in CASES if case["alertname"] == alert]
    assert set(cases) == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_duration_a_severity_a_summary_and_a_runbook_link(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["for"] and rule["labels"]["severity"] in ("critical", "warning")
    assert all(rule["annotations"][about] for about in ("summary", "description"))
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    runbook = (OTEL.parent / file).read_text(encoding="utf-8")
    section = runbook.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    assert anchor == alert.lower() and "**FR** " in section and "**EN** " in section


def test_each_section_of_the_runbook_belongs_to_an_alert() -> None:
    runbook = (PROMETHEUS / "runbook.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == list(ALERTS)


def test_the_pinned_modules_name_no_registry() -> None:
    for file in (Path(__file__).parent / "servers").rglob("go.*"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"://[\w-]+\.\w|\b(proxy|sum|index)\.golang\.", text), file
