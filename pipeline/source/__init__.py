"""Source: where verbatims come from. Each gives reviews, and says of each record that it cannot read where it stands.

source.py       what every source does      sources.py  several of them, one after the other
definitions.py  `sources.toml`: which sources a run in prod reads
file.py         CSV and JSON Lines, or either on stdin
    columns.py  which column holds what     csv_table.py, jsonl_table.py, table.py, stream.py  the formats
site.py         a source on the web, of which description.py says where it is and how it is read
    walk.py     from page to page, until one has no news     harvest.py  what has been read so far
    memory.py   what earlier visits have left                changes.py  what is strange about this one
    guest.py    fetching: robots.txt, pace, retries, limits  network.py  never into a private network
    address.py  what is an address, and how much of it may be shown
    apart.py    parsing, in a process with limits of its own; PARSERS, by the kind of source:
        schema_org.py with microdata.py, apple.py, css.py    markup.py  HTML    found.py  what they give
fields.py       what ratings, dates, languages and ids mean, whichever source they come from

Nothing is imported here: the process that parses pages does without what fetches them, and starts twice as fast.
"""
