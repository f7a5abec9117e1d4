"""The operator's settings: names, types, defaults and reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from pipeline.asking_settings import AskingSettings, key
from pipeline.config_folder import SECRETS
from pipeline.errors import SettingsError
from pipeline.given import Origin, find_given, refuse_unknown
from pipeline.header_list import check_headers, parse_headers
from pipeline.records import SANDBOX_MODEL
from pipeline.sqlite_file import warehouse_of
from pipeline.urls import check_http, check_place

SANDBOX_PRICED_AS = "claude-haiku-5-5"
"""The model whose prices show what a sandbox run would have cost."""

DOTENV = Path(".env")

PLACES = ("STORE", "WAREHOUSE")
"""Settings that name where rows are kept."""

_SERVERS = ("prometheus_url", "pushgateway_url", "tempo_url", "alertmanager_url", "grafana_url")


class Settings(AskingSettings):
    """All settings, validated at start. Their descriptions are copied to `.env.example`; a test compares both."""

    retention_days: int = Field(
        365,
        ge=1,
        le=36500,
        validation_alias=key("VERBATIMS_RETENTION_DAYS"),
        description="Days after which `verbatims expire` erases texts, quotes, summaries and raw answers, "
        "counted from the day on which a verbatim was first seen. Counts stay.",
    )
    topics: Path | None = Field(
        None,
        validation_alias=key("VERBATIMS_TOPICS"),
        description="Your own reference base of topics. Empty: config/topics.yaml, or else the one that ships, "
        "pipeline/analyse/topics.yaml.",
    )
    prompt: Path | None = Field(
        None,
        validation_alias=key("VERBATIMS_PROMPT"),
        description="Your own instructions for Claude: a text file that holds {topics} where the list of topics goes. "
        "Empty: the ones that ship. Another prompt is another analyser: `verbatims compare` says whether it is worse.",
    )
    input_usd_per_mtok: float | None = Field(
        None,
        ge=0,
        validation_alias=key("VERBATIMS_INPUT_USD_PER_MTOK"),
        description="Price of a million input tokens, for a model or contract that the price list does not know. "
        "Goes together with the next.",
    )
    output_usd_per_mtok: float | None = Field(
        None,
        ge=0,
        validation_alias=key("VERBATIMS_OUTPUT_USD_PER_MTOK"),
        description="Price of a million output tokens.",
    )
    sources: Path = Field(
        Path("sources.toml"),
        validation_alias=key("VERBATIMS_SOURCES"),
        description="The file that names what prod reads when no --input is given; `verbatims init` writes one. Where "
        "there is none, config/sources.toml. Sandbox mode reads a site of its own.",
    )
    private_addresses: bool = Field(
        False,
        validation_alias=key("VERBATIMS_PRIVATE_ADDRESSES"),
        description="true: sources may lie in the own network, on this machine too. Otherwise only public addresses "
        "are read, so that a file of sources is no way into it.",
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias=key("OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OTLP/HTTP address of the Collector, such as http://127.0.0.1:4318. Empty: nothing is sent.",
    )
    otlp_headers: SecretStr | None = Field(
        None,
        validation_alias=key("OTEL_EXPORTER_OTLP_HEADERS"),
        description="Headers for it, as name=value,name=value, special characters as %XX. Often a secret, so never "
        "shown; may be a secret file.",
    )
    otlp_timeout_s: float = Field(
        2.0,
        gt=0,
        le=30,
        validation_alias=key("OTEL_EXPORTER_OTLP_TIMEOUT"),
        description="Seconds before one export is given up; 2 let a run end in 3.5 s when nobody listens, 10 in 14 s.",
    )
    metric_export_interval_ms: int = Field(
        5000,
        ge=100,
        validation_alias=key("OTEL_METRIC_EXPORT_INTERVAL"),
        description="Milliseconds between two metric exports.",
    )
    service_name: str = Field(
        "verbatims",
        validation_alias=key("OTEL_SERVICE_NAME"),
        description="service.name of spans and metrics; Prometheus shows it as job.",
    )
    resource_attributes: str = Field(
        "",
        validation_alias=key("OTEL_RESOURCE_ATTRIBUTES"),
        description="More attributes of the process, as name=value,name=value.",
    )
    otel_disabled: bool = Field(
        False,
        validation_alias=key("OTEL_SDK_DISABLED"),
        description="true: no spans and no metrics, whatever the endpoint says.",
    )

    prometheus_url: str = Field(
        "http://127.0.0.1:9090",
        validation_alias=key("VERBATIMS_PROMETHEUS_URL"),
        description="Where `verbatims doctor` looks for Prometheus.",
    )
    pushgateway_url: str = Field(
        "http://127.0.0.1:9091",
        validation_alias=key("VERBATIMS_PUSHGATEWAY_URL"),
        description="The Pushgateway that `verbatims forwarder` pushes to and `verbatims doctor` looks at.",
    )
    tempo_url: str = Field(
        "http://127.0.0.1:3200",
        validation_alias=key("VERBATIMS_TEMPO_URL"),
        description="Where `verbatims doctor` looks for Tempo.",
    )
    alertmanager_url: str = Field(
        "http://127.0.0.1:9093", validation_alias=key("VERBATIMS_ALERTMANAGER_URL"), description="… for Alertmanager."
    )
    grafana_url: str = Field(
        "http://127.0.0.1:3000",
        validation_alias=key("VERBATIMS_GRAFANA_URL"),
        description="Where `verbatims doctor` looks for Grafana, and where the traces in a report link to.",
    )
    report_language: Literal["en", "fr"] = Field(
        "en",
        validation_alias=key("VERBATIMS_REPORT_LANGUAGE"),
        description="The language of reports: en or fr.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only what `load_settings` passes, so that a test can pass a mapping instead of the environment."""
        return (init_settings,)

    @field_validator("store")
    @classmethod
    def _check_store(cls, value: str) -> str:
        return check_place(value, ("sqlite:///", "postgresql://"))

    @field_validator("warehouse")
    @classmethod
    def _check_warehouse(cls, value: str) -> str:
        return check_place(value, ("sqlite:///", "bigquery://")) if value else value

    @field_validator("base_url", "otlp_endpoint", *_SERVERS)
    @classmethod
    def _check_http_url(cls, value: str) -> str:
        return check_http(value) if value else value

    @field_validator("api_key")
    @classmethod
    def _check_api_key(cls, value: SecretStr | None) -> SecretStr | None:
        # the HTTP library would reject such a header later, with the key in its message
        if value is not None and not re.fullmatch(r"[!-~]*", value.get_secret_value()):
            raise ValueError("holds a blank, a line break or a letter that no key has")
        return value

    @field_validator("otlp_headers")
    @classmethod
    def _check_headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_headers(value.get_secret_value())
        return value

    @field_validator("topics", "prompt")
    @classmethod
    def _check_topics(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Settings:
        if not self.warehouse and not self.store.startswith("sqlite:///"):
            raise ValueError("WAREHOUSE: must be named with a Postgres STORE, such as sqlite:///var/warehouse.db")
        if self.warehouse.startswith("bigquery://") and self.sandbox != self.warehouse.startswith(
            "bigquery://sandbox/"
        ):
            raise ValueError(
                "WAREHOUSE: bigquery://sandbox/… is the stand-in of SCRAPER_MODE=sandbox, which writes to no other; "
                "name a project of yours in prod"
            )
        if self.sandbox and urlsplit(self.base_url).path:
            raise ValueError("ANTHROPIC_BASE_URL: a sandbox has no path; give http://host:port, or leave it empty")
        if (self.input_usd_per_mtok is None) != (self.output_usd_per_mtok is None):
            raise ValueError("VERBATIMS_INPUT_USD_PER_MTOK and VERBATIMS_OUTPUT_USD_PER_MTOK: set both or neither")
        return self

    @property
    def export_headers(self) -> dict[str, str]:
        """Headers of each export to the Collector; often a secret."""
        return parse_headers(self.otlp_headers.get_secret_value()) if self.otlp_headers else {}

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox answers instead of Claude; SCRAPER_MODE alone decides it."""
        return self.mode == "sandbox"

    @property
    def asked_model(self) -> str:
        """The model's name in each request."""
        return SANDBOX_MODEL if self.sandbox else self.model

    @property
    def priced_model(self) -> str:
        """The model whose prices are used."""
        return SANDBOX_PRICED_AS if self.sandbox else self.model

    @property
    def warehouse_url(self) -> str:
        """The warehouse's URL: by default a file beside the store's."""
        if self.warehouse or not self.store.startswith("sqlite:///"):
            return self.warehouse or self.store
        return f"sqlite:///{warehouse_of(Path(self.store.removeprefix('sqlite:///')))}"


def load_settings(
    environment: Mapping[str, str] | None = None,
    dotenv: Path | None = DOTENV,
    secrets: Path = SECRETS,
    *,
    asks: bool = True,
) -> Settings:
    """Read what `find_given` finds; empty values count as not set. Who never `asks` Claude needs no key in prod.

    Raises SettingsError, one line that names the key but never the value, which may be a secret.
    """
    found = find_given(environment, dotenv, secrets)
    known = set(map(setting_name, Settings.model_fields))
    # a misspelt name would otherwise mean the default
    refuse_unknown(found, known)
    given = {name: one.value for name, one in found.items() if name in known and one.value}
    try:
        settings = Settings.model_validate(_fill_mode(given))
    except ValidationError as error:
        # from None: the chained error would print the values
        raise SettingsError(_one_line(error)) from None
    if asks:
        _require_key(settings)
    return settings


def origins(
    environment: Mapping[str, str] | None = None, dotenv: Path | None = DOTENV, secrets: Path = SECRETS
) -> dict[str, Origin]:
    """Where the value of each setting is from. An empty value hides those of all places that it takes precedence of."""
    found = find_given(environment, dotenv, secrets)
    names = map(setting_name, Settings.model_fields)
    return {name: found[name].origin if name in found else Origin.DEFAULT for name in names}


def from_environment(*names: str) -> dict[str, str]:
    """Those of these settings that the environment of this process decides, for a command that is to decide alike."""
    found = find_given(None, DOTENV)
    return {name: found[name].value for name in names if name in found and found[name].origin is Origin.ENVIRONMENT}


def setting_name(field: str) -> str:
    """The name in the environment and `.env` of a field of Settings."""
    return str(Settings.model_fields[field].validation_alias.choices[0])  # type: ignore[union-attr]


def _fill_mode(given: Mapping[str, str]) -> dict[str, str]:
    """`{mode}` in the places of rows, so that one line names those of both modes."""
    mode = given.get("SCRAPER_MODE", Settings.model_fields["mode"].default)
    return {name: text.replace("{mode}", mode) if name in PLACES else text for name, text in given.items()}


def _require_key(settings: Settings) -> None:
    if not settings.sandbox and not (settings.api_key and settings.api_key.get_secret_value()):
        raise SettingsError(
            "ANTHROPIC_API_KEY: SCRAPER_MODE=prod asks the real Claude and needs a key; set it, write it into "
            "config/anthropic_api_key, or set SCRAPER_MODE=sandbox"
        )


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    return f"{first['loc'][0]}: {message}" if first["loc"] else message
