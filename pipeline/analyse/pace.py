"""How fast Claude may be asked: rules over the headers of its answers and a clock. Nothing here waits or sends.

Each limit of a minute (requests, input tokens, output tokens) is a bucket that fills at 98 % of the limit, divided by
the processes that ask. It holds one second's worth: a process that was idle does not make up for it in a burst, which
keeps what is sent within any minute below the limit. Input read from the prompt cache does not count.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

SHARE = 0.98
"""Of each limit. The rest is for the estimates of requests in flight."""

BURST_S = 1.0
"""How many seconds' worth a process may send at once after a pause."""

FIRST_S = 2.0
"""Until the limits are known, so long passes before another request leaves beside unanswered ones: 30 a minute.

All processes together: each leaves as many times longer as there are of them."""

LOOK_AGAIN_S = 0.05
"""How often a caller looks whether the first answer is there."""

LONGEST_PAUSE_S = 60.0
"""The longest pause after a 429; the API's limits are per minute."""

JITTER = 0.25
"""A pause is longer by up to this share, so that processes do not come back at the same moment."""

RAMP_DOUBLES_S = 60.0
"""After `ramp_limit_exceeded` a process goes on at half its pace, which doubles in so many seconds."""

TOKENS_PER_CHARACTER = 0.3
"""Of French and English text; what the rest of a request takes is learned from the answers."""

LEARNING = 0.1
"""The weight of the newest answer in the mean of what requests take."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a request takes of each limit."""

    requests: float = 1.0
    input_tokens: float = 0.0
    """Without those read from the prompt cache."""
    output_tokens: float = 0.0


KINDS = tuple(field.name for field in fields(Load))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as the headers of an answer state it."""

    per_minute: int
    remaining: int


def read_limits(headers: Mapping[str, str]) -> dict[str, Limit]:
    """The limits by kind, from `anthropic-ratelimit-*`. What is absent or no number is left out."""
    found: dict[str, Limit] = {}
    for kind in KINDS:
        name = f"anthropic-ratelimit-{kind.replace('_', '-')}"
        limit, remaining = headers.get(f"{name}-limit", ""), headers.get(f"{name}-remaining", "")
        # 15 digits are more than any limit has, and exact as a float
        numbers = all(said.isascii() and said.isdigit() and len(said) < 16 for said in (limit, remaining))
        if numbers and int(limit):
            found[kind] = Limit(int(limit), int(remaining))
    return found


class _Bucket:
    """What may still be sent of one limit."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self.level = 0.0
        self._at = now

    def fill(self, now: float, share: float) -> None:
        """Add what the time since the last call is worth."""
        self.level = min(self.level + max(now - self._at, 0.0) * self._rate(share), self._most(share))
        self._at = max(self._at, now)

    def wait_s(self, cost: float, share: float) -> float:
        """Seconds until a request of this cost may leave; one that costs more than a bucket holds needs a full one."""
        return max(min(cost, self._most(share)) - self.level, 0.0) / self._rate(share)

    def _rate(self, share: float) -> float:
        return self.per_minute / 60 * share

    def _most(self, share: float) -> float:
        return max(self._rate(share) * BURST_S, 1.0)


class Pace:
    """The pace of one process. Times are seconds of any clock that never goes back."""

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """`draw` gives numbers from 0 to 1, for the jitter."""
        self._draw = draw
        self._processes = 1
        self._buckets: dict[str, _Bucket] = {}
        self._answered = False
        self._sent_at = float("-inf")
        self._paused_until = float("-inf")
        self._refusals = 0
        self._ramp: tuple[float, float] | None = None
        self._fixed_input = 0.0
        self._output = 0.0
        self.in_flight = 0
        """Requests that were sent and have not ended."""

    def divide(self, now: float, processes: int) -> None:
        """From now on so many processes share the limits."""
        self._fill(now)
        self._processes = max(processes, 1)

    def wait_s(self, now: float, characters: int) -> float:
        """Seconds until a request for a text of this length may leave; 0: at once. Ask again after them."""
        if now < self._paused_until:
            return self._paused_until - now
        if not self._answered:
            alone = not self.in_flight or now - self._sent_at >= FIRST_S * self._processes
            return 0.0 if alone else LOOK_AGAIN_S
        self._fill(now)
        load, share = self._estimate(characters), self._share(now)
        return max((bucket.wait_s(getattr(load, kind), share) for kind, bucket in self._buckets.items()), default=0.0)

    def sent(self, now: float, characters: int) -> Load:
        """A request leaves; returns what it is expected to take, which `ended` wants back."""
        load = self._estimate(characters)
        self._sent_at = now
        self.in_flight += 1
        self._fill(now)
        self._take(load)
        return load

    def ended(
        self, now: float, expected: Load, characters: int, took: Load | None = None, limits: Mapping[str, Limit] = {}
    ) -> None:
        """A request has ended: `took` is what it has really taken, None where nothing tells; `limits` as it says."""
        self.in_flight -= 1
        if took is not None:
            self._refusals = 0
            self._take(Load(*(getattr(took, kind) - getattr(expected, kind) for kind in KINDS)))
            self._learn(characters, took)
        if took is not None or limits:
            self._answered = True
        self._set_limits(now, limits)

    def refused(self, now: float, retry_after_s: float | None, *, ramp: bool = False) -> None:
        """A request met the limit (429): nobody sends until the pause is over. `ramp`: the limit on growth."""
        if now >= self._paused_until:  # further refusals during a pause were in flight before it
            self._refusals += 1
            if ramp:
                self._ramp = (now, max(self._growth(now) / 2, 1 / 64))
        pause = retry_after_s if retry_after_s is not None else 2.0 ** min(self._refusals - 1, 10)
        pause = min(max(pause, 0.0), LONGEST_PAUSE_S) * (1 + JITTER * self._draw())
        self._paused_until = max(self._paused_until, now + pause)
        for bucket in self._buckets.values():
            bucket.level = min(bucket.level, 0.0)

    def _share(self, now: float) -> float:
        return SHARE * self._growth(now) / self._processes

    def _growth(self, now: float) -> float:
        """1, or less for a while after `ramp_limit_exceeded`."""
        if self._ramp is None:
            return 1.0
        since, began = self._ramp
        return float(min(began * 2 ** min((now - since) / RAMP_DOUBLES_S, 10), 1.0))

    def _fill(self, now: float) -> None:
        for bucket in self._buckets.values():
            bucket.fill(now, self._share(now))

    def _take(self, load: Load) -> None:
        for kind, bucket in self._buckets.items():
            bucket.level -= getattr(load, kind)

    def _estimate(self, characters: int) -> Load:
        return Load(1.0, self._fixed_input + characters * TOKENS_PER_CHARACTER, self._output)

    def _learn(self, characters: int, took: Load) -> None:
        # the first answer sets the means; a first request that wrote the prompt cache is corrected by later ones
        weight = LEARNING if self._answered else 1.0
        fixed = max(took.input_tokens - characters * TOKENS_PER_CHARACTER, 0.0)
        self._fixed_input += weight * (fixed - self._fixed_input)
        self._output += weight * (took.output_tokens - self._output)

    def _set_limits(self, now: float, limits: Mapping[str, Limit]) -> None:
        for kind, limit in limits.items():
            bucket = self._buckets.setdefault(kind, _Bucket(limit.per_minute, now))
            bucket.fill(now, self._share(now))
            bucket.per_minute = limit.per_minute
            # others may use the same limit: of what is left each process takes its part
            bucket.level = min(bucket.level, limit.remaining / self._processes)
