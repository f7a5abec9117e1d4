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
ALWAYS = "Watchdog"
"""The alert that says that alerts arrive."""
Binaries = Mapping[str, Path]


def read(name: str) -> Any:
    return yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))


ALERTS = {rule["alert"]: rule for group in read("alerts.yml")["groups"] for rule in group["rules"]}
RULE_TESTS = ("rules_test.yml", "rules_long_test.yml")
CASES = [case for name in RULE_TESTS for test in read(name)["tests"] for case in test["alert_rule_test"]]


def accepts(*command: object, **environment: str) -> str:
    """Run a server's own check of a file; fail with its output if it reports an error."""
    ended = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=300, cwd=PROMETHEUS
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_collector_accepts_its_file(binaries: Binaries) -> None:
    said = accepts(binaries["collector"] / "otelcol", "validate", f"--config={OTEL / 'collector.yaml'}")
    assert "deprecated" not in said


def test_the_collector_accepts_the_file_for_sampling_after_its_own(binaries: Binaries) -> None:
    files = (f"--config={OTEL / name}" for name in ("collector.yaml", "collector-sampling.yaml"))
    assert "deprecated" not in accepts(binaries["collector"] / "otelcol", "validate", *files)


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


def test_alertmanager_accepts_its_file_as_it_is_and_filled_in(binaries: Binaries, tmp_path: Path) -> None:
    amtool = binaries["alertmanager"] / "amtool"
    accepts(amtool, "check-config", OTEL / "alertmanager" / "alertmanager.yml")
    stand_in = tmp_path / "alertmanager"
    stand_in.write_text("#!/bin/sh\n", encoding="utf-8")
    stand_in.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", "FILLED_DIR": str(tmp_path)}
    start = OTEL / "alertmanager" / "start.sh"
    mail = {"ALERT_MAIL_TO": "ops@example.org", "ALERT_MAIL_SMARTHOST": "smtp.example.org:587"}
    hook = {
        "ALERT_WEBHOOK_URL": "https://example.org/hook?a=1&b=%7C",
        "ALERT_WATCHDOG_URL": "https://example.org/alive",
    }
    for receiver, given in (("nobody", {}), ("mail", mail), ("webhook", hook | {"ALERT_SANDBOX": "true"})):
        assert accepts("/bin/sh", start, **path, **given) == f"alertmanager: alerts go to {receiver}\n"
        accepts(amtool, "check-config", tmp_path / "alertmanager.yml")
        filled = yaml.safe_load((tmp_path / "alertmanager.yml").read_text(encoding="utf-8"))
        assert filled["route"]["receiver"] == receiver
        assert {route["receiver"] for route in filled["route"]["routes"]} == (
            {"watchdog", "webhook", "nobody"} if receiver == "webhook" else {"nobody"}
        )
        # what only informs is written to nobody, also of the sandbox, whose route comes after
        matchers = [route["matchers"] for route in filled["route"]["routes"]]
        informing = matchers.index(['severity="info"'])
        assert filled["route"]["routes"][informing]["receiver"] == "nobody"
        assert informing < matchers.index(['deployment_environment_name="sandbox"'])
    assert (tmp_path / "alert_webhook_url").read_text(encoding="utf-8") == hook["ALERT_WEBHOOK_URL"]
    assert "example.org" not in (tmp_path / "alertmanager.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("given", [{"ALERT_MAIL_TO": "a|b"}, {"ALERT_WEBHOOK_URL": "hook"}, {"ALERT_SANDBOX": "yes"}])
def test_a_wrong_receiver_is_one_clear_line(given: Mapping[str, str], tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "FILLED_DIR": str(tmp_path), **given}
    start = ["/bin/sh", str(OTEL / "alertmanager" / "start.sh")]
    ended = subprocess.run(start, env=environment, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2 and ended.stdout == ""
    assert re.fullmatch(r"alertmanager: ALERT_\S+: .+\n", ended.stderr)


def test_every_rule_is_valid(binaries: Binaries) -> None:
    promtool = binaries["prometheus"] / "promtool"
    accepts(promtool, "check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerts.yml")


def test_alerts_fire_exactly_in_their_firing_cases(binaries: Binaries) -> None:
    accepts(binaries["prometheus"] / "promtool", "test", "rules", *RULE_TESTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_firing_and_a_silent_case(alert: str) -> None:
    cases = [bool(case.get("exp_alerts")) for case in CASES if case["alertname"] == alert]
    assert set(cases) == ({True} if alert == ALWAYS else {True, False})


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_duration_a_severity_a_summary_and_a_runbook_link(alert: str) -> None:
    rule = ALERTS[alert]
    assert alert == ALWAYS or (rule["for"] and rule["labels"]["severity"] in ("critical", "warning", "info"))
    assert all(rule["annotations"][about] for about in ("summary", "description"))
    assert rule["annotations"]["runbook_url"] == "{{ $externalURL }}/user/runbook.html#" + alert.lower()
    runbook = (PROMETHEUS / "runbook.md").read_text(encoding="utf-8")
    section = runbook.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    assert "**FR** " in section and "**EN** " in section


def test_each_section_of_the_runbook_belongs_to_an_alert() -> None:
    runbook = (PROMETHEUS / "runbook.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == list(ALERTS)


def test_the_pinned_modules_name_no_registry() -> None:
    for file in (Path(__file__).parent / "servers").rglob("go.*"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"://[\w-]+\.\w|\b(proxy|sum|index)\.golang\.", text), file
