"""The real servers on free ports with the shipped files, and queries on them.

Only addresses and folders differ from the shipped files: by their own environment variables, or, for Prometheus, which
has none, by replacing each `host:port` in a copy.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from .server import Server, eventually, free_port, get

ROOT = Path(__file__).parents[2]
OTEL = ROOT / "otel"
PORTS = (
    *("otlp_grpc", "otlp_http", "live", "collector_health", "collector_own"),
    *("prometheus", "alertmanager", "pushgateway", "exporter", "forwarder"),
    *("tempo", "tempo_grpc", "tempo_otlp_grpc", "tempo_otlp_http"),
)


@dataclass(frozen=True)
class Series:
    """A Prometheus series: its labels and its raw samples as (time, value)."""

    labels: Mapping[str, str]
    samples: list[tuple[float, float]]

    @property
    def growth(self) -> float:
        """The last raw sample minus the first."""
        return self.samples[-1][1] - self.samples[0][1]


class Stack:
    """Collector, Prometheus, Alertmanager, Pushgateway and Tempo in one folder.

    `faster` divides every duration of Prometheus' and Alertmanager's files; `alerts` are variables of
    otel/alertmanager/start.sh; `sampling` are those of otel/collector-sampling.yaml, which is used only with them.
    """

    def __init__(
        self,
        binaries: Mapping[str, Path],
        folder: Path,
        *,
        faster: int = 1,
        alerts: Mapping[str, str] | None = None,
        sampling: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._faster = faster
        self._alerts = alerts or {}
        self._sampling = sampling
        self.ports = {name: free_port() for name in PORTS}
        self._binaries = binaries
        self.collector = self._collector()
        self.tempo = self._tempo()
        self.prometheus = self._prometheus()
        self.pushgateway = self._pushgateway()
        self.alertmanager = self._alertmanager()
        self.servers = [self.collector, self.tempo, self.pushgateway, self.prometheus, self.alertmanager]

    @property
    def otlp_endpoint(self) -> str:
        """The value of OTEL_EXPORTER_OTLP_ENDPOINT for a process."""
        return self.url("otlp_http")

    def url(self, name: str) -> str:
        """The base address of one of PORTS."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self) -> None:
        """Start everything. Tempo takes longest; queries on it wait until it is ready."""
        for server in self.servers:
            server.start()
        for server in self.servers:
            if server is not self.tempo:
                server.wait()

    def stop(self) -> None:
        """Stop all servers at the same time, each by its own pid."""
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.stop()

    @contextmanager
    def serving(self, name: str, **environment: str) -> Iterator[Server]:
        """Run `verbatims exporter` (pass STORE) or `verbatims forwarder` on the address in the shipped files."""
        server = Server(
            name,
            [sys.executable, "-m", "pipeline", name, "--host", "127.0.0.1", "--port", str(self.ports[name])],
            f"{self.url(name)}/{'health' if name == 'forwarder' else 'metrics'}",
            self.folder / f"{name}.log",
            {
                "PYTHONPATH": str(ROOT),
                "VERBATIMS_PUSHGATEWAY_URL": self.url("pushgateway"),
                **environment,
            },
        )
        self.servers.append(server)
        try:
            server.start()
            server.wait()
            yield server
        finally:
            server.stop()
            self.servers.remove(server)

    # -- queries to Prometheus

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Run an instant query; return (labels, value) of each result."""
        found = self._ask("query", query=expression)["result"]
        return [(result["metric"], float(result["value"][1])) for result in found]

    def value(self, expression: str) -> float | None:
        """The value of an expression with one result, or None without data."""
        found = self.query(expression)
        return found[0][1] if found else None

    def series(self, selector: str, window: str = "1h") -> list[Series]:
        """The raw samples of each matching series, without interpolation or extrapolation."""
        found = self._ask("query", query=f"{selector}[{window}]")["result"]
        return [
            Series(result["metric"], [(float(at), float(value)) for at, value in result["values"]]) for result in found
        ]

    def exemplars(self, selector: str, within_s: float = 3600) -> list[dict[str, Any]]:
        """Every exemplar of the series that match: `seriesLabels` of its own and `labels`, value, timestamp."""
        now = time.time()
        found = self._ask("query_exemplars", query=selector, start=str(now - within_s), end=str(now + 5))
        return [
            {**exemplar, "seriesLabels": series["seriesLabels"]} for series in found for exemplar in series["exemplars"]
        ]

    def _ask(self, what: str, **parameters: str) -> Any:
        answer = get(f"{self.url('prometheus')}/api/v1/{what}", params=parameters)
        said = answer.json()
        assert said["status"] == "success", said
        return said["data"]

    # -- queries to the other servers

    def live(self) -> str:
        """The Collector's :8889/metrics, as OpenMetrics."""
        wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
        return get(f"{self.url('live')}/metrics", headers=wanted).text

    def groups(self) -> list[dict[str, Any]]:
        """The Pushgateway's groups, each with its labels and metric families."""
        groups: list[dict[str, Any]] = get(f"{self.url('pushgateway')}/api/v1/metrics").json()["data"]
        return groups

    def trace(self, trace_id: str, spans: int = 1, within_s: float = 30) -> list[Span]:
        """The spans of a trace, when Tempo has at least this many; fails after the timeout."""
        self.tempo.wait()

        def look() -> list[Span] | None:
            answer = get(f"{self.url('tempo')}/api/traces/{trace_id}", headers={"Accept": "application/protobuf"})
            found = _spans(answer.content) if answer.status_code == 200 else []
            return found if len(found) >= spans else None

        return eventually(look, within_s, f"Tempo has trace {trace_id}") or []

    # -- start of each server

    def _server(self, name: str, port: str, ready: str, *command: str, **environment: str) -> Server:
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        return Server(name, command, f"{self.url(port)}{ready}", self.folder / f"{name}.log", environment)

    def _collector(self) -> Server:
        ports = self.ports
        files = ["collector.yaml"] if self._sampling is None else ["collector.yaml", "collector-sampling.yaml"]
        return self._server(
            "collector",
            "collector_health",
            "/",
            *(str(self._binaries["collector"] / "otelcol"), *(f"--config={OTEL / file}" for file in files)),
            LISTEN_HOST="127.0.0.1",
            OTLP_GRPC_PORT=str(ports["otlp_grpc"]),
            OTLP_HTTP_PORT=str(ports["otlp_http"]),
            METRICS_PORT=str(ports["live"]),
            HEALTH_PORT=str(ports["collector_health"]),
            TELEMETRY_PORT=str(ports["collector_own"]),
            TEMPO_ENDPOINT=f"127.0.0.1:{ports['tempo_otlp_grpc']}",
            FORWARDER_ENDPOINT=self.url("forwarder"),
            STORAGE_DIR=str(self.folder / "collector"),
            **(self._sampling or {}),
        )

    def _tempo(self) -> Server:
        return self._server(
            "tempo",
            "tempo",
            "/ready",
            *(str(self._binaries["tempo"] / "tempo"), f"-config.file={OTEL / 'tempo.yaml'}", "-config.expand-env=true"),
            LISTEN_HOST="127.0.0.1",
            TEMPO_HTTP_PORT=str(self.ports["tempo"]),
            TEMPO_GRPC_PORT=str(self.ports["tempo_grpc"]),
            TEMPO_OTLP_GRPC_PORT=str(self.ports["tempo_otlp_grpc"]),
            TEMPO_OTLP_HTTP_PORT=str(self.ports["tempo_otlp_http"]),
            TEMPO_DIR=str(self.folder / "tempo"),
        )

    def _alertmanager(self) -> Server:
        folder = self.folder / "alertmanager"
        (folder / "data").mkdir(parents=True)
        for file in (OTEL / "alertmanager").iterdir():
            (folder / file.name).write_text(hastened(file.read_text(encoding="utf-8"), self._faster), encoding="utf-8")
        return self._server(
            "alertmanager",
            "alertmanager",
            "/-/ready",
            *("/bin/sh", str(folder / "start.sh"), f"--storage.path={folder / 'data'}", "--cluster.listen-address="),
            f"--web.listen-address=127.0.0.1:{self.ports['alertmanager']}",
            PATH=f"{self._binaries['alertmanager']}:/usr/bin:/bin",
            FILLED_DIR=str(folder / "data"),
            **self._alerts,
        )

    def _prometheus(self) -> Server:
        config = addressed(
            self.folder / "prometheus-config",
            {
                "alertmanager:9093": self.ports["alertmanager"],
                "forwarder:4319": self.ports["forwarder"],
                "collector:8889": self.ports["live"],
                "collector:8888": self.ports["collector_own"],
                "exporter:8000": self.ports["exporter"],
                "pushgateway:9091": self.ports["pushgateway"],
                "localhost:9090": self.ports["prometheus"],
                "tempo:3200": self.ports["tempo"],
            },
            self._faster,
        )
        return self._server(
            "prometheus",
            "prometheus",
            "/-/ready",
            *(str(self._binaries["prometheus"] / "prometheus"), f"--config.file={config}", features()),
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
            f"--web.user-assets={OTEL / 'prometheus' / 'web'}",
        )

    def _pushgateway(self) -> Server:
        return self._server(
            "pushgateway",
            "pushgateway",
            "/-/ready",
            str(self._binaries["pushgateway"] / "pushgateway"),
            f"--web.listen-address=127.0.0.1:{self.ports['pushgateway']}",
        )


