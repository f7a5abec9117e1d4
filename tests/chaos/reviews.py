"""The input of a round: reviews whose texts, and some of whose ids, must not turn up anywhere else."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

SOURCE = "avis"
"""What the file is named after, and so the source of its reviews."""

LETTERS = "bcdfghjklmnpqrstvwxz"

SENTENCES = (
    "La livraison a pris trois semaines et le suivi de {canary} ne marche pas.",
    "Très bon produit, je recommande {canary} à toute ma famille !",
    "Le service client de {canary} est injoignable, c'est une honte.",
    "Prix correct mais emballage {canary} abîmé, dommage pour le cadeau.",
    "Rien à dire sur {canary}, conforme à la description du site.",
)
SHORT = "Bof bof {canary}"
"""Below 30 characters: identical ones come from different people, and each has an outcome of its own."""


@dataclass(frozen=True)
class Review:
    """One line of the input."""

    id: str
    canary: str
    """A word that is in no other text."""
    text: str
    skipped: str | None
    """Why it gets no answer, by the rules of the README."""

    @property
    def secret_id(self) -> bool:
        """Whether its id is a phone number."""
        return self.id.startswith("0")


def draw_reviews(random: Random) -> list[Review]:
    """Some hundred, with identical and with skipped ones."""
    found: list[Review] = []
    for number in range(random.randint(60, 200)):
        number_of_copies = random.choice((1, 1, 1, 1, 1, 1, 1, 2, 3))
        found += _copies(random, number, number_of_copies)
    random.shuffle(found)
    return found


def write(reviews: Sequence[Review], file: Path) -> Path:
    """As a CSV file."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["id", "texte", "note", "langue"])
        writer.writerows([review.id, review.text, 1 + len(review.text) % 5, "fr"] for review in reviews)
    return file


def kept(reviews: Sequence[Review]) -> list[Review]:
    """Those that get an answer."""
    return [review for review in reviews if review.skipped is None]


def skipped(reviews: Sequence[Review]) -> Counter[str]:
    """Reason → reviews that get none."""
    return Counter(review.skipped for review in reviews if review.skipped)


def copies(reviews: Sequence[Review]) -> Counter[str]:
    """Canary → reviews with its text that get an answer."""
    return Counter(review.canary for review in kept(reviews))


def _copies(random: Random, number: int, count: int) -> list[Review]:
    canary = "zq" + "".join(random.choice(LETTERS) for _ in range(8))
    form = random.choice((SHORT, *SENTENCES, *SENTENCES, *SENTENCES))
    text, reason = form.format(canary=canary), None
    if random.random() < 0.05:
        text, reason = canary, "too_short"
    elif random.random() < 0.02:
        text, reason = f"{text} " * 1500, "too_long"
    duplicate = "duplicate" if form is not SHORT and reason is None else reason
    return [Review(_id(random, number, copy), canary, text, duplicate if copy else reason) for copy in range(count)]


def _id(random: Random, number: int, copy: int) -> str:
    if random.random() < 0.15:
        return f"06{random.randint(0, 9)}{number:05d}{copy:02d}"
    return f"r{number}-{copy}"
