"""What the measurement of the rate limit counts; the measurement itself takes three minutes and is no test."""

import asyncio
from collections import Counter
from pathlib import Path

from anthropic import AsyncAnthropic

from .rate_limit import PER_MINUTE, TEXTS, CountingSandbox


def test_the_sandbox_counts_what_it_answers_and_refuses(tmp_path: Path) -> None:
    async def ask(url: str) -> Counter[bool]:
        async with AsyncAnthropic(base_url=url, api_key="sandbox", max_retries=0) as client:
            question = {"model": "sandbox", "max_tokens": 64, "messages": [{"role": "user", "content": "Bien"}]}
            calls = (client.messages.create(**question) for _ in range(60))  # type: ignore[call-overload]
            answers = await asyncio.gather(*calls, return_exceptions=True)
        return Counter(isinstance(answer, Exception) for answer in answers)

    sandbox = CountingSandbox(tmp_path)
    with sandbox:
        refused = asyncio.run(ask(sandbox.url))
        assert Counter(status == 429 for _, status in sandbox.ended) == refused
    assert refused[False] >= PER_MINUTE / 60 and refused[True]


def test_a_limit_is_used_in_full_by_its_rate_and_one_bucket(tmp_path: Path) -> None:
    sandbox, rate = CountingSandbox(tmp_path), PER_MINUTE // 60
    sandbox.ended = [(10.0, 200), *[(10.5, 200)] * (3 * rate - 2), (12.0, 200), *[(11.0, 429)] * rate]
    assert sandbox.shares(answered=TEXTS // 2) == {"answered": 0.5, "used": 1.0, "refused": 0.25}
