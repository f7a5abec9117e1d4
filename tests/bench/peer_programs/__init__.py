"""One program for each library, run by the Python of its own environment: it imports nothing of `pipeline`.

Each sends the requests of the file that its command names, by its own means and with its own structured output, to
whom ANTHROPIC_BASE_URL says, and prints one JSON object as `bare_requests` does.
"""
