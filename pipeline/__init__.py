"""verbatims: free-text customer feedback becomes rows an analyst can trust.

The folders, in the order the data travels:

source/     where verbatims come from: pages and files
clean/      pure functions: repair, privacy, language, what is skipped
analyse/    one Claude call per text, and the contract its answer keeps
load/       warehouses that hold the rows
store/      what every stage reads and leaves: runs, verbatims, calls, answers, topics
telemetry/  the metric catalogue, and what makes spans and metrics of what stages say
sandbox/    loopback stand-ins with the real wire formats

``run.py`` is the whole journey; read it first.
"""

__version__ = "0.1.0"
