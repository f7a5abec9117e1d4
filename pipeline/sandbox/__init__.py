"""Loopback stand-ins with the real wire formats, for demos, tests and everyone without a key.

server.py    everything on one port; `Sandbox` in a thread, `serve` in the foreground, `identify` from outside
site.py      the review site, and feed.py Apple's feed, of corpus.py's verbatims (verbatims.jsonl)
claude.py    Claude's Messages API: wire.py holds its shapes, limits.py its headers, faults.py what goes wrong
bigquery.py  BigQuery's REST API: tables.py its tables and jobs on disk, googlesql.py its SQL, ndjson.py its rows
analyst.py   the answers, by rules: sentiment.py with lexicon.py, themes.py, and tokenizer.py below them
"""

from pipeline.sandbox.server import TABLES, Sandbox, identify, serve

__all__ = ["TABLES", "Sandbox", "identify", "serve"]
