"""An evaluation as a table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def show(name: str, result: Mapping[str, Any]) -> None:
    """Print it on standard output. `result` is what `evaluating.as_data` gives."""
    console = Console(highlight=False)
    console.print(f"{name}: {result['labels']} labels")
    console.print(_classes(result))
    accuracy, topics = result["accuracy"], result["topics"]
    if accuracy:
        console.print(f"right: {_span(accuracy['value'], accuracy['low'], accuracy['high'])}")
    console.print(f"Cohen's kappa {_number(result['kappa'])}, Gwet's AC1 {_number(result['ac1'])}")
    console.print(f"topics: micro-F1 {_number(topics['f1'])} on {topics['labels']} texts")
    if result["usd_per_1000"] is not None:
        console.print(f"cost: ${result['usd_per_1000']:.3f} per 1000 texts")
    if result["shares"]:
        console.print(_shares(result["shares"]))


def _classes(result: Mapping[str, Any]) -> Table:
    table = Table("class", "labels", "precision", "recall", "F1", "95 %", box=None, pad_edge=False)
    for name, found in result["classes"].items():
        f1 = result["f1"][name]
        said = ("not enough labels", "") if f1 is None else (_number(f1[0]), _range(f1[1], f1[2]))
        table.add_row(name, str(found["labels"]), _number(found["precision"]), _number(found["recall"]), *said)
    macro = result["f1"]["macro"]
    said = ("not enough labels", "") if macro is None else (_number(macro[0]), _range(macro[1], macro[2]))
    table.add_row("macro", str(result["labels"]), "", "", *said)
    return table


def _shares(shares: Mapping[str, Any]) -> Table:
    table = Table("share of what was sampled", "published", "corrected by labels", "95 %", box=None, pad_edge=False)
    for name, one in shares.items():
        table.add_row(
            name, f"{one['published']:.1%}", f"{one['corrected']:.1%}", f"{one['low']:.1%} to {one['high']:.1%}"
        )
    return table


def _span(value: float, low: float, high: float) -> str:
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def _range(low: float | None, high: float | None) -> str:
    return f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
