"""The row *Help*: which row answers which question, and where its numbers come from."""

from __future__ import annotations

from grafana_foundation_sdk.builders import text
from panels import words

TITLE = "Help · Aide"
PLACES = """\
| | FR | EN | source |
|---|---|---|---|
| **Last run** | Comment s'est passé le dernier lancement, et quand est le prochain ? | How did the last run go, and \
when is the next one due? | `batch_…`, Pushgateway |
| **Now** | Que font les processus en ce moment ? | What are the processes doing? | Collector |
| **Last 30 hours** | Qu'a donné la nuit, à toute heure du jour ? Le matin, deux nuits peuvent y être. | What did the \
night come to, at any hour of the day? In the morning it may hold two nights. | Collector |
| **Ever** | Combien en tout, depuis le premier lancement ? Exact, ne retombe jamais à zéro. | How much in all, since \
the first run? Exact, never reset. | `store_…`, exporter |
| **Servers** | Reste-t-il de la place, quelque chose se perd-il ? | Is there room left, is anything lost? | exporter, \
Collector, Tempo |
| **Airflow** | Le planificateur est-il là, que fait-il attendre ? | Is the scheduler there, what waits in it? \
| Airflow, by the Collector |
"""


def panels() -> list[text.Panel]:
    """High enough for a narrow window, where the lines of its table are broken."""
    return [
        words(
            "Six rows, six questions · Six rangées, six questions",
            "ce que chaque rangée répond, et d'où viennent ses nombres.",
            "what each row answers, and where its numbers come from.",
            PLACES,
            height=14,
        )
    ]
