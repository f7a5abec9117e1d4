"""The row *Servers*: what has to stay free, empty or at 0 so that all the others have something to show."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import Panel, dashed, in_order, lines
from promql import query, store

from pipeline.telemetry import catalogue

TITLE = "Servers · Serveurs"
DISK_LOW, DISK_HALF = 0.1, 0.5
"""The alert DiskFilling: below the first always, below the second where the pace of six hours would fill it."""
QUEUE_HALF = 0.5
"""The alert QueueFilling."""


def panels() -> list[Panel]:
    """The disk that all write to, then the way of the telemetry itself."""
    disk = lines(
        "Disk free · Disque libre",
        "part libre du disque des volumes. Alerte DiskFilling sous 10 %, ou sous 50 % si le disque est plein en un "
        "jour au rythme des six dernières heures (tirets).",
        "free share of the disk of the volumes. Alert DiskFilling under 10 %, or under 50 % where it is full within a "
        "day at the pace of six hours (dashes).",
        units.PercentUnit,
        query(f"{store(catalogue.DISK_FREE)} / {store(catalogue.DISK_SIZE)}", "free · libre"),
        width=8,
    )
    queue = lines(
        "Collector's queues · Files",
        "remplissage de chaque file d'attente du Collector ; alerte QueueFilling au-dessus de 50 % (tirets), et perte "
        "quand elle est pleine. Des deux environnements.",
        "how full each queue of the Collector is; alert QueueFilling above 50 % (dashes), and loss once it is full. Of "
        "both environments.",
        units.PercentUnit,
        query("otelcol_exporter_queue_size / otelcol_exporter_queue_capacity", "{{exporter}}"),
        width=8,
    )
    spans = lines(
        "Spans lost · Spans perdus",
        "spans que Tempo ne montrera jamais, depuis le démarrage de chaque serveur : refusés, non envoyés ou jetés ; "
        "toute hausse déclenche TracesLost. Des deux environnements.",
        "spans that Tempo will never show, since each server started: refused, not sent or dropped; any rise fires "
        "TracesLost. Of both environments.",
        units.Short,
        query("verbatims:spans_lost:total", "{{job}}"),
        width=8,
    )
    return [
        dashed(disk, DISK_LOW, DISK_HALF),
        in_order(dashed(queue, QUEUE_HALF), "otlp_grpc/tempo", "otlp_http/forwarder"),
        in_order(spans, "collector", "tempo", "verbatims"),
    ]
