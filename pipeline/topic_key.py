"""One key for all spellings of a new topic: "Problème de connexion" and "problèmes de connexions" are one theme.

Labels are French or English, which nobody says, so the rules are those of both languages at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

_FRENCH_AND_ENGLISH = """
a au aux avec ca ce ces cet cette chez dans de des dont du elle elles en est et etre il ils je la le les leur leurs
ma mes mon ne nos notre nous on ou par pour que qui sa se ses sont sur ta tes tres tu un une vos votre vous y
an and are at be by did do does for from has have he i in is its my of our she so that the their these they this
those to very was we were with wo you your
"""

_STOP_WORDS = frozenset(_FRENCH_AND_ENGLISH.split())
"""Without negations ("pas", "sans", "not", "without"), which turn a theme round, and without words that are also
nouns of the other language or of the same: "son" (sound), "ton" (tone), "or" (gold), "car", "it" (IT)."""

_SPELLED = str.maketrans({**dict.fromkeys("’‘ʼ‛′´`", "'"), "œ": "oe", "æ": "ae"})
"""NFKD would make a blank of some apostrophes, and takes no ligature apart that is a letter."""

_NEGATION = re.compile(r"n't\b|\bcannot\b")
_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)'|'(?:s|m|d|re|ve|ll)\b")
"""French before a word, English after it."""

_CACHED = 65_536
"""Some 30 MB at most. A label that was seen takes 0.1 µs, a new one 100 to 250 µs."""


@lru_cache(_CACHED)
def topic_key(label: str) -> str:
    """The theme that a label names: two labels with the same key are the same theme.

    Case, accents, punctuation, articles and other small words, the order of the words and their endings make no
    difference. A label without letters and digits is its own key; only a blank one has an empty key. The same in every
    process. The store keeps decisions by key, so a change of these rules, or a release of snowballstemmer with others,
    needs a migration that makes the keys anew from the labels.
    """
    return " ".join(sorted({_stem(word) for word in label_words(label)})) or label.casefold().strip()


def label_words(label: str) -> tuple[str, ...]:
    """The words of a label that carry its meaning, in lower case without accents; all words if none does."""
    words = _split(_ELISION.sub(" ", _NEGATION.sub(" not", _plain(label))))
    return tuple(word for word in words if word not in _STOP_WORDS) or words


def _plain(label: str) -> str:
    decomposed = unicodedata.normalize("NFKD", label.casefold().translate(_SPELLED)).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _split(text: str) -> tuple[str, ...]:
    spaced = "".join(character if _in_word(character) else " " for character in text)
    return tuple(word for word in spaced.split() if any(map(str.isalnum, word)))


def _in_word(character: str) -> bool:
    """Whether a letter, a digit, or a vowel sign as of Devanagari, which is a mark that does not combine."""
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc")


@lru_cache(_CACHED)
def _stem(word: str) -> str:
    """The word without its ending: by the English rules, then by the French ones.

    Of 111 everyday words, each with its plural or feminine, 5 get two stems this way ("jeu", "jeux") and 12 in the
    other order: the French rules take "deliveries" for a verb. The price is that some words share a stem: "store" and
    "story", "mode" and "modération". Both stemmers are described at https://snowballstem.org/algorithms/.
    """
    for stem in _stemmers():
        word = stem(word) or word
    return word


@cache
def _stemmers() -> tuple[Callable[[str], str], ...]:
    # loading takes 20 ms, which few commands need; these classes, unlike snowballstemmer.stemmer(), do not become
    # those of PyStemmer where that is installed, whose release may have other rules
    from snowballstemmer.english_stemmer import EnglishStemmer
    from snowballstemmer.french_stemmer import FrenchStemmer

    # a new object per word, for 0.3 µs: a stemmer keeps the word it works on, and threads would share it
    return (lambda word: str(EnglishStemmer().stemWord(word)), lambda word: str(FrenchStemmer().stemWord(word)))
