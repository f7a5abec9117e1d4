"""Each night that goes wrong is told, by the alert that says what, and by no other that would lead astray."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from required import skip_or_fail

from .nights import NIGHTS, Night, NoMount, scene_of, told

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.name)
def test_a_night_that_goes_wrong_is_told(night: Night, binaries: Mapping[str, Path], tmp_path: Path) -> None:
    try:
        with scene_of(night, binaries, tmp_path) as (scene, webhook):
            night.strike(scene)
            alert = told(night, webhook)
    except NoMount as error:
        skip_or_fail(str(error))
        raise
    assert alert.annotations["runbook_url"].endswith(f"/user/runbook.html#{night.alert.lower()}")
    assert webhook.firing() <= {night.alert} | night.also
