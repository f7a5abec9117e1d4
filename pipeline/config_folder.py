"""The folder `config/`, which containers get as one read-only mount, and the folder of their secrets.

Its files are `.env`, one per secret, `sources.toml`, `topics.yaml` and `google.json`. config/README.md lists them.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import SettingsError

CONFIG = "config"
"""Beneath the working directory."""
SECRETS = Path("/run/secrets")
"""Where Compose and Swarm put secrets; in Kubernetes mount a volume of one there."""
FILES = {"VERBATIMS_SOURCES": "sources.toml", "VERBATIMS_TOPICS": "topics.yaml"}
"""Settings that name a file, and its name in `config/`."""


def read_text(path: Path) -> str:
    """What a file holds; nothing where there is none. Raises SettingsError where it cannot be read."""
    try:
        # not of a folder, nor of /dev/null, which stands for a secret that is not given
        return path.read_text(encoding="utf-8") if stat.S_ISREG(path.stat().st_mode) else ""
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except PermissionError:
        raise not_allowed(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({type(error).__name__}); it must be a UTF-8 text file") from None


def not_allowed(path: Path) -> SettingsError:
    """For a file of a person that a container's user finds but may not open."""
    let = f"chmod a+rX {shlex.quote(str(path.parent))} {shlex.quote(str(path))}"
    return SettingsError(f"{path}: user {os.geteuid()} of this process may not read it; `{let}` lets it")


def read_secrets(names: Iterable[str], folders: Iterable[Path]) -> dict[str, str]:
    """Setting → what the file of its name holds, in the first of the folders that has one with content."""
    places = [(name, folder / name.lower()) for folder in folders for name in names]
    found: dict[str, str] = {}
    for name, path in places:
        # an editor ends a file with a line break, which is no part of a secret
        if name not in found and (value := read_text(path).removesuffix("\n")):
            found[name] = value
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Setting → its file in `config/`, where it is there and the working directory has none of its own."""
    files = {name: folder / CONFIG / file for name, file in FILES.items() if not (folder / file).exists()}
    return {name: str(path) for name, path in files.items() if path.exists()}
