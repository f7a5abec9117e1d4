"""Files of verbatims.

file.py       one file, or standard input      columns.py  which column holds what
csv_table.py  jsonl_table.py  the two formats, as the records of table.py
decoding.py   bytes become lines of text
"""
