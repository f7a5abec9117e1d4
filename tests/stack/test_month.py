"""A month of good nights alerts nobody; one night that is missing does."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from .month import NIGHTS, STEP_S, Month
from .stack import OTEL

pytestmark = pytest.mark.stack

FIRED = 'count by (alertname) (max_over_time(ALERTS{alertstate="firing", alertname!="Watchdog"}[30d]))'


def judge(month: Month, alerts: set[str], binaries: Mapping[str, Path], folder: Path) -> None:
    """Let promtool run the rules over the month; fails unless exactly these alerts fired in it."""
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)]
    test = {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": name, "values": values} for name, values in month.series().items()],
        "promql_expr_test": [{"expr": FIRED, "eval_time": f"{NIGHTS * 24 - 1}h", "exp_samples": expected}],
    }
    rules = [OTEL / "prometheus" / name for name in ("recording.yml", "alerts.yml")]
    content = {
        "rule_files": list(map(str, rules)),
        "evaluation_interval": "15m",
        # otherwise in any order: an alert would miss what is recorded
        "group_eval_order": [group["name"] for file in rules for group in yaml.safe_load(file.read_text())["groups"]],
        "tests": [test],
    }
    file = folder / "month.yml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [str(binaries["prometheus"] / "promtool"), "test", "rules", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


def test_a_month_of_good_nights_alerts_nobody(binaries: Mapping[str, Path], tmp_path: Path) -> None:
    """With weekends, late nights, and a Collector that is restarted by day."""
    judge(Month(), set(), binaries, tmp_path)


def test_a_night_that_is_missing_is_told(binaries: Mapping[str, Path], tmp_path: Path) -> None:
    judge(Month(missing=[20]), {"DagLate", "NoRun"}, binaries, tmp_path)
