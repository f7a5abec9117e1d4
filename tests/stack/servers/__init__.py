"""One folder per server with its pins; build.py makes them."""
