"""Local stand-ins with the real wire formats, for demos, tests and use without an API key.

server.py    all of them on one port: `Sandbox` in a thread, `serve` in the foreground; `identify` detects a sandbox
site.py      the review site; feed.py: Apple's feed; corpus.py: their verbatims (verbatims.jsonl)
claude.py    Claude's Messages API; wire.py: its formats, answers.py: its answers, models.py: the list of models,
             limits.py: rate limits, cache.py: the prompt cache, faults.py: injected faults,
             drift.py: other sentiments on request, shares.py: reads the shares of both
batches.py   Claude's Message Batches API; batchbody.py: reads new ones, batchfile.py: keeps them on disk,
             batchwork.py: answers them in the background
bigquery.py  BigQuery's REST API; tables.py: tables and jobs on disk, googlesql.py: SQL, ndjson.py: rows
analyst.py   answers by rules; sentiment.py, themes.py, lexicon.py and tokenizer.py: the rules
"""

from pipeline.sandbox.server import BATCHES, TABLES, Sandbox, identify, serve

__all__ = ["BATCHES", "TABLES", "Sandbox", "identify", "serve"]
