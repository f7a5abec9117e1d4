"""Parses the bytes of a page into reviews.

process.py     runs a parser in a process with limits; PARSERS by kind of source
parsed.py      what every parser returns
schema_org.py  JSON-LD, and microdata.py       apple.py  Apple's feed of customer reviews
css.py         by CSS selectors                markup.py HTML elements for schema_org, microdata and css
"""
