"""A real `docker compose up --build`, tested through its published ports."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from dags.api import Api
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from stack.server import eventually, get

from pipeline.telemetry.catalogue import TEN

from .engine import Engine
from .installation import ROOT, Installation

pytestmark = pytest.mark.compose

SEEN_WITHIN_S = 180.0
"""Exports and scrapes happen every five seconds; the machine may be busy."""
STAGES = {"scrape", "clean", "analyse", "load", "publish"}
DAG = "verbatims_daily"
KEY = "sk-ant-$HOME-${HOME}-$$-'x'"
GOOGLE = {"type": "authorized_user", "client_id": "me@google", "client_secret": "x", "refresh_token": "y"}


def prometheus(installation: Installation, what: str, **parameters: str) -> Any:
    """The data of a response of Prometheus' API."""
    return get(f"{installation.url('PROMETHEUS_PORT')}/api/v1/{what}", params=parameters).json()["data"]


def containers(installation: Installation) -> list[dict[str, Any]]:
    """Each container as Compose lists it."""
    lines = installation.compose("ps", "--all", "--format", "json").splitlines()
    return [json.loads(line) for line in lines]


def test_every_service_is_up_and_healthy(installation: Installation) -> None:
    states = {c["Service"]: (c["State"], c["Health"], c["ExitCode"]) for c in containers(installation)}
    assert states.pop("volumes") == states.pop("airflow-init") == ("exited", "", 0)
    # its image has no program for a check; the forwarder's check tests it
    assert states.pop("collector") == ("running", "", 0)
    assert set(states.values()) == {("running", "healthy", 0)}, states


def test_no_container_runs_as_root(installation: Installation, docker: Engine) -> None:
    for container in containers(installation):
        user = docker.docker("inspect", "--format", "{{.Config.User}}", container["Name"]).strip()
        assert user not in ("", "0", "root", "0:0"), container["Service"]


def test_the_projects_image_has_the_runtime_and_no_build_tools(installation: Installation) -> None:
    look = "import importlib.util as i; print([n for n in ('pip', 'hatchling', 'pytest', 'ruff') if i.find_spec(n)])"
    assert installation.compose("exec", "-T", "exporter", "python", "-c", look).strip() == "[]"


def test_the_image_alone_reads_a_sample_as_the_readme_shows(installation: Installation, docker: Engine) -> None:
    [image] = {container["Image"] for container in containers(installation) if container["Service"] == "exporter"}
    sample = docker.docker("run", "--rm", image, "verbatims", "sample")
    try:
        place = ("-v", "verbatims_alone:/verbatims/var", image, "verbatims")
        said = docker.docker(
            "run", "--rm", "-i", *place, "run", "--input", "-", "--source", "shop", "--json", input=sample
        )
        assert json.loads(said)["analysed"] > 10
        assert docker.docker("run", "--rm", *place, "export").count("\n") > 10
    finally:
        docker.run("volume", "rm", "verbatims_alone")


def test_doctor_in_a_container_reaches_every_service(installation: Installation) -> None:
    """With the README's command."""
    said = installation.run("exec", "-T", "airflow-scheduler", "verbatims", "doctor").stderr.splitlines()
    marks = {line[12:].split()[0]: line[:12].strip() for line in said}
    # no task can reach the Pushgateway
    assert len(marks) == 11 and marks.pop("Pushgateway") == "not set up", said
    if "grafana" not in installation.services:
        assert marks.pop("Grafana") == "WRONG"
    assert set(marks.values()) == {"fine"}, said


REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("yes")
except OSError as error:
    print("no:", error)
"""


@pytest.mark.parametrize(
    ("host", "port", "reached"),
    [
        ("postgres", 5432, True),
        ("collector", 4318, True),
        ("airflow-api", 8080, True),
        ("pushgateway", 9091, False),
        ("forwarder", 4319, False),
    ],
)
def test_a_task_reaches_what_it_needs_and_not_the_pushgateway(
    installation: Installation, docker: Engine, host: str, port: int, reached: bool
) -> None:
    """By name, and by address too: a foreign page may name any."""
    networks = json.loads(
        docker.docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container(installation, host))
    )
    for place in (host, *(network["IPAddress"] for network in networks.values())):
        said = installation.compose("exec", "-T", "airflow-scheduler", "python", "-c", REACHES, place, str(port))
        if reached and place == host:
            assert said == "yes\n"
        if not reached:
            assert said.startswith("no:"), f"{place} is reached"


def test_postgres_has_no_way_out(installation: Installation) -> None:
    """Tried on this machine's own gateway: where that refuses or takes a connection, a task has reached it."""

    def reaches(service: str, address: str) -> bool:
        script = f"timeout 4 bash -c '</dev/tcp/{address}/9'"
        tried = installation.run("exec", "-T", service, "bash", "-c", script)
        return tried.returncode == 0 or "refused" in tried.stderr

    gateway = default_gateway()
    if gateway is None or not reaches("airflow-scheduler", gateway):
        pytest.skip("this machine has no gateway that answers")
    assert not reaches("postgres", gateway)


