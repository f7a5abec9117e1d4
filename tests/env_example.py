"""Renders `.env.example` from the settings: `python tests/env_example.py > .env.example`."""

import textwrap
import typing
from types import NoneType

from pydantic import SecretStr

from pipeline.settings import Settings

HEAD = """\
# Copy to `.env` and change what you need. The environment wins over `.env`; an empty value counts as not set.
# An unknown VERBATIMS_… key is an error; other keys belong to other services and are left alone.
"""


def _kind(annotation: object) -> str:
    choices = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(choices)
    kinds = [choice for choice in choices if choice is not NoneType] or [annotation]
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", SecretStr: "secret"}
    return names.get(kinds[0], "path")


def render() -> str:
    """The whole file."""
    parts = [HEAD]
    for field in Settings.model_fields.values():
        key = field.validation_alias.choices[0]
        default = (
            "" if field.default is None else str(field.default).lower() if field.default is False else field.default
        )
        why = textwrap.fill(field.description, 110, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{why}\n# ({_kind(field.annotation)}; default: {default or 'empty'})\n#{key}={default}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(render(), end="")
