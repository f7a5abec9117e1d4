"""Totals of topics and languages, counted from what is analysed."""

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ANALYSED = """
SELECT y.run_id, coalesce(t.language, 'unknown') AS language, a.topics, count(*) AS n
FROM texts t JOIN analyses y ON y.analysis_id = t.current JOIN answers a ON a.request_key = y.request_key
GROUP BY 1, 2, 3
"""
ADD = """
INSERT INTO totals (run_id, process, name, label, detail, n, amount) VALUES (:run_id, '', :name, :label, '', :n, 0)
"""


def upgrade() -> None:
    connection = op.get_bind()
    counted: Counter[tuple[str, str, str]] = Counter()
    for run_id, language, topics, n in connection.execute(sa.text(ANALYSED)):
        named = [("languages", language), *(("topics", topic) for topic in sorted(set(json.loads(topics))))]
        for which, (name, label) in ((which, one) for which in (run_id, "") for one in named):
            counted[which, name, label] += n
    rows = [{"run_id": run, "name": name, "label": label, "n": n} for (run, name, label), n in sorted(counted.items())]
    if rows:
        connection.execute(sa.text(ADD), rows)
