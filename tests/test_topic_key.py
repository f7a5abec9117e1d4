"""Labels of one theme have one key, in French and in English, whatever their spelling."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.topic_key import label_words, topic_key

LETTERS = "abcdefghijklmnopqrstuvwxyzàâäçéèêëîïôöùûüÿœæ"
LABELS = st.lists(st.text(LETTERS + "0123456789", min_size=1, max_size=12), min_size=1, max_size=4)


@pytest.mark.parametrize(
    "labels",
    [
        "Problème de connexion | problèmes de connexions | Connexion : problème",
        "Dark mode | dark modes | DARK-MODE | mode, dark",
        "Mode hors ligne | le mode « hors-ligne »",
        "Paroles de chansons | paroles des chansons | Paroles d'une chanson",
        "Délai de livraison | délais de livraison | Délais de la livraison",
        "Bug de l'application | bugs de l’application | les bugs d'applications",
        "Coût de l'abonnement | coûts des abonnements",
        "Taille de l'écran | tailles d'écrans",
        "Frais cachés | frais caché",
        "Nouvelle catégorie | nouvelles catégories",
        "Tarif local | tarifs locaux",
        "Cœur de gamme | coeur de gamme",
        "Late delivery | late deliveries | Delivery: late",
        "Battery drain | batteries drain",
        "Customer's reviews | customer reviews | Reviews of the customers",
        "Can't log in | cannot log in | can’t log in",
        "Doesn't sync | does not sync",
        "Story categories | stories category",
    ],
)
def test_spellings_of_one_theme_have_one_key(labels: str) -> None:
    assert len({topic_key(label) for label in labels.split(" | ")}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mode sombre", "Mode sombre manquant"),
        ("Mode sombre", "Dark mode"),
        ("Livraison", "Pas de livraison"),
        ("Livraison avec suivi", "Livraison sans suivi"),
        ("Ne charge pas", "Charge"),
        ("Doesn't sync", "Sync"),
        ("Qualité du son", "Qualité"),
        ("IT support", "Support"),
        ("Prix de l'abonnement", "Prise d'abonnement"),
        ("Sign up", "Sign in"),
        ("Écran noir", "Écran blanc"),
        ("5G", "4G"),
    ],
)
def test_other_themes_have_other_keys(one: str, other: str) -> None:
    assert topic_key(one) != topic_key(other)


@given(LABELS)
def test_case_accents_order_and_repetition_make_no_difference(words: list[str]) -> None:
    key = topic_key(" ".join(words))
    bare = "".join(c for c in unicodedata.normalize("NFKD", " ".join(words)) if not unicodedata.combining(c))
    assert {topic_key(" ".join(form)) for form in (words[::-1], sorted(words), words * 2)} == {key}
    assert {topic_key(form) for form in (" ".join(words).upper(), " ".join(words).title(), bare)} == {key}


@given(LABELS, st.sampled_from([" ", "  ", " - ", ", ", " / ", "… ", " « ", "\u00a0", "\n"]))
def test_punctuation_and_blanks_make_no_difference(words: list[str], between: str) -> None:
    assert topic_key(between.join(words) + " !") == topic_key(" ".join(words))


@given(st.text())
@example("L'")
@example("the")
@example("\ufe70")
@example("n't")
@example("1\ufe0f\u20e3")
def test_a_label_with_a_letter_or_digit_has_a_key(label: str) -> None:
    assert bool(topic_key(label)) == bool(label.strip())
    assert topic_key(label) == topic_key(f" {label}\n")


def test_a_label_of_small_words_alone_keeps_them() -> None:
    assert label_words("Pour qui ?") == ("pour", "qui")
    assert topic_key("Pour qui ?") != topic_key("À qui")


def test_a_label_without_words_is_its_own_key() -> None:
    assert topic_key(" 👍 ") == "👍" != topic_key("👎")


def test_words_of_other_scripts_stay_whole() -> None:
    assert topic_key("हिन्दी") == topic_key("हिन्दी।") and " " not in topic_key("हिन्दी")
    assert topic_key("Доставка") == "доставка"


def test_keys_are_the_same_in_every_process_and_thread() -> None:
    labels = [f"Problèmes de connexions {n}" for n in range(300)]
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(topic_key, labels * 4))
    script = "import sys; from pipeline.topic_key import topic_key; [print(topic_key(one)) for one in sys.argv[1:]]"
    printed = subprocess.run([sys.executable, "-c", script, *labels], capture_output=True, text=True, check=True)
    assert keys == printed.stdout.splitlines() * 4
