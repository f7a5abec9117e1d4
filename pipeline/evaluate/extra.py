"""The packages of the extra `model`, which only scores and comparisons need."""

from __future__ import annotations

from pipeline.errors import SettingsError


def require(command: str) -> None:
    """Raises SettingsError naming what to install for a command such as `evaluate`."""
    try:
        import rapidfuzz  # noqa: F401 - asked for together: they are one extra
        import scipy  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError:
        raise SettingsError(f"{command} needs more packages: pip install 'verbatims[model]'") from None
