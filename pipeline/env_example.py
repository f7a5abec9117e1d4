"""Renders `.env.example`, which `verbatims init` writes as `.env`, from the settings."""

from __future__ import annotations

import textwrap
import typing
from types import NoneType

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pipeline.settings import Settings, setting_name

HEAD = """\
# Copy to `.env` and change what you need. The environment wins over a file named as the setting (lower case)
# in /run/secrets or config, that over `.env`, that over `config/.env`; an empty value counts as not set.
# An unknown VERBATIMS_… key is an error; other keys belong to other services and are left alone.
"""


def kind_of(annotation: object) -> str:
    """What a setting takes, in words."""
    choices = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(choice or "empty" for choice in choices)
    kinds = [choice for choice in choices if choice is not NoneType] or [annotation]
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", SecretStr: "secret"}
    return names.get(kinds[0], "path")


def _setting(field: FieldInfo, key: str) -> str:
    default = "" if field.default is None else str(field.default).lower() if field.default is False else field.default
    why = textwrap.fill(field.description or "", 110, initial_indent="# ", subsequent_indent="# ")
    return f"{why}\n# ({kind_of(field.annotation)}; default: {default or 'empty'})\n#{key}={default}\n"


def render() -> str:
    """The whole file."""
    return "\n".join([HEAD, *(_setting(field, setting_name(name)) for name, field in Settings.model_fields.items())])
