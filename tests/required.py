"""Missing requirements skip a test on a user's machine and fail it in CI."""

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("REQUIRE_STACK") == "1"
"""Whether every requirement must be present, as in CI."""


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with the reason; with REQUIRE_STACK=1, as in CI, fail with it."""
    if REQUIRED:
        pytest.fail(f"REQUIRE_STACK=1, but {reason}")
    pytest.skip(reason)
