"""The analyse stage of the pipeline, all of it: `python -m tests.bench.analyse_stage N` in an empty folder.

Pace, validation, prices, spans, metrics with exemplars, group commits into SQLite. Reading and cleaning come before the
measurement. Prints one JSON object. The environment has the settings; OTEL_EXPORTER_OTLP_ENDPOINT says where telemetry
goes, and without it there is none.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import sqlalchemy as sa

from pipeline import journey
from pipeline.progress import Logged
from pipeline.records import Review
from pipeline.session import Session, open_session
from pipeline.store.tables import analyses, answers, texts

from .measured import measured, text_of


def main() -> None:
    """Prepare, ask, check, print."""
    count = int(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # `turns` reads there how many spans were lost
    with open_session(lambda _: Logged(logging.getLogger()), asks=True) as session:
        journey.analyse(session, _cleaned(session, range(count, count + 1)))  # the imports are not measured
        run_id = _cleaned(session, range(count))
        with measured() as found:
            left = journey.analyse(session, run_id)
        assert left == 0, f"{left} texts have no answer"
        print(json.dumps(found | {"right": _right(session) - 1}))


def _cleaned(session: Session, numbers: range) -> str:
    """A run of these verbatims, ready to be analysed."""
    run_id = journey.start_run(session, "bench")
    list(session.store.texts.add(run_id, _reviews(numbers)))
    journey.clean(session, run_id)
    return run_id


def _reviews(numbers: range) -> Iterator[Review]:
    return (Review("shop", str(number), text_of(number), number + 1) for number in numbers)


def _right(session: Session) -> int:
    """Answers that name the number of their verbatim."""
    query = (
        sa.select(texts.c.external_id, answers.c.summary)
        .join(analyses, analyses.c.analysis_id == texts.c.current)
        .join(answers, answers.c.request_key == analyses.c.request_key)
    )
    with session.store.database.read() as connection:
        return sum(summary == f"no. {number}" for number, summary in connection.execute(query))


if __name__ == "__main__":
    main()
