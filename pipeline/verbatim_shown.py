"""Everything about one verbatim: as the store has it, what was asked, and the warehouse's row; as data and in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline import clean as cleaning
from pipeline.analyse.analyser import Analyser
from pipeline.errors import InputError, VerbatimsError
from pipeline.load.table import ANALYSED
from pipeline.peek import peek_warehouse
from pipeline.settings import Settings
from pipeline.store import AnalysisShown, Dossier, Store

FACTS = ("url", "rating", "language", "written_at", "seen_on", "extra")
ROW = f"SELECT * FROM {ANALYSED} WHERE verbatim_id = @verbatim"


def find(store: Store, source: str, external_id: str | None) -> list[Dossier]:
    """What goes by this name, as the warehouse or the source has it; without `external_id`, by this verbatim_id.

    A store may have two, of before and behind a rule for ids. Raises InputError where there is none.
    """
    if external_id is None:
        one = store.dossiers.find(source)
        found = [one] if one else []
    else:
        found = store.dossiers.find_named([(source, external_id), cleaning.name(source, external_id)])
    if not found:
        raise InputError(
            f"{store.name} has no such verbatim: SOURCE and EXTERNAL_ID are what the warehouse's columns source and "
            "external_id say, or what the source calls it; or give its verbatim_id alone"
        )
    return found


def as_data(dossier: Dossier, settings: Settings) -> dict[str, Any]:
    """All of it, for JSON."""
    data = asdict(dossier)
    for version, shown in zip(dossier.versions, data["versions"], strict=True):
        for analysis, shown_analysis in zip(version.analyses, shown["analyses"], strict=True):
            del shown_analysis["definition"]  # the request says it all
            shown_analysis |= _request(analysis, version.text, settings.max_tokens)
    return {**data, "in_warehouse": _row(dossier.verbatim_id, settings)}


def _request(analysis: AnalysisShown, text: str | None, max_tokens: int) -> dict[str, Any]:
    """The request made anew, and whether its key is that of the last attempt; None where that cannot be known."""
    if text is None or analysis.definition is None:
        return {"request": None, "request_as_sent": None}
    analyser = Analyser(analysis.definition, max_tokens)
    keys = [attempt.request_key for attempt in analysis.attempts if attempt.request_key]
    return {"request": analyser.request(text), "request_as_sent": analyser.key(text) == keys[-1] if keys else None}


def _row(verbatim_id: str, settings: Settings) -> dict[str, Any]:
    try:
        with peek_warehouse(settings) as rows:
            found = rows.query(ROW, {"verbatim": verbatim_id})
            return {"name": rows.name, "row": _readable(dict(found[0])) if found else None, "problem": None}
    except VerbatimsError as error:  # the store's part is worth showing without it
        return {"name": None, "row": None, "problem": str(error)}


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Days and instants of BigQuery as text, lists of SQLite as lists."""
    lists = {name: json.loads(row[name]) for name in ("topics", "new_topics", "extra") if isinstance(row[name], str)}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in (row | lists).items()}


def in_words(data: dict[str, Any]) -> Iterator[str]:
    """The same, a line at a time."""
    for line in _lines(data):
        # an answer may hold characters that would steer the terminal
        yield "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in line)


def _lines(data: dict[str, Any]) -> Iterator[str]:
    yield f"verbatim {data['verbatim_id']}"
    yield _fact("source", data["source"])
    yield _fact("id", data["external_id"])
    if data["forgotten_on"]:
        yield _fact("forgotten", f"on {data['forgotten_on']}: no word of it is left, and it is not taken in again")
    for number, version in enumerate(data["versions"], 1):
        yield f"\nversion {number} of {len(data['versions'])} (text {version['text_id']}){_state(version)}"
        yield from _version(version)
    yield "\ndeliveries"
    yield from map(_delivery, data["deliveries"])
    if not data["deliveries"]:
        yield "  none: no warehouse is owed a row"
    yield from _warehouse(data["in_warehouse"])


