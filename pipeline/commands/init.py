"""`verbatims init`: writes the files that hold your settings and sources."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, say
from pipeline.errors import SettingsError
from pipeline.program import program_name


def add_parser(parsers: Any) -> None:
    """Add the command."""
    add_command(
        parsers,
        "init",
        "write .env and sources.toml for you to fill in, every line explained",
        run,
        examples=["verbatims init && verbatims doctor"],
    )


def run(_options: argparse.Namespace) -> int:
    """Write both files, or none if one is there."""
    contents = {".env": _env(), "sources.toml": _sources()}
    for name in contents:
        if os.path.lexists(name):
            raise SettingsError(f"{name} is there already and stays as it is: move it away first; nothing was written")
    for name, content in contents.items():
        _write(name, content)
    say("written: .env (all settings) and sources.toml (examples of sources), both only comments so far")
    say(f"next: `{program_name()} run` tries the sandbox, without cost. For the real Claude set SCRAPER_MODE=prod,")
    say(f"ANTHROPIC_API_KEY and STORE in .env, name your sources in sources.toml, then `{program_name()} doctor`")
    return DONE


def _env() -> str:
    from pipeline.env_example import render

    return render()


def _sources() -> str:
    import pipeline.source

    return (Path(pipeline.source.__file__).parent / "example.toml").read_text(encoding="utf-8")


def _write(name: str, content: str) -> None:
    # .env will hold a key: nobody else may read it, not even for a moment
    mode = 0o600 if name == ".env" else 0o644
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(content)
