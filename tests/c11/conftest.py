"""The real servers, as the tests of the stack start them."""

from stack.conftest import binaries, pytest_configure, pytest_runtest_makereport, stack

__all__ = ["binaries", "pytest_configure", "pytest_runtest_makereport", "stack"]
