"""Rate-limit headers as Claude's API sends them on every answer. The sandbox never enforces the limits."""

from __future__ import annotations

import time
from datetime import UTC, datetime

WINDOW_S = 60

LIMITS = {"requests": 1_000_000, "input-tokens": 2_000_000_000, "output-tokens": 500_000_000}
"""Per minute, far more than one machine can use: clients parse real headers, but are not slowed down."""


class Limits:
    """What remains of each limit in the current minute."""

    def __init__(self) -> None:
        self._window = -1
        self._used: dict[str, int] = {}
        self._reset = ""

    def spend(self, input_tokens: int, output_tokens: int) -> None:
        """Count one answered request."""
        self._start_window()
        for kind, amount in (("requests", 1), ("input-tokens", input_tokens), ("output-tokens", output_tokens)):
            self._used[kind] += amount

    def headers(self) -> dict[str, str]:
        """The headers with limit, remaining and reset for all three kinds."""
        self._start_window()
        headers = {}
        for kind, limit in LIMITS.items():
            headers[f"anthropic-ratelimit-{kind}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{kind}-remaining"] = str(max(0, limit - self._used[kind]))
            headers[f"anthropic-ratelimit-{kind}-reset"] = self._reset
        return headers

    def _start_window(self) -> None:
        window = int(time.time()) // WINDOW_S
        if window != self._window:
            self._window, self._used = window, dict.fromkeys(LIMITS, 0)
            ends = datetime.fromtimestamp((window + 1) * WINDOW_S, UTC)
            self._reset = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
