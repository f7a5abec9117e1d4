"""Sites and feeds.

site.py       a source on the web              description.py  how it is described
crawler.py    from page to page, until a page has nothing new
fetcher.py    robots.txt, pace, retries, limits   network.py   never into a private network
collected.py  the reviews read so far          changes.py      what differs from earlier crawls
"""