def default_gateway() -> str | None:
    """This machine's own, from the kernel's table, which has addresses as little-endian hexadecimal numbers."""
    for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]:
        _, destination, gateway, *_ = line.split()
        if destination == "00000000":
            return ".".join(str(byte) for byte in reversed(bytes.fromhex(gateway)))
    return None


def container(installation: Installation, service: str) -> str:
    """The name of a service's one container."""
    [found] = [one["Name"] for one in containers(installation) if one["Service"] == service]
    return str(found)


def test_the_start_says_whether_the_machine_has_the_room(installation: Installation) -> None:
    """With the Makefile's command."""
    said = installation.compose("logs", "--no-log-prefix", "--tail", "1", "volumes")
    assert re.match(r"(warning: this machine has|room:) \d", said) and said.count("\n") == 1


def test_every_target_of_prometheus_is_up(installation: Installation) -> None:
    def down() -> list[str] | None:
        found = prometheus(installation, "targets")["activeTargets"]
        targets = [t for t in found if t["scrapePool"] != "grafana" or "grafana" in installation.services]
        return None if [t for t in targets if t["health"] != "up"] else [t["scrapePool"] for t in targets]

    pools = eventually(down, SEEN_WITHIN_S, "all targets are up")
    assert pools and {"verbatims", "store", "pushgateway", "collector", "tempo"} <= set(pools)


@pytest.fixture(scope="module")
def login(installation: Installation) -> tuple[str, str]:
    """Airflow's user and password, found with the README's instructions."""
    [found] = re.findall(r"user (\S+), password (\S+)", installation.compose("logs", "airflow-init"))
    return (found[0], found[1])


@pytest.fixture(scope="module")
def airflow(installation: Installation, login: tuple[str, str]) -> Api:
    """Airflow's API, logged in."""
    return Api(installation.url("AIRFLOW_PORT"), *login)


@pytest.fixture(scope="module")
def first_run(airflow: Api) -> str:
    """The first nightly run, which a new installation starts automatically, after its success."""
    [run] = eventually(lambda: airflow.runs(DAG), SEEN_WITHIN_S, "a run has begun")
    assert airflow.ended(DAG, run["dag_run_id"]) == "success"
    return str(run["dag_run_id"])


def test_a_new_installation_loads_rows(installation: Installation, first_run: str) -> None:
    look = (
        "import sqlite3, pathlib; [file] = pathlib.Path('var').glob('*.db'); warehouse = sqlite3.connect(file);"
        "print(file.name, *warehouse.execute('SELECT count(*), min(model) FROM verbatims_analysed_v2').fetchone())"
    )
    said = installation.compose("exec", "-T", "airflow-scheduler", "python", "-c", look)
    assert said.split() == ["sandbox.db", str(stored(installation, "verbatims_analyzed_total")), "sandbox"]


def test_the_night_leaves_a_report(installation: Installation, first_run: str) -> None:
    look = (
        "import pathlib; [file] = pathlib.Path('var/reports').iterdir(); print(file.name, '<svg' in file.read_text())"
    )
    name, drawn = installation.compose("exec", "-T", "airflow-scheduler", "python", "-c", look).split()
    assert name.startswith("day-") and name.endswith("-sandbox.html") and drawn == "True"


