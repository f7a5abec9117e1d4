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


def _partial(name: str, *columns: str, sqlite: str, postgresql: str | None = None, unique: bool = False) -> Index:
    """An index over some rows. A query uses it where its own WHERE repeats these words, as SQLAlchemy writes them."""
    on_postgres = text(postgresql or sqlite)
    return Index(name, *columns, unique=unique, sqlite_where=text(sqlite), postgresql_where=on_postgres)


runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("mode", String, nullable=False, comment="sandbox or prod: a store holds one kind only"),
    Column("input", String, nullable=False, comment="what was read: a file's name, a site's address"),
    Column("day", String, comment="UTC day whose newly seen verbatims it holds; null: it holds all that it read"),
    Column(
        "analyser",
        String,
        ForeignKey("analysers.analyser"),
        comment="of a re-analysis: whom it asks about texts that are analysed already; null for every other run",
    ),
    Column("purpose", String, comment="null: its answers are analyses; sentinel or acceptance: only compared"),
    Column("trace_parent", String, comment="W3C traceparent of the run's span, for processes that join it later"),
    Column("failed_loads", Integer, nullable=False, server_default="0", comment="whole loads, since its last good one"),
    Column("started_at", String, nullable=False),
    Column("ended_at", String, comment="null until a whole run has come to its end"),
)

texts = Table(
    "texts",
    metadata,
    Column("text_id", Integer, primary_key=True, autoincrement=True),
    Column("verbatim_id", String, nullable=False, comment="hash of source and external id"),
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
    Column("erased", Boolean, nullable=False, server_default=false(), comment="words are gone by age or request"),
    Column("kept", Boolean, nullable=False, comment="cleaning has looked at it and lets it through"),
    Column("skip_reason", String, comment="why cleaning put it aside"),
    Column(
        "current",
        Integer,
        ForeignKey("analyses.analysis_id", name="texts_current_fkey", use_alter=True),
        comment="the good analysis that stands in the warehouse; null until there is one",
    ),
    Column("extra", Text, comment="JSON: the file's other columns, masked; or null"),
    _partial(
        "texts_current",
        "verbatim_id",
        unique=True,
        sqlite="superseded = 0",
        postgresql="NOT superseded",
    ),
    Index("texts_by_verbatim", "verbatim_id", "text_id"),
    Index("texts_by_day", "seen_on", "text_id"),
    Index("texts_by_hash", "source", "text_hash", "text_id"),
    _partial("texts_with_words", "seen_on", "text_id", sqlite="erased = 0", postgresql="NOT erased"),
    _partial(
        "texts_unanswered",
        "source",
        "text_id",
        sqlite="current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND superseded = 0",
        postgresql="current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND NOT superseded",
    ),
    _partial(
        "texts_open",
        "kept",
        "seen_on",
        sqlite="current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND superseded = 0",
        postgresql="current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND NOT superseded",
    ),
    _partial("texts_replaced", "superseded", "current", sqlite="superseded = 1", postgresql="superseded"),
)

run_records = Table(
    "run_records",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("position", Integer, primary_key=True, comment="line of the file, running number over pages"),
    Column("text_id", Integer, ForeignKey("texts.text_id"), comment="null where the record could not be read"),
    Column("problem", String, comment="why it is no verbatim of its own: unreadable, or an id seen before in the run"),
    Index("run_records_by_text", "run_id", "text_id"),
)

analysers = Table(
    "analysers",
    metadata,
    Column("analyser", String, primary_key=True, comment="fingerprint of the definition; before:… for older ones"),
    Column("model", String, nullable=False),
    Column("prompt_version", String, nullable=False),
    Column("definition", Text, comment="JSON: all that decides an answer; null: not known any more"),
    Column(
        "series",
        String,
        nullable=False,
        server_default="",
        comment="the same for analysers that differ in their topics only",
    ),
    Column("name", String, comment="given by a person"),
    Column("accepted_at", String, comment="when its answers were last made the current ones, all at once"),
    Index("analysers_by_name", "name", unique=True),
)

