"""The row *Requests* of the dashboard *Claude*: what is asked in a minute, beside what Claude allows."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import Panel, in_order, lines
from promql import counted, grown, per_minute, query, reported, series

from pipeline.telemetry import catalogue, claude

TITLE = "Requests · Requêtes"
STATED_FR = "La limite est celle que Claude a donnée dans ses derniers en-têtes ; elle vaut pour tous les processus."
STATED_EN = "The limit is the one that Claude's headers last stated; it is for all processes together."


def panels() -> list[Panel]:
    """What the rate limits count: requests, then tokens."""
    return [_requests(), _tokens()]


def _requests() -> Panel:
    # a batch's requests have another limit, and are not in this histogram
    ended = grown(series(f"{catalogue.DURATION.prometheus_name}_count"))
    names = "limit · limite", "used · utilisé"
    panel = lines(
        "Requests a minute · Requêtes par minute",
        f"requêtes par minute, répétitions comprises, comptées à la fin de chaque appel ; sans les lots. {STATED_FR}",
        f"requests a minute, repetitions included, counted when each call ends; without batches. {STATED_EN}",
        units.Short,
        query(_limit("requests"), names[0]),
        query(per_minute(f"({ended} + {counted(catalogue.RETRIES)})"), names[1]),
    )
    return in_order(panel, *names)


def _tokens() -> Panel:
    entered, made = (counted(catalogue.TOKENS, "", f'type="{kind}"') for kind in ("input", "output"))
    names = ("input limit · limite d'entrée", "input · entrée", "output limit · limite de sortie", "output · sortie")
    panel = lines(
        "Tokens a minute · Jetons par minute",
        "jetons par minute, en entrée sans ceux lus dans le cache, qui ne comptent pas dans la limite, et en sortie ; "
        f"un lot recueilli y est aussi, bien qu'il ait sa propre limite. {STATED_FR}",
        "tokens a minute, input without those read from the cache, which the limit does not count, and output; a "
        f"batch that is collected is in it too, although it has a limit of its own. {STATED_EN}",
        units.Short,
        query(_limit("input_tokens"), names[0]),
        query(per_minute(f"({entered} - {counted(catalogue.CACHED_TOKENS)})"), names[1]),
        query(_limit("output_tokens"), names[2]),
        query(per_minute(made), names[3]),
    )
    return in_order(panel, *names)


def _limit(kind: str) -> str:
    return reported(claude.RATE_LIMIT, f'kind="{kind}"')
