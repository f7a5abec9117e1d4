"""Bad input and bad settings: one clear line that names the cause, exit code 2, nothing written."""

from pathlib import Path

import pytest

from .conftest import Command, query, write_jsonl
from .recorder import Recorder

SECRET = "hush-hush"


def test_each_bad_input_is_reported_in_one_line_and_writes_nothing(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "binary.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "good.csv").write_text("id,texte\n1,Une livraison rapide\n")
    cases: list[tuple[list[str], dict[str, str], str]] = [
        (["--input", "missing.csv"], {}, "missing.csv"),
        (["--input", "other.csv"], {}, "--text-column"),
        (["--input", "other.csv", "--text-column", "avis"], {}, "avis"),
        (["--input", "empty.csv"], {}, "empty.csv"),
        (["--input", "binary.jsonl"], {}, "binary.jsonl"),
        (["--input", "."], {}, "."),
        (["--input", "good.csv"], {"STORE": "nonsense://"}, "STORE"),
        (["--input", "good.csv"], {"SCRAPER_MODE": "production"}, "SCRAPER_MODE"),
        (["--input", "good.csv"], {"SCRAPER_MODE": "prod"}, "ANTHROPIC_API_KEY"),
        (["--input", "good.csv"], {"ANTHROPIC_BASE_URL": f"http://me:{SECRET}@127.0.0.1:1"}, "ANTHROPIC_BASE_URL"),
        (["--input", "good.csv"], {"STORE": f"postgresql://me:{SECRET}@127.0.0.1:1/db"}, "STORE"),
        (["--input", "good.csv"], {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}, "ANTHROPIC_BASE_URL"),
        ([], {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": SECRET}, "VERBATIMS_SOURCES"),
        (["--limit", "none"], {}, "--limit"),
    ]
    for arguments, environment, culprit in cases:
        ended = verbatims("run", *arguments, **environment)
        assert ended.code == 2, (arguments, environment, ended)
        assert ended.err.count("\n") == 1 and culprit in ended.err, (arguments, environment, ended.err)
        assert SECRET not in ended.err and ended.out == ""
        assert not (tmp_path / "var").exists(), (arguments, environment)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("Produit nul;1;2024-05-01\nTrès bien;5;2024-05-02\n", "3 columns"),
        ("Nul\nDécevant\nSuper\n", "1 column"),
        ("Jeanne,Martin,Nul\nPaul,Petit,Super\n", "3 columns"),
        ("42,nul,Jeanne\n43,super,Paul\n", "3 columns"),
        ("id,nul et cher,Jeanne\n1,super,Paul\n", "columns: id and 2 more"),
        ('"Très bien,\nmerci",5\n"Nul",1\n', "2 columns"),
        ("Nul@exemple.fr\tnote\nSuper\t1\n", "columns: note and 1 more"),
        ("Note,Dupont\n1,Martin\n", "columns: Note and 1 more"),
        ("note,etoiles,mon_avis\n1,2,Super\n", "columns: note, etoiles, mon_avis"),
    ],
)
def test_the_error_on_a_file_without_a_header_does_not_show_its_first_record(
    verbatims: Command, tmp_path: Path, content: str, shown: str
) -> None:
    (tmp_path / "reviews.csv").write_text(content)
    for more in ((), ("--text-column", "opinion"), ("--debug",), ("--dry-run",)):
        ended = verbatims("run", "--input", "reviews.csv", *more)
        assert (ended.code, shown in ended.err) == (2, True), ended.err
        assert not any(word in ended.err for word in ("Nul", "nul ", "Jeanne", "Martin", "Très", "2024", "Dupont")), (
            ended.err
        )


@pytest.mark.parametrize("mode", [{}, {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": SECRET}])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--input", ""),
        ("--input=", "--dry-run"),
        ("--input", " "),
        ("--text-column", "texte"),
        ("--rating-column", "note", "--date-column", "jour", "--language-column", "langue", "--dry-run"),
        ("--input", "good.csv", "--text-column", ""),
    ],
)
def test_an_empty_input_is_an_error_and_no_other_source_is_read(
    verbatims: Command, recorder: Recorder, tmp_path: Path, mode: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """In particular not the sources of sources.toml, which a prod run would pay for."""
    (tmp_path / "good.csv").write_text("id,texte\n1,Une livraison rapide\n")
    (tmp_path / "sources.toml").write_text('[shop]\nkind = "file"\npath = "good.csv"\n')
    base = {"ANTHROPIC_BASE_URL": recorder.url} if mode else {}
    for command in ("run", "scrape"):
        arguments = tuple(one for one in arguments if command == "run" or one != "--dry-run")
        ended = verbatims(command, *arguments, **mode, **base)
        assert (ended.code, ended.err.count("\n"), recorder.requests) == (2, 1, []), ended.err
        assert arguments[0].rstrip("=") in ended.err or "--text-column" in ended.err
        assert not (tmp_path / "var").exists()


def test_bad_records_are_counted_and_named_by_line_and_the_rest_is_analysed(verbatims: Command, tmp_path: Path) -> None:
    secret = "phrase-secrete"
    lines = [
        '{"id": 1, "texte": "Une livraison vraiment rapide"}',
        f'{{"id": 2, "texte": "{secret}',
        f'{{"id": 3, "texte": "{(secret + " ") * 70_000}"}}',
        f'{{"id": 4, "texte": ["{secret}"]}}',
        '{"id": 5, "texte": "Le service client est aimable"}',
    ]
    (tmp_path / "reviews.jsonl").write_text("\n".join(lines))
    ended = verbatims("run", "--input", "reviews.jsonl", "--json")
    assert ended.code == 1
    assert (ended.data["scraped"], ended.data["analysed"], ended.data["loaded"]) == (5, 2, 2)
    assert ended.data["failed"] == {"unreadable_record": 2} and ended.data["skipped"] == {"too_long": 1}
    assert "too long: record 3" in ended.err and secret not in ended.err + ended.out
    listed = verbatims("failed")
    assert [line.split(",")[0] for line in listed.out.splitlines()] == ['{"position": 2', '{"position": 4']
    assert secret not in listed.out


def test_an_unknown_command_or_option_is_reported_in_one_line(verbatims: Command) -> None:
    for arguments in (["fly"], ["run", "--fast"], []):
        ended = verbatims(*arguments)
        assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_a_dry_run_counts_and_writes_nothing(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("id,texte\n1,Une livraison rapide\n2,Bof\n1,Une livraison rapide\n")
    ended = verbatims("run", "--input", "good.csv", "--dry-run", "--json")
    assert (ended.code, ended.data["would_ask"], ended.data["skipped"]) == (0, 1, {"too_short": 1, "duplicate": 1})
    assert not (tmp_path / "var").exists()
    assert verbatims("run", "--input", "good.csv").code == 0
    assert verbatims("run", "--input", "good.csv", "--dry-run", "--json").data["would_ask"] == 0


def test_ten_times_as_many_texts_have_ten_times_the_estimate(verbatims: Command, tmp_path: Path) -> None:
    """Beyond 100,000 tokens a request costs more per token; many short requests are not one long one."""
    costs = []
    for number in (50, 500):
        file = write_jsonl(
            tmp_path / f"{number}.jsonl", [f"La livraison numéro {n:03} est rapide" for n in range(number)]
        )
        costs.append(verbatims("run", "--input", file.name, "--dry-run", "--json").data["estimated_cost_usd"])
    assert costs[1] == pytest.approx(10 * costs[0], rel=0.02)


def test_the_estimate_includes_thinking_if_it_is_allowed(verbatims: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison numéro {n} est rapide" for n in range(50)])
    dry = ("run", "--input", file.name, "--dry-run", "--json")
    plain, thinking = verbatims(*dry), verbatims(*dry, VERBATIMS_THINKING="adaptive")
    assert thinking.data["estimated_cost_usd"] > plain.data["estimated_cost_usd"] * 1.5


def test_a_file_that_is_not_a_store_is_rejected(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("id,texte\n1,Une livraison rapide\n")
    (tmp_path / "x.db").write_text("not a database, but long enough to be looked at as one" * 20)
    ended = verbatims("run", "--input", "good.csv", STORE="sqlite:///x.db")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "STORE" in ended.err


def test_the_warehouse_file_describes_its_columns(verbatims: Command, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("id,texte,note\n1,Une livraison très rapide,5\n2,La livraison est nulle,1\n")
    assert verbatims("run", "--input", "good.csv").code == 0
    file = tmp_path / "var" / "verbatims-warehouse.db"
    [(schema,)] = query(file, "SELECT sql FROM sqlite_master WHERE name = 'verbatims_analysed_v2'")
    assert schema.count("--") == 27
    assert sum(n for (n,) in query(file, "SELECT verbatims FROM sentiment_by_week_v2")) == 2
    assert ("delivery", 2, 3.0) in query(file, "SELECT topic, verbatims, mean_rating FROM topics_v1")


@pytest.mark.parametrize("stage", ["run", "scrape"])
@pytest.mark.parametrize(
    ("name", "masked", "source"),
    [
        ("0612345678.csv", "[phone].csv", "[phone]"),
        ("jean.dupont@exemple.fr.csv", "[email]", "[email]"),
        ("avis_0612345678.csv", "avis_[phone].csv", "avis_[phone]"),
    ],
)
def test_personal_data_in_the_name_of_a_file_is_not_stored(
    verbatims: Command, tmp_path: Path, stage: str, name: str, masked: str, source: str
) -> None:
    (tmp_path / name).write_text("id,texte\n1,Une livraison rapide\n")
    assert verbatims(stage, "--input", name).code == 0
    store = tmp_path / "var/verbatims.db"
    assert query(store, "SELECT input FROM runs") == [(masked,)]
    assert query(store, "SELECT source FROM texts") == [(source,)]
    assert not any(name.removesuffix(".csv").encode() in file.read_bytes() for file in store.parent.glob("*.db*"))
