"""Guesses the language of a text."""

from __future__ import annotations

from functools import cache
from typing import Any

MIN_CHARACTERS = 15
"""Measured on 6000 French reviews: fewer than 60 % of the guesses are right below it, 96 % from 15 to 39."""

MIN_PROBABILITY = 0.5
"""Below this the model is undecided between languages, and None is better than a wrong one."""

LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "tr", "zh")
"""Languages of customers of a French company. With all its 97 the model takes short French for Occitan or Walloon."""


def guess(text: str) -> str | None:
    """ISO 639-1, or None for a text that is too short or in several languages."""
    if len(text.strip()) < MIN_CHARACTERS:
        return None
    language, probability = _model().classify(text[:2000])
    return str(language) if probability >= MIN_PROBABILITY else None


@cache
def _model() -> Any:
    """The model, loaded at the first guess: it takes half a second and imports numpy."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(LANGUAGES)
    return model
