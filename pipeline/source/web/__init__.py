"""Sites and feeds.

site.py       a source on the web              description.py  its settings
crawler.py    reads page by page, up to the first without new reviews
fetcher.py    robots.txt, delays, retries, limits    network.py  refuses private networks
collected.py  the reviews read so far          ids.py          gives each its id
changes.py    compares with earlier crawls
"""
