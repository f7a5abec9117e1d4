"""The verbatims of the sandbox, written for this project about an invented shop. They contain no personal data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("verbatims.jsonl")

ENDLESS_CHARACTERS = 20_400
"""Above the limit of 20,000 for analysis, like a pasted conversation. Generated, so the file stays readable."""

_ENDLESS_SENTENCES = (
    "Jour {n} : le suivi du colis indique toujours « en cours d'acheminement ».",
    "Le conseiller numéro {n} me redemande ma référence de commande, que j'ai déjà donnée {n} fois.",
    "Message {n} resté sans réponse, je le recopie ici pour que tout le monde le lise.",
    "Relance {n} : on me promet un remboursement sous quarante-huit heures.",
)


@dataclass(frozen=True, slots=True)
class Verbatim:
    """One invented review."""

    id: str
    text: str
    rating: int
    date: str
    """As the site shows it: mostly ISO 8601, sometimes in another format."""
    language: str | None = None
    url: str | None = None
    """Path of its own page, if it has one."""


@cache
def verbatims() -> tuple[Verbatim, ...]:
    """All verbatims in the order of the site, with the generated long one last."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return (*(Verbatim(**json.loads(line)) for line in lines), _endless())


def _endless() -> Verbatim:
    sentences: list[str] = []
    length = n = 0
    while length < ENDLESS_CHARACTERS:
        n += 1
        sentences.append(_ENDLESS_SENTENCES[n % len(_ENDLESS_SENTENCES)].format(n=n))
        length += len(sentences[-1]) + 1
    return Verbatim("v-9999", " ".join(sentences), 1, "2026-06-30", "fr")
