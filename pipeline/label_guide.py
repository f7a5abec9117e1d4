"""The guide for whoever labels: a page of Markdown in French and English, written beside the file of labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.analyse.answer import Answer
from pipeline.records import Topic
from pipeline.whole_file import whole_file

FRENCH = """# Étiqueter des verbatims

Votre avis sert de référence : travaillez seul, sans regarder la réponse du modèle et sans en parler avec d'autres
personnes qui étiquettent les mêmes textes. Les désaccords entre deux personnes montrent quels textes sont difficiles ;
une concertation les cacherait.

Le fichier s'ouvre dans un tableur. Chaque ligne est un verbatim. Remplissez ces colonnes :

| colonne | quoi écrire |
|---|---|
| `sentiment` | un mot de la liste ci-dessous ; vide : pas encore étiqueté |
| `topics` | les identifiants des thèmes dont parle le verbatim, séparés par des blancs, des virgules ou des \
points-virgules ; `-` : aucun thème de la liste ; vide : non étiqueté |
| `comment` | ce que vous voulez, par exemple un doute ; rien n'en est calculé |

Ne changez pas `verbatim_id`, `source`, `text`, `stratum` et `weight`. `stratum` et `weight` disent comment le texte a
été tiré au sort. Une apostrophe devant un texte empêche le tableur de le calculer : laissez-la.

## Le sentiment

Le sentiment général du verbatim :

- `positif` : positif ;
- `négatif` : négatif ;
- `mitigé` : les deux sont clairement présents ;
- `neutre` : ni l'un ni l'autre.

Majuscules et accents sont sans importance, et les mots anglais sont acceptés aussi.

## Les thèmes

{topics}

## Rendre le fichier

Enregistrez-le sous son nom, en CSV ou en .xlsx, et renvoyez-le à la personne qui vous l'a donné. Un fichier rempli en
partie est utile aussi : les lignes sans sentiment sont laissées de côté.
"""

ENGLISH = """# Labelling verbatims

Your judgement is the reference: work alone, without looking at the model's answer, and without speaking about it with
others who label the same texts. Where two people disagree, a text is hard to judge; agreeing beforehand would hide it.

The file opens in a spreadsheet. Each line is a verbatim. Fill in these columns:

| column | what to write |
|---|---|
| `sentiment` | a word of the list below; empty: not labelled yet |
| `topics` | ids of the listed topics that the verbatim speaks of, separated by blanks, commas or semicolons; `-`: \
none of them; empty: not labelled |
| `comment` | whatever you like, such as a doubt; it is not evaluated |

Do not change `verbatim_id`, `source`, `text`, `stratum` and `weight`. `stratum` and `weight` say how the text was
drawn. An apostrophe before a text keeps the spreadsheet from calculating it: leave it.

## Sentiment

{sentiment}

- `positive`, `negative`;
- `mixed`: both are clearly there;
- `neutral`: neither is.

Case does not matter, and the French words are accepted too.

## Topics

{topics}

## Handing it back

Save it under its name, as CSV or .xlsx, and return it to whoever gave it to you. A file that is filled in partly is
useful too: lines without a sentiment are left out.
"""


def write_guide(path: Path, topics: Sequence[Topic]) -> None:
    """Write the guide. It explains a sentiment in the words that the model reads. Raises as `whole_file` does."""
    sentiment = Answer.model_fields["sentiment"].description
    french = FRENCH.format(topics="\n".join(f"- `{topic.id}` : {topic.fr}" for topic in topics))
    english = ENGLISH.format(sentiment=sentiment, topics="\n".join(f"- `{topic.id}`: {topic.en}" for topic in topics))
    with whole_file(path, "labels") as file:
        file.write(f"{french}\n---\n\n{english}".encode("utf-8", "replace"))
