"""The row *Requests* of the dashboard *Claude*: what is asked beside what Claude allows, and what failed."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import runbook
from panels import Panel, counts, in_order, lines
from promql import counted, grown, per_minute, query, reported, seen, series

from pipeline.telemetry import catalogue, claude

TITLE = "Requests · Requêtes"
STATED_FR = "La limite est celle que Claude a donnée dans ses derniers en-têtes ; elle vaut pour tous les processus."
STATED_EN = "The limit is the one that Claude's headers last stated; it is for all processes together."


def panels() -> list[Panel]:
    """What the rate limits count, requests, then tokens; then errors."""
    return [_requests(), _tokens(), _errors()]


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


def _errors() -> Panel:
    # a panel has looks for six; rarer errors share one, and the legend tells them apart
    usual = ("http_429", "http_529", "http_500", "timeout", "connection", "ramp_limit_exceeded")
    occurred = f"on (error) ({seen(claude.TRY_ERRORS, 'error')})"
    panel = counts(
        "Failed tries by error · Essais en échec",
        "requêtes en échec, par erreur exacte : chaque essai, aussi le dernier d'un appel, et chaque requête d'un lot. "
        "Seules les erreurs survenues dans la période sont là ; la légende donne le total.",
        "requests that failed, by exact error: each try, the last one of a call too, and each request of a batch. Only "
        "errors that occurred in the time shown are here; the legend has the total.",
        units.Short,
        query(f"{counted(claude.TRY_ERRORS, 'error')} and {occurred}", "{{error}}"),
    )
    return in_order(panel.links([runbook("ClaudeFailing")]), *usual)


def _limit(kind: str) -> str:
    return reported(claude.RATE_LIMIT, f'kind="{kind}"')
