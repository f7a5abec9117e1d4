"""Source: where verbatims come from. Each gives reviews, and says of each record that it cannot read where it stands.

source.py       what every source does      sources.py  several of them, one after the other
definitions.py  `sources.toml`: which sources a run in prod reads
file.py         CSV and JSON Lines, or either on stdin
    columns.py  which column holds what     csv_table.py, jsonl_table.py, table.py, stream.py  the formats
site.py         pages on the web, one after the other, until one has no news
    harvest.py  what has been read so far   memory.py  what earlier visits have left
    changes.py  what is strange about this one             address.py  what is an address, and how much of it is shown
    guest.py    fetching: robots.txt, pace, retries, limits      network.py  never into a private network
    apart.py    parsing, in a process with limits of its own; PARSERS, by the kind of source:
        schema_org.py with microdata.py, apple.py, css.py      markup.py  HTML      found.py  what they give
fields.py       what ratings, dates, languages and ids mean, whichever source they come from

Nothing is imported here: the process that parses a page starts in 60 ms, and in 300 with what fetches it.
"""
