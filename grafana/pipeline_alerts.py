"""What stands above all rows: the alerts, as Prometheus evaluates them and as the chosen environment has them."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from panels import Panel, alert_list, cells, transformed
from promql import latest

from pipeline.telemetry.catalogue import ENVIRONMENT_LABEL

LABELS = ("severity", "alertname", "dag_id", "source", "job")
"""What a line says of an alert, from left to right."""


def panels() -> list[build.Panel | Panel]:
    """First all of them, in Grafana's own words, then a table that can be read at a glance."""
    return [
        alert_list(
            "Alerts · Alertes",
            "alertes actives ou en attente, des deux environnements, par gravité ; un clic ouvre ce qu'elles disent. "
            "« critical » : des lignes manquent ou sont fausses ; « warning » : à regarder aujourd'hui ; "
            "« info » : bon à savoir. Silences et envois : lien Alertmanager.",
            "alerts that fire or are pending, of both environments, by severity; a click opens what they say. "
            "“critical”: rows are missing or wrong; “warning”: have a look today; “info”: good to know. "
            "Silences and messages: the link to Alertmanager.",
            width=8,
        ),
        _firing(),
    ]


def _firing() -> Panel:
    # those of servers have no environment, and concern both
    chosen = f'alertstate="firing", severity!="none", {ENVIRONMENT_LABEL}=~"$environment|"'
    names = {
        "severity": "severity · gravité",
        "alertname": "alert · alerte",
        "dag_id": "DAG",
        "source": "source",
        "job": "server · serveur",
    }
    hidden = dict.fromkeys(("Time", "Value", "Value #A"), True)
    return cells(
        "Firing here · Actives ici",
        "alertes actives de l'environnement choisi et des serveurs, avec leur gravité ; vide : tout va bien.",
        "firing alerts of the chosen environment and of the servers, with their severity; empty: all is well.",
        "none",
        latest(f"max by ({', '.join(LABELS)}) (ALERTS{{{chosen}}})"),
        width=16,
    ).transformations(
        [
            transformed("sortBy", fields={}, sort=[{"field": "severity"}]),
            transformed(
                "organize",
                excludeByName=hidden,
                indexByName={label: place for place, label in enumerate(LABELS)},
                renameByName=names,
            ),
        ]
    )
