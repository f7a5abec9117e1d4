"""What a call costs, by a pinned price list or by the operator's own prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from genai_prices import Usage, calc_price

from pipeline.errors import SettingsError

MOST = 1_000_000_000
"""More tokens than any answer has: a number beyond it is a broken gateway's."""


BATCH_SHARE = 0.5
"""Of the price, for requests in batches."""

USUAL = 90_000
"""Tokens up to which a token's price is taken for constant, once that is checked: dearer tiers begin at 200,000."""

Rates = tuple[Decimal, Decimal, Decimal, Decimal]
"""USD a token: plain, written to the cache, read from it, output."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer used. The API counts cached input apart: `input_tokens` alone is too little."""

    plain: int
    cache_write: int
    cache_read: int
    output: int

    @property
    def input(self) -> int:
        """All input tokens, cached ones included."""
        return self.plain + self.cache_write + self.cache_read

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Tokens:
        """From the `usage` object of an answer; absent fields count 0. Raises ValueError or TypeError for nonsense."""
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        counts = [int(usage.get(name) or 0) for name in names]
        if not all(0 <= count <= MOST for count in counts):
            raise ValueError("no such number of tokens")
        return cls(*counts)


def thinking_tokens(usage: Mapping[str, Any]) -> int | None:
    """How many of the output tokens were spent on thinking; None where the answer does not say."""
    found = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    return None if found is None else min(max(int(found), 0), MOST)


class Price:
    """Prices of one model, in USD."""

    def __init__(
        self,
        model: str,
        input_usd_per_mtok: float | None,
        output_usd_per_mtok: float | None,
        *,
        batch: bool = False,
    ) -> None:
        """Own prices, if given, count for every input token alike. `batch`: half of all prices, as batches cost.

        Raises SettingsError for a model that the price list does not know: it must not seem to cost nothing.
        """
        self._model = model
        self._own = None
        self._context = {"processing": "batch"} if batch else None
        if input_usd_per_mtok is not None and output_usd_per_mtok is not None:
            share = BATCH_SHARE if batch else 1.0
            self._own = (input_usd_per_mtok * share, output_usd_per_mtok * share)
            return
        try:
            self._rates = _rates(self._listed)
        except LookupError:
            raise SettingsError(
                f"VERBATIMS_MODEL: no price is known for {model}; "
                "set VERBATIMS_INPUT_USD_PER_MTOK and VERBATIMS_OUTPUT_USD_PER_MTOK, or name another model"
            ) from None

    @property
    def origin(self) -> str:
        """Where the prices are from."""
        return "your own prices" if self._own else f"{self._model} by the price list of this version"

    def usd(self, tokens: Tokens) -> float:
        """What these tokens cost."""
        return self.whole_and_input(tokens)[0]

    def whole_and_input(self, tokens: Tokens) -> tuple[float, float]:
        """What these tokens cost, and of that the input, cached tokens included."""
        if self._own is not None:
            for_input = tokens.input * self._own[0]
            return (for_input + tokens.output * self._own[1]) / 1_000_000, for_input / 1_000_000
        if self._rates is not None and tokens.input <= USUAL and tokens.output <= USUAL:
            whole, input_part = _by_rates(tokens, self._rates)
        else:
            whole, input_part = self._listed(tokens)
        return float(whole), float(input_part)

    def _listed(self, tokens: Tokens) -> tuple[Decimal, Decimal]:
        """The same by the price list itself, which takes 80 µs."""
        usage = Usage(
            input_tokens=tokens.input,  # the price list wants the whole, and takes the cached parts out again
            cache_write_tokens=tokens.cache_write,
            cache_read_tokens=tokens.cache_read,
            output_tokens=tokens.output,
        )
        price = calc_price(usage, self._model, provider_id="anthropic", price_context=self._context)
        return price.total_price, price.input_price


def _by_rates(tokens: Tokens, rates: Rates) -> tuple[Decimal, Decimal]:
    plain, write, read, output = rates
    for_input = tokens.plain * plain + tokens.cache_write * write + tokens.cache_read * read
    return for_input + tokens.output * output, for_input


def _rates(listed: Callable[[Tokens], tuple[Decimal, Decimal]]) -> Rates | None:
    """A model's prices as they stand now; None where a token's price depends on how many there are."""
    kinds = (Tokens(1000, 0, 0, 0), Tokens(0, 1000, 0, 0), Tokens(0, 0, 1000, 0), Tokens(0, 0, 0, 1000))
    rates = cast(Rates, tuple(listed(kind)[0] / 1000 for kind in kinds))
    most = Tokens(USUAL // 3, USUAL // 3, USUAL // 3, USUAL)
    return rates if listed(most) == _by_rates(most, rates) else None
