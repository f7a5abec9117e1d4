"""Where verbatims come from: pages and files.

source.py   the seam that every source keeps     sources.py  several of them as one
config.py   `sources.toml`: which sources a run in prod reads
files/      CSV and JSON Lines, a file or standard input
web/        pages that follow each other, fetched politely and never from a private network
parsers/    a page's bytes become reviews, in a process with limits of its own; a parser for each kind of source
history.py  what earlier crawls have seen        fields.py   ratings, dates, languages, ids as sources write them
address.py  what is an address, and how much of it may be shown

Nothing is imported here: the process that parses pages does without what fetches them, and starts twice as fast.
"""
