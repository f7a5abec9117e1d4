"""Analyses with an identity, attempts, claims of holders, deliveries and totals; and standard names.

Each statement copies into a new table and then the old one goes: renaming would make SQLite read every view of the
file, an analyst's too. Foreign keys are off meanwhile and checked at the end (see `Database.upgrade`).
"""

import sqlalchemy as sa
from alembic import op

from pipeline.store.migrations.from_0004 import COPIES

revision = "0005"
down_revision = "0004"

OLD = ("topics", "readings", "calls", "load_errors", "visits", "verbatims")
"""Tables whose rows were copied."""


def upgrade() -> None:
    op.drop_table("claims")
    _create()
    _change_answers_and_runs()
    for statement in COPIES:
        op.get_bind().exec_driver_sql(statement)  # a colon is no parameter here
    for table in OLD:
        op.drop_table(table)
    if not _sqlite():
        _number_on()


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _current() -> list[sa.ForeignKeyConstraint]:
    """SQLite takes a reference to a table that is still to come, and none later; Postgres the other way round."""
    reference = sa.ForeignKeyConstraint(["current"], ["analyses.analysis_id"], name="texts_current_fkey")
    return [reference] if _sqlite() else []


def _change_answers_and_runs() -> None:
    failed = sa.Column(
        "failed_loads", sa.Integer(), server_default="0", nullable=False, comment="whole loads, since its last good one"
    )
    op.add_column("runs", failed)
    if _sqlite():
        _copy_answers()
        op.execute("ALTER TABLE runs ADD COLUMN analyser VARCHAR REFERENCES analysers (analyser)")
        return
    op.alter_column("pages", "definition", comment="as in crawls: another reader may see more on the same page")
    op.alter_column("answers", "row", new_column_name="text_id", comment="the text that paid for it")
    about = "of a re-analysis: whom it asks about texts that are analysed already; null for every other run"
    op.add_column("runs", sa.Column("analyser", sa.String(), nullable=True, comment=about))
    op.create_foreign_key("runs_analyser_fkey", "runs", "analysers", ["analyser"], ["analyser"])
    op.create_foreign_key("texts_current_fkey", "texts", "analyses", ["current"], ["analysis_id"])


