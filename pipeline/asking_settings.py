"""Settings of what is asked of Claude, and of where the rows are kept."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def key(name: str) -> Any:
    """The name of a setting in the environment and in `.env`."""
    return AliasChoices(name)


class AskingSettings(BaseSettings):
    """The first of the settings: mode, places, Claude."""

    # hide_input_in_errors: a rejected value may be a secret
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=False, hide_input_in_errors=True)

    mode: Literal["sandbox", "prod"] = Field(
        "sandbox",
        validation_alias=key("SCRAPER_MODE"),
        description="sandbox: invented reviews, no real Claude is asked, nothing is billed. "
        "prod: real sources, real Claude, real cost.",
    )
    store: str = Field(
        "sqlite:///var/verbatims.db",
        repr=False,  # a Postgres URL may hold a password
        validation_alias=key("STORE"),
        description="Where runs, verbatims, calls and answers are kept: sqlite:///path or postgresql://user@host/db. "
        "Sandbox and prod each need their own: {mode} stands for the value of SCRAPER_MODE. May be a secret file.",
    )
    warehouse: str = Field(
        "",
        repr=False,
        validation_alias=key("WAREHOUSE"),
        description="Where analysts find the rows: sqlite:///path or bigquery://project/dataset. In sandbox mode only "
        "bigquery://sandbox/…, a stand-in. Empty: a file beside the store's; with a Postgres store it must be named. "
        "{mode} as in STORE.",
    )
    api_key: SecretStr | None = Field(
        None,
        validation_alias=key("ANTHROPIC_API_KEY"),
        description="Claude's key. Required in prod; in sandbox mode it is never sent. Rather a secret file than here: "
        "config/anthropic_api_key.",
    )
    base_url: str = Field(
        "",
        validation_alias=key("ANTHROPIC_BASE_URL"),
        description="Another address for Claude's API. Prod: a gateway. Sandbox: a running `verbatims sandbox`; "
        "empty, each run starts its own.",
    )
    model: str = Field(
        "claude-haiku-5-5",
        validation_alias=key("VERBATIMS_MODEL"),
        description="The model asked in prod. In sandbox mode the model is always `sandbox`.",
    )
    concurrency: int = Field(
        64,
        ge=1,
        le=1000,
        validation_alias=key("VERBATIMS_CONCURRENCY"),
        description="Calls in flight per process.",
    )
    max_tokens: int = Field(
        1024,
        ge=64,
        le=8192,
        validation_alias=key("VERBATIMS_MAX_TOKENS"),
        description="Longest answer, in tokens; a good one has about 150. Part of the request: "
        "changing it asks new verbatims anew, never old ones.",
    )
    thinking: Literal["disabled", "adaptive"] = Field(
        "disabled",
        validation_alias=key("VERBATIMS_THINKING"),
        description="adaptive: the model may think before it answers. Thinking is billed as output, two to five times "
        "the price of a call, and counts towards VERBATIMS_MAX_TOKENS. Part of the request, as that is.",
    )
    effort: Literal["", "low", "medium", "high", "xhigh", "max"] = Field(
        "",
        validation_alias=key("VERBATIMS_EFFORT"),
        description="How thoroughly the model works, and with VERBATIMS_THINKING=adaptive how much it thinks; empty: "
        "as the model does by itself. Part of the request, as that is.",
    )
    timeout_s: float = Field(
        60.0,
        gt=0,
        le=600,
        validation_alias=key("VERBATIMS_TIMEOUT_S"),
        description="Seconds before one HTTP request to Claude is given up (the SDK's own default is 600).",
    )
    retry_s: float = Field(
        120.0,
        ge=0,
        le=3600,
        validation_alias=key("VERBATIMS_RETRY_S"),
        description="Seconds for which a request is repeated that met an overload, a time-out or a broken connection. "
        "0: never.",
    )
    budget_usd_per_day: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        validation_alias=key("VERBATIMS_BUDGET_USD_PER_DAY"),
        description="US dollars that all runs of the store together may spend in one UTC day; a call that could exceed "
        "it is not sent. Empty: no such limit. `--budget` limits one run.",
    )
    store_patience_s: float = Field(
        120.0,
        ge=0,
        le=3600,
        validation_alias=key("VERBATIMS_STORE_PATIENCE_S"),
        description="Seconds that analyse waits for a store that does not answer. Paid answers are kept meanwhile, and "
        "nothing new is asked.",
    )
