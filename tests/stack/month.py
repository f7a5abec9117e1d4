"""The series of a month of good nights, as promtool takes them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

STEP_S = 300
NIGHTS = 30
DAY = 86_400
LASTS = 3600
"""Seconds that a night takes."""
VISIBLE = 30 * 3600
"""How long the Collector shows an ended process."""
LABEL = 'deployment_environment_name="prod"'
Points = list[float | None]


class Month:
    """Each night begins at 02:00 of its day, a few of them late; `missing` ones do not run at all."""

    def __init__(self, missing: Sequence[int] = ()) -> None:
        chance = random.Random(7)
        self.starts = [
            day * DAY + 7200 + (3 * 3600 if day % 9 == 4 else chance.randrange(600)) for day in range(NIGHTS)
        ]
        # weekends bring half
        self.sizes = [round(chance.uniform(0.8, 1.2) * (500 if day % 7 in (5, 6) else 1000)) for day in range(NIGHTS)]
        self.nights = [night for night in range(NIGHTS) if night not in missing]
        self.forgets_at = 12 * DAY + 14 * 3600
        """The Collector is restarted by day and forgets the processes that have ended."""

    def series(self) -> dict[str, str]:
        """Series → its values in promtool's notation."""
        return {
            name: _notation(points)
            for name, points in {**self._servers(), **self._store(), **self._batch(), **self._live()}.items()
        }

    def _servers(self) -> dict[str, Points]:
        jobs = (
            "verbatims",
            "store",
            "pushgateway",
            "collector",
            "forwarder",
            "prometheus",
            "alertmanager",
            "tempo",
            "grafana",
        )
        return {
            **{f'up{{job="{job}", instance="{job}"}}': _each(lambda _: 1.0) for job in jobs},
            f'store_disk_free_bytes{{job="store", {LABEL}}}': _each(lambda at: 8e11 - at * 1e3),
            f'store_disk_size_bytes{{job="store", {LABEL}}}': _each(lambda _: 1e12),
            'otelcol_exporter_queue_size{job="collector", exporter="otlp_grpc/tempo"}': _each(lambda at: at % 7 * 1e6),
            'otelcol_exporter_queue_capacity{job="collector", exporter="otlp_grpc/tempo"}': _each(
                lambda _: 268435456.0
            ),
            'otelcol_receiver_refused_spans{job="collector", receiver="otlp"}': _each(lambda _: 0.0),
            'prometheus_rule_evaluation_failures_total{job="prometheus"}': _each(lambda _: 0.0),
            'prometheus_config_last_reload_successful{job="prometheus"}': _each(lambda _: 1.0),
        }

    def _store(self) -> dict[str, Points]:
        def total(share: float) -> Points:
            return _each(lambda at: sum(round(self._done(night, at) * share) for night in self.nights))

        return {
            f'store_verbatims_analyzed_total{{job="store", {LABEL}, source="shop", sentiment="positive"}}': total(0.9),
            f'store_verbatims_skipped_total{{job="store", {LABEL}, source="shop", reason="too_short"}}': total(0.1),
            f'store_claude_cost_usd_total{{job="store", {LABEL}}}': total(0.01),
            f'store_verbatim_analysis_duration_seconds_count{{job="store", {LABEL}, outcome="analysed"}}': total(0.9),
            f'store_claude_response_empty_total{{job="store", {LABEL}}}': _each(lambda _: 0.0),
            f'store_dead_letters{{job="store", {LABEL}}}': _each(lambda _: 0.0),
        }

    def _batch(self) -> dict[str, Points]:
        found: dict[str, Points] = {}
        for task in ("scrape", "clean", "analyse", "load", "publish"):
            group = f'job="verbatims", {LABEL}, dag_id="verbatims_daily", task_id="{task}"'
            ended = self._last(lambda night: float(self.starts[night] + LASTS))
            found[f"batch_last_success_timestamp_seconds{{{group}}}"] = ended
            found[f"push_time_seconds{{{group}}}"] = ended
            found[f"push_failure_time_seconds{{{group}}}"] = self._last(lambda _: 0.0)
            found[f"batch_succeeded{{{group}}}"] = self._last(lambda _: 1.0)
            share = 0.01 if task == "analyse" else 0.0
            found[f"batch_cost_usd{{{group}}}"] = self._last(lambda night, share=share: self.sizes[night] * share)
            for outcome, share in (("analysed", 0.89), ("failed", 0.01), ("skipped", 0.1), ("pending", 0.0)):
                found[f'batch_verbatims{{{group}, outcome="{outcome}"}}'] = self._last(
                    lambda night, share=share: float(round(self.sizes[night] * share))
                )
        group = f'job="verbatims", {LABEL}, dag_id="verbatims_daily", task_id="publish"'
        found[f"batch_check_warnings{{{group}}}"] = self._last(lambda _: 0.0)
        found[f"batch_next_start_timestamp_seconds{{{group}}}"] = self._last(
            lambda night: float((night + 1) * DAY + 7200)
        )
        found[f"batch_deadline_timestamp_seconds{{{group}}}"] = self._last(lambda night: float((night + 2) * DAY))
        return found

    def _live(self) -> dict[str, Points]:
        found: dict[str, Points] = {}
        for night in self.nights:
            process = f'job="verbatims", {LABEL}, instance="night {night}"'
            calls = self._seen(night, 0.9)
            found[f'claude_calls_total{{{process}, outcome="analysed"}}'] = self._seen(night, 0.89)
            found[f'claude_calls_total{{{process}, outcome="unreadable"}}'] = self._seen(night, 0.01)
            found[f'errors_json_total{{{process}, reason="wrong_shape"}}'] = self._seen(night, 0.01)
            found[f"claude_response_empty_total{{{process}}}"] = self._seen(night, 0.0)
            found[f'verbatim_analysis_duration_seconds_count{{{process}, outcome="analysed"}}'] = calls
            for bound, share in (("4.0", 0.8), ("8.0", 0.89), ("+Inf", 0.9)):
                found[f'verbatim_analysis_duration_seconds_bucket{{{process}, le="{bound}"}}'] = self._seen(
                    night, share
                )
        return found

    def _done(self, night: int, at: float) -> float:
        """How many verbatims of a night are done by then."""
        return self.sizes[night] * min(max((at - self.starts[night]) / LASTS, 0.0), 1.0)

    def _seen(self, night: int, share: float) -> Points:
        start, end = self.starts[night], self.starts[night] + LASTS + VISIBLE
        if start < self.forgets_at < end:
            end = self.forgets_at
        # a scrape earlier: there Prometheus puts the 0 of the start timestamp
        return _each(lambda at: round(self._done(night, at) * share) if start - STEP_S <= at < end else None)

    def _last(self, value: Callable[[int], float]) -> Points:
        """What the latest night that has ended has left."""

        def left(at: float) -> float | None:
            ended = [night for night in self.nights if self.starts[night] + LASTS <= at]
            return value(ended[-1]) if ended else None

        return _each(left)


def _each(value: Callable[[float], float | None]) -> Points:
    return [value(at) for at in range(0, NIGHTS * DAY, STEP_S)]


def _notation(points: Points) -> str:
    """`5x3` is 5, four times; `_x3` is three gaps."""
    parts: list[str] = []
    run, length = points[0], 0
    for point in (*points, object()):
        if point == run:
            length += 1
            continue
        parts.append(
            f"_x{length}" if run is None else f"{run:g}x{length - 1}" if run == int(run) else f"{run}x{length - 1}"
        )
        run, length = point, 1  # type: ignore[assignment]
    return " ".join(parts)
