"""Token counts that differ from text to text, as real ones do: no estimate can know them before the bill."""

from __future__ import annotations

from dataclasses import replace

from pipeline.errors import SettingsError
from pipeline.sandbox.answers import BilledAnswer
from pipeline.sandbox.faults import draw
from pipeline.sandbox.wire import Question


class TokenNoise:
    """Changes the billed tokens of a text, always in the same way. With share 0 it changes nothing."""

    def __init__(self, share: float, seed: int) -> None:
        """Raises SettingsError for a share outside 0..1."""
        # this form refuses NaN too, which compares false with everything
        if not 0 <= share <= 1:
            raise SettingsError(f"--token-noise: a share from 0 to 1 is needed, such as 0.2, not {share:g}")
        self._share, self._seed = share, seed

    def asked(self, asked: Question, digest: str) -> Question:
        """The question with other input tokens: those behind its cached prefix times 1 ± share / 4."""
        fixed = asked.prefix.tokens if asked.prefix else 0
        factor = 1 + self._share / 4 * (2 * draw(self._seed, digest, "input tokens") - 1)
        return replace(asked, input_tokens=fixed + round((asked.input_tokens - fixed) * factor))

    def output(self, given: BilledAnswer, digest: str, max_tokens: int) -> tuple[int, int]:
        """The output tokens of an answer, and those of thinking among them.

        Both are multiplied by the same factor from 1 - share to 1 + 2 * share, so that their mean changes too.
        """
        factor = 1 - self._share + 3 * self._share * draw(self._seed, digest, "output tokens")
        output, thinking = (min(round(n * factor), max_tokens) for n in (given.output_tokens, given.thinking_tokens))
        return max(1, output), thinking
