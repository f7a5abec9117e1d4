"""Properties of docker-compose.yml that can be checked without an engine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config_folder import FILES
from pipeline.given import SECRET
from pipeline.settings import Settings, load_settings

from .installation import ROOT, Installation

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
ONE_SHOT = {"volumes", "airflow-init"}
GO = {"collector", "prometheus", "alertmanager", "pushgateway", "tempo", "grafana"}
SERVICES: Mapping[str, Mapping[str, Any]] = yaml.safe_load(TEXT)["services"]
PROD = "SCRAPER_MODE=prod\nANTHROPIC_API_KEY=sk-test\nVERBATIMS_CONCURRENCY=8\n"


def variables(installation: Installation, service: str = "airflow-scheduler") -> dict[str, str]:
    """Those that are set in a container."""
    found = installation.config()["services"][service]["environment"]
    return {name: value for name, value in found.items() if value is not None}


def settings(installation: Installation, service: str = "airflow-scheduler") -> Settings:
    """Those in force in a container, which has config/ but no .env beside it."""
    inside = installation.folder / "inside"
    inside.mkdir(exist_ok=True)
    if not (inside / "config").exists():
        (inside / "config").symlink_to(installation.folder / "config")
    return load_settings(variables(installation, service), inside / ".env", inside / "secrets", asks=False)


@pytest.mark.parametrize("place", [".env", "config/.env"])
def test_the_file_is_valid_without_and_with_an_env_file(cloned: Installation, place: str) -> None:
    cloned.compose("config", "--quiet")
    (cloned.folder / place).write_text(PROD, encoding="utf-8")
    cloned.compose("config", "--quiet")


def test_without_a_file_the_mode_is_sandbox_and_there_is_no_key(cloned: Installation) -> None:
    found = settings(cloned)
    assert (found.mode, found.api_key) == ("sandbox", None)


@pytest.mark.parametrize("place", [".env", "config/.env"])
def test_no_key_is_in_what_compose_and_docker_show(cloned: Installation, place: str) -> None:
    (cloned.folder / place).write_text(PROD, encoding="utf-8")
    (cloned.folder / "config" / "anthropic_api_key").write_text("sk-test", encoding="utf-8")
    cloned.exported["ANTHROPIC_API_KEY"] = "sk-test"
    assert "sk-test" not in cloned.compose("config")


def test_settings_in_config_are_those_of_every_container_that_reads_some(cloned: Installation) -> None:
    (cloned.folder / "config" / ".env").write_text(PROD, encoding="utf-8")
    assert settings(cloned).concurrency == 8
    for service in ("airflow-scheduler", "airflow-dag-processor", "exporter"):
        assert settings(cloned, service).store.endswith("/verbatims_prod")
        [mount] = [one for one in cloned.config()["services"][service]["volumes"] if one["type"] == "bind"]
        assert (mount["target"], mount["read_only"]) == ("/verbatims/config", True)
        assert mount["source"] == str(cloned.folder / "config")


def test_a_store_in_config_wins_over_that_of_the_installation(cloned: Installation) -> None:
    (cloned.folder / "config" / "store").write_text("postgresql://me:pass@elsewhere/rows\n", encoding="utf-8")
    assert settings(cloned).store == settings(cloned, "exporter").store == "postgresql://me:pass@elsewhere/rows"
    cloned.exported["STORE"] = "sqlite:///var/exported.db"
    assert settings(cloned).store == "sqlite:///var/exported.db"


@pytest.mark.parametrize("place", [".env", "config/.env"])
def test_an_exported_mode_wins_over_the_env_files(cloned: Installation, place: str) -> None:
    """As outside a container: an exported sandbox mode is never billed."""
    (cloned.folder / place).write_text(PROD, encoding="utf-8")
    cloned.exported["SCRAPER_MODE"] = "sandbox"
    found = settings(cloned)
    assert found.sandbox and found.store.endswith("/verbatims_sandbox") and found.warehouse.endswith("/sandbox.db")


@pytest.mark.parametrize("place", [".env", "config/.env"])
def test_sandbox_and_prod_never_share_a_store_or_a_warehouse(cloned: Installation, place: str) -> None:
    def places() -> tuple[str, str]:
        found = settings(cloned)
        return found.store.rpartition("/")[2], found.warehouse.rpartition("/")[2]

    assert places() == ("verbatims_sandbox", "sandbox.db")
    (cloned.folder / place).write_text("SCRAPER_MODE=prod\n", encoding="utf-8")
    assert places() == ("verbatims_prod", "prod.db")
    made = str(cloned.config()["configs"]["databases"]["content"])
    assert "CREATE DATABASE verbatims_sandbox;" in made and "CREATE DATABASE verbatims_prod;" in made


def test_no_file_of_config_but_its_readme_is_in_git_or_an_image() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ignored.index("config/*") < ignored.index("!config/README.md")
    assert not [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if "!config" in line]
    readme = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    secrets = [name.lower() for name in SECRET]
    for name in (".env", *secrets, *FILES.values(), "google.json"):
        assert readme.count(f"`{name}`") >= 2, f"{name}: not in both languages"


def test_every_published_port_is_on_loopback(cloned: Installation) -> None:
    published = [port for service in cloned.config()["services"].values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["target"] for port in published} >= {3000, 8000, 9090, 9091}


def test_every_service_has_limits_and_only_the_rights_it_needs(cloned: Installation) -> None:
    for name, service in cloned.config()["services"].items():
        assert int(service["mem_limit"]) > 0, name
        assert 512 <= service["pids_limit"] <= 2048, name
        assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"]["max-size"], name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name
        # the project's own image sets its user
        assert "build" in service or not re.match(r"0(:|$)|root", service["user"]), name
        assert service.get("read_only") or name in ("grafana", "postgres"), name


def test_every_go_server_knows_its_memory_limit(cloned: Installation) -> None:
    """It collects garbage at 80 to 90 % of it; the Collector refuses well before."""
    found = {
        name: (int(service["mem_limit"]) / 2**20, service["environment"])
        for name, service in cloned.config()["services"].items()
        if name in GO
    }
    assert found.keys() == GO
    for name, (limit, environment) in found.items():
        assert 0.8 <= int(environment["GOMEMLIMIT"].removesuffix("MiB")) / limit <= 0.9, name
    limit, environment = found["collector"]
    heap, spike = int(environment["MEMORY_LIMIT_MIB"]), int(environment["MEMORY_SPIKE_MIB"])
    assert heap < int(environment["GOMEMLIMIT"].removesuffix("MiB")) and 0.5 <= (heap - spike) / limit <= 0.7
    text = (ROOT / "otel/collector.yaml").read_text(encoding="utf-8")
    assert f"limit_mib: ${{env:MEMORY_LIMIT_MIB:-{heap}}}" in text
    assert f"spike_limit_mib: ${{env:MEMORY_SPIKE_MIB:-{spike}}}" in text


def test_only_who_needs_it_is_on_a_network_with_postgres_or_the_pushgateway(cloned: Installation) -> None:
    config = cloned.config()
    assert config["networks"]["data"]["internal"] is True

    def on(network: str) -> set[str]:
        return {name for name, service in config["services"].items() if network in service.get("networks", {})}

    airflow = {"airflow-init", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}
    assert on("data") == {"postgres", "exporter", *airflow}
    assert on("pushing") == {"pushgateway", "forwarder", "collector", "prometheus"}
    assert not on("default") & {"postgres", "pushgateway", "forwarder"}
    assert "VERBATIMS_PUSHGATEWAY_URL" not in variables(cloned)


def test_disk_is_bounded_by_variables(cloned: Installation) -> None:
    cloned.exported |= {"PROMETHEUS_RETENTION_SIZE": "2GB", "TEMPO_RETENTION": "48h"}
    services = cloned.config()["services"]
    assert "--storage.tsdb.retention.size=2GB" in services["prometheus"]["command"]
    assert services["tempo"]["environment"]["BLOCK_RETENTION"] == "48h"
    assert "block_retention: ${BLOCK_RETENTION:-720h}" in (ROOT / "otel/tempo.yaml").read_text(encoding="utf-8")


def room(memory_gib: float, free_gb: float) -> str:
    """What the check at start prints on such a machine."""
    script = SERVICES["volumes"]["command"][2].replace("$$", "$")
    machine = (
        "import builtins, io, shutil, types\n"
        f"builtins.open = lambda _: io.StringIO('MemTotal:       {int(memory_gib * 2**20)} kB\\n')\n"
        f"shutil.disk_usage = lambda _: types.SimpleNamespace(free={int(free_gb * 1e9)})\n"
    )
    ended = subprocess.run([sys.executable, "-c", machine + script], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_machine_with_too_little_room_is_told_in_one_line_and_starts() -> None:
    assert room(16, 100).startswith("room: 16.0 GiB of memory, 100 GB")
    both = room(3.8, 12)
    assert both.startswith("warning: ") and both.count("\n") == 1
    assert "3.8 GiB of memory" in both and "12 GB of free disk" in both
    assert "disk" not in room(3.8, 100) and "memory" not in room(16, 12)


def test_the_room_that_is_asked_for_is_what_the_limits_add_up_to(cloned: Installation) -> None:
    services = cloned.config()["services"]
    gib = sum(int(service["mem_limit"]) for name, service in services.items() if name not in ONE_SHOT) / 2**30
    assert 9 < gib <= 10
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "**10 GiB of memory**" in readme and "**30 GB of disk**" in readme
    assert "if memory < 10:" in TEXT and "if disk < 30:" in TEXT


def incomplete(folder: Path) -> str:
    """What `restore` says of a folder that it refuses."""
    command = [sys.executable, str(ROOT / "docker/backup.py"), "restore", str(folder)]
    # without any PATH: it must refuse before it looks for Docker
    ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1 and not ended.stdout
    return ended.stderr


def test_an_incomplete_backup_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "SHA256SUMS is missing" in incomplete(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("0  airflow.dump\n", encoding="utf-8")
    assert "airflow.dump is missing" in incomplete(tmp_path)
    for part in ("airflow.dump", "verbatims_sandbox.dump", "verbatims_prod.dump", "files.tar"):
        (tmp_path / part).write_bytes(b"cut")
    assert "differs from SHA256SUMS" in incomplete(tmp_path)


def test_the_projects_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert users == [
        "verbatims",
        "root",
        "50000:0",
    ]  # the user of `pipeline`, then during the build of `airflow`, and at its end


def test_every_image_is_pinned_and_can_be_replaced_by_a_variable() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            images = {"PYTHON_IMAGE": "${PYTHON_IMAGE:-python:3.12.12-slim}"}
            if service["build"]["target"] == "airflow":
                images |= {"AIRFLOW_IMAGE": "${AIRFLOW_IMAGE:-apache/airflow:slim-3.3.2-python3.12}"}
            assert service["build"]["args"] == images, name
        else:
            # owner/name:version; a mirror is set by the variable
            assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-([a-z-]+/)?[a-z-]+:v?\d+\.\d+(\.\d+)?\}", service["image"]), name


def test_every_service_has_a_health_check_or_a_reason_for_none() -> None:
    texts = {name: TEXT.split(f"\n  {name}:\n", 1)[1].split("\n\n", 1)[0] for name in SERVICES}
    without = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert without == {*ONE_SHOT, "collector"} == {name for name, text in texts.items() if "# No health check" in text}


def test_prometheus_is_started_with_the_flags_its_file_requires() -> None:
    asked = re.findall(r"--enable-feature=\S+", (ROOT / "otel/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert [flag for flag in SERVICES["prometheus"]["command"] if flag.startswith("--enable-feature")] == asked


def test_every_path_mounted_from_the_checkout_exists() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ()) if mount[0] == "."]
    missing = [mount for mount in mounts if not (ROOT / mount.split(":")[0]).exists()]
    assert mounts and not missing
    assert all(mount.endswith(":ro") for mount in mounts)


def test_no_variable_of_the_file_looks_like_a_setting() -> None:
    """The pipeline reads the same .env and rejects an unknown VERBATIMS_… in it."""
    assert not re.findall(r"\$\{VERBATIMS_\w+", TEXT)


def test_the_shell_commands_in_the_file_are_valid_shell() -> None:
    for service in SERVICES.values():
        for command in service.get("command", ()):
            if "\n" in command and service["command"][0] != "python":
                subprocess.run(["sh", "-n", "-c", command.replace("$$", "$")], check=True, timeout=10)
