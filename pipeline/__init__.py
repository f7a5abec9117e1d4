"""verbatims: free-text customer feedback becomes rows an analyst can trust.

The folders, in the order the data travels:

source/     where verbatims come from: pages and files
clean/      pure functions: repair, privacy, language, what is skipped
analyse/    one Claude call per text, and the contract its answer keeps
load/       warehouses that hold the rows
store/      what every stage reads and leaves: runs, texts, claims, attempts, analyses, deliveries, totals
evaluate/   is the model still the one that was accepted: statistics of counts, pure functions
telemetry/  the metric catalogue, and what makes spans and metrics of what stages say
sandbox/    loopback stand-ins with the real wire formats
commands/   what is typed: a file per command, its options and what it does

and beside them, from what is typed to what is said:

cli.py      the list of commands, errors   session.py   what a command needs, built and open
journey.py  the stages: read it first      summary.py   a run in words   progress.py  bars
sqlite_file.py  how a SQLite file is opened, for the store and a warehouse
records.py  what stages hand over          errors.py    and exit codes   settings.py  what the operator sets
given.py    the values of settings, and where each is from; config_folder.py: the files that containers get
traces.py   of errors, without words
events.py   what happens while they work   observer.py  who is told of it: telemetry/handlers.py makes metrics of it
claiming.py  what the dispatcher of analyse and the store hand to each other
delivery.py  the rows that are due, from the store into the warehouse
retention.py  texts that may not be kept any longer, by age or on request; file_erasure.py erases them from SQLite files
export.py   rows as a file
verbatim_shown.py  all about one verbatim   peek.py  a warehouse for who only reads
exporter.py, forwarder.py, doctor.py, dry_run.py: behind a command each; signals.py, urls.py, program.py: helpers
totals.py   the store's total of each metric, for the exporter and the summary
"""

__version__ = "0.1.0"
