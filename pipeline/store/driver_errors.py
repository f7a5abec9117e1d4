"""What a database driver says, as something to act on: one line, without the values of a row."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from pipeline.errors import SettingsError, StoreFault, StoreRejection, StoreUnavailable, VerbatimsError
from pipeline.sqlite_file import is_damaged

DriverError = DBAPIError | sqlite3.Error | UnicodeEncodeError | OverflowError
"""The last two are raised before anything is sent."""

NOT_ALLOWED = ("42501", "25006", "3F000")
"""SQLSTATE where a role may not, or a server that is a copy cannot, do what a store needs."""


def translate(error: DriverError, name: str, *, reached: bool) -> VerbatimsError:
    """The error of ours. `name`: of the store; `reached`: whether a statement has gone through before."""
    orig = (error.orig or error) if isinstance(error, DBAPIError) else error
    said = " ".join(str(orig).split())  # libpq explains itself over several lines
    if isinstance(orig, sqlite3.Error) and is_damaged(said):
        return SettingsError(
            f"STORE: {name} is damaged or not a store ({said}); restore a backup of it, or name another file"
        )
    if getattr(orig, "sqlstate", None) in NOT_ALLOWED:
        return _not_allowed(name, orig)
    if _rejects_a_value(error):
        return StoreRejection(f"the store {name} cannot hold a value ({type(orig).__name__})")
    if not _is_away(error):
        return StoreFault(f"the store {name} refuses a statement ({type(orig).__name__}); --debug shows where")
    # before the first statement went through, the setting is to blame; later, the disk or the server
    if not reached:
        return SettingsError(f"STORE: cannot open {name}: {said}")
    return StoreUnavailable(f"the store {name} stopped answering: {said}; free space or mend it, then run again")


def _not_allowed(name: str, orig: Any) -> SettingsError:
    # without the statement, which the driver would add
    return SettingsError(
        f"STORE: {name}: {orig.diag.message_primary}; name a server and a role that may create tables there"
    )


def _rejects_a_value(error: DriverError) -> bool:
    """Whether a value is to blame: of the wrong kind, or beyond a limit (SQLSTATE class 54) such as an index's."""
    return isinstance(error, DataError | UnicodeEncodeError | OverflowError) or _sqlstate(error).startswith("54")


def _is_away(error: DriverError) -> bool:
    """Whether the store does not answer, or has ended the connection (25P03: it was idle in a transaction)."""
    if isinstance(error, OperationalError | sqlite3.OperationalError) or _sqlstate(error) == "25P03":
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _sqlstate(error: DriverError) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
