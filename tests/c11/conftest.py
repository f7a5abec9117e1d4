"""The real servers, from the fixtures of the stack tests."""

from stack.conftest import binaries, pytest_configure, pytest_runtest_makereport, stack

__all__ = ["binaries", "pytest_configure", "pytest_runtest_makereport", "stack"]
