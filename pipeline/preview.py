"""Shows what the first records of a file come to, before any of them is stored or asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from pipeline import clean as cleaning
from pipeline.records import Review
from pipeline.source.source import Source

FIRST = 1_000
"""Records that are looked at: enough for a share, and read in a tenth of a second."""

SAMPLES = 3
SAMPLE_CHARACTERS = 60


def preview(source: Source, *, samples: bool) -> Iterator[str]:
    """Lines about languages and skipped texts; with `samples` also the first rows, masked, for a person to look at."""
    records = list(islice(source.reviews(prepare=cleaning.prepare), FIRST))
    reviews = [one for one in records if isinstance(one, Review)]
    if not reviews:
        return
    reasons = Counter(cleaning.reason(review.text, duplicate=False) for review in reviews)
    languages = Counter(review.language or "unknown" for review in reviews if review.text)
    of_first = f"of the first {FIRST} records: " if len(records) == FIRST else ""
    if languages:
        yield f"{of_first}languages {_listed(languages.most_common(), languages.total())}"
    skipped = [(reason.value.replace("_", " "), n) for reason, n in reasons.most_common() if reason is not None]
    if skipped:
        yield f"{of_first}to be skipped: {_listed(skipped, len(reviews))}"
    if reasons[None] == 0:
        yield "warning: every text would be skipped, and nothing asked; is it the right column?"
    if samples:
        yield from map(_sample, reviews[:SAMPLES])


def _listed(counts: Sequence[tuple[str, int]], total: int) -> str:
    return ", ".join(f"{name} {n} ({100 * n / total:.0f} %)" for name, n in counts)


def _sample(review: Review) -> str:
    text = " ".join(review.text.split())
    cut = text[:SAMPLE_CHARACTERS] + ("..." if len(text) > SAMPLE_CHARACTERS else "")
    facts = [None if review.rating is None else f"{review.rating:g} of 5", review.written_at, review.language]
    return f'record {review.position}: {", ".join(fact for fact in facts if fact) or "no facts"}: "{cut}"'
