"""The values that the operator gives, and where each is from. No other file reads the environment or `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dotenv import dotenv_values

from pipeline.errors import SettingsError


class Origin(StrEnum):
    """Where the value of a setting is from."""

    ENVIRONMENT = "environment"
    DOTENV = ".env"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it is found: it may be empty, which hides a value further down and counts as not set."""

    value: str
    origin: Origin


def find_given(environment: Mapping[str, str] | None, dotenv: Path | None) -> dict[str, Given]:
    """All variables by name: the environment of this process, unless another is given, takes precedence."""
    environment = os.environ if environment is None else environment
    file = _dotenv(dotenv)
    found = {name: Given(value, Origin.DOTENV if value else Origin.DEFAULT) for name, value in file.items()}
    for name, value in environment.items():
        hides = value or file.get(name)
        found[name] = Given(value, Origin.ENVIRONMENT if hides else Origin.DEFAULT)
    return found


def _dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({type(error).__name__}); it must be a UTF-8 text file") from None
