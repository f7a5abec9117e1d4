"""Sources of verbatims: web pages and files.

source.py   the interface of every source        sources.py  several sources read as one
config.py   `sources.toml`: which sources a run in prod reads
files/      CSV and JSON Lines, a file or standard input
web/        crawls sites: robots.txt is obeyed, private networks are not read
parsers/    the bytes of a page become reviews, in a process with limits; one parser per kind of source
history.py  what earlier crawls have seen        fields.py   parses ratings, dates, languages and ids
address.py  validates addresses, and redacts them for messages

Nothing is imported here: the parser process starts twice as fast without the libraries that fetch pages.
"""
