"""What is missing: a reason to skip on a user's machine, a failure in CI."""

import os
from typing import NoReturn

import pytest


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with the reason; with REQUIRE_STACK=1, as in CI, fail with it."""
    if os.environ.get("REQUIRE_STACK") == "1":
        pytest.fail(f"REQUIRE_STACK=1, but {reason}")
    pytest.skip(reason)
