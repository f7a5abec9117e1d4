"""Errors, grouped by what the caller does next. Each carries the exit code it ends a command with."""


class VerbatimsError(Exception):
    """One line for a person: what is wrong, which one, and what to try. Holds no secret and no verbatim."""

    exit_code = 3
    go_on: str | None = None
    """The command that goes on where this one was stopped; set by the command line."""


class SettingsError(VerbatimsError):
    """Fix a setting or an argument: nothing was read, sent or written."""

    exit_code = 2


class InputError(VerbatimsError):
    """Fix the input: it cannot be read as a whole, or holds nothing where something was expected."""

    exit_code = 2


class AccessDenied(VerbatimsError):
    """Claude's API turned the caller away (401 to 404): fix the key, the model or the account."""

    exit_code = 2


class CheckFailed(VerbatimsError):
    """The rows are in the warehouse, but not as they should be: look at them before anybody relies on them."""

    exit_code = 1


class TransientError(VerbatimsError):
    """The work stopped on the way (outage, limit, full disk): the same command goes on where it ended."""

    exit_code = 3


class RateLimited(TransientError):
    """Claude's API counts requests or tokens, and ours are used up: wait, then go on."""


class Interrupted(VerbatimsError):
    """Somebody asked the process to end: what was in flight is stored, the same command goes on."""

    exit_code = 130
