"""Files give reviews, report broken records by line, and are rejected before the first record if unusable."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.records import BrokenRecord, IdOrigin, Review
from pipeline.source.files.columns import Columns
from pipeline.source.files.file import File, ReadOptions


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def read(folder: Path, name: str, content: str | bytes, columns: Columns | None = None) -> list[Review | BrokenRecord]:
    return list(File(write(folder, name, content), ReadOptions(columns or Columns())).reviews())


def reviews(records: list[Review | BrokenRecord]) -> list[Review]:
    assert not [record for record in records if isinstance(record, BrokenRecord)]
    return [record for record in records if isinstance(record, Review)]


def test_a_line_of_json_is_a_review(tmp_path: Path) -> None:
    line = {"id": 7, "texte": "Bien", "note": "4,5", "date": "31/12/2024", "langue": "français", "source": "store"}
    expected = Review("store", "7", "Bien", 1, None, 4.5, "fr", "2024-12-31", id_origin=IdOrigin.GUESSED)
    assert read(tmp_path, "a.jsonl", json.dumps(line)) == [expected]


def test_positions_are_line_numbers_even_after_quoted_line_ends(tmp_path: Path) -> None:
    records = reviews(read(tmp_path, "a.csv", 'id;avis\n1;"un\ndeux ""trois"""\n\n2;quatre\n'))
    assert [(r.position, r.external_id, r.text) for r in records] == [(2, "1", 'un\ndeux "trois"'), (5, "2", "quatre")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected_from_the_header(tmp_path: Path, delimiter: str) -> None:
    content = f"id{delimiter}texte\n1{delimiter}Bien\n"
    assert [r.text for r in reviews(read(tmp_path, "a.csv", content))] == ["Bien"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    content = "id,texte\n1,Déçu à 5 €\n".encode(encoding)
    assert [r.text for r in reviews(read(tmp_path, "a.csv", content))] == ["Déçu à 5 €"]


def test_guesses_are_reported(tmp_path: Path) -> None:
    source = File(write(tmp_path, "a.csv", "Étoiles;TEXTE\n5;d\xe9\xe7u\n".encode("cp1252")))
    assert source.guesses == [
        "CSV, Windows-1252: 1 record",
        "encoding: Windows-1252 (guessed, since it is not UTF-8; save as UTF-8 to be sure)",
        "no id column: ids are made from the content (--id-column to name one)",
        'text column: "TEXTE" (guessed; --text-column to change), 1 read',
        'rating column: "Étoiles" (guessed; --rating-column to change), 1 read; out of 5, since the largest is 5 '
        "(--rating-scale to change)",
        "no column for date, language, url (--date-column, --language-column, --url-column to name one)",
    ]


def test_named_columns_are_used(tmp_path: Path) -> None:
    columns = Columns(text="b", id="n")
    assert reviews(read(tmp_path, "a.csv", "n,texte,b\n1,x,y\n", columns))[0].text == "y"
    with pytest.raises(InputError, match=r'a\.csv: no column "zz" for --text-column \(columns: texte and 2 more\)'):
        read(tmp_path, "a.csv", "n,texte,b\n1,x,y\n", Columns(text="zz"))


def test_identical_records_get_distinct_ids_and_order_does_not_matter(tmp_path: Path) -> None:
    lines = ["Super,5", "Super,5", "Super,4", "Nul,1"]
    forth = reviews(read(tmp_path, "a.csv", "\n".join(["texte,note", *lines])))
    back = reviews(read(tmp_path, "a.csv", "\n".join(["texte,note", *lines[::-1]])))
    assert len({r.external_id for r in forth}) == 4
    assert {(r.external_id, r.text) for r in forth} == {(r.external_id, r.text) for r in back}


def test_an_email_never_becomes_an_id(tmp_path: Path) -> None:
    (review,) = reviews(read(tmp_path, "a.csv", "id,texte\njean@exemple.fr,Bien\n"))
    assert review.external_id.startswith("sha256:")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"id": 1, "texte": [5]}', "text is a list or an object"),
        ('{"id": "", "texte": "a"}', "no id"),
        ('{"id": null, "texte": "a"}', "no id"),
        (b'{"id": 1, "texte": "d\xe9"}', "not UTF-8"),
    ],
)
def test_a_broken_line_of_json_is_reported_with_its_position(tmp_path: Path, line: str | bytes, problem: str) -> None:
    good = b'{"id": 1.0, "texte": "a"}\n\n'
    records = read(tmp_path, "a.jsonl", good + (line if isinstance(line, bytes) else line.encode()))
    assert records == [Review("a", "1", "a", 1, id_origin=IdOrigin.GUESSED), BrokenRecord(3, problem)]