def stored(installation: Installation, name: str) -> int:
    """A total of the exporter, summed over its labels."""
    text = get(f"{installation.url('EXPORTER_PORT')}/metrics").text
    return sum(
        int(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith((name + "{", name + " "))
    )


@pytest.mark.parametrize(
    "name",
    [
        "verbatims_analyzed_total",
        "verbatims_skipped_total",
        "new_topics_detected_total",
        "verbatim_analysis_duration_seconds_count",
    ],
)
def test_counters_over_all_tasks_equal_the_stores(installation: Installation, first_run: str, name: str) -> None:
    def grown() -> int:
        found = prometheus(installation, "query", query=f'{name}{{job="verbatims"}}[1h]')["result"]
        values = [[float(value) for _, value in series["values"]] for series in found]
        return round(sum(series[-1] - series[0] for series in values))

    eventually(lambda: grown() == stored(installation, name), SEEN_WITHIN_S, f"{name} is what the store says")
    assert stored(installation, name) > 0


@pytest.mark.parametrize("part", ["scheduler", "dag_processor"])
def test_airflows_heartbeats_are_in_prometheus(installation: Installation, first_run: str, part: str) -> None:
    beats = f'sum(increase(airflow_{part}_heartbeat_total{{job="airflow"}}[2m])) > 0'
    eventually(lambda: prometheus(installation, "query", query=beats)["result"], SEEN_WITHIN_S, beats)


@pytest.mark.parametrize("prefix", ["", "store_"], ids=["live", "store"])
def test_the_ten_names_are_in_prometheus(installation: Installation, prefix: str) -> None:
    def missing() -> list[str] | None:
        names = set(prometheus(installation, "label/__name__/values"))
        # a histogram and a summary have no series with their bare name
        absent = [m for m in TEN if not {prefix + m.prometheus_name, f"{prefix}{m.prometheus_name}_count"} & names]
        return ["none"] if not absent else None

    eventually(missing, SEEN_WITHIN_S, "ten names")


def test_an_exemplar_leads_to_the_trace_of_its_request(installation: Installation, first_run: str) -> None:
    def exemplars() -> list[dict[str, Any]]:
        now = time.time()
        query = {"query": "verbatim_analysis_duration_seconds_bucket", "start": str(now - 3600), "end": str(now + 5)}
        return [each for series in prometheus(installation, "query_exemplars", **query) for each in series["exemplars"]]

    trace_id = eventually(exemplars, SEEN_WITHIN_S, "an exemplar")[0]["labels"]["trace_id"]
    [call] = eventually(lambda: calls(installation, trace_id), SEEN_WITHIN_S, f"the call of trace {trace_id} in Tempo")
    said = {attribute.key: attribute.value for attribute in call.attributes}
    assert said["gen_ai.request.model"].string_value == "sandbox"
    assert said["gen_ai.usage.output_tokens"].int_value > 0


def calls(installation: Installation, trace_id: str) -> list[Span]:
    """The requests to Claude in a trace; none until Tempo has the trace."""
    wanted = {"Accept": "application/protobuf"}
    answer = get(f"{installation.url('TEMPO_PORT')}/api/traces/{trace_id}", headers=wanted)
    if answer.status_code != 200:
        return []
    scopes = [s for resource in TracesData.FromString(answer.content).resource_spans for s in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans if span.kind == Span.SPAN_KIND_CLIENT]


def test_the_pushgateway_has_a_group_for_each_stage(installation: Installation, first_run: str) -> None:
    """Housekeeping may have pushed its own."""

    def groups() -> list[dict[str, Any]] | None:
        pushed = get(f"{installation.url('PUSHGATEWAY_PORT')}/api/v1/metrics").json()["data"]
        found = [group for group in pushed if group["labels"].get("dag_id") == DAG]
        return found if {group["labels"]["task_id"] for group in found} == STAGES else None

    for group in eventually(groups, SEEN_WITHIN_S, "a group for each stage") or []:
        assert (group["labels"]["job"], group["labels"]["deployment_environment_name"]) == ("verbatims", "sandbox")
        assert "batch_last_success_timestamp_seconds" in group


def test_a_command_in_a_container_has_the_secrets_of_the_services(
    installation: Installation, docker: Engine, airflow: Api
) -> None:
    """It can decrypt what the api-server encrypted, but `docker inspect` shows no key."""

    def asked(*command: str) -> str:
        return installation.compose("exec", "-T", "airflow-scheduler", *command)

    airflow.add_connection("probe", "canary")
    said = asked("airflow", "connections", "get", "probe", "--output", "json").splitlines()[-1]  # behind a line of log
    [found] = json.loads(said)
    assert (found["password"], str(found["is_encrypted"])) == ("canary", "True")
    keys = [asked("cat", f"airflow/keys/{name}") for name in ("fernet_key", "jwt_secret", "secret_key")]
    shown = docker.docker("inspect", *(container["Name"] for container in containers(installation)))
    assert all(len(key) > 40 and key not in shown for key in keys)


def test_a_second_up_changes_nothing_and_keeps_the_password(
    installation: Installation, airflow: Api, first_run: str
) -> None:
    before = [container["ID"] for container in containers(installation) if container["State"] == "running"]
    installation.up(installation.services)
    assert [container["ID"] for container in containers(installation) if container["State"] == "running"] == before
    assert [run["dag_run_id"] for run in airflow.runs(DAG)] == [first_run]


def test_a_start_without_any_file_of_settings_makes_none(installation: Installation, first_run: str) -> None:
    assert [file.name for file in (installation.folder / "config").iterdir()] == ["README.md"]
    assert not (installation.folder / ".env").exists()


def test_prod_in_config_reaches_the_next_task(installation: Installation, airflow: Api, first_run: str) -> None:
    """Without a key it fails at once, and its log names the missing key."""
    (installation.folder / "config" / ".env").write_text("SCRAPER_MODE=prod\n", encoding="utf-8")
    run = airflow.trigger(DAG)
    assert airflow.ended(DAG, run) == "failed"
    [scrape] = airflow.tasks(DAG, run, "scrape")
    assert (scrape["state"], scrape["try_number"]) == ("failed", 1)
    said = [str(line.get("event")) for line in airflow.log(DAG, run, scrape)]
    assert any("ANTHROPIC_API_KEY: SCRAPER_MODE=prod asks the real Claude and needs a key" in line for line in said), (
        said
    )


@pytest.fixture(scope="module")
def configured(installation: Installation, first_run: str) -> Installation:
    """With every file that config/ may hold, and the key as a secret of Compose."""
    config = installation.folder / "config"
    files = {
        ".env": "SCRAPER_MODE=prod\n",
        "sources.toml": '[shop]\nkind = "schema_org"\nurls = ["https://shop.example/"]\n',
        "topics.yaml": (ROOT / "pipeline/analyse/topics.yaml").read_text(encoding="utf-8"),
        "google.json": json.dumps(GOOGLE),
    }
    for name, text in files.items():
        (config / name).write_text(text, encoding="utf-8")
    (installation.folder / "key").write_text(KEY + "\n", encoding="utf-8")
    installation.exported["ANTHROPIC_API_KEY_FILE"] = "./key"
    installation.up(installation.services)
    return installation


def asked(installation: Installation, *command: str) -> str:
    """What a command in the scheduler's container prints."""
    return installation.compose("exec", "-T", "airflow-scheduler", *command)


def test_files_of_config_are_in_force_in_the_schedulers_container(configured: Installation) -> None:
    rows = {
        row["name"]: row for row in map(json.loads, asked(configured, "verbatims", "config", "--json").splitlines())
    }
    shown = {name: (row["value"], row["from"]) for name, row in rows.items()}
    assert shown["SCRAPER_MODE"] == ("prod", "config/.env")
    assert shown["VERBATIMS_SOURCES"] == ("config/sources.toml", "default")
    assert shown["VERBATIMS_TOPICS"] == ("config/topics.yaml", "default")
    assert shown["ANTHROPIC_API_KEY"] == ("set, hidden", "secret file")
    assert (rows["STORE"]["value"].rpartition("/")[2], shown["WAREHOUSE"][0]) == (
        "verbatims_prod",
        "sqlite:////verbatims/var/prod.db",
    )
    looked = configured.run("exec", "-T", "airflow-scheduler", "verbatims", "doctor").stderr
    assert "config/sources.toml describes shop" in looked, looked


def test_a_key_with_dollars_arrives_as_it_is_and_nothing_shows_it(configured: Installation, docker: Engine) -> None:
    look = "from pipeline.settings import load_settings as s; print(s().api_key.get_secret_value())"
    assert asked(configured, "python", "-c", look) == KEY + "\n"
    shown = docker.docker("inspect", *(container["Name"] for container in containers(configured)))
    assert "anthropic_api_key" in shown
    assert all(KEY not in text and "sk-ant" not in text for text in (shown, configured.compose("config")))


def test_a_key_in_config_arrives_too(configured: Installation) -> None:
    (configured.folder / "config" / "anthropic_api_key").write_text("other$key", encoding="utf-8")
    look = (
        "import pathlib; from pipeline.settings import load_settings as s;"
        "print(s(secrets=pathlib.Path('/nowhere')).api_key.get_secret_value())"
    )
    assert asked(configured, "python", "-c", look) == "other$key\n"


def test_googles_client_finds_its_credentials_in_config(configured: Installation) -> None:
    look = "from pipeline.load.bigquery import _client; print(_client('project', None)._credentials.client_id)"
    assert asked(configured, "python", "-c", look) == GOOGLE["client_id"] + "\n"


def test_the_exporter_serves_the_store_of_prod_without_a_key(configured: Installation) -> None:
    configured.compose("restart", "exporter")
    # until it is healthy again
    configured.compose("up", "--no-recreate", "--no-deps", "--wait", "exporter", within_s=SEEN_WITHIN_S)
    assert stored(configured, "verbatims_analyzed_total") == 0, "prod's store is still empty"
    look = "import pathlib; print(pathlib.Path('/run/secrets/anthropic_api_key').exists())"
    assert configured.compose("exec", "-T", "exporter", "python", "-c", look) == "False\n"


def test_an_exported_mode_wins_over_config(configured: Installation) -> None:
    """As for `SCRAPER_MODE=sandbox docker compose up`."""
    shown = configured.compose("exec", "-T", "-e", "SCRAPER_MODE=sandbox", "airflow-scheduler", "verbatims", "config")
    assert re.search(r"^SCRAPER_MODE +sandbox +environment$", shown, re.MULTILINE), shown


def test_no_container_can_write_into_config(configured: Installation) -> None:
    ended = configured.run("exec", "-T", "airflow-scheduler", "touch", "config/made")
    assert ended.returncode != 0 and "Read-only file system" in ended.stderr


def test_a_file_that_the_images_user_may_not_read_is_named_with_what_to_do(configured: Installation) -> None:
    file = configured.folder / "config" / ".env"
    file.chmod(0o600)
    ended = configured.run("exec", "-T", "airflow-scheduler", "verbatims", "config")
    file.chmod(0o644)
    assert ended.returncode == 2 and ended.stdout == ""
    assert "config/.env: user 50000" in ended.stderr and "`chmod a+rX config config/.env`" in ended.stderr


def kept(installation: Installation) -> dict[str, Any]:
    """What a backup must bring back."""
    rows = (
        "import sqlite3; warehouse = sqlite3.connect('var/sandbox.db');"
        "print(*sorted(map(repr, warehouse.execute('SELECT * FROM verbatims_analysed_v2'))), sep='\\n')"
    )
    dump = 'PGPASSWORD=$POSTGRES_PASSWORD exec pg_dump -h 127.0.0.1 -U "$POSTGRES_USER" --data-only verbatims_sandbox'
    store = installation.compose("exec", "-T", "postgres", "sh", "-c", dump).splitlines()
    return {
        "rows": asked(installation, "python", "-c", rows),
        # newer versions of pg_dump write a random word
        "store": sorted(line for line in store if not line.startswith(("--", "\\restrict", "\\unrestrict"))),
        "keys": keys(installation),
    }


def keys(installation: Installation) -> str:
    """Airflow's keys and password, as the api-server reads them."""
    return installation.compose("exec", "-T", "airflow-api", "sh", "-c", "cat airflow/keys/* airflow/passwords.json")


def test_a_backup_brings_a_lost_installation_back(
    installation: Installation, airflow: Api, login: tuple[str, str], first_run: str
) -> None:
    """Runs late, since it removes everything; what it restores over is a new installation with keys of its own."""
    for file in (installation.folder / "config").iterdir():
        if file.name != "README.md":
            file.unlink()
    installation.exported.pop("ANTHROPIC_API_KEY_FILE", None)
    airflow.add_connection("lost", "and found")
    before = kept(installation)
    assert before["rows"].count("\n") > 100 and len(before["store"]) > 100
    saved = installation.make("backup", within_s=120, TO="saved")
    assert saved.returncode == 0, saved.stdout + saved.stderr
    assert saved.stdout.endswith("make restore FROM=saved\n")
    files = {file.name: file.stat().st_mode & 0o777 for file in (installation.folder / "saved").iterdir()}
    assert len(files) == 5 and set(files.values()) == {0o600}, files

    installation.down()
    # and what these two need
    installation.up(["airflow-api", "exporter"])
    assert keys(installation) != before["keys"]
    restored = installation.make("restore", within_s=300, FROM="saved")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert kept(installation) == before
    assert stored(installation, "verbatims_analyzed_total") == before["rows"].count("\n")
    again = Api(installation.url("AIRFLOW_PORT"), *login)
    assert first_run in [run["dag_run_id"] for run in again.runs(DAG)]
    said = asked(installation, "airflow", "connections", "get", "lost", "--output", "json").splitlines()[-1]
    [found] = json.loads(said)
    assert found["password"] == "and found"


def test_services_without_a_running_task_shut_down_cleanly(installation: Installation) -> None:
    """Must run last, since it stops the services."""
    installation.compose("stop", "airflow-dag-processor", "airflow-api", within_s=100)
    codes = {c["Service"]: c["ExitCode"] for c in containers(installation) if c["State"] == "exited"}
    assert (codes["airflow-dag-processor"], codes["airflow-api"]) == (0, 0)
