"""What is said, and what still works, where the extra `model` is not installed."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("scipy", "sklearn", "rapidfuzz"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nowhere())
import pipeline.evaluate.baseline, pipeline.evaluate.drift, pipeline.evaluate.sentinel
import pipeline.evaluate.corrected, pipeline.evaluate.sample, pipeline.label_file, pipeline.label_guide

from pipeline.errors import SettingsError
from pipeline.evaluate.extra import require
try:
    require("evaluate")
except SettingsError as error:
    print(error)
"""


@pytest.mark.long
def test_drift_needs_no_extra_and_scores_say_what_to_install() -> None:
    said = subprocess.check_output([sys.executable, "-c", WITHOUT], text=True, timeout=60)
    assert said == "evaluate needs more packages: pip install 'verbatims[model]'\n"