analyses = Table(
    "analyses",
    metadata,
    Column("analysis_id", Integer, primary_key=True, autoincrement=True),
    Column("text_id", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("analyser", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False, comment="the run that made it"),
    Column("outcome", String, nullable=False, comment="analysed, or how the request finally failed"),
    Column("request_key", String, ForeignKey("answers.request_key"), comment="its answer, if it is a good one"),
    UniqueConstraint("text_id", "analyser", name="analyses_once"),
    Index("analyses_by_answer", "request_key"),
    Index("analyses_by_run", "run_id", "text_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("text_id", Integer, ForeignKey("texts.text_id"), nullable=False),
    Column("analyser", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("request_key", String, comment="null once its text is forgotten: a hash that the text would give again"),
    Column("outcome", String, nullable=False),
    Column("json_error", String),
    Column("error", String),
    Column("model", String, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost_usd", Float, nullable=False, comment="what it costs by the price list; a sandbox's is not billed"),
    Column("sent_at", String, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("retried", String, comment="errors of earlier tries of the transport, any of which may have been paid"),
    Column("raw", Text, comment="the answer as received"),
    Column("trace_id", String),
    Column("cached_tokens", Integer, comment="of input_tokens: read from the cache"),
    Column("thinking_tokens", Integer, comment="of output_tokens: spent on thinking"),
    Column("waited_s", Float, comment="for the rate limit; not part of duration_s"),
    Column("maybe_usd", Float, comment="the most that tries may have cost that were not answered"),
    Column("refusal", String, comment="the category of a refusal"),
    Column("batch", String, comment="the batch that it was part of; null: asked live"),
    Column("purpose", String, comment="as in runs: what it has cost is no part of a row"),
    Index("attempts_by_key", "request_key"),
    Index("attempts_by_text", "text_id", "analyser"),
    Index("attempts_by_time", "sent_at"),
    Index("attempts_by_run", "run_id", "sent_at"),
)

answers = Table(
    "answers",
    metadata,
    Column("request_key", String, primary_key=True, comment="SHA-256 of the request as sent"),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("text_id", Integer, nullable=False, comment="the text that paid for it"),
    Column("summary", Text, nullable=False),
    Column("sentiment", String, nullable=False),
    Column("topics", Text, nullable=False, comment="JSON list of ids"),
    Column("new_topics", Text, nullable=False, comment="JSON list of label, definition, quote"),
    Column("model", String, nullable=False),
    Column("prompt_version", String, nullable=False),
    Column("trace_id", String),
    Column("analysed_at", String, nullable=False),
)

holders = Table(
    "holders",
    metadata,
    Column("holder", String, primary_key=True, comment="drawn at random"),
    Column("kind", String, nullable=False, comment="process, which falls silent when it dies; or batch, until it ends"),
    Column("boot_id", String, comment="which start of which machine"),
    Column("pid_namespace", String, comment="in which container the number counts"),
    Column("pid", Integer),
    Column("started", Integer, comment="clock ticks from boot to the process's start: numbers are used again"),
    Column("heartbeat", Float, comment="changes with each sign of life"),
)

claims = Table(
    "claims",
    metadata,
    Column("text_id", Integer, ForeignKey("texts.text_id"), primary_key=True, autoincrement=False),
    Column("request_key", String, nullable=False, unique=True),
    Column("holder", String, ForeignKey("holders.holder", ondelete="CASCADE"), nullable=False),
    Column("reserved_usd", Float, nullable=False, server_default="0", comment="the most that its tries can cost"),
    Column("reserved_on", String, comment="UTC day whose budget it is taken from"),
    Column("purpose", String, comment="as in runs"),
    Index("claims_by_holder", "holder"),
)

spending = Table(
    "spending",
    metadata,
    Column("day", String, primary_key=True, comment="UTC"),
    Column("run_id", String, primary_key=True),
    Column("process", String, primary_key=True, comment="who spends: workers do not queue"),
    Column("usd", Float, nullable=False, comment="spent and reserved"),
    Index("spending_by_run", "run_id"),
)

batches = Table(
    "batches",
    metadata,
    Column("batch", String, primary_key=True, comment="drawn at random; the holder of its claims"),
    Column("run_id", String, ForeignKey("runs.run_id"), nullable=False),
    Column("analyser", String, ForeignKey("analysers.analyser"), nullable=False),
    Column("state", String, nullable=False, comment="filling, sending, sent, collected or closed"),
    Column("worker", String, comment="the process that fills and sends it"),
    Column("claude_id", String, comment="what Claude's API calls it"),
    Column("requests", Integer, nullable=False),
    Column("trace_parent", String, comment="W3C traceparent of its span"),
    Column("made_at", String, nullable=False),
    Column("sent_at", String),
    Column("ended_at", String, comment="when Claude's API had worked on all of it"),
    Column("collected_at", String),
    _partial("batches_open", "made_at", sqlite="state <> 'closed'"),
)

warehouses = Table(
    "warehouses",
    metadata,
    Column("warehouse", Integer, primary_key=True, autoincrement=True),
    Column("identity", String, unique=True, comment="drawn at random, kept in the warehouse too; null: not yet seen"),
    Column("begun", Integer, nullable=False, comment="number of the load that began last"),
    Column("done", Integer, nullable=False, comment="number of the load that ended last"),
    Column("used_at", String, nullable=False),
    Column("job", String, comment="of the load that began last: the job of the service that may still write"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("verbatim_id", String, primary_key=True),
    Column("warehouse", Integer, ForeignKey("warehouses.warehouse"), primary_key=True, autoincrement=False),
    Column("due", Integer, nullable=False, comment="counts changes of the verbatim's row"),
    Column("sent", Integer, nullable=False, comment="the change that the warehouse has"),
    Column("problem", String, comment="why the warehouse refused the row, without its values; null: it did not"),
    _partial("deliveries_due", "warehouse", "verbatim_id", sqlite="due > sent"),
    _partial("deliveries_rejected", "warehouse", "verbatim_id", sqlite="problem IS NOT NULL"),
)

totals = Table(
    "totals",
    metadata,
    Column("run_id", String, primary_key=True, comment="empty: of all runs, as far as they are folded"),
    Column("process", String, primary_key=True, comment="who added it: workers do not queue; empty once folded"),
    Column("name", String, primary_key=True),
    Column("label", String, primary_key=True, comment="empty where there is none"),
    Column("detail", String, primary_key=True, comment="a second label; empty where there is none"),
    Column("n", Integer, nullable=False),
    Column("amount", Float, nullable=False, comment="seconds or USD; 0 where only n counts"),
    _partial("totals_ever", "name", "label", "detail", sqlite="run_id = '' OR process <> ''"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False, comment="hex; drawn when the store was made or upgraded"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("verbatim_id", String, primary_key=True, comment="hash of source and external id: a tombstone"),
    Column("forgotten_on", String, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True, comment="an id that a file has given to a known verbatim"),
    Column("verbatim_id", String, nullable=False),
    Index("aliases_by_verbatim", "verbatim_id"),
)

crawls = Table(
    "crawls",
    metadata,
    Column("crawl_id", Integer, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("definition", String, nullable=False, comment="hash of how the source is described and read"),
    Column("started_at", String, nullable=False),
    Column("ended_at", String, comment="null unless all that was to be read is in the store"),
    Column("pages", Integer),
    Column("found", Integer, comment="verbatims on those pages, known ones included"),
    Column("fresh", Integer, comment="of them the ones that were new"),
    Column("layout", Text, comment="JSON: names of fields that no verbatim had, and of those that nobody reads"),
    Column("run_id", String, comment="the run that it was part of"),
    Index("crawls_by_source", "source", "crawl_id"),
)

pages = Table(
    "pages",
    metadata,
    Column(
        "definition", String, primary_key=True, comment="as in crawls: another reader may see more on the same page"
    ),
    Column("url", String, primary_key=True),
    Column("etag", String),
    Column("last_modified", String),
    Column("found", Integer, nullable=False, comment="verbatims that it held; the page itself is not kept"),
    Column("next_url", String),
)
