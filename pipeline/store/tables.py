"""The tables of the store. `migrations/` builds them; a test keeps both the same."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("mode", String, nullable=False, comment="sandbox or prod: a store holds one kind only"),
    Column("input", String, nullable=False, comment="what was read: a file's name, a site's address"),
    Column("day", String, comment="UTC day whose newly seen verbatims it holds; null: it holds all that it read"),
    Column("trace_parent", String, comment="W3C traceparent of the run's span, for processes that join it later"),
    Column("started_at", String, nullable=False),
    Column("ended_at", String, comment="null until a whole run has come to its end"),
)

verbatims = Table(
    "verbatims",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=True),
    Column("verbatim_id", String, nullable=False, comment="hash of source and external id: the same in every store"),
    Column("source", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("url", String),
    Column("rating", Float),
    Column("language", String),
    Column("written_at", String),
    Column("seen_on", String, nullable=False, comment="UTC day on which the id was first read; never changes"),
    Column("text", Text, comment="masked; null once an edited text has replaced it"),
    Column("text_hash", String, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("superseded", Boolean, nullable=False, comment="an edited text has replaced this one; counts stay"),
    Column("erased", Boolean, nullable=False, server_default=false(), comment="texts are gone by age or request"),
    Column("kept", Boolean, nullable=False, comment="cleaning has looked at it and lets it through"),
    Column("outcome", String, comment="null until it stands: skipped, analysed, or how the call finally failed"),
    Column("reason", String, comment="why it was skipped"),
    Column("answer_key", String, ForeignKey("answers.request_key")),
    Column("run_id", String, ForeignKey("runs.run_id"), comment="the run in which the outcome was first committed"),
    Index(
        "verbatims_current",
        "verbatim_id",
        unique=True,
        sqlite_where=text("NOT superseded"),
        postgresql_where=text("NOT superseded"),
    ),
    Index("verbatims_by_id", "verbatim_id"),
    Index("verbatims_by_day", "seen_on"),
    Index("verbatims_by_text", "source", "text_hash"),
    Index("verbatims_by_outcome", "outcome", "source", "reason"),
    Index("verbatims_by_answer", "answer_key"),
)

readings = Table(
    "readings",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("position", Integer, primary_key=True, comment="line of the file, running number over pages"),
    Column("row", Integer, ForeignKey("verbatims.row"), comment="null where the record could not be read"),
    Column("problem", String, comment="why it is no verbatim of its own: unreadable, or an id seen before in the run"),
    Index("readings_by_row", "run_id", "row"),
)

calls = Table(
    "calls",
    metadata,
    Column("call", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("row", Integer, ForeignKey("verbatims.row"), nullable=False),
    Column("request_key", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("json_error", String),
    Column("error", String),
    Column("model", String, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost_usd", Float, nullable=False, comment="what it costs by the price list; a sandbox's is not billed"),
    Column("sent_at", String, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("raw", Text, comment="the answer as received"),
    Column("trace_id", String),
    Index("calls_by_run", "run_id", "outcome"),
    Index("calls_by_key", "request_key"),
    Index("calls_by_row", "row"),
    Index("calls_by_time", "sent_at"),
)

answers = Table(
    "answers",
    metadata,
    Column("request_key", String, primary_key=True, comment="SHA-256 of the request as sent"),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("row", Integer, nullable=False, comment="the verbatim that paid for it"),
    Column("summary", Text, nullable=False),
    Column("sentiment", String, nullable=False),
    Column("topics", Text, nullable=False, comment="JSON list of ids"),
    Column("new_topics", Text, nullable=False, comment="JSON list of label, definition, quote"),
    Column("model", String, nullable=False),
    Column("prompt_version", String, nullable=False),
    Column("trace_id", String),
    Column("analysed_at", String, nullable=False),
)

topics = Table(
    "topics",
    metadata,
    Column("topic", Integer, primary_key=True, autoincrement=True),
    Column("row", Integer, ForeignKey("verbatims.row"), nullable=False),
    Column("label", String, nullable=False, comment="a theme outside the reference base, one line per verbatim"),
    Column("definition", Text, nullable=False),
    Column("quote", Text, nullable=False),
    UniqueConstraint("row", "label", "quote", name="topics_once"),
)

claims = Table(
    "claims",
    metadata,
    Column("request_key", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("expires_at", Float, nullable=False, comment="seconds since 1970 by the database's clock"),
)

load_errors = Table(
    "load_errors",
    metadata,
    Column("load_error", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("verbatim_id", String, comment="null where a whole job failed"),
    Column("reason", String, nullable=False),
    Column("problem", String, comment="what the warehouse said, without the row's values"),
    Column("happened_at", String, nullable=False),
    Column("mended_at", String, comment="when a later load brought it in after all; null: a dead letter still"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("verbatim_id", String, primary_key=True, comment="hash of source and external id: a tombstone"),
    Column("forgotten_on", String, nullable=False),
)

visits = Table(
    "visits",
    metadata,
    Column("visit", Integer, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("definition", String, nullable=False, comment="hash of how the source is described and read"),
    Column("began_at", String, nullable=False),
    Column("ended_at", String, comment="null unless all that was to be read is in the store"),
    Column("pages", Integer),
    Column("found", Integer, comment="verbatims on those pages, known ones included"),
    Column("fresh", Integer, comment="of them the ones that were new"),
    Column("layout", Text, comment="JSON: names of fields that no verbatim had, and of those that nobody reads"),
    Column("run_id", String, comment="the run that it was part of"),
    Index("visits_by_source", "source", "visit"),
)

pages = Table(
    "pages",
    metadata,
    Column(
        "definition", String, primary_key=True, comment="as in visits: another reader may see more on the same page"
    ),
    Column("url", String, primary_key=True),
    Column("etag", String),
    Column("last_modified", String),
    Column("found", Integer, nullable=False, comment="verbatims that it held; the page itself is not kept"),
    Column("next_url", String),
)
