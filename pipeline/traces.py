"""The trace of an error, without the words of anybody."""

from __future__ import annotations

import traceback

from pipeline.errors import VerbatimsError


def trace_of(error: BaseException | None) -> str:
    """Frames and types of an error and of those behind it, the first one first, one text.

    Only our own errors have their messages: any other may quote a verbatim or a secret.
    """
    chain: list[BaseException] = []
    while error and error not in chain:  # an error may be its own cause
        chain.append(error)
        error = error.__cause__ or error.__context__  # hidden ones too: nothing is shown but where and of which type
    return "\n".join(map(_one, reversed(chain)))


def _one(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    said = f": {error}" if isinstance(error, VerbatimsError) else ""
    return f"Traceback (most recent call last):\n{frames}{type(error).__qualname__}{said}"