SCRAPE_S = 3
"""How often the tests scrape; in production each 15 s, and the store each minute."""


def addressed(folder: Path, ports: Mapping[str, int], faster: int = 1) -> Path:
    """A copy of Prometheus' files with targets on loopback; each must occur, and one without a server is left out."""
    folder.mkdir(parents=True)
    for name in ("recording.yml", "alerts.yml"):
        text = (OTEL / "prometheus" / name).read_text(encoding="utf-8")
        (folder / name).write_text(hastened(text, faster), encoding="utf-8")
    config = yaml.safe_load((OTEL / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": f"{SCRAPE_S}s"}
    config["global"]["evaluation_interval"] = f"{SCRAPE_S}s"
    found = set()
    for job in (*config["scrape_configs"], *config["alerting"]["alertmanagers"]):
        job.pop("scrape_interval", None)
        [group] = job["static_configs"]
        found |= set(group["targets"])
        group["targets"] = [f"127.0.0.1:{ports[target]}" for target in group["targets"] if target in ports]
    assert found - {"grafana:3000"} == ports.keys()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "prometheus.yml"


def hastened(text: str, faster: int) -> str:
    """Every duration in a file, divided: a quarter of an hour passes in a minute at 15. Without change at 1."""
    if faster == 1:
        return text
    text = re.sub(r"\b(\d+)([smhd])\b", lambda found: _milliseconds(int(found[1]), found[2], faster), text)
    # in seconds: deadlines, ages
    text = re.sub(r"\b(\d+) \* (3600|86400)\b", lambda found: str(int(found[1]) * int(found[2]) / faster), text)
    return re.sub(r"< 1800\b", f"< {1800 / faster}", text)


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _milliseconds(number: int, unit: str, faster: int) -> str:
    return f"{max(number * UNITS[unit] * 1000 // faster, 1 if number else 0)}ms"


def features() -> str:
    """The feature flag that the comment in prometheus.yml requires at start."""
    [flag] = re.findall(r"--enable-feature=\S+", (OTEL / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    return str(flag)


def attributes(span: Span) -> dict[str, object]:
    """The attributes of a span."""
    values = ((each.key, each.value) for each in span.attributes)
    return {key: getattr(value, value.WhichOneof("value") or "string_value") for key, value in values}


def _spans(body: bytes) -> list[Span]:
    """Parse Tempo's response, whose message has the same fields as OTLP's."""
    scopes = [scope for resource in TracesData.FromString(body).resource_spans for scope in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans]
