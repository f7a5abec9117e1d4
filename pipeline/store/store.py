"""One store, opened: its nouns. Nothing outside this folder speaks SQL to it."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.batching import OpenBatch
from pipeline.claiming import NO_BUDGET, Budget
from pipeline.errors import SettingsError
from pipeline.records import AnalyserRecord, Outcome
from pipeline.sqlite_file import is_read_only
from pipeline.store.analysers import Analysers
from pipeline.store.batches import Batches, open_batches, with_erased_words
from pipeline.store.claims import Claims
from pipeline.store.crawls import Crawls
from pipeline.store.database import Database, not_writable, sqlite_path
from pipeline.store.deliveries import Deliveries
from pipeline.store.dossier import Dossiers
from pipeline.store.erasure import Erasure
from pipeline.store.evaluations import Evaluations
from pipeline.store.holders import Witness
from pipeline.store.labels import Labels
from pipeline.store.migrate import HEAD, migrate, refuse_newer, revision
from pipeline.store.nights import Nights
from pipeline.store.past_calls import PastCalls, find_past_calls
from pipeline.store.reanalyses import Reanalyses
from pipeline.store.retries import Retries
from pipeline.store.run_facts import RunFacts
from pipeline.store.runs import Runs
from pipeline.store.sentinel import Sentinel
from pipeline.store.texts import Texts
from pipeline.store.topics import Topics
from pipeline.store.totals import StoreTotals


class Store:
    """Safe for many processes; one instance belongs to one process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.name = database.name
        """Its URL without the password."""
        self.runs = Runs(database)
        self.texts = Texts(database)
        self.deliveries = Deliveries(database)
        self.erasure = Erasure(database)
        self.reanalyses = Reanalyses(database)
        self.retries = Retries(database)
        self.dossiers = Dossiers(database)
        self.totals = StoreTotals(database)
        self.facts = RunFacts(database)
        self.analysers = Analysers(database)
        self.topics = Topics(database)
        self.labels = Labels(database)
        self.evaluations = Evaluations(database)
        self.nights = Nights(database)
        self.sentinel = Sentinel(database)
        self._witness = Witness(database)

    def claims(
        self,
        run_id: str,
        analyser: AnalyserRecord,
        final_outcomes: Collection[Outcome],
        budget: Budget = NO_BUDGET,
    ) -> Claims:
        """This process's claims on the texts of a run."""
        return Claims(self.database, run_id, analyser, final_outcomes, budget)

    def batches(
        self,
        run_id: str,
        analyser: AnalyserRecord,
        final_outcomes: Collection[Outcome],
        budget: Budget = NO_BUDGET,
    ) -> Batches:
        """The batches of a run and analyser."""
        return Batches(self.database, run_id, analyser, final_outcomes, budget)

    def open_batches(self, run_id: str | None = None) -> list[OpenBatch]:
        """Batches that are not closed, of one run or of all, the oldest first."""
        with self.database.read() as connection:
            return open_batches(connection, self._witness, run_id)

    def batches_with_erased_words(self) -> list[str]:
        """The ids at Claude's side of batches that still hold words which are erased here."""
        with self.database.read() as connection:
            return with_erased_words(connection)

    def crawls(self, run_id: str | None = None) -> Crawls:
        """How sources were last seen; without a run nothing is written."""
        return Crawls(self.database, run_id)

    def totals_of(self, run_id: str) -> StoreTotals:
        """Those of one run."""
        return StoreTotals(self.database, run_id)

    def past_calls(self, analyser: str) -> PastCalls | None:
        """What the latest paid calls of an analyser came to; None where they are too few to say."""
        with self.database.read() as connection:
            return find_past_calls(connection, analyser)

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()


def open_store(url: str, *, writes: bool = True) -> Store:
    """Open a store, building or upgrading its tables first; for who only looks, also a file that cannot be written.

    Raises SettingsError naming STORE.
    """
    database = Database(url)
    try:
        if writes:
            database.require_writable()
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Store(database)


def peek_store(url: str, *, writes: bool = False) -> Store | None:
    """An existing store just as it is, or None: nothing is built, upgraded or written.

    `writes`: the store, or the folder in which it would be made, must be writable.
    Raises SettingsError for a store of another version.
    """
    if (path := sqlite_path(url)) and not path.exists():
        if writes and is_read_only(path):
            raise not_writable(url)
        return None
    database = Database(url)
    if writes:
        database.require_writable()
    with database.read() as connection:
        found = revision(connection)
    if found == HEAD:
        return Store(database)
    database.close()
    if found is None:
        return None
    refuse_newer(database, found)
    raise SettingsError(f"STORE: {database.name} has schema {found}, this version works with {HEAD}: a run upgrades it")
