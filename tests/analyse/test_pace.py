"""The pace: never above a limit, never stuck. A server with its own buckets decides, on a fake clock."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analyse.pace import BURST_S, LONGEST_PAUSE_S, Limit, Load, Pace, read_limits

COUNTED = ("requests", "input_tokens", "output_tokens")


@dataclass
class Server:
    """Counts each limit in a bucket that fills continuously and holds some seconds' worth, as the API's does."""

    limits: dict[str, int]
    holds_s: float
    processes: int = 1
    levels: dict[str, float] = field(default_factory=dict)
    at: float = 0.0
    granted: list[tuple[float, Load]] = field(default_factory=list)
    refused: int = 0

    def request(self, now: float, load: Load) -> tuple[bool, dict[str, Limit]]:
        """Answer or refuse; output tokens are taken with the rest, which is the earliest moment."""
        for kind, limit in self.limits.items():
            # two of each process: they are not in step
            most = max(limit / 60 * self.holds_s, getattr(load, kind) * 2 * self.processes)
            level = self.levels.get(kind, most)
            self.levels[kind] = min(level + (now - self.at) * limit / 60, most)
        self.at = now
        fits = all(self.levels[kind] >= getattr(load, kind) for kind in self.limits)
        if fits:
            for kind in self.limits:
                self.levels[kind] -= getattr(load, kind)
            self.granted.append((now, load))
        else:
            self.refused += 1
        return fits, {kind: Limit(limit, int(max(self.levels[kind], 0))) for kind, limit in self.limits.items()}


def simulate(
    server: Server, paces: list[Pace], loads: list[Load], latency_s: float, in_flight: int, until: float = 10_000.0
) -> float:
    """Send everything, as the workers of these processes do; returns when the last answer came."""
    now, tickets = 0.0, itertools.count()
    todo = list(reversed(loads))
    events: list[tuple[float, int, Pace, Load, Load, bool, dict[str, Limit]]] = []
    for pace in paces:
        pace.divide(0.0, len(paces))
    while todo or events:
        assert now < until, f"stuck with {len(todo)} left"
        waits = []
        for pace in paces:
            while todo and pace.in_flight < in_flight:
                if (left := pace.wait_s(now, 0)) > 0:
                    waits.append(left)
                    break
                load = todo.pop()
                expected = pace.sent(now, 0)
                fits, limits = server.request(now, load)
                heapq.heappush(events, (now + latency_s, next(tickets), pace, expected, load, fits, limits))
        nexts = [now + left for left in waits] + ([events[0][0]] if events else [])
        now = max(min(nexts), now + 1e-6)
        while events and events[0][0] <= now:
            _, _, pace, expected, load, fits, limits = heapq.heappop(events)
            pace.ended(now, expected, 0, load if fits else None, limits)
            if not fits:
                pace.refused(now, 1.0)
                todo.append(load)
    return now


# none has room for fewer than 30 of the requests below in a minute, as many as leave before the limits are known
LIMITS = st.fixed_dictionaries(
    {"requests": st.integers(30, 5000)},
    optional={"input_tokens": st.integers(120_000, 5_000_000), "output_tokens": st.integers(12_000, 500_000)},
)


@settings(max_examples=150)
@given(
    limits=LIMITS,
    tokens=st.tuples(st.integers(1, 3000), st.integers(1, 400)),
    latency_s=st.floats(0.01, 5),
    processes=st.integers(1, 6),
    in_flight=st.integers(1, 64),
)
def test_equal_requests_are_never_refused_and_all_are_sent(
    limits: dict[str, int], tokens: tuple[int, int], latency_s: float, processes: int, in_flight: int
) -> None:
    server = Server(limits, 10, processes)
    loads = [Load(1.0, *map(float, tokens))] * 120
    simulate(server, [Pace(lambda: 0.5) for _ in range(processes)], loads, latency_s, in_flight)
    assert (len(server.granted), server.refused) == (120, 0)


@settings(max_examples=150)
@given(limits=LIMITS, sizes=st.lists(st.integers(1, 4000), min_size=20, max_size=80), latency_s=st.floats(0.01, 5))
def test_whatever_the_sizes_everything_is_sent_in_the_end(
    limits: dict[str, int], sizes: list[int], latency_s: float
) -> None:
    """Their tokens are known only with the answers, so that a server that holds little may refuse some."""
    server = Server(limits, holds_s=2)
    simulate(server, [Pace(lambda: 0.5)], [Load(1.0, size, size / 10) for size in sizes], latency_s, 16)
    assert len(server.granted) == len(sizes)


@settings(max_examples=40)
@given(limit=st.integers(30, 600), latency_s=st.floats(0.01, 2))
def test_no_minute_has_more_requests_than_the_limit_and_most_of_it_is_used(limit: int, latency_s: float) -> None:
    server = Server({"requests": limit}, holds_s=60)
    ended = simulate(server, [Pace(lambda: 0.5)], [Load()] * (limit * 3), latency_s, in_flight=10_000)
    times = [at for at, _ in server.granted]
    for first, at in enumerate(times):
        after = first + limit
        assert after >= len(times) or times[after] - at >= 60 - 1e-6
    assert len(times) / (ended / 60 * limit) >= 0.95 or ended < 60


def test_an_idle_process_does_not_make_up_for_it_in_a_burst() -> None:
    pace = learned(requests=600)
    sent = 0
    while pace.wait_s(1000.0, 0) == 0:
        pace.sent(1000.0, 0)
        sent += 1
    assert sent <= 600 / 60 * BURST_S


def learned(**limits: int) -> Pace:
    """A pace that has read these limits at 0 s."""
    pace = Pace(lambda: 0.0)
    expected = pace.sent(0.0, 0)
    pace.ended(0.0, expected, 0, Load(), {kind: Limit(limit, limit) for kind, limit in limits.items()})
    return pace


def test_the_first_request_leaves_alone_and_a_second_one_some_seconds_later() -> None:
    pace = Pace()
    assert pace.wait_s(0.0, 0) == 0
    pace.sent(0.0, 0)
    assert pace.wait_s(0.1, 0) > 0
    assert pace.wait_s(6.0, 0) == 0


def test_without_headers_nothing_is_held_back() -> None:
    pace = learned()
    for _ in range(1000):
        assert pace.wait_s(0.0, 0) == 0
        pace.sent(0.0, 0)


@pytest.mark.parametrize(("said", "pause"), [(3.0, 3.0), (None, 1.0), (86_400.0, LONGEST_PAUSE_S), (0.0, 0.0)])
def test_a_refusal_pauses_everything(said: float | None, pause: float) -> None:
    pace = learned(requests=60_000_000)
    expected = pace.sent(1.0, 0)
    pace.ended(1.0, expected, 0)
    pace.refused(1.0, said)
    assert pace.wait_s(1.0, 0) == pytest.approx(pause, abs=1e-3)
    assert pace.wait_s(1.0 + pause + 0.01, 0) == 0


def test_pauses_grow_while_the_api_says_nothing_of_their_length() -> None:
    pace, now, pauses = learned(requests=60_000_000), 1.0, []
    for _ in range(8):
        pace.ended(now, pace.sent(now, 0), 0)
        pace.refused(now, None)
        pace.refused(now, None)  # in flight at the same time: no further pause
        pauses.append(pace.wait_s(now, 0))
        now += pauses[-1] + 0.001
    assert pauses[:7] == pytest.approx([1, 2, 4, 8, 16, 32, 60], abs=0.01)


def test_a_pause_has_jitter() -> None:
    first, second = Pace(lambda: 0.0), Pace(lambda: 1.0)
    for pace in (first, second):
        pace.refused(0.0, 10.0)
    assert (first.wait_s(0.0, 0), second.wait_s(0.0, 0)) == (10.0, 12.5)


def test_the_limit_on_growth_halves_the_pace_for_a_while() -> None:
    def sent_in_ten_seconds(pace: Pace, now: float) -> int:
        end, sent = now + 10, 0
        while now < end:
            if left := pace.wait_s(now, 0):
                now += max(left, 1e-6)
            else:
                pace.ended(now, pace.sent(now, 0), 0, Load(), {"requests": Limit(600, 600)})
                sent += 1
        return sent

    pace = learned(requests=600)
    before = sent_in_ten_seconds(pace, 0.0)
    pace.refused(10.0, 1.0, ramp=True)
    slow, later = sent_in_ten_seconds(pace, 11.0), sent_in_ten_seconds(pace, 200.0)
    assert (before, later) == (pytest.approx(98, abs=11), pytest.approx(98, abs=11)) and slow < 0.7 * before


def test_what_another_program_uses_of_the_limit_is_left_to_it() -> None:
    pace = learned(requests=6000)
    pace.wait_s(1.0, 0)
    pace.ended(1.0, pace.sent(1.0, 0), 0, Load(), {"requests": Limit(6000, 0)})
    assert pace.wait_s(1.0, 0) > 0


def test_limits_are_read_from_the_headers_and_nonsense_is_left_out() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-input-tokens-limit": "many",
        "anthropic-ratelimit-input-tokens-remaining": "1",
        "anthropic-ratelimit-output-tokens-limit": "0",
        "anthropic-ratelimit-output-tokens-remaining": "0",
    }
    assert read_limits(headers) == {"requests": Limit(50, 49)}
