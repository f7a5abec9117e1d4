"""The prompt cache of claude-haiku-5-5: prefixes of requests stay for some minutes after their last use."""

from __future__ import annotations

from pipeline.sandbox.limits import Clock
from pipeline.sandbox.wire import InputTokens, Prefix, Question

MIN_TOKENS = 512
"""Shorter prefixes are not cached, and no answer says so."""

_SECONDS = {"5m": 300.0, "1h": 3600.0}


class PromptCache:
    """Which prefixes are cached. It is off with `enabled` False: then every input token is a plain one."""

    def __init__(self, enabled: bool, clock: Clock) -> None:
        self._enabled, self._clock = enabled, clock
        self._expires: dict[str, float] = {}

    def look_up(self, asked: Question) -> InputTokens:
        """The input tokens that an answer would have now. Changes nothing."""
        prefix = self._cacheable(asked)
        if prefix is None:
            return InputTokens(asked.input_tokens)
        rest = asked.input_tokens - prefix.tokens
        if self._expires.get(prefix.key, 0.0) > self._clock():
            return InputTokens(rest, cache_read=prefix.tokens)
        return InputTokens(rest, cache_write=prefix.tokens, ttl=prefix.ttl)

    def use(self, asked: Question) -> InputTokens:
        """The input tokens of an answer. Its prefix is in the cache from now on, or stays longer."""
        found = self.look_up(asked)
        prefix = self._cacheable(asked)
        if prefix is not None:
            self._expires[prefix.key] = self._clock() + _SECONDS[prefix.ttl]
        return found

    def _cacheable(self, asked: Question) -> Prefix | None:
        prefix = asked.prefix if self._enabled else None
        return prefix if prefix is not None and prefix.tokens >= MIN_TOKENS else None
