"""The file that a person fills in: what is written, what is read back, and what is said of mistakes."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.analyse.answer import Answer
from pipeline.analyse.topics import load_topics
from pipeline.label_file import COLUMNS, Known, Label, ToLabel, read_labels, write_labels
from pipeline.label_guide import write_guide
from pipeline.records import Sentiment

Rows = list[dict[str, str]]

TEXTS = {
    "a1": "Très bon accueil, mais livraison en retard 🙁",
    "b2": "-bof, le colis est arrivé ouvert",
    "c3": "Rien à dire ;\ntout va bien",
    "d4": "10/10",
}
KNOWN = {name: Known(text) for name, text in TEXTS.items()} | {"e5": Known(None)}
TOPICS = ("delivery", "price")
FILLED = {"a1": ("Mitigé", "delivery; PRICE"), "b2": ("négatif", "-"), "c3": ("NEUTRE", ""), "d4": ("positive", "")}


def written(folder: Path) -> Path:
    path = folder / "labels.csv"
    strata = {"a1": ("3", 2.5), "b2": ("1", 7.0), "c3": ("3", 2.5), "d4": ("3", 2.5)}
    texts = [ToLabel(name, "avis", TEXTS[name], *strata[name]) for name in reversed(TEXTS)]
    assert write_labels(path, texts) == 4
    return path


def rows_of(path: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-16"), newline=""), delimiter="\t"))


def filled(path: Path) -> Rows:
    return [
        {**row, "sentiment": sentiment, "topics": topics}
        for row, (sentiment, topics) in zip(rows_of(path), FILLED.values(), strict=True)
    ]


def save(path: Path, rows: Rows, delimiter: str = ";", encoding: str = "utf-8-sig") -> Path:
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    lines.writeheader()
    lines.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding, "replace"))
    return path


EXPECTED = [
    Label("a1", Sentiment.MIXED, frozenset({"delivery", "price"}), "3", 2.5),
    Label("b2", Sentiment.NEGATIVE, frozenset(), "1", 7.0),
    Label("c3", Sentiment.NEUTRAL, None, "3", 2.5),
    Label("d4", Sentiment.POSITIVE, None, "3", 2.5),
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_labels_are_read_as_spreadsheets_save_them(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = written(tmp_path)
    assert read_labels(save(path, filled(path), delimiter, encoding), KNOWN, TOPICS) == (EXPECTED, [])


def test_the_file_that_is_written_is_empty_of_labels(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = rows_of(path)
    assert tuple(rows[0]) == COLUMNS and [row["verbatim_id"] for row in rows] == ["a1", "b2", "c3", "d4"]
    assert {row["sentiment"] + row["topics"] + row["comment"] for row in rows} == {""}
    assert [row["text"][:4] for row in rows] == ["Très", "'-bo", "Rien", "'10/"] and rows[0]["weight"] == "2.500000"
    assert len(path.read_bytes().decode("utf-16").splitlines()) == 5
    assert read_labels(path, KNOWN, TOPICS) == ([], [])


def test_a_line_without_a_sentiment_is_not_labelled_yet(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = filled(path)
    rows[1] |= {"sentiment": " ", "topics": "", "text": "", "weight": ""}
    assert read_labels(save(path, rows), KNOWN, TOPICS) == ([EXPECTED[0], *EXPECTED[2:]], [])


def test_a_decimal_comma_is_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = [{**row, "weight": row["weight"].replace(".", ",")} for row in filled(path)]
    assert read_labels(save(path, rows), KNOWN, TOPICS) == (EXPECTED, [])


def change(line: int, **cells: str) -> Callable[[Rows], object]:
    return lambda rows: rows[line - 2].update(cells)


MISTAKES = {
    "unknown sentiment": (change(2, sentiment="bof"), "line 2: sentiment 'bof' is none of positive, neutral, negative"),
    "a text as sentiment": (
        change(2, sentiment="Très bon accueil, mais livraison en retard"),
        "line 2: sentiment of 42",
    ),
    "a short text as sentiment": (change(2, sentiment="Très bon accueil"), "line 2: sentiment of 16 characters"),
    "a text as topics": (change(3, topics="Très bon accueil"), "line 3: 3 topics are no id"),
    "unknown topic": (change(3, topics="delivery, parking"), "line 3: topic 'parking' is no id"),
    "id twice": (lambda rows: rows.append(rows[1]), "line 6: the same verbatim_id as in line 3"),
    "unknown id": (change(4, verbatim_id="zz"), "line 4: verbatim_id is not in the store"),
    "changed text": (change(2, text="Très bon accueil"), "line 2: text is not the one in the store"),
    "erased text": (change(5, verbatim_id="e5"), "line 5: the verbatim is erased"),
    "no weight": (change(2, weight=""), "line 2: weight is no number above 0"),
    "negative weight": (change(3, weight="-7"), "line 3: weight is no number above 0"),
    "other weight": (change(4, weight="3.5"), "line 4: weight is not that of the other lines of its stratum, 2.5"),
    "no stratum": (change(2, stratum=""), "line 2: stratum is empty"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_line_and_the_other_labels_stay(tmp_path: Path, mistake: str) -> None:
    path = written(tmp_path)
    spoil, said = MISTAKES[mistake]
    rows = filled(path)
    spoil(rows)
    labels, [problem] = read_labels(save(path, rows), KNOWN, TOPICS)
    assert problem.startswith(said) and "\n" not in problem and len(labels) >= 3
    assert not any(word in problem for word in ("accueil", "colis", "tout va"))


def test_a_line_with_too_few_columns_is_a_problem(tmp_path: Path) -> None:
    path = written(tmp_path)
    save(path, filled(path))
    lines = path.read_bytes().split(b"\r\n")
    lines[2] = lines[2].rpartition(b";")[0]
    path.write_bytes(b"\r\n".join(lines))
    labels, problems = read_labels(path, KNOWN, TOPICS)
    assert problems == ["line 3: 7 fields instead of 8"] and len(labels) == 3


def test_a_missing_column_is_the_only_problem(tmp_path: Path) -> None:
    path = written(tmp_path)
    rows = [{name: cell for name, cell in row.items() if name != "stratum"} for row in filled(path)]
    labels, [problem] = read_labels(save(path, rows), KNOWN, TOPICS)
    assert labels == [] and problem.startswith("labels.csv: no column stratum; it needs verbatim_id")


@pytest.mark.parametrize(
    "content", [None, b"", b"%PDF-1.7", b"\x89PNG\r\n", b"\x1f\x8b\x08broken", b"PK\x03\x04broken"]
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content)
    labels, [problem] = read_labels(path, KNOWN, TOPICS)
    assert labels == [] and problem.startswith("labels.csv: ") and "\n" not in problem


def test_the_guide_explains_a_sentiment_in_the_words_that_the_model_reads(tmp_path: Path) -> None:
    topics = load_topics(None)
    write_guide(tmp_path / "guide.md", topics)
    french, english = (tmp_path / "guide.md").read_text(encoding="utf-8").split("\n---\n")
    assert all(f"`{topic.id}` : {topic.fr}" in french and f"`{topic.id}`: {topic.en}" in english for topic in topics)
    assert all(f"`{column}`" in french and f"`{column}`" in english for column in COLUMNS)
    description = "Overall feeling: positive, negative, mixed when both are clearly there, neutral when neither is."
    # where it changes, the French words of the guide have to follow
    assert Answer.model_fields["sentiment"].description == description and description in english
    assert "les deux sont clairement présents" in french and "ni l'un ni l'autre" in french
