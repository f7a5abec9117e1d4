"""What the stages hand to each other: frozen records, closed sets of words, and the observer they talk to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Sentiment(StrEnum):
    """The overall feeling of a verbatim."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    MIXED = "mixed"


class Outcome(StrEnum):
    """How a call to Claude ended. No outcome borrows another's name, and all but `failed` have paid tokens."""

    ANALYSED = "analysed"
    REFUSED = "refused"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    UNSTORABLE = "unstorable"
    FAILED = "failed"


class SkipReason(StrEnum):
    """Why a verbatim is not analysed."""

    NO_TEXT = "no_text"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    DUPLICATE = "duplicate"


class JsonError(StrEnum):
    """What was wrong with an unreadable answer."""

    INVALID_JSON = "invalid_json"
    WRONG_SHAPE = "wrong_shape"
    QUOTE_NOT_IN_TEXT = "quote_not_in_text"


class LoadError(StrEnum):
    """Why a row or a whole load job did not reach the warehouse."""

    ROW_REFUSED = "row_refused"
    JOB_FAILED = "job_failed"


class Length(StrEnum):
    """Classes of text length, in characters after masking."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"

    @classmethod
    def of(cls, characters: int) -> Length:
        """Short below 100 characters, medium below 500, long from there on."""
        if characters < SHORT_BELOW:
            return cls.SHORT
        return cls.MEDIUM if characters < MEDIUM_BELOW else cls.LONG


class Signal(StrEnum):
    """What is watched of the model's answers, night by night."""

    MIX = "mix"
    """Shares of the sentiments. The customers may have changed, or the model."""
    GIVEN_STARS = "given_stars"
    """The same against what is expected from the customers' stars: only the model may have changed."""
    REFUSAL = "refusal"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    SUMMARY_TOO_LONG = "summary_too_long"
    WRONG_LANGUAGE = "wrong_language"
    QUOTE_TOO_LONG = "quote_too_long"
    NO_TOPIC = "no_topic"
    NEW_TOPIC = "new_topic"
    BASELINE = "baseline"
    SENTINEL = "sentinel"


class Stage(StrEnum):
    """The five stages, in the order the data travels: functions of `journey.py`, commands, tasks of the DAG, labels."""

    SCRAPE = "scrape"
    CLEAN = "clean"
    ANALYSE = "analyse"
    LOAD = "load"
    PUBLISH = "publish"


SANDBOX_MODEL = "sandbox"
"""The model name of everything the sandbox answers: it is part of each request key and of each row."""

SHORT_BELOW, MEDIUM_BELOW = 100, 500
"""Where the classes of length end, in characters."""


Value = str | int | float | bool
"""Of a column that has no role of its own, as it is kept with a row."""


class IdOrigin(StrEnum):
    """Where a review's external id comes from: how far it can be trusted to name one verbatim for good."""

    SITE = "site"
    NAMED = "named"
    """A file's column that the user named."""
    GUESSED = "guessed"
    """A file's column with a common name."""
    CONTENT = "content"
    """A file without such a column."""


COPIES_FROM = 31
"""Characters from which identical texts are copies of one. Shorter ones come from different people: of 6000 French
reviews all 756 exact duplicates are shorter ("Super" 68 times)."""


@dataclass(frozen=True, slots=True)
class Review:
    """One verbatim as a source gives it."""

    source: str
    external_id: str
    """What the source calls it; stable from one reading to the next."""
    text: str
    position: int
    """Which record of the input it is, counted from 1: the line of a file, the running number over pages."""
    url: str | None = None
    rating: float | None = None
    language: str | None = None
    """ISO 639-1, as the source says or, failing that, as guessed from the text."""
    written_at: str | None = None
    """ISO 8601 day or instant; None where the source's date cannot be read without guessing."""
    extra: Mapping[str, Value] | None = None
    """The other columns of a file, by name: product, shop, town …"""
    id_origin: IdOrigin = IdOrigin.SITE
    read_as: tuple[str, str] | None = field(default=None, repr=False)
    """Source and external id as read, where cleaning has changed them; never stored, only compared with tombstones."""


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """A record that cannot be read. Names its place, never its text."""

    position: int
    problem: str
    """A few words, such as `not JSON` or `no text`."""


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page of a source as it was last seen; its content is not kept."""

    url: str
    etag: str | None
    last_modified: str | None
    found: int
    """Verbatims that it held."""
    next_url: str | None


@dataclass(frozen=True, slots=True)
class FinishedCrawl:
    """A crawl that has read a source completely."""

    pages: int
    found: int
    """Verbatims that the source holds: those read, and those on pages that have not changed."""
    fresh: int
    """How many of those read were new to the store, or had a new text."""
    missing: tuple[str, ...] = ()
    """Fields that no verbatim had."""
    left_over: tuple[str, ...] = ()
    """Names of fields that the pages have and no parser reads."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A verbatim that this process has claimed and is about to send."""

    verbatim_id: str
    text: str
    request_key: str
    source: str
    text_id: int = 0
    """The store's number of this version of the text; an edited one has another."""
    worst_usd: float = 0.0
    """The most that one try can cost."""
    earlier: int = 0
    """How often it was answered before, in vain."""
    wordless: bool = False
    """Whether the last of these answers ended before its first word: it needs more room."""


