"""What files look like in the wild: their formats, names of columns, dates and ratings."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from pipeline.clean import prepare
from pipeline.errors import InputError
from pipeline.records import BrokenRecord, Review
from pipeline.source.files.columns import Columns
from pipeline.source.files.file import File, ReadOptions
from pipeline.source.files.reader import is_personal
from pipeline.source.files.several import open_files
from pipeline.summary import about_to_read

HIDDEN = ' state="hidden"'
TWO = [{"id": 1, "text": "Très bien"}, {"id": 2, "text": "Déçu"}]


def texts(path: Path, content: bytes, reading: ReadOptions | None = None) -> list[str]:
    path.write_bytes(content)
    return [one.text for one in File(str(path), reading).reviews() if isinstance(one, Review)]


def sheet(rows: list[list[str | float]]) -> bytes:
    """An Excel file as small as the format allows."""

    def cell(value: str | float) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    return workbook(Avis="".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows))


def workbook(hidden: str = "", **sheets: str) -> bytes:
    """An Excel file of sheets, by name what stands in `sheetData`."""
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    relations = f"{office}/officeDocument/2006/relationships"
    entries = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"{HIDDEN if name == hidden else ""}/>'
        for n, name in enumerate(sheets, 1)
    )
    targets = "".join(
        f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{entries}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{office}/package/2006/relationships">'
        f"{targets}</Relationships>",
    }
    for n, body in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


LINES = "\n".join(map(json.dumps, TWO)).encode()
CSV = "id,text\n1,Très bien\n2,Déçu\n".encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.json", LINES),
        ("list.json", json.dumps(TWO).encode()),
        ("pretty.json", json.dumps(TWO, indent=2).encode()),
        ("lists.json", b"\n[]\n".join(json.dumps([one]).encode() for one in TWO)),
        ("holder.json", json.dumps({"total": 2, "reviews": TWO}).encode()),
        ("pretty_holder.json", json.dumps({"reviews": TWO}, indent=2).encode()),
        ("packed.csv.gz", gzip.compress(CSV, mtime=0)),
        ("packed.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("sheet.xlsx", sheet([["id", "text"], [1.0, "Très bien"], [2.0, "Déçu"]])),
        ("named_wrongly.csv", sheet([["id", "text"], [1.0, "Très bien"], [2.0, "Déçu"]])),
        ("list.txt", "Très bien\n\nDéçu\n".encode()),
        ("known.txt", 'Réf. avis;"Note /10";Avis client\n1;8;Très bien\n2;3;Déçu\n'.encode()),
        ("words.txt", "id,magasin,text\r\n1,Lyon,Très bien\r\n2,Lyon,Déçu\r\n".encode()),
        ("table.txt", "id\ttext\n1\tTrès bien\n2\tDéçu\n".encode()),
    ],
)
def test_every_usual_format_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    assert texts(tmp_path / name, content) == ["Très bien", "Déçu"]


@pytest.mark.parametrize(
    "first",
    ["Message, livraison et prix parfaits madame Dupont", "Avis, nul", "Commentaire; rien à dire", "text | 5 étoiles"],
)
def test_a_line_that_begins_like_a_header_is_a_verbatim(tmp_path: Path, first: str) -> None:
    assert texts(tmp_path / "a.txt", f"{first}\nDéçu\n".encode()) == [first, "Déçu"]


@pytest.mark.parametrize("content", [LINES, json.dumps(TWO).encode(), gzip.compress(CSV, mtime=0), CSV])
def test_standard_input_may_be_any_of_them_and_is_read_again(content: bytes) -> None:
    source = File("-", stdin=io.BytesIO(content))
    first, again = list(source.reviews()), list(source.reviews())
    assert first == again and [one.text for one in first if isinstance(one, Review)] == ["Très bien", "Déçu"]


def test_numbers_of_a_sheet_are_whole_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(sheet([["id", "avis", "note", "magasin"], [42.0, "Bien", 4.5, "Lyon"]]))
    (review,) = File(str(path)).reviews()
    assert isinstance(review, Review)
    assert (review.external_id, review.rating, review.extra) == ("42", 4.5, {"magasin": "Lyon"})


@pytest.mark.parametrize(
    "body",
    [
        '<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>',
        "<row><c r=\"XFD1\"><v>1</v></c></row><row><c r='a20000'><v>1</v></c></row>",
        '<row r="1"><c t="&gt;>" r = "XFD1"><v>1</v></c></row><row r="20000"><c><v>1</v></c></row>',
        f"<row>{'<c><v>1</v></c>' * 20_000}</row>{'<row/>' * 2_000}<row><c><v>1</v></c></row>",
    ],
)
def test_a_sheet_with_cells_far_apart_is_refused_before_it_is_opened(tmp_path: Path, body: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(Avis=body))
    assert path.stat().st_size < 2_500
    with pytest.raises(InputError, match="too large for a sheet; save it as CSV"):
        File(str(path))


def test_a_panic_of_the_sheet_reader_is_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: object) -> None:
        raise type("PanicException", (BaseException,), {})

    monkeypatch.setattr("pipeline.source.files.sheet_table._first_table", panic)
    with pytest.raises(InputError, match="cannot be read; save it as CSV"):
        texts(tmp_path / "a.xlsx", sheet([["text"], ["Bien"]]))


def test_the_first_visible_sheet_with_a_record_is_read_and_named(tmp_path: Path) -> None:
    def rows(*values: str) -> str:
        return "".join(f'<row><c t="inlineStr"><is><t>{one}</t></is></c></row>' for one in values)

    path = tmp_path / "a.xlsx"
    sheets = {"Ancien": rows("text", "Hidden"), "Titre": rows("Avis 2024"), "Avis": rows("text", "Bien"), "Autre": ""}
    path.write_bytes(workbook("Ancien", **sheets))
    source = File(str(path))
    assert [one.text for one in source.reviews() if isinstance(one, Review)] == ["Bien"]
    assert "sheet Avis, 3 others not read: 1 record" in source.guesses


def test_no_other_archive_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("content.xml", "<office:spreadsheet/>")
    with pytest.raises(InputError, match="a ZIP file or a sheet that cannot be read"):
        texts(tmp_path / "a.xlsx", file.getvalue())


def test_a_list_of_objects_larger_than_a_chunk_is_read_one_by_one(tmp_path: Path) -> None:
    many = [{"id": n, "text": "é" * (n % 300)} for n in range(2000)]
    assert len(texts(tmp_path / "a.json", json.dumps(many).encode())) == 2000


def test_a_list_that_is_cut_gives_what_came_before(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.json", json.dumps(TWO).encode()[:-8]) == ["Très bien"]


@pytest.mark.parametrize("behind", [",", "]", '{"text": "Mal"}', "x" * 100_000])
def test_what_stands_behind_a_list_is_one_broken_record(tmp_path: Path, behind: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(TWO) + "\n" + behind, encoding="utf-8")
    *read, broken = File(str(path)).reviews()
    assert len(read) == 2 and isinstance(broken, BrokenRecord) and broken.position == 3


def test_a_folder_and_several_files_are_one_source(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(CSV)
    (tmp_path / "a.txt").write_text("Super\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not read", encoding="utf-8")
    read = [one for one in open_files([str(tmp_path)], ReadOptions()).reviews() if isinstance(one, Review)]
    assert [(one.source, one.text) for one in read] == [("a", "Super"), ("b", "Très bien"), ("b", "Déçu")]
    assert len({one.position for one in read}) == 3
    with pytest.raises(InputError, match="twice"):
        open_files([str(tmp_path), str(tmp_path / "b.csv")], ReadOptions())


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_older_encodings_are_told_apart(tmp_path: Path, encoding: str) -> None:
    text = "Déçu par l'application, elle plante à chaque démarrage; même le réseau a été coupé"
    path = tmp_path / "a.csv"
    assert texts(path, f'texte\n"{text}"\n'.encode(encoding)) == [text]


@pytest.mark.parametrize(
    "name",
    ["reviews", "reviewText", "reviews.text", "review_content", "comment_text", "Avis client", "Commentaires libres",
     "Réponse ouverte", "verified_reviews"],
)  # fmt: skip
def test_names_of_text_columns_met_in_real_files_are_found(tmp_path: Path, name: str) -> None:
    assert texts(tmp_path / "a.csv", f"n;{name}\n1;Bien\n".encode()) == ["Bien"]


def test_other_columns_met_in_real_files_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Réf. avis;publishedAtDate;Note /10;avis;URL\n7;2024-05-01;8;Bien;https://shop.example/7\n")
    (review,) = File(str(path)).reviews()
    assert isinstance(review, Review)
    assert (review.external_id, review.written_at, review.rating) == ("7", "2024-05-01", 4.0)
    assert review.url == "https://shop.example/7"


def test_a_column_of_numbers_is_not_taken_for_the_text(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.csv", b"feedback,verified_reviews\n1,Good\n0,Bad\n") == ["Good", "Bad"]


@pytest.mark.parametrize(
    "content",
    [
        "avis;commentaire\nPositif;Très bien fait\nNégatif;Pas du tout\n",
        "avis;message\nTrès bien fait;Merci\nPas du tout;Merci\n",
        "commentaire;message\nTrès bien fait;Merci pour votre avis\nPas du tout;Nous en sommes navrés\n",
    ],
)
def test_the_text_is_the_first_column_of_sentences(tmp_path: Path, content: str) -> None:
    assert texts(tmp_path / "a.csv", content.encode()) == ["Très bien fait", "Pas du tout"]


@pytest.mark.parametrize("name", ["review_date", "date_avis", "Date de l'avis", "published", "publishedAt"])
def test_the_date_of_the_review_comes_before_any_other(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"date;{name};texte;user_rating\n2024-01-01;2024-05-01;Bien;4\n", encoding="utf-8")
    (review,) = File(str(path)).reviews()
    assert isinstance(review, Review) and (review.written_at, review.rating) == ("2024-05-01", 4.0)


def test_other_columns_are_kept_unless_they_say_who_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("texte;produit;auteur;e-mail;userName;ville\nBien;Lampe;Jean;j@x.fr;jj;\n", encoding="utf-8")
    source = File(str(path))
    (review,) = source.reviews()
    assert isinstance(review, Review) and review.extra == {"produit": "Lampe"}
    assert "left out, since they may say who wrote: auteur, e-mail, userName" in source.guesses


def test_names_of_columns_that_may_be_words_of_a_person_are_only_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    said = "Je suis très déçue de madame Dupont"
    others = {"produit": "Lampe", "Ma commande": "1", said: "x", "j@x.fr": "x", "N 0612345": "x", "\x1b[2J": "x"}
    path.write_text(json.dumps({"text": "Bien", **others, "photos": ["x"], "vide": "", said + " client": "x"}))
    report = File(str(path)).guesses
    assert "kept with each row: produit, Ma commande and 4 more" in report
    assert "left out, since they may say who wrote: 1 column not shown" in report


def test_the_name_of_a_file_is_shown_without_personal_data_and_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "jean.dupont@example.org\x1b[2J.csv"
    path.write_bytes(CSV)
    first, *_ = about_to_read(File(str(path)), of_files=True, samples=True)
    assert first == "reading [email]\ufffd[2J.csv"
    (tmp_path / "avis_2024-05-01.csv").write_bytes(CSV)
    first, *_ = about_to_read(File(str(tmp_path / "avis_2024-05-01.csv")), of_files=True, samples=True)
    assert first == "reading avis_2024-05-01.csv"


@pytest.mark.parametrize(
    "name",
    ["name", "Nom", "nom_client", "display_name", "userName", "author.name", "written_by", "posted_by", "from",
     "e-mail", "Email 2", "phone_number", "tel_portable", "address_line_1", "nom_de_famille", "date_de_naissance",
     "birth_date", "customer_id", "userID", "reviewer_photo", "profile_url", "ip", "N° téléphone", "Prénom",
     "owner", "last_name"],
)  # fmt: skip
def test_a_name_that_says_who_wrote_is_personal(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize(
    "name",
    ["nom_produit", "product_name", "tel_model", "customer_segment", "client_since", "mobile_app", "store_id", "image",
     "id", "produit", "contact_reason", "shop_name", "2024", "", "°"],
)  # fmt: skip
def test_a_name_of_something_else_is_not(name: str) -> None:
    assert not is_personal(name)


@pytest.mark.parametrize(
    "remark",
    [
        "x" * 1990 + " jean.dupont@example.org",
        "x" * 1988 + " 06 12 34 56 78 et plus",
        # masked, the first 4,000 characters are far fewer than 2,000
        f"{'a' * 60}@example.org " * 53 + "x" * 115 + " jean.dupont@example.org",
        "x" * 10_000,
    ],
)
def test_half_an_address_is_not_kept_where_a_value_is_cut(tmp_path: Path, remark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"texte;remarque\nBien;{remark}\n", encoding="utf-8")
    (review,) = File(str(path)).reviews(prepare=prepare)
    assert isinstance(review, Review) and review.extra
    kept = str(review.extra["remarque"])
    assert len(kept) <= 2000 and "jean" not in kept and "06 12" not in kept


def test_a_column_of_remarks_is_no_rating(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("texte;note;score\nBien;rappelé 2 fois;4\nMal;3;1\nBof;à voir;5\n", encoding="utf-8")
    read = [one for one in File(str(path)).reviews() if isinstance(one, Review)]
    assert [one.rating for one in read] == [4.0, 1.0, 5.0] and read[0].extra == {"note": "rappelé 2 fois"}


def test_what_was_read_and_what_was_not_is_said_without_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ["1;Bien fait;4;13/04/2024", "2;;abc;le 3 avril", "3;Très bon;5;03/04/2024"]
    path.write_text("\n".join(["id;texte;note;date", *rows]), encoding="utf-8")
    report = "\n".join(File(str(path)).guesses)
    assert "CSV, UTF-8: 3 records, 1 without a text" in report
    assert "2 read, 1 unread such as a;" in report
    assert "2 read, 1 unread such as a 9 a; day first, which 1 date proves" in report
    assert "abc" not in report and "avril" not in report and "Bien" not in report


def test_a_list_in_an_older_encoding_is_read_and_one_in_two_is_reported(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.json", '[{"text": "Déçu du café"}]'.encode("cp1252")) == ["Déçu du café"]
    mixed = '[{"text": "Déçu, très déçu"}, {"text": "Caf"}]'.encode().replace(b"Caf", b"Caf\xe9")
    path = tmp_path / "b.json"
    path.write_bytes(mixed)
    assert list(File(str(path)).reviews())[1] == BrokenRecord(2, "not UTF-8")


def test_ids_that_two_files_give_to_different_texts_are_none(tmp_path: Path) -> None:
    for name, text in (("jan", "Bien"), ("feb", "Mal")):
        (tmp_path / f"{name}.csv").write_text(f"id,texte\n1,{text}\n", encoding="utf-8")
    both = open_files([str(tmp_path)], ReadOptions(source="shop"))
    assert len({one.external_id for one in both.reviews() if isinstance(one, Review)}) == 2
    assert sum("beside several texts" in line for line in both.guesses) == 2


def test_the_column_source_labels_whatever_its_case_unless_it_is_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Source;texte\nGoogle;Bien\n", encoding="utf-8")
    (review,) = File(str(path)).reviews()
    assert isinstance(review, Review) and (review.source, review.extra) == ("Google", None)
    (review,) = File(str(path), ReadOptions(Columns(text="Source"))).reviews()
    assert isinstance(review, Review) and (review.source, review.text) == ("a", "Google")


def test_a_file_without_a_readable_record_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("texte\nBien, merci\nOui, top\n", encoding="utf-8")
    assert any("no record can be read" in line for line in File(str(path)).guesses)


def test_columns_that_give_nothing_stand_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("texte;note\n;super\n;nul\n", encoding="utf-8")
    source = File(str(path), ReadOptions(Columns(rating="note")))
    warnings = [line for line in source.guesses if line.startswith("warning: ")]
    assert warnings[0].startswith("warning: no record has a text") and "no rating can be read" in warnings[1]


def test_a_guessed_id_column_with_several_texts_per_id_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;texte\n7;Bien\n7;Mal\n8;Bof\n", encoding="utf-8")
    source = File(str(path))
    assert len({one.external_id for one in source.reviews() if isinstance(one, Review)}) == 3
    assert any('1 value of "id" beside several texts' in line for line in source.guesses)
    named = File(str(path), ReadOptions(Columns(id="id")))
    assert [one.external_id for one in named.reviews() if isinstance(one, Review)] == ["7", "7", "8"]


def test_an_id_needs_to_be_unique_within_its_source_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("source;id;texte\nLyon;7;Bien\nParis;7;Mal\nParis;8;Bof\n", encoding="utf-8")
    read = [one for one in File(str(path)).reviews() if isinstance(one, Review)]
    assert [(one.source, one.external_id) for one in read] == [("Lyon", "7"), ("Paris", "7"), ("Paris", "8")]
    labelled = File(str(path), ReadOptions(source="Shop"))
    assert any("beside several texts" in line for line in labelled.guesses)
    path.write_text("source;id;texte\nj@x.fr;7;Bien\nk@x.fr;7;Mal\n", encoding="utf-8")
    assert any("beside several texts" in line for line in File(str(path)).guesses)
