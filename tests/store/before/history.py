"""Three runs of an invented shop, done by the code of schema 0004: what the migration's fixture holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import sqlalchemy as sa

from pipeline import clean as cleaning
from pipeline.analyse.policy import FINAL_OUTCOMES, Step, next_step
from pipeline.journey import Context, clean, load, prompt_of, publish
from pipeline.records import (
    Analysis,
    Ask,
    Attempt,
    BrokenRecord,
    JsonError,
    NewTopic,
    Outcome,
    PageSeen,
    Review,
    Sentiment,
    Visit,
)
from pipeline.retention import expire, forget
from pipeline.store import Claims, CompletedRequest, Crawls
from pipeline.store.tables import claims as claims_table
from pipeline.store.tables import verbatims

SHOP, FORUM = "boutique.example", "forum.example"
DEFINITION = "d" * 64
"""How the shop is described."""

Read = tuple[str, str, str] | str
"""Source, id and text of a record; or why it cannot be read."""


@dataclass(frozen=True)
class Answer:
    """What Claude says of a text."""

    sentiment: Sentiment
    summary: str
    topics: tuple[str, ...] = ()
    new_topics: tuple[NewTopic, ...] = ()


GIFT = "Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !"
LATE = "Livraison en retard de trois jours, personne ne répond au téléphone."
GARBLED = "Le site affiche des prix étranges quand on change de pays."
RUDE = "Texte que le modèle refuse de lire, pour l'exemple."
OUTAGE = "Le suivi du colis ne marche plus depuis mardi matin."
FLAKY_BEFORE = "Le chat du site se ferme au bout d'une minute."
FLAKY_AFTER = "Le chat du site se ferme au bout de deux minutes."
TOO_MUCH = "Ce texte-ci rend la requête invalide, pour l'exemple."
SILENT = "Texte auquel le modèle ne répond rien, pour l'exemple."
MIXED_BEFORE = "Good kettle, but the lid squeaks a little."
MIXED_AFTER = "Good kettle, but the lid broke after one week."
PRICE_BEFORE = "Trop cher pour ce que c'est, je ne reviendrai pas."
PRICE_AFTER = "Trop cher, mais le service a remboursé la différence."
PERSON = "Le vendeur de la rue Haute m'a vraiment bien conseillée."
OLD = "The old catalogue was easier to read than the new site."
REFUSED_ROW = "Le comptoir de retrait ferme beaucoup trop tôt le soir."
MENDED_ROW = "The parking in front of the shop is always full."
PARCEL_BEFORE = "Colis arrivé en deux jours, rien à redire."
PARCEL_AFTER = "Colis arrivé en deux jours, mais la boîte était ouverte."
MAIL = "Vous pouvez m'écrire à client@exemple.example, le bouton payer est gris."
NIGHT = "Impossible de commander la nuit, le panier se vide tout seul."
TEA = "The tea was lovely and came with a handwritten note."
LEFT_ONE = "Les filtres de recherche ne gardent pas ma taille."
LEFT_TWO = "Pouvez-vous vendre les pièces détachées séparément ?"

ANSWERS = {
    GIFT: Answer(
        Sentiment.POSITIVE,
        "La cliente remercie pour l'emballage cadeau.",
        ("packaging",),
        (
            NewTopic("cadeaux", "Ce qui touche aux cadeaux.", "emballage cadeau"),
            NewTopic("famille", "Un proche est nommé.", "ma nièce était ravie"),
        ),
    ),
    LATE: Answer(
        Sentiment.NEGATIVE,
        "Le client attend son colis et n'arrive à joindre personne.",
        ("delivery", "customer_service"),
        (NewTopic("téléphone", "Joindre quelqu'un par téléphone.", "personne ne répond au téléphone"),),
    ),
    MIXED_BEFORE: Answer(Sentiment.MIXED, "The customer likes the kettle, less so its lid.", ("product_quality",)),
    MIXED_AFTER: Answer(
        Sentiment.NEGATIVE,
        "The kettle's lid broke.",
        ("product_quality",),
        (NewTopic("lids", "About lids.", "the lid broke"),),
    ),
    PRICE_BEFORE: Answer(Sentiment.NEGATIVE, "Le client trouve le prix trop haut.", ("price",)),
    PERSON: Answer(
        Sentiment.POSITIVE,
        "La cliente a été bien conseillée.",
        ("customer_service",),
        (NewTopic("conseil", "Le conseil en magasin.", "bien conseillée"),),
    ),
    OLD: Answer(
        Sentiment.NEUTRAL,
        "The customer preferred the catalogue.",
        ("usability",),
        (
            NewTopic("catalogue", "The printed catalogue.", "old catalogue"),
            NewTopic("catalogue", "The printed catalogue.", "easier to read"),
        ),
    ),
    REFUSED_ROW: Answer(
        Sentiment.NEGATIVE,
        "Le retrait ferme trop tôt.",
        (),
        (NewTopic("horaires", "Heures d'ouverture.", "ferme beaucoup trop tôt"),),
    ),
    MENDED_ROW: Answer(Sentiment.NEGATIVE, "The parking is full.", (), (NewTopic("parking", "Cars.", "parking"),)),
    PARCEL_BEFORE: Answer(Sentiment.POSITIVE, "Le colis est arrivé vite.", ("delivery",)),
    PARCEL_AFTER: Answer(Sentiment.MIXED, "Colis rapide, mais boîte ouverte.", ("delivery", "packaging")),
    cleaning.mask(MAIL): Answer(Sentiment.NEGATIVE, "Le client ne peut pas payer.", ("payment",)),
    NIGHT: Answer(
        Sentiment.NEGATIVE,
        "Le panier se vide la nuit.",
        ("stability",),
        (NewTopic("panier", "Le panier d'achats.", "le panier se vide"),),
    ),
    TEA: Answer(Sentiment.POSITIVE, "The customer loved the tea.", ("product_quality",)),
}

FAILING: dict[str, list[tuple[Outcome, JsonError | None, str | None]]] = {
    GARBLED: [
        (Outcome.UNREADABLE, JsonError.INVALID_JSON, None),
        (Outcome.UNREADABLE, JsonError.QUOTE_NOT_IN_TEXT, None),
    ],
    RUDE: [(Outcome.REFUSED, None, None)],
    SILENT: [(Outcome.EMPTY, None, None)],
    OUTAGE: [(Outcome.FAILED, None, "http_529")],
    FLAKY_BEFORE: [(Outcome.FAILED, None, "timeout")],
    TOO_MUCH: [(Outcome.FAILED, None, "http_400")],
}
"""Texts that never get a good answer, and how each attempt ends."""

FIRST_READ: Sequence[Read] = (
    (SHOP, "b1", GIFT),
    (SHOP, "b2", LATE),
    (SHOP, "b3", "Super"),
    (SHOP, "b4", LATE),
    "not JSON",
    (SHOP, "b2", LATE),
    (SHOP, "b5", GARBLED),
    (SHOP, "b6", RUDE),
    (SHOP, "b7", OUTAGE),
    (SHOP, "b8", OLD),
    (SHOP, "b9", TOO_MUCH),
    (SHOP, "b10", FLAKY_BEFORE),
    (FORUM, "f1", GIFT),
    (FORUM, "f2", MIXED_BEFORE),
    (FORUM, "f3", PRICE_BEFORE),
    (FORUM, "f4", PERSON),
    (FORUM, "f5", OLD),
    (FORUM, "f6", REFUSED_ROW),
    (FORUM, "f7", MENDED_ROW),
    (FORUM, "f8", SILENT),
)
DAY_READ: Sequence[Read] = (
    (SHOP, "d1", PARCEL_BEFORE),
    (SHOP, "d2", MAIL),
    (SHOP, "d3", "Très bien"),
    "no text",
    (FORUM, "d4", LATE),
    (FORUM, "f2", MIXED_AFTER),
)
BROKEN_OFF_READ: Sequence[Read] = (
    (SHOP, "b2", LATE),
    (SHOP, "b7", OUTAGE),
    (SHOP, "d1", PARCEL_AFTER),
    (SHOP, "n1", NIGHT),
    (SHOP, "n2", TEA),
    (SHOP, "n3", LEFT_ONE),
    (FORUM, "f3", PRICE_AFTER),
    (FORUM, "f4", "Celle qui est oubliée écrit encore une fois."),
    (FORUM, "n4", LEFT_TWO),
    (SHOP, "n5", LEFT_TWO),
    (FORUM, "n6", PARCEL_BEFORE),
    (SHOP, "b10", FLAKY_AFTER),
)


class Clock:
    """A second later each time that somebody looks."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 18, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def set(self, day: int) -> None:
        """It is morning on that day of November."""
        self._now = datetime(2026, 11, day, 8, 0, tzinfo=UTC)