def _copy_answers() -> None:
    """On SQLite, where a column cannot be renamed as long as any view of the file is broken, an analyst's too."""
    op.execute("CREATE TEMPORARY TABLE answers_before AS SELECT * FROM answers")
    op.drop_table("answers")
    op.create_table(
        "answers",
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("text_id", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("sentiment", sa.String(), nullable=False),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("new_topics", sa.Text(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("analysed_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
        sa.PrimaryKeyConstraint("request_key"),
    )
    op.execute("INSERT INTO answers SELECT * FROM answers_before")
    op.execute("DROP TABLE answers_before")


def _number_on() -> None:
    """What was copied has its old numbers, which Postgres does not count."""
    numbered = {"texts": "text_id", "analyses": "analysis_id", "attempts": "attempt_id", "crawls": "crawl_id"}
    for table, column in (numbered | {"warehouses": "warehouse"}).items():
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table} "
            f"HAVING max({column}) IS NOT NULL"
        )


def _create() -> None:
    op.create_table(
        "analysers",
        sa.Column(
            "analyser", sa.String(), nullable=False, comment="fingerprint of the definition; before:… for older ones"
        ),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        sa.Column(
            "definition", sa.Text(), nullable=True, comment="JSON: all that decides an answer; null: not known any more"
        ),
        sa.PrimaryKeyConstraint("analyser"),
    )
    op.create_table(
        "crawls",
        sa.Column("crawl_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False, comment="hash of how the source is described and read"),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column(
            "ended_at", sa.String(), nullable=True, comment="null unless all that was to be read is in the store"
        ),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True, comment="verbatims on those pages, known ones included"),
        sa.Column("fresh", sa.Integer(), nullable=True, comment="of them the ones that were new"),
        sa.Column(
            "layout",
            sa.Text(),
            nullable=True,
            comment="JSON: names of fields that no verbatim had, and of those that nobody reads",
        ),
        sa.Column("run_id", sa.String(), nullable=True, comment="the run that it was part of"),
        sa.PrimaryKeyConstraint("crawl_id"),
    )
    op.create_index("crawls_by_source", "crawls", ["source", "crawl_id"], unique=False)
    op.create_table(
        "holders",
        sa.Column("holder", sa.String(), nullable=False, comment="drawn at random"),
        sa.Column(
            "kind",
            sa.String(),
            nullable=False,
            comment="process, which falls silent when it dies; or batch, until it ends",
        ),
        sa.Column("boot_id", sa.String(), nullable=True, comment="which start of which machine"),
        sa.Column("pid_namespace", sa.String(), nullable=True, comment="in which container the number counts"),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column(
            "started",
            sa.Integer(),
            nullable=True,
            comment="clock ticks from boot to the process's start: numbers are used again",
        ),
        sa.Column(
            "heartbeat", sa.Float(), nullable=True, comment="seconds by the server's clock, or since boot for a file"
        ),
        sa.PrimaryKeyConstraint("holder"),
    )
    op.create_table(
        "texts",
        sa.Column("text_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "verbatim_id",
            sa.String(),
            nullable=False,
            comment="hash of source and external id: the same in every store",
        ),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("written_at", sa.String(), nullable=True),
        sa.Column(
            "seen_on", sa.String(), nullable=False, comment="UTC day on which the id was first read; never changes"
        ),
        sa.Column("text", sa.Text(), nullable=True, comment="masked; null once an edited text has replaced it"),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column(
            "superseded", sa.Boolean(), nullable=False, comment="an edited text has replaced this one; counts stay"
        ),
        sa.Column(
            "erased",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="words are gone by age or request",
        ),
        sa.Column("kept", sa.Boolean(), nullable=False, comment="cleaning has looked at it and lets it through"),
        sa.Column("skip_reason", sa.String(), nullable=True, comment="why cleaning put it aside"),
        sa.Column(
            "current",
            sa.Integer(),
            nullable=True,
            comment="the good analysis that stands in the warehouse; null until there is one",
        ),
        *_current(),
        sa.PrimaryKeyConstraint("text_id"),
    )
    op.create_index("texts_by_day", "texts", ["seen_on", "text_id"], unique=False)
    op.create_index("texts_by_hash", "texts", ["source", "text_hash", "text_id"], unique=False)
    op.create_index("texts_by_verbatim", "texts", ["verbatim_id", "text_id"], unique=False)
    op.create_index(
        "texts_current",
        "texts",
        ["verbatim_id"],
        unique=True,
        sqlite_where=sa.text("superseded = 0"),
        postgresql_where=sa.text("NOT superseded"),
    )
    op.create_index(
        "texts_unanswered",
        "texts",
        ["source", "text_id"],
        unique=False,
        sqlite_where=sa.text("current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND superseded = 0"),
        postgresql_where=sa.text("current IS NULL AND skip_reason IS NULL AND text IS NOT NULL AND NOT superseded"),
    )
    op.create_index(
        "texts_with_words",
        "texts",
        ["seen_on", "text_id"],
        unique=False,
        sqlite_where=sa.text("erased = 0"),
        postgresql_where=sa.text("NOT erased"),
    )
    op.create_table(
        "warehouses",
        sa.Column("warehouse", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "identity",
            sa.String(),
            nullable=True,
            comment="drawn at random, kept in the warehouse too; null: not yet seen",
        ),
        sa.Column("begun", sa.Integer(), nullable=False, comment="number of the load that began last"),
        sa.Column("done", sa.Integer(), nullable=False, comment="number of the load that ended last"),
        sa.Column("used_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("warehouse"),
        sa.UniqueConstraint("identity"),
    )
    op.create_table(
        "deliveries",
        sa.Column("warehouse", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verbatim_id", sa.String(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False, comment="counts changes of the verbatim's row"),
        sa.Column("sent", sa.Integer(), nullable=False, comment="the change that the warehouse has"),
        sa.Column(
            "problem",
            sa.String(),
            nullable=True,
            comment="why the warehouse refused the row, without its values; null: it did not",
        ),
        sa.ForeignKeyConstraint(
            ["warehouse"],
            ["warehouses.warehouse"],
        ),
        sa.PrimaryKeyConstraint("verbatim_id", "warehouse"),
    )
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["warehouse", "verbatim_id"],
        unique=False,
        sqlite_where=sa.text("due > sent"),
        postgresql_where=sa.text("due > sent"),
    )
    op.create_index(
        "deliveries_rejected",
        "deliveries",
        ["warehouse", "verbatim_id"],
        unique=False,
        sqlite_where=sa.text("problem IS NOT NULL"),
        postgresql_where=sa.text("problem IS NOT NULL"),
    )
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("text_id", sa.Integer(), nullable=False),
        sa.Column("analyser", sa.String(), nullable=False),
        sa.Column(
            "request_key",
            sa.String(),
            nullable=True,
            comment="null once its text is forgotten: a hash that the text would give again",
        ),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("json_error", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column(
            "cost_usd", sa.Float(), nullable=False, comment="what it costs by the price list; a sandbox's is not billed"
        ),
        sa.Column("sent_at", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True, comment="the answer as received"),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["analyser"],
            ["analysers.analyser"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.ForeignKeyConstraint(
            ["text_id"],
            ["texts.text_id"],
        ),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("attempts_by_key", "attempts", ["request_key"], unique=False)
    op.create_index("attempts_by_text", "attempts", ["text_id", "analyser"], unique=False)
    op.create_index("attempts_by_time", "attempts", ["sent_at"], unique=False)
    op.create_table(
        "run_records",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="line of the file, running number over pages"),
        sa.Column("text_id", sa.Integer(), nullable=True, comment="null where the record could not be read"),
        sa.Column(
            "problem",
            sa.String(),
            nullable=True,
            comment="why it is no verbatim of its own: unreadable, or an id seen before in the run",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.ForeignKeyConstraint(
            ["text_id"],
            ["texts.text_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "position"),
    )
    op.create_index("run_records_by_text", "run_records", ["run_id", "text_id"], unique=False)
    op.create_table(
        "totals",
        sa.Column("run_id", sa.String(), nullable=False, comment="empty: of all runs, as far as they are folded"),
        sa.Column(
            "process", sa.String(), nullable=False, comment="who added it: workers do not queue; empty once folded"
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False, comment="empty where there is none"),
        sa.Column("detail", sa.String(), nullable=False, comment="a second label; empty where there is none"),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False, comment="seconds or USD; 0 where only n counts"),
        sa.PrimaryKeyConstraint("run_id", "process", "name", "label", "detail"),
    )
    op.create_index(
        "totals_ever",
        "totals",
        ["name", "label", "detail"],
        unique=False,
        sqlite_where=sa.text("run_id = '' OR process <> ''"),
        postgresql_where=sa.text("run_id = '' OR process <> ''"),
    )
    op.create_table(
        "analyses",
        sa.Column("analysis_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("text_id", sa.Integer(), nullable=False),
        sa.Column("analyser", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False, comment="the run that made it"),
        sa.Column("outcome", sa.String(), nullable=False, comment="analysed, or how the request finally failed"),
        sa.Column("request_key", sa.String(), nullable=True, comment="its answer, if it is a good one"),
        sa.ForeignKeyConstraint(
            ["analyser"],
            ["analysers.analyser"],
        ),
        sa.ForeignKeyConstraint(
            ["request_key"],
            ["answers.request_key"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.ForeignKeyConstraint(
            ["text_id"],
            ["texts.text_id"],
        ),
        sa.PrimaryKeyConstraint("analysis_id"),
        sa.UniqueConstraint("text_id", "analyser", name="analyses_once"),
    )
    op.create_index("analyses_by_answer", "analyses", ["request_key"], unique=False)
    op.create_index("analyses_by_run", "analyses", ["run_id", "text_id"], unique=False)

    op.create_table(
        "claims",
        sa.Column("text_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["holders.holder"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["text_id"], ["texts.text_id"]),
        sa.PrimaryKeyConstraint("text_id"),
        sa.UniqueConstraint("request_key"),
    )
    op.create_index("claims_by_holder", "claims", ["holder"], unique=False)