@dataclass(frozen=True, slots=True)
class AnalyserRecord:
    """Who answers, as the store keeps it: all that decides an answer, under its fingerprint."""

    fingerprint: str
    model: str
    prompt_version: str
    definition: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the reference base: what it is called in rows, and what Claude reads of it."""

    id: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A theme outside the reference base."""

    label: str
    definition: str
    quote: str | None
    """The words of the verbatim that show it; checked to be in the text. None once they are erased."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A validated answer."""

    summary: str
    sentiment: Sentiment
    topics: tuple[str, ...]
    """Ids out of the reference base, in the order answered."""
    new_topics: tuple[NewTopic, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended call: all its tries, until one was answered or the rules gave up."""

    outcome: Outcome
    model: str
    sent_at: datetime
    """When the first HTTP request left, UTC."""
    duration_s: float
    """From there to the answer validated."""
    input_tokens: int = 0
    """All of them: plain, written to the prompt cache, and read from it."""
    output_tokens: int = 0
    cost_usd: float = 0.0
    analysis: Analysis | None = None
    """Present when, and only when, the outcome is `analysed`."""
    json_error: JsonError | None = None
    """Present when, and only when, the outcome is `unreadable`."""
    error: str | None = None
    """For `failed`: a code such as `ramp_limit_exceeded`, a status such as `http_529`, `timeout`, `connection` or
    `bad_response`."""
    cause: str | None = None
    """For `connection` and `timeout`: why, such as `connection refused`; for messages, not stored."""
    retried: tuple[str, ...] = ()
    """Errors of earlier tries; one that timed out may have been paid, which nobody can see."""
    raw: str | None = None
    """The answer's text as received, for the store only."""
    cached_tokens: int | None = None
    """Of input_tokens those read from the prompt cache; None where nothing was answered."""
    thinking_tokens: int | None = None
    """Of output_tokens those spent on thinking; None where the model does not say."""
    input_usd: float = 0.0
    """Of cost_usd: for the input, cached tokens included."""
    waited_s: float = 0.0
    """For the rate limit, before the tries; not part of `duration_s`."""
    maybe_usd: float = 0.0
    """The most that tries may have cost which timed out or broke off: nobody can tell, and the budget counts it."""
    refusal: str | None = None
    """For `refused`: the category that the API names, such as `cyber`; None where it names none."""
    request_id: str | None = None
    """What Claude calls the last request, by which its support finds it; on spans, not stored."""
    tries: tuple[Attempt, ...] = ()
    """Each as if no other had come before it, where there were several; on spans, not stored."""


@dataclass(frozen=True, slots=True)
class Task:
    """Which task of a scheduler a process works for: what its spans and its batch metrics say of it."""

    dag_id: str = "cli"
    task_id: str | None = None
    """None outside a scheduler: the stage's name is used instead."""
    try_number: int = 1
    shared: bool = False
    """One of several tasks that share a stage: the task after them writes the batch metrics."""
    next_start: datetime | None = None
    """When the schedule starts the DAG again, UTC; None for a day gone by, and outside a scheduler."""
    deadline: datetime | None = None
    """By when that run has to be published, UTC."""


COMMAND_LINE = Task()
"""No scheduler: a person, or a line of cron."""


@dataclass(frozen=True, slots=True)
class WarehouseRow:
    """One line of `verbatims_analysed_v2`; the columns are described beside the table."""

    verbatim_id: str
    run_id: str
    source: str
    external_id: str
    url: str | None
    rating: float | None
    language: str | None
    written_at: str | None
    """UTC instant."""
    written_on: str | None
    seen_on: str
    text: str | None
    """None once it is erased, and with it summary and quotes."""
    summary: str | None
    sentiment: str
    topics: tuple[str, ...]
    new_topics: tuple[NewTopic, ...]
    model: str
    prompt_version: str
    cost_usd: float
    trace_id: str | None
    analysed_at: str
    extra: Mapping[str, Value] | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    thinking_tokens: int | None
    analyser: str | None
