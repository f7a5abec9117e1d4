"""The settings in force as a person may see them: without their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from pipeline.settings import Settings, load_settings, origins, setting_name
from pipeline.urls import hide_password, origin

NOT_SET = "not set"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting."""

    name: str
    value: str
    origin: str
    """See `Origin`."""


def show_settings() -> list[Shown]:
    """All settings in the order of `.env.example`. Raises SettingsError as `load_settings` does."""
    settings, found = load_settings(), origins()
    names = {field: setting_name(field) for field in Settings.model_fields}
    return [Shown(name, _safe(getattr(settings, field)), found[name].value) for field, name in names.items()]


def _safe(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "set, hidden" if value.get_secret_value() else NOT_SET
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if value is None or not text:
        return NOT_SET
    if text.startswith(("http://", "https://")):
        # a path may be a gateway's secret
        return origin(text) + ("/… (path hidden)" if urlsplit(text).path else "")
    return hide_password(text)
