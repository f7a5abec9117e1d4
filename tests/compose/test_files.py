"""Properties of docker-compose.yml that can be checked without an engine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .installation import ROOT, Installation, clone

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
ONE_SHOT = {"volumes", "airflow-init"}
SERVICES: Mapping[str, Mapping[str, Any]] = yaml.safe_load(TEXT)["services"]
PROD = "SCRAPER_MODE=prod\nANTHROPIC_API_KEY=sk-test\nVERBATIMS_CONCURRENCY=8\n"


def test_the_file_is_valid_without_and_with_an_env_file(cloned: Installation) -> None:
    cloned.compose("config", "--quiet")
    (cloned.folder / ".env").write_text(PROD, encoding="utf-8")
    cloned.compose("config", "--quiet")


def test_without_an_env_file_the_mode_is_sandbox_and_there_is_no_key(cloned: Installation) -> None:
    environment = cloned.config()["services"]["airflow-scheduler"]["environment"]
    assert environment["SCRAPER_MODE"] == "sandbox"
    assert environment["ANTHROPIC_API_KEY"] == ""


def test_only_the_tasks_get_the_env_file_and_its_key(cloned: Installation) -> None:
    (cloned.folder / ".env").write_text(PROD, encoding="utf-8")
    services = cloned.config()["services"]
    tasks = services["airflow-scheduler"]["environment"]
    assert tasks["SCRAPER_MODE"] == "prod" and tasks["VERBATIMS_CONCURRENCY"] == "8"
    assert tasks["ANTHROPIC_BASE_URL"] == ""
    assert tasks["STORE"] == services["exporter"]["environment"]["STORE"]
    knows = [name for name, service in services.items() if "sk-test" in str(service)]
    assert knows == ["airflow-scheduler"]


def test_an_exported_variable_wins_over_the_env_file(compose: Sequence[str], tmp_path: Path) -> None:
    """As outside a container: an exported sandbox mode is never billed."""
    exported = {"SCRAPER_MODE": "sandbox", "ANTHROPIC_API_KEY": "sk-exported"}
    shell = Installation(compose, clone(tmp_path), exported)
    (shell.folder / ".env").write_text(PROD, encoding="utf-8")
    tasks = shell.config()["services"]["airflow-scheduler"]["environment"]
    assert {name: tasks[name] for name in exported} == exported
    assert tasks["STORE"].endswith("/verbatims_sandbox") and tasks["WAREHOUSE"].endswith("/sandbox.db")


def test_sandbox_and_prod_never_share_a_store_or_a_warehouse(cloned: Installation) -> None:
    def places() -> tuple[str, str]:
        environment = cloned.config()["services"]["airflow-scheduler"]["environment"]
        return environment["STORE"].rpartition("/")[2], environment["WAREHOUSE"].rpartition("/")[2]

    assert places() == ("verbatims_sandbox", "sandbox.db")
    (cloned.folder / ".env").write_text("SCRAPER_MODE=prod\n", encoding="utf-8")
    assert places() == ("verbatims_prod", "prod.db")
    made = str(cloned.config()["configs"]["databases"]["content"])
    assert "CREATE DATABASE verbatims_sandbox;" in made and "CREATE DATABASE verbatims_prod;" in made


def test_every_published_port_is_on_loopback(cloned: Installation) -> None:
    published = [port for service in cloned.config()["services"].values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["target"] for port in published} >= {3000, 8000, 9090, 9091}


def test_every_service_has_limits_and_only_the_rights_it_needs(cloned: Installation) -> None:
    for name, service in cloned.config()["services"].items():
        assert int(service["mem_limit"]) > 0, name
        assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"]["max-size"], name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name
        # the project's own image sets its user
        assert "build" in service or not re.match(r"0(:|$)|root", service["user"]), name
        assert service.get("read_only") or name in ("grafana", "postgres"), name


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
            images = {"PYTHON_IMAGE": "${PYTHON_IMAGE:-python:3.12-slim}"}
            if service["build"]["target"] == "airflow":
                images |= {"AIRFLOW_IMAGE": "${AIRFLOW_IMAGE:-apache/airflow:3.3.2}"}
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
            if "\n" in command:
                subprocess.run(["sh", "-n", "-c", command.replace("$$", "$")], check=True, timeout=10)
