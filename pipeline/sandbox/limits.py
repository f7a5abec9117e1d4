"""Rate limits as of Claude's API: a token bucket per kind, and the headers that report them on every answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from pipeline.errors import SettingsError

WINDOW_S = 60

LIMITS = {"requests": 1_000_000, "input-tokens": 2_000_000_000, "output-tokens": 500_000_000}
"""Per minute, far more than one machine can use: clients parse real headers, but are not slowed down."""

BURST = "burst"
"""Key of the capacity of all buckets, in seconds' worth of the limit."""

_ROUNDING = 1e-6
"""Tolerance of levels: in floating point a bucket that has refilled may be slightly short."""

_UNITS = {"requests": "requests", "input-tokens": "input tokens", "output-tokens": "output tokens"}

Clock = Callable[[], float]


class LimitExceeded(Exception):
    """A request that a limit refuses; `retry_after_s` is when it could pass, in whole seconds."""

    def __init__(self, kind: str, limit: float, retry_after_s: int) -> None:
        super().__init__(f"This request would exceed the rate limit of {limit:.0f} {_UNITS[kind]} per minute (sandbox)")
        self.retry_after_s = retry_after_s


def parse_limits(spec: str | None) -> dict[str, float]:
    """Parse limits per minute such as "requests=600,input-tokens=200000,burst=5". None or an empty text means none.

    Raises SettingsError for an unknown or repeated kind, or a number that is not above 0.
    """
    limits: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in (spec or "").split(","))):
        kind, _, number = (part.strip() for part in item.partition("="))
        if kind not in (*LIMITS, BURST):
            raise SettingsError(f"--limits: there is no limit {kind!r}; the kinds are {', '.join((*LIMITS, BURST))}")
        if kind in limits:
            raise SettingsError(f"--limits: {kind} is given twice")
        limits[kind] = _number(kind, number)
    return limits


def _number(kind: str, given: str) -> float:
    try:
        number = float(given) if kind == BURST else int(given)
    except ValueError:
        number = 0
    # this form refuses NaN too, which compares false with everything
    if not 0 < number <= 1e12:
        what = "seconds above 0" if kind == BURST else "a whole number above 0"
        raise SettingsError(
            f"--limits: {kind} needs {what} such as {kind}={5 if kind == BURST else 600}, not {given!r}"
        )
    return number


class Bucket:
    """Refills continuously at limit/60 per second, up to a capacity of `burst_s` seconds' worth. It starts full."""

    def __init__(self, limit: float, burst_s: float, clock: Clock) -> None:
        self.limit = limit
        self._per_s = limit / WINDOW_S
        # with a short burst a bucket must still hold one request
        self._capacity = max(1.0, self._per_s * burst_s)
        self._clock = clock
        self._level, self._at = self._capacity, clock()

    @property
    def level(self) -> float:
        """What is in the bucket now; below 0 if output has taken more than there was."""
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._per_s)
        self._at = now
        return self._level

    def take(self, amount: float) -> None:
        """Take an amount, also if the bucket has less."""
        self._level = self.level - amount

    def seconds_until(self, amount: float) -> float:
        """Seconds until the bucket has an amount; 0 or less if it has. More than the capacity never comes."""
        return (amount - self.level - _ROUNDING) / self._per_s

    def seconds_until_full(self) -> float:
        """Seconds until the bucket is full."""
        return self.seconds_until(self._capacity)


class Limits:
    """The buckets of a sandbox. Kinds that `given` does not name have the limits of LIMITS."""

    def __init__(self, given: Mapping[str, float] | None = None, clock: Clock = time.monotonic) -> None:
        given = given or {}
        burst_s = given.get(BURST, WINDOW_S)
        self._buckets = {kind: Bucket(given.get(kind, limit), burst_s, clock) for kind, limit in LIMITS.items()}

    def admit(self, input_tokens: int) -> None:
        """Take one request and its input tokens. Raises LimitExceeded, and takes nothing, if a bucket has less.

        `input_tokens` are those not read from the cache. Of output tokens at least one has to be left.
        """
        needs = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
        waits = {kind: bucket.seconds_until(needs[kind]) for kind, bucket in self._buckets.items()}
        longest = max(waits, key=lambda kind: waits[kind])
        if waits[longest] > 0:
            raise LimitExceeded(longest, self._buckets[longest].limit, max(1, math.ceil(waits[longest])))
        self._buckets["requests"].take(1)
        self._buckets["input-tokens"].take(input_tokens)

    def spend(self, output_tokens: int) -> None:
        """Take the output tokens of an answer."""
        self._buckets["output-tokens"].take(output_tokens)

    def headers(self) -> dict[str, str]:
        """The headers with limit, remaining and reset for all three kinds."""
        headers, now = {}, time.time()
        for kind, bucket in self._buckets.items():
            prefix = f"anthropic-ratelimit-{kind}"
            headers[f"{prefix}-limit"] = f"{bucket.limit:.0f}"
            headers[f"{prefix}-remaining"] = str(max(0, math.floor(bucket.level + _ROUNDING)))
            headers[f"{prefix}-reset"] = _instant(math.ceil(now + max(0.0, bucket.seconds_until_full())))
        return headers


@lru_cache(maxsize=16)
def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
