"""Trace and span ids that are the same in every run of a test."""

import itertools

from opentelemetry.sdk.trace.id_generator import IdGenerator


class CountedIds(IdGenerator):
    """1, 2, 3 …"""

    def __init__(self) -> None:
        self._traces, self._spans = itertools.count(1), itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)
