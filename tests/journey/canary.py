"""Inputs with a word in each of their fields that no output may ever hold."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from claude_message import message
from hypothesis import strategies as st

WORD, NUMBER = "kanari7f3a", "9173640285"
"""What stands for the words of a customer, and where a number is expected for theirs."""

FIELDS = ("texte", "id", "note", "date", "langue", "auteur", "url", "reponse")
"""Not the column `source`: it is a label of charts, and public."""

Damage = Callable[[bytes], bytes]


def leaks(said: str) -> bool:
    """Whether an output holds the word; a terminal may have wrapped it."""
    bare = "".join(said.casefold().split())
    return WORD in bare or NUMBER in bare


_ODD = st.lists(
    st.sampled_from([
        "", " ", '"', "'", "\0", "\n", "\r\n", "{", "}", "[", "]", ",", ";", "\t", "|", "%s", "{0}", "\\", "_dupont",
        "=", "[/red]", "<b>", "é", "\ufeff", "\u2028", "\ud83d", "\x1b[31m", "@exemple.fr", "06 12 34 56 78", "5", ":",
    ]),
    max_size=3,
).map("".join)  # fmt: skip

WORDS: st.SearchStrategy[str] = st.one_of(
    st.tuples(_ODD, _ODD).map(WORD.join),
    st.sampled_from([WORD, f"{WORD}_dupont", f"jean_{WORD}", NUMBER, WORD * 3000, f"{NUMBER}-05-01", f"{WORD}," * 300]),
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    WORDS,
    st.just(int(NUMBER)),
    WORDS.map(lambda word: [word]),
    WORDS.map(lambda word: {word: {word: [word]}}),
)


def _rows(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    # a text has several words
    texts = st.one_of(WORDS.map(lambda word: f"Bonjour à tous, {word}"), values)
    one = st.fixed_dictionaries({name: texts if name == "texte" else values for name in FIELDS})
    return st.lists(one, min_size=1, max_size=4)


def _jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def _table(rows: list[dict[str, Any]], delimiter: str, header: list[str], *, quoted: bool) -> bytes:
    file = io.StringIO(newline="")
    lines = [header, *([str(value) for value in row.values()] for row in rows)]
    if quoted:
        csv.writer(file, delimiter=delimiter).writerows(line for line in lines if line)
    else:
        file.write("\n".join(delimiter.join(line) for line in lines if line))
    return file.getvalue().encode("utf-8", "surrogatepass")


JSONL = _rows(VALUES).map(_jsonl)
CSV = st.builds(
    _table,
    _rows(WORDS),
    st.sampled_from(",;\t|"),
    # none: the first line has the words of a customer
    st.sampled_from([list(FIELDS), [], ["texte", "texte", *FIELDS[2:]], [name.title() for name in FIELDS]]),
    quoted=st.booleans(),
)


def _cut(place: float) -> Damage:
    return lambda content: content[: int(len(content) * place)]


def _changed(place: float, byte: int) -> Damage:
    def damage(content: bytes) -> bytes:
        number = int((len(content) - 1) * place)
        return content[:number] + bytes([byte]) + content[number + 1 :]

    return damage


def _encoded(encoding: str) -> Damage:
    return lambda content: content.decode(errors="replace").encode(encoding, "replace")


DAMAGES: st.SearchStrategy[Damage] = st.one_of(
    st.just(bytes),
    st.floats(0, 1).map(_cut),
    st.builds(_changed, st.floats(0, 1), st.integers(0, 255)),
    st.sampled_from(["utf-16", "utf-16-be", "cp1252", "utf-8-sig"]).map(_encoded),
)


def damaged(content: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The content as it is, cut, with a wrong byte or in another encoding."""
    return st.builds(lambda damage, whole: damage(whole), DAMAGES, content)


ANSWER = {"summary": "Bien.", "sentiment": "positive", "topics": [], "new_topics": []}
_TOPIC = {"label": "a", "definition": "b", "quote": "bizarre"}


ENVELOPE = ("usage", "type", "role", "content")
"""Not `id`, `model` and `stop_reason`: codes of the API, which spans show."""


def _answered(name: str, value: Any) -> bytes:
    """An answer with one field replaced or added, in what Claude says or in the message around it."""
    answer: dict[str, Any] = ANSWER | {"new_topics": [_TOPIC]}
    if name in _TOPIC:
        answer["new_topics"] = [{**_TOPIC, name: value}]
    elif name == "whole":
        return json.dumps(message(str(value))).encode()
    elif name in ENVELOPE:
        counts = {"input_tokens": value, "output_tokens": 1}
        return json.dumps(message(json.dumps(answer)) | {name: counts if name == "usage" else value}).encode()
    else:
        answer[name] = value
    return json.dumps(message(json.dumps(answer))).encode()


ANSWERS = st.one_of(
    damaged(st.builds(_answered, st.sampled_from([*ANSWER, *_TOPIC, *ENVELOPE, "whole", "more"]), VALUES)),
    WORDS.map(lambda word: f"<html><p>{word}".encode("utf-8", "replace")),
)
"""What Claude, or a gateway before it, answers with status 200."""
