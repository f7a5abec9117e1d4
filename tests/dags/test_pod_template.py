"""What dags/pod_template.yaml gives each task under the KubernetesExecutor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import __version__
from pipeline.config_folder import SECRETS
from pipeline.given import SECRET
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spec() -> Any:
    return yaml.safe_load((ROOT / "dags/pod_template.yaml").read_text(encoding="utf-8"))["spec"]


def test_the_container_is_airflows_with_this_versions_image(spec: Any) -> None:
    """Airflow merges its own container into the one named base."""
    [container] = spec["containers"]
    assert (container["name"], container["image"]) == ("base", f"verbatims-airflow:{__version__}")
    assert spec["restartPolicy"] == "Never"


def test_a_call_in_flight_may_end_before_the_pod_is_killed(spec: Any) -> None:
    assert spec["terminationGracePeriodSeconds"] >= Settings.model_fields["timeout_s"].default + 30


def test_secrets_are_files_where_the_settings_look_and_no_variables(spec: Any) -> None:
    [container] = spec["containers"]
    [mounted] = [mount for mount in container["volumeMounts"] if mount["mountPath"] == str(SECRETS)]
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == mounted["name"]]
    assert volume["secret"]["secretName"] == "verbatims"
    assert {variable["name"] for variable in container["env"]}.isdisjoint(SECRET)
    assert [list(source) for source in container["envFrom"]] == [["configMapRef"]]


def test_a_pod_writes_where_the_image_does_and_nowhere_else(spec: Any) -> None:
    """The same folders as in docker-compose.yml."""
    [container] = spec["containers"]
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/verbatims/airflow", "/verbatims/var", "/tmp"}
    assert container["securityContext"]["readOnlyRootFilesystem"] and spec["securityContext"]["runAsNonRoot"]
