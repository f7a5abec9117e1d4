"""The values that the operator gives, and where each is from. No other file reads the environment or `.env`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dotenv import dotenv_values

from pipeline.config_folder import CONFIG, SECRETS, files_of, read_secrets, read_text
from pipeline.errors import SettingsError


class Origin(StrEnum):
    """Where the value of a setting is from."""

    ENVIRONMENT = "environment"
    SECRET_FILE = "secret file"
    DOTENV = ".env"
    CONFIG = "config/.env"
    DEFAULT = "default"


OWN_PREFIX = "VERBATIMS_"
SECRET = ("ANTHROPIC_API_KEY", "OTEL_EXPORTER_OTLP_HEADERS", "STORE")
"""Settings that may be a file of their own: in an address of Postgres stands a password."""
DEFAULTS = {"STORE_DEFAULT": "STORE", "WAREHOUSE_DEFAULT": "WAREHOUSE"}
"""Variables that docker-compose.yml sets instead of the settings, which would hide what stands in `config/.env`."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it is found: it may be empty, which hides a value further down and counts as not set."""

    value: str
    origin: Origin


def find_given(environment: Mapping[str, str] | None, dotenv: Path | None, secrets: Path = SECRETS) -> dict[str, Given]:
    """All variables by name: the environment of this process, unless another is given, takes precedence.

    `config/` lies beside `dotenv`; without one the environment alone is read.
    """
    environment = os.environ if environment is None else environment
    found = _defaults(environment, dotenv)
    for origin, values in [*_files(dotenv, secrets), (Origin.ENVIRONMENT, environment)]:
        for name, value in values.items():
            # what is empty is from here where it hides a value
            known = found.get(name)
            if value or (known and known.origin is not Origin.DEFAULT):
                found[name] = Given(value, origin)
            elif not known:
                found[name] = Given(value, Origin.DEFAULT)
    return found


def refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Raises SettingsError for a name of ours that is no setting's."""
    ours = [name for name in sorted(known) if name.startswith(OWN_PREFIX)]
    for name in sorted(names):
        if name.startswith(OWN_PREFIX) and name not in ours:
            raise SettingsError(f"{name}: no such setting; there are {', '.join(ours)}")


def use_google_key(environment: MutableMapping[str, str] | None = None, config: Path = Path(CONFIG)) -> None:
    """Name the file in `config/` to Google's client, unless the environment names another.

    By the environment, for only so does the client take credentials of every kind.
    """
    environment = os.environ if environment is None else environment
    path = config / "google.json"
    if not environment.get("GOOGLE_APPLICATION_CREDENTIALS") and read_text(path):
        environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(path.absolute())


def _defaults(environment: Mapping[str, str], dotenv: Path | None) -> dict[str, Given]:
    installed = {DEFAULTS[name]: value for name, value in environment.items() if name in DEFAULTS and value}
    files = {} if dotenv is None else files_of(dotenv.parent)
    return {name: Given(value, Origin.DEFAULT) for name, value in {**installed, **files}.items()}


def _files(dotenv: Path | None, secrets: Path) -> Iterable[tuple[Origin, Mapping[str, str]]]:
    """From the weakest on."""
    if dotenv is not None:
        config = dotenv.parent / CONFIG
        yield Origin.CONFIG, _dotenv(config / dotenv.name)
        yield Origin.DOTENV, _dotenv(dotenv)
        yield Origin.SECRET_FILE, read_secrets(SECRET, (secrets, config))


def _dotenv(path: Path) -> dict[str, str]:
    values = dotenv_values(stream=io.StringIO(read_text(path)))
    return {name: value for name, value in values.items() if value is not None}
