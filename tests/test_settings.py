"""Invalid settings fail at start, in one line that names the key and shows no secret."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.analyse.topics import load_topics
from pipeline.env_example import render
from pipeline.errors import SettingsError
from pipeline.settings import Settings, load_settings

KEY = "sk-ant-secret-0123"


def test_the_example_file_equals_the_rendered_settings() -> None:
    example = Path(__file__).parents[1] / ".env.example"
    assert example.read_text(encoding="utf-8") == render(), "run: python tests/env_example.py > .env.example"


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"STORE": "nonsense://x"}, "STORE"),
        ({"STORE": "sqlite:///"}, "STORE"),
        ({"WAREHOUSE": "duckdb:///x"}, "WAREHOUSE"),
        ({"STORE": "sqlite:///:memory:"}, "STORE"),
        ({"STORE": "sqlite:///q.db?mode=ro"}, "STORE"),
        ({"STORE": "sqlite:///~/q.db"}, "STORE"),
        ({"STORE": "postgresql://u:p@h:notaport/db"}, "STORE"),
        ({"STORE": f"postgresql://u@h/db?password={KEY}"}, "STORE"),
        ({"STORE": "postgresql://u@h/db"}, "WAREHOUSE"),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:99999"}, "ANTHROPIC_BASE_URL"),
        ({"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": f"{KEY}\n"}, "ANTHROPIC_API_KEY"),
        ({"SCRAPER_MODE": "production"}, "SCRAPER_MODE"),
        ({"SCRAPER_MODE": "prod"}, "ANTHROPIC_API_KEY"),
        ({"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": ""}, "ANTHROPIC_API_KEY"),
        ({"VERBATIMS_CONCURRENCY": "many"}, "VERBATIMS_CONCURRENCY"),
        ({"VERBATIMS_CONCURRENCY": "0"}, "VERBATIMS_CONCURRENCY"),
        ({"VERBATIMS_CONCURENCY": "8"}, "VERBATIMS_CONCURENCY"),
        ({"VERBATIMS_TOPICS": "nowhere.yaml"}, "VERBATIMS_TOPICS"),
        ({"VERBATIMS_INPUT_USD_PER_MTOK": "1"}, "VERBATIMS_OUTPUT_USD_PER_MTOK"),
        ({"ANTHROPIC_BASE_URL": "localhost:9100"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": f"http://user:{KEY}@host"}, "ANTHROPIC_BASE_URL"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{KEY}@host"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_an_invalid_value_is_reported_in_one_line_that_names_the_key(environment: dict[str, str], names: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(environment, dotenv=None)
    assert names in str(error.value)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


def test_secrets_are_not_in_the_repr() -> None:
    settings = load_settings(
        {
            "SCRAPER_MODE": "prod",
            "ANTHROPIC_API_KEY": KEY,
            "STORE": f"postgresql://me:{KEY}@host/db",
            "WAREHOUSE": "sqlite:///x.db",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={KEY}",
        },
        dotenv=None,
    )
    assert KEY not in repr(settings) + str(settings)


def test_the_environment_overrides_the_file_and_foreign_keys_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("VERBATIMS_CONCURRENCY=8\nVERBATIMS_RETRY_S=1\nGF_SECURITY_ADMIN_PASSWORD=x\n")
    settings = load_settings({"VERBATIMS_CONCURRENCY": "9"}, dotenv=file)
    assert (settings.concurrency, settings.retry_s) == (9, 1)


def test_an_unknown_verbatims_key_in_the_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("VERBATIMS_MODLE=x\n")
    with pytest.raises(SettingsError, match="VERBATIMS_MODLE"):
        load_settings({}, dotenv=file)


def test_the_mode_alone_decides_which_model_answers() -> None:
    assert (
        load_settings({"ANTHROPIC_API_KEY": KEY, "VERBATIMS_MODEL": "claude-x"}, dotenv=None).asked_model == "sandbox"
    )
    assert (
        load_settings({"ANTHROPIC_API_KEY": KEY, "SCRAPER_MODE": "prod"}, dotenv=None).asked_model == "claude-haiku-5-5"
    )


def test_topics_that_are_nested_too_deeply_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text("topics: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(SettingsError, match=r"VERBATIMS_TOPICS: .* is nested too deeply"):
        load_topics(file)


@pytest.mark.parametrize("table", ["verbatims_analysed_v1", "verbatims_analysed_v2"])
def test_rows_have_a_file_of_their_own_unless_the_store_has_them_already(tmp_path: Path, table: str) -> None:
    def settings(environment: dict[str, str]) -> Settings:
        return load_settings(environment, dotenv=None)

    environment = {"STORE": f"sqlite:///{tmp_path}/demo.db"}
    own = f"sqlite:///{tmp_path}/demo-warehouse.db"
    assert settings(environment).warehouse_url == own
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection:
        connection.execute("CREATE TABLE texts (text_id INTEGER)")
        assert settings(environment).warehouse_url == own
        connection.execute(f"CREATE TABLE {table} (verbatim_id TEXT)")
    assert settings(environment).warehouse_url == environment["STORE"]
    assert settings({**environment, "WAREHOUSE": own}).warehouse_url == own
