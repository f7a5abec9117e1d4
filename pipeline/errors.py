"""Errors, grouped by what the caller does next. Each has the exit code of a command that it ends."""


class VerbatimsError(Exception):
    """Base class. The message is one line: what is wrong, where, and what to try. No secret and no verbatim."""

    exit_code = 3
    go_on: str | None = None
    """The command that resumes the work; set by the command line."""


class SettingsError(VerbatimsError):
    """A setting or an argument is wrong: fix it. Nothing was read, sent or written."""

    exit_code = 2


class InputError(VerbatimsError):
    """The input is unreadable as a whole, or unexpectedly empty: fix it."""

    exit_code = 2


class AccessDenied(VerbatimsError):
    """Claude's API denied access (401 to 404): fix the key, the model or the account."""

    exit_code = 2


class CheckFailed(VerbatimsError):
    """A data quality check failed: look at the rows in the warehouse before anybody uses them."""

    exit_code = 1


class TransientError(VerbatimsError):
    """An outage, a limit or a full disk stopped the work: the same command resumes it."""

    exit_code = 3


class StoreUnavailable(TransientError):
    """The store does not answer, or its disk is full. A statement that met it may be repeated."""


class ClaimsLost(TransientError):
    """Another process has taken over this one's texts: it must not send them."""


class TooManyFailures(VerbatimsError):
    """Most calls to Claude fail for a reason that no wait changes: a setting, the model or the texts."""


class SpendLimitReached(VerbatimsError):
    """Claude's API bills nothing more for this account, for days maybe."""


class BudgetUsedUp(VerbatimsError):
    """The next call could exceed the operator's own budget: raise it, or go on when the next day has begun."""


class RateLimited(TransientError):
    """The rate limit of Claude's API is reached: wait, then resume."""


class StoreRejection(VerbatimsError):
    """The store cannot hold a value, such as one beyond a limit of the database. Repeating it changes nothing."""


class StoreFault(VerbatimsError):
    """The store refuses a statement: a mistake of this program, or of whoever has changed the tables."""


class Interrupted(VerbatimsError):
    """A signal ended the process. Answers in flight are stored; the same command resumes the work."""

    # the shells' convention, 128 + SIGINT
    exit_code = 130