def _state(version: dict[str, Any]) -> str:
    replaced = ", replaced by an edited text" if version["superseded"] and not version["erased"] else ""
    return replaced + (", its words are erased" if version["erased"] else "")


def _version(version: dict[str, Any]) -> Iterator[str]:
    yield from _block("text", version["text"])
    for name in FACTS:
        yield _fact(name, version[name])
    yield _fact("cleaning", _decision(version))
    yield _fact("read in", ", ".join(f"run {run} at {place}" for run, place in version["read_in"]))
    if not version["analyses"]:
        yield _fact("analysis", "nobody was asked")
    for analysis in version["analyses"]:
        yield from _analysis(analysis)


def _decision(version: dict[str, Any]) -> str:
    if version["skip_reason"]:
        return f"skipped: {version['skip_reason']}"
    return "kept" if version["kept"] else "has not looked at it yet"


def _analysis(analysis: dict[str, Any]) -> Iterator[str]:
    current = "; the warehouse's row is made of it" if analysis["current"] else ""
    yield f"\n  analysis by {analysis['model']}, prompt {analysis['prompt_version']}, analyser {analysis['analyser']}"
    yield _fact("outcome", (analysis["outcome"] or "none yet") + current)
    for attempt in analysis["attempts"]:
        yield from _attempt(attempt)
    if not analysis["attempts"]:
        yield _fact("attempts", "none: an identical text had been asked")
    if analysis["answer"]:
        for name, value in analysis["answer"].items():
            yield _fact(f"answer: {name}", value)
    yield from _asked(analysis)


def _attempt(attempt: dict[str, Any]) -> Iterator[str]:
    tokens = f"{attempt['input_tokens']} tokens in, {attempt['output_tokens']} out"
    details = f"{attempt['duration_s']:.3f} s, {tokens}, ${attempt['cost_usd']:.6f}"
    yield f"  attempt at {attempt['sent_at']}: {attempt['outcome']}, {details}"
    for name in ("error", "json_error", "retried", "cached_tokens", "thinking_tokens", "run_id", "trace_id"):
        if attempt[name] is not None:
            yield _fact(name, attempt[name])
    yield from _block("raw answer", attempt["raw"])


def _asked(analysis: dict[str, Any]) -> Iterator[str]:
    request = analysis["request"]
    if request is None:
        yield _fact("request", "cannot be shown: the text or the analyser's definition is gone")
        return
    if analysis["request_as_sent"] is False:
        yield _fact("request", "not exactly as it was sent: VERBATIMS_MAX_TOKENS or the program has changed since")
    yield from _block("system", request["system"][0]["text"])
    yield from _block("message", request["messages"][0]["content"])
    for name, value in request.items():
        if name not in ("system", "messages"):
            yield _fact(f"request: {name}", value)


def _delivery(delivery: dict[str, Any]) -> str:
    waits = delivery["due"] > delivery["sent"]
    said = f"change {delivery['due']} is due, {delivery['sent']} was sent" if waits else "has the latest change"
    refused = f"; refused: {delivery['problem']}" if delivery["problem"] else ""
    used = f"{'in use' if delivery['in_use'] else 'used before'}, last on {delivery['used_at'][:19]}"
    return f"  warehouse {delivery['warehouse']} ({used}): {said}{refused}"


def _warehouse(found: dict[str, Any]) -> Iterator[str]:
    if found["problem"]:
        yield f"\nthe warehouse cannot be read: {found['problem']}"
    elif found["row"] is None:
        yield f"\nno row in {found['name']}"
    else:
        yield f"\nrow in {found['name']}"
        for name, value in found["row"].items():
            yield _fact(name, value)


def _block(name: str, text: str | None) -> Iterator[str]:
    """A text of several lines, indented below its name."""
    if text is None:
        yield _fact(name, None)
        return
    yield f"  {name}"
    yield from (f"    {line}" for line in text.split("\n"))


def _fact(name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return f"  {name:<16} {'-' if value is None else value}"
