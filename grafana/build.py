#!/usr/bin/env python3
"""Writes built/*.json, which Grafana reads; with --check only says whether they are fresh."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from claude_dashboard import calls, claude
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from model_dashboard import model
from pipeline_dashboard import pipeline

BUILT = Path(__file__).parent / "built"
DASHBOARDS = {"pipeline": pipeline, "claude": claude, "calls": calls, "model": model}


def main() -> int:
    """Write, or compare; exit code 1 where a committed file is not what the Python files make."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is stale")
    check = parser.parse_args().check
    stale = [name for name, make in DASHBOARDS.items() if not _fresh(name, _json(make()))]
    for name in stale:
        if check:
            print(f"grafana/built/{name}.json is stale: run python grafana/build.py", file=sys.stderr)
        else:
            _file(name).write_text(_json(DASHBOARDS[name]()), encoding="utf-8")
            print(f"grafana/built/{name}.json written")
    return int(check and bool(stale))


def _json(made: object) -> str:
    return json.dumps(made, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _fresh(name: str, wanted: str) -> bool:
    return _file(name).is_file() and _file(name).read_text(encoding="utf-8") == wanted


def _file(name: str) -> Path:
    return BUILT / f"{name}.json"


if __name__ == "__main__":
    sys.exit(main())