def test_an_overlong_line_is_broken_and_reading_continues(tmp_path: Path) -> None:
    long = '{"id": 2, "texte": "' + "a" * 10_000_000 + '"}'
    records = read(tmp_path, "a.jsonl", f'{{"id": 1, "texte": "a"}}\n{long}\n{{"id": 3, "texte": "c"}}\n')
    assert [record.position for record in records] == [1, 2, 3]
    assert isinstance(records[1], BrokenRecord)


def test_rows_with_another_number_of_columns_are_broken(tmp_path: Path) -> None:
    records = read(tmp_path, "a.csv", "id,texte\n1,a,b\n2\n3,c\n")
    assert records[:2] == [BrokenRecord(2, "3 fields instead of 2"), BrokenRecord(3, "1 fields instead of 2")]
    assert isinstance(records[2], Review)


def test_an_unclosed_quote_breaks_one_record(tmp_path: Path) -> None:
    records = read(tmp_path, "a.csv", 'id,texte\n1,"jamais fermé\n2,b\n3,"c, d"\n4,e\n')
    assert records[0] == BrokenRecord(2, "quotes out of place")
    assert [(r.position, r.external_id) for r in reviews(records[1:])] == [(3, "2"), (4, "3"), (5, "4")]


def test_more_than_a_hundred_sources_are_rejected(tmp_path: Path) -> None:
    lines = [json.dumps({"id": n, "texte": "a", "source": f"s{n}"}) for n in range(101)]
    records = read(tmp_path, "a.jsonl", "\n".join(lines))
    assert records[-1] == BrokenRecord(101, "more than 100 different values of source; it is a label for charts")
    assert len(reviews(records[:-1])) == 100


def test_nul_and_lone_surrogates_do_not_reach_the_store(tmp_path: Path) -> None:
    (review,) = reviews(read(tmp_path, "a.jsonl", r'{"id": "1\u0000", "texte": "a\u0000b\ud800"}'))
    assert (review.external_id, review.text) == ("1", "ab\ufffd")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\n\n", "empty"),
        ("a.csv", b"id,texte\n", "a header, but no record"),
        ("a.csv", b"id,prix\n1,2\n", "--text-column .columns: id and 1 more"),
        ("a.csv", b"PK\x03\x04rest", "a ZIP file or a sheet that cannot be read"),
        ("a.csv", b"\x1f\x8brest", "cut or damaged|Not a gzipped file"),
        ("a.csv", b"id,texte\n1,\x00\n", "NUL"),
        ("a.csv", b"texte,texte\na,b\n", "twice"),
        ("a.jsonl", b"\n \n", "no record"),
        ("a.jsonl", b"[\n1\n]", "no line is a JSON object"),
        ("a.json", b"[1, 2]", "no JSON object in its list"),
        ("a.json", b'{"a": [{"b": 1}], "c": [{"d": 1}]}', "2 lists of objects"),
        ("a.docx", b"x", "these are read: .csv, .tsv, .jsonl"),
    ],
)
def test_an_unusable_file_is_rejected_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        File(write(tmp_path, name, content))
    assert "\n" not in str(refused.value)


def test_missing_files_and_folders_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("missing.csv", "folder.csv", "nul\0.csv"):
        with pytest.raises(InputError):
            File(str(tmp_path / name))


