"""Where the value of a setting is from: the environment, a secret file, `.env`, `config/.env`, in this order."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.given import Origin, use_google_key
from pipeline.settings import Settings, load_settings, origins

NOBODY = 65534
DEFAULTS = {
    "STORE_DEFAULT": "postgresql://me:pass@db/verbatims_{mode}",
    "WAREHOUSE_DEFAULT": "sqlite:////verbatims/var/{mode}.db",
}
"""As docker-compose.yml sets them."""


class Folder:
    """A working directory and the folder of Compose's secrets."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.dotenv, self.config, self.secrets = place / ".env", place / "config", place / "secrets"
        self.config.mkdir()
        self.secrets.mkdir()

    def load(self, **environment: str) -> Settings:
        return load_settings(environment, self.dotenv, self.secrets)

    def origin(self, name: str, **environment: str) -> Origin:
        return origins(environment, self.dotenv, self.secrets)[name]

    def key(self, **environment: str) -> str:
        found = self.load(**environment).api_key
        return found.get_secret_value() if found else ""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="verbatims-config-") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_the_environment_wins_over_a_secret_file_over_env_over_env_in_config(folder: Folder) -> None:
    name, file = "ANTHROPIC_API_KEY", "anthropic_api_key"
    steps: list[tuple[str, Origin, Callable[[], object]]] = [
        ("fifth", Origin.CONFIG, lambda: (folder.config / ".env").write_text(f"{name}=fifth\n")),
        ("fourth", Origin.DOTENV, lambda: folder.dotenv.write_text(f"{name}=fourth\n")),
        ("third", Origin.SECRET_FILE, lambda: (folder.config / file).write_text("third\n")),
        ("second", Origin.SECRET_FILE, lambda: (folder.secrets / file).write_text("second\n")),
    ]
    for value, origin, write in steps:
        write()
        assert (folder.key(), folder.origin(name)) == (value, origin)
    given = {name: "first"}
    assert (folder.key(**given), folder.origin(name, **given)) == ("first", Origin.ENVIRONMENT)


def test_the_two_env_files_are_joined_key_by_key(folder: Folder) -> None:
    folder.dotenv.write_text("VERBATIMS_RETRY_S=1\n")
    (folder.config / ".env").write_text("VERBATIMS_RETRY_S=2\nVERBATIMS_CONCURRENCY=8\n")
    settings = folder.load()
    assert (settings.retry_s, settings.concurrency) == (1, 8)


def test_an_unknown_key_in_the_env_file_of_config_is_an_error(folder: Folder) -> None:
    (folder.config / ".env").write_text("VERBATIMS_MODLE=x\n")
    with pytest.raises(SettingsError, match="VERBATIMS_MODLE"):
        folder.load()


def test_a_key_is_kept_letter_by_letter_but_for_the_last_line_break(folder: Folder) -> None:
    key = "sk-$a$$b${HOME}'\"#c\\n"
    (folder.config / "anthropic_api_key").write_text(key + "\n")
    assert folder.key() == key
    (folder.config / "anthropic_api_key").write_text(key + "\n\n")
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY: holds a blank, a line break"):
        folder.load()


@pytest.mark.parametrize("name", ["STORE", "ANTHROPIC_API_KEY", "OTEL_EXPORTER_OTLP_HEADERS"])
def test_every_setting_that_may_hold_a_secret_may_be_a_file(folder: Folder, name: str) -> None:
    (folder.secrets / name.lower()).write_text({"STORE": "sqlite:///x.db"}.get(name, "x=y") + "\n")
    assert folder.origin(name) == Origin.SECRET_FILE
    assert folder.load()


def test_an_empty_secret_file_or_a_device_counts_as_none(folder: Folder) -> None:
    """Compose mounts /dev/null where no file is named."""
    (folder.config / "anthropic_api_key").write_text("third")
    (folder.secrets / "anthropic_api_key").write_text("\n")
    assert folder.key() == "third"
    (folder.secrets / "anthropic_api_key").unlink()
    (folder.secrets / "anthropic_api_key").symlink_to("/dev/null")
    assert folder.key() == "third"


def test_an_empty_variable_hides_every_file(folder: Folder) -> None:
    (folder.config / "anthropic_api_key").write_text("third")
    assert folder.key(ANTHROPIC_API_KEY="") == ""
    assert folder.origin("ANTHROPIC_API_KEY", ANTHROPIC_API_KEY="") == Origin.ENVIRONMENT