@contextmanager
def stopped_clock() -> Iterator[Clock]:
    """The old code looks at this clock, and its run ids end alike."""
    clock = Clock()
    with ExitStack() as stack:
        for module in ("store", "runs"):
            stack.enter_context(mock.patch(f"pipeline.store.{module}._now", clock))
        stack.enter_context(mock.patch("pipeline.store.visits._now", lambda: clock().isoformat(timespec="seconds")))
        stack.enter_context(mock.patch("pipeline.store.erasure.datetime", SimpleNamespace(now=lambda _: clock())))
        stack.enter_context(mock.patch("pipeline.store.runs.secrets", SimpleNamespace(token_hex=lambda _: "ab12cd")))
        yield clock


class History:
    """What happened, in order."""

    def __init__(self, context: Context, clock: Clock) -> None:
        self.context, self.store, self.clock = context, context.store, clock
        self.warehouse = Path(context.settings.warehouse_url.removeprefix("sqlite:///"))

    def happen(self) -> None:
        """All of it."""
        self.first_run()
        self.clock.set(19)
        self.goes_by_request_and_by_age()
        self.clock.set(20)
        self.run_of_the_day()
        self.clock.set(21)
        self.broken_off()

    def first_run(self) -> None:
        """A run that came to its end, behind a load that met no warehouse and one that was refused two rows."""
        run_id = self.scrape(FIRST_READ, None)
        self.store.runs.set_trace(run_id, f"00-{1:032x}-{1:016x}-01")
        clean(self.context, run_id)
        self.analyse(run_id)
        self.store.note_failed_load(run_id)
        self.refuse("f6", "f7")
        load(self.context, run_id)
        publish(self.context, run_id)

    def goes_by_request_and_by_age(self) -> None:
        """f4 is forgotten; b8, which paid for the answer of f5, was first seen long ago."""
        forget(self.context, FORUM, "f4")
        with self.store.database.write() as connection:
            connection.execute(sa.update(verbatims).where(verbatims.c.external_id == "b8").values(seen_on="2023-05-05"))
        expire(self.context, date(2024, 1, 1))

    def run_of_the_day(self) -> None:
        """It visits the shop, asks what failed once more, mends f7 and not f6, and its last load met no warehouse."""
        run_id = self.scrape(DAY_READ, date(2026, 11, 20))
        self.visit(run_id, ends=True)
        clean(self.context, run_id)
        self.analyse(run_id)
        self.refuse("f6")
        load(self.context, run_id)
        publish(self.context, run_id)
        self.store.note_failed_load(run_id)
        self.refuse()

    def broken_off(self) -> None:
        """A machine went down in the middle of analyse: its claims are still there, and nothing is loaded."""
        run_id = self.scrape(BROKEN_OFF_READ, None)
        self.visit(run_id, ends=False)
        clean(self.context, run_id)
        self.analyse(run_id, only=(PARCEL_AFTER, NIGHT, TEA, OUTAGE))
        gone = {"owner": "elsewhere:4242:00ab12cd", "host": "elsewhere", "pid": 4242, "expires_at": 1.7e9}
        with self.store.database.write() as connection:
            connection.execute(sa.update(claims_table).values(gone))

    def scrape(self, read: Sequence[Read], day: date | None) -> str:
        """Take records in."""
        run_id = self.store.runs.start("sandbox", "avis.jsonl" if day is None else SHOP, day)
        list(self.store.add(run_id, [_record(number, one) for number, one in enumerate(read, 1)]))
        self.store.attach_day(run_id, unanswered=True)
        return run_id

    def visit(self, run_id: str, *, ends: bool) -> None:
        """A visit to the shop's two pages."""
        crawls = Crawls(self.store.database, run_id)
        crawls.start_crawl(SHOP, DEFINITION)
        if ends:
            second = f"https://{SHOP}/avis?page=2"
            first = PageSeen(f"https://{SHOP}/avis", '"e1"', "Fri, 20 Nov 2026 07:00:00 GMT", 3, second)
            seen = [first, PageSeen(second, None, None, 1, None)]
            crawls.finish_crawl(DEFINITION, Visit(2, 4, 3, ("rating",), ("author",)), seen)

    def analyse(self, run_id: str, only: Sequence[str] | None = None) -> None:
        """Ask for what is pending; with `only` these texts come back, and the claims of all others stay."""
        prompt = prompt_of(self.context.settings)
        claims = Claims(self.store.database, run_id, prompt.version, FINAL_OUTCOMES)
        asks = [Ask(identity, text, prompt.key(text), row) for row, identity, text in claims.pending(0, 100)]
        taken = claims.take(asks)
        back = [ask for ask in taken.asks if only is None or ask.text in only]
        claims.commit([self.ended(ask) for ask in back])
        if only is None:
            claims.take(taken.waiting)
            claims.release()

    def ended(self, ask: Ask) -> CompletedRequest:
        """A request that came back, as the policy takes it."""
        made = tuple(self.attempts(ask.text))
        final = next_step(made, run_has_answers=True) is Step.FINAL
        return CompletedRequest(ask, made, f"{ask.row + 0xA0:032x}", final)

    def attempts(self, text: str) -> Iterator[Attempt]:
        """How asking for a text goes; what it costs adds up without rounding, in whatever order."""
        if text in ANSWERS:
            answer = ANSWERS[text]
            found = Analysis(answer.summary, answer.sentiment, answer.topics, answer.new_topics)
            raw = json.dumps(asdict(found), ensure_ascii=False)
            yield Attempt(Outcome.ANALYSED, "sandbox", self.clock(), 0.5, 900, 60, 2**-10, found, raw=raw)
            return
        for outcome, json_error, error in FAILING[text]:
            paid = (0, 0, 0.0) if outcome is Outcome.FAILED else (900, 12, 2**-11)
            raw = None if outcome in (Outcome.FAILED, Outcome.EMPTY) else f"Réponse à : {text}"
            yield Attempt(outcome, "sandbox", self.clock(), 0.25, *paid, json_error=json_error, error=error, raw=raw)

    def refuse(self, *external_ids: str) -> None:
        """Somebody adds a rule to the warehouse's table, instead of the one before."""
        with closing(sqlite3.connect(self.warehouse)) as connection:
            connection.execute("DROP TRIGGER IF EXISTS not_these")
            if external_ids:
                these = ", ".join(f"'{one}'" for one in external_ids)
                connection.execute(
                    "CREATE TRIGGER not_these BEFORE INSERT ON verbatims_analysed_v1 "
                    f"WHEN NEW.external_id IN ({these}) BEGIN SELECT RAISE(ABORT, 'not these'); END"
                )


def _record(number: int, read: Read) -> Review | BrokenRecord:
    if isinstance(read, str):
        return BrokenRecord(number, read)
    source, name, text = read
    rating = float(1 + number % 5) if source == SHOP else None
    written = f"2026-11-{number:02}T10:00:00+00:00"
    return cleaning.prepare(Review(source, name, text, number, f"https://{source}/avis/{name}", rating, None, written))