def test_a_verbatim_in_place_of_a_header_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        File(write(tmp_path, "a.csv", "Je suis très déçu de cette application qui plante\nSuper\n"))
    assert "déçu" not in str(refused.value)


@pytest.mark.parametrize("content", ['\n {"id": 1, "texte": "Bien"}', "id,texte\n1,Bien\n"])
def test_stdin_is_json_if_it_starts_with_a_brace_and_csv_otherwise(content: str) -> None:
    source = File("-", stdin=io.BytesIO(content.encode()))
    (review,) = source.reviews()
    assert isinstance(review, Review)
    assert (source.name, review.source, review.text, review.position) == ("stdin", "stdin", "Bien", 2)


@given(st.sampled_from([".csv", ".jsonl", "-"]), st.binary(max_size=300), st.sampled_from([b"", b"id,texte\n1,a\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_records_or_one_error(tmp_path: Path, kind: str, content: bytes, head: bytes) -> None:
    try:
        if kind == "-":
            records = list(File("-", stdin=io.BytesIO(head + content)).reviews())
        else:
            records = list(File(write(tmp_path, "a" + kind, head + content)).reviews())
    except InputError:
        return
    assert records


VALID = {
    ".csv": 'id;avis;note;date\n1;"Très ""bien""";5;2026-06-30\n2;"Deux\nlignes";"4,5";30/06/2026\n3;Bof;;\n'.encode(),
    ".jsonl": '{"id": 1, "texte": "Très bien", "note": 5}\n{"id": 2, "texte": "Déçu", "date": "2026"}\n'.encode(),
}


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_file_gives_records_or_one_error(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(VALID)))
    body = bytearray(VALID[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body)))
        to = data.draw(st.integers(at, min(len(body), at + 40)))
        body[at:to] = data.draw(st.sampled_from([b"", bytes(body[at:to]) * 2, body[:30]]) | st.binary(max_size=4))
    try:
        records = list(File(write(tmp_path, f"a{kind}", bytes(body))).reviews())
    except InputError as error:
        assert str(error).startswith(f"a{kind}: ")
        return
    for record in records:
        assert record.position >= 1
        if isinstance(record, Review):
            assert record.external_id and "\0" not in record.text
            assert record.rating is None or 0 <= record.rating <= 5


WITHIN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
from pipeline.errors import InputError
from pipeline.source.files.file import File
for path in sys.argv[1:]:
    try:
        print(sum(1 for _ in File(path).reviews()))
    except InputError:
        print("refused")
"""


def test_files_built_to_be_slow_or_large_stay_within_time_and_memory(tmp_path: Path) -> None:
    """Endless lines, quotes, columns, nesting and digits: 400 MB are enough for each."""
    size = 15_000_000
    bodies = {
        "line.csv": b"id,texte\n1," + b"x" * size,
        "quotes.csv": b"id,texte\n" + b'"' * size,
        "columns.csv": b"a," * 200_000 + b"\n",
        "depth.jsonl": b'{"texte": "a", "x": ' + b"[" * size,
        "text.jsonl": b'{"texte": "' + b"\\u00e9" * (size // 6),
        "digits.jsonl": b'{"texte": "a", "id": ' + b"9" * 5_000_000 + b"}\n",
    }
    files = [write(tmp_path, name, body) for name, body in bodies.items()]
    ended = subprocess.run(
        [sys.executable, "-c", WITHIN, *files], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert (ended.returncode, len(ended.stdout.split())) == (0, len(files)), ended.stderr


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
CELL = st.text(alphabet=LETTERS, min_size=1, max_size=100).filter(str.strip)


@given(st.lists(st.tuples(CELL, CELL.filter(lambda cell: "@" not in cell and "%40" not in cell)), min_size=1))
def test_csv_written_by_the_csv_module_is_read_unchanged(rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("texte", "id"), *rows])
    named = ReadOptions(Columns(text="texte", id="id"))
    read_back = reviews(list(File("-", named, io.BytesIO(file.getvalue().encode())).reviews()))
    assert [(r.text, r.external_id) for r in read_back] == [(text, name.strip()) for text, name in rows]
