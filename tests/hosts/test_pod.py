"""dags/pod_template.yaml as the KubernetesExecutor reads it, with its own PodGenerator and Kubernetes' model."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from required import skip_or_fail

pytestmark = pytest.mark.celery

TEMPLATE = Path(__file__).parents[2] / "dags" / "pod_template.yaml"
ARGUMENTS = ["python", "-m", "airflow.sdk.execution_time.execute_workload", "--json-string", "{}"]


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if find_spec("airflow") is None or find_spec("kubernetes") is None:
        skip_or_fail("apache-airflow-providers-cncf-kubernetes is not installed (make test-celery does it)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("home")))
        from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

        yield PodGenerator


def test_the_model_of_kubernetes_knows_every_field(generator: Any) -> None:
    """It drops a field that it does not know, such as one with a typing error."""
    written = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    assert generator.serialize_pod(generator.deserialize_model_file(str(TEMPLATE))) == written


def test_a_tasks_pod_keeps_what_the_template_gives(generator: Any) -> None:
    pod = merged(generator)
    [container] = pod.spec.containers
    assert (pod.metadata.name, pod.metadata.namespace) == ("analyse-1", "night")
    assert pod.metadata.labels["app"] == "verbatims" and pod.metadata.labels["task_id"] == "analyse"
    assert (container.command, container.args) == (["/usr/bin/env"], ARGUMENTS)
    assert container.image == "verbatims-airflow:0.1.0"
    assert pod.spec.termination_grace_period_seconds == 90
    assert {volume.secret.secret_name for volume in pod.spec.volumes if volume.secret} == {"verbatims"}
    assert container.resources.requests == {"cpu": "500m", "memory": "512Mi"}
    assert container.resources.limits == {"memory": "1Gi"}


def test_an_image_in_airflows_settings_takes_precedence(generator: Any) -> None:
    [container] = merged(generator, image="mirror/verbatims-airflow:next").spec.containers
    assert container.image == "mirror/verbatims-airflow:next"


def test_one_task_may_ask_for_more(generator: Any) -> None:
    """By `executor_config`, which changes what it names alone."""
    from kubernetes.client import models as k8s

    more = k8s.V1ResourceRequirements(requests={"memory": "2Gi"})
    override = k8s.V1Pod(spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base", resources=more)]))
    pod = merged(generator, override=override)
    assert pod.spec.containers[0].resources.requests == {"memory": "2Gi"}
    assert pod.spec.termination_grace_period_seconds == 90


def merged(generator: Any, image: str | None = None, override: Any = None) -> Any:
    """The pod of a task, as the executor makes it."""
    return generator.construct_pod(
        dag_id="verbatims_daily",
        task_id="analyse",
        pod_id="analyse-1",
        try_number=1,
        kube_image=image,
        date=datetime(2026, 3, 10, 2, tzinfo=UTC),
        args=ARGUMENTS,
        pod_override_object=override,
        base_worker_pod=generator.deserialize_model_file(str(TEMPLATE)),
        namespace="night",
        scheduler_job_id="1",
        run_id="scheduled__2026-03-10",
        map_index=0,
    )