@pytest.mark.parametrize("name", [".env", "anthropic_api_key"])
def test_a_file_that_may_not_be_read_is_named_with_what_to_do(shared: Path, name: str) -> None:
    folder = Folder(shared)
    (folder.config / name).write_text("STORE=sqlite:///x.db\n")
    (folder.config / name).chmod(0)
    with another_user(), pytest.raises(SettingsError) as error:
        folder.load()
    assert str(error.value).startswith(f"{folder.config / name}: ") and "chmod" in str(error.value)
    assert "\n" not in str(error.value)


@contextmanager
def another_user() -> Iterator[None]:
    """Nobody, where root, who may read everything, runs the tests."""
    user = os.geteuid()
    os.seteuid(NOBODY if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_named_env_is_no_file(folder: Folder) -> None:
    folder.dotenv.mkdir()
    assert folder.load().sandbox


@pytest.mark.parametrize("mode", ["sandbox", "prod"])
def test_the_mode_is_filled_into_store_and_warehouse(folder: Folder, mode: str) -> None:
    (folder.config / ".env").write_text(f"SCRAPER_MODE={mode}\nANTHROPIC_API_KEY=k\n")
    settings = folder.load(STORE="postgresql://db/v_{mode}", WAREHOUSE="sqlite:///{mode}.db")
    assert (settings.store, settings.warehouse) == (f"postgresql://db/v_{mode}", f"sqlite:///{mode}.db")


def test_without_a_mode_the_default_is_filled_in(folder: Folder) -> None:
    assert folder.load(STORE="sqlite:///{mode}.db").store == "sqlite:///sandbox.db"


def test_a_default_of_the_installation_gives_way_to_every_file(folder: Folder) -> None:
    assert folder.load(**DEFAULTS).store == "postgresql://me:pass@db/verbatims_sandbox"
    assert folder.load(**DEFAULTS, STORE="").store == "postgresql://me:pass@db/verbatims_sandbox"
    assert folder.origin("STORE", **DEFAULTS) == Origin.DEFAULT
    (folder.config / ".env").write_text("WAREHOUSE=sqlite:///mine.db\n")
    (folder.config / "store").write_text("postgresql://me:other@db/mine\n")
    settings = folder.load(**DEFAULTS)
    assert (settings.store, settings.warehouse) == ("postgresql://me:other@db/mine", "sqlite:///mine.db")


def test_sources_and_topics_of_config_are_used_where_nothing_else_is_named(folder: Folder) -> None:
    assert (folder.load().sources, folder.load().topics) == (Path("sources.toml"), None)
    for name in ("sources.toml", "topics.yaml"):
        (folder.config / name).write_text("")
    settings = folder.load()
    assert (settings.sources, settings.topics) == (folder.config / "sources.toml", folder.config / "topics.yaml")
    (folder.place / "sources.toml").write_text("")
    assert folder.load().sources == Path("sources.toml")
    named = {"VERBATIMS_SOURCES": "mine.toml", "VERBATIMS_TOPICS": str(folder.place / "sources.toml")}
    assert folder.load(**named).sources == Path("mine.toml")
    assert folder.load(**named).topics == folder.place / "sources.toml"


def test_a_key_for_google_in_config_is_used_where_the_environment_names_none(folder: Folder) -> None:
    def named(**environment: str) -> str | None:
        use_google_key(environment, folder.config)
        return environment.get("GOOGLE_APPLICATION_CREDENTIALS")

    assert named() is None
    (folder.config / "google.json").write_text("{}")
    assert named() == str(folder.config / "google.json")
    assert named(GOOGLE_APPLICATION_CREDENTIALS="mine.json") == "mine.json"


def test_only_who_asks_claude_needs_its_key(folder: Folder) -> None:
    """The exporter and the dag-processor read the store alone, of prod too."""
    with pytest.raises(SettingsError, match="config/anthropic_api_key"):
        folder.load(SCRAPER_MODE="prod")
    given = {"SCRAPER_MODE": "prod", "STORE": "sqlite:///{mode}.db"}
    assert load_settings(given, folder.dotenv, folder.secrets, asks=False).store == "sqlite:///prod.db"
