"""`verbatims export`: the warehouse's rows as a file that is whole or not there."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import date
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from required import skip_or_fail

from pipeline import export
from pipeline.errors import Interrupted, VerbatimsError
from pipeline.whole_file import whole_file

from .conftest import Command, write_jsonl

TEXTS = ["=SUM(A1) est une livraison rapide", "- la batterie est vraiment nulle", "Un prix très correct, merci"]
BIGQUERY = "bigquery://sandbox/verbatims"


@pytest.fixture
def loaded(verbatims: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(export, "PAGE", 2)  # so that three rows are two pages
    write_jsonl(tmp_path / "shop.jsonl", TEXTS)
    assert verbatims("run", "--input", "shop.jsonl").code == 0
    return verbatims


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_a_csv_file_opens_in_excel_and_calculates_nothing(loaded: Command, tmp_path: Path) -> None:
    assert loaded("export", "--output", "rows.csv").code == 0
    content = (tmp_path / "rows.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert content.startswith(b"\xef\xbb\xbf")
    assert sorted(row["text"] for row in rows) == sorted([f"'{TEXTS[0]}", f"'{TEXTS[1]}", TEXTS[2]])
    assert all(isinstance(json.loads(row["topics"]), list) for row in rows)
    shown = loaded("export")
    assert shown.out.startswith("verbatim_id,") and shown.out.count("\n") == 4


def test_json_lines_hold_values_unchanged_of_every_warehouse_alike(loaded: Command) -> None:
    rows = lines(loaded("export", "--format", "jsonl").out)
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert loaded("load", "--run", rows[0]["run_id"], WAREHOUSE=BIGQUERY).code == 0
    assert lines(loaded("export", "--format", "jsonl", WAREHOUSE=BIGQUERY).out) == rows


def test_only_the_rows_that_are_asked_for(loaded: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "other.jsonl", ["Une application plutôt lente"])
    run = loaded("run", "--input", "other.jsonl", "--json").data["run_id"]
    today = date.today().isoformat()
    for choice, expected in (
        (("--source", "shop"), 3),
        (("--run", run), 1),
        (("--since", today), 4),
        (("--since", "2999-01-01"), 0),
        (("--source", "shop", "--run", run), 0),
    ):
        assert len(lines(loaded("export", "--format", "jsonl", *choice).out)) == expected, choice


@pytest.mark.parametrize(
    ("met", "said"),
    [
        (Interrupted("stopped"), "stopped"),
        (OSError(ENOSPC, "No space left on device"), "rows.csv cannot be written: No"),
    ],
)
def test_an_export_that_is_stopped_leaves_the_file_of_before(tmp_path: Path, met: Exception, said: str) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("before")

    def stopped() -> Iterator[Any]:
        raise met
        yield

    with pytest.raises(VerbatimsError, match=said), whole_file(target, "--output") as file:
        export.write_csv(stopped(), file, to_file=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("rows.csv", "before")]


def test_a_parquet_file_has_real_days_and_instants(loaded: Command) -> None:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        skip_or_fail("pyarrow is not installed")
    assert loaded("export", "--output", "rows.parquet").code == 0
    table = parquet.read_table("rows.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["seen_on"], types["analysed_at"]) == ("date32[day]", "timestamp[us, tz=UTC]")
    assert (types["rating"], types["input_tokens"], types["topics"]) == ("double", "int64", "string")
    assert sorted(table.column("text").to_pylist()) == sorted(TEXTS)


def test_parquet_without_its_library_says_what_to_install(loaded: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = loaded("export", "--output", "rows.parquet")
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "pip install 'verbatims[parquet]'" in ended.err


@pytest.mark.parametrize(
    "given", [("--output", "rows.txt"), ("--output", "."), ("--since", "yesterday"), ("--output", "rows.csv")]
)
def test_what_cannot_be_exported_is_one_line_and_makes_nothing(
    verbatims: Command, tmp_path: Path, given: tuple[str, ...]
) -> None:
    ended = verbatims("export", *given)
    assert (ended.code, ended.err.count("\n"), list(tmp_path.iterdir())) == (2, 1, [])
