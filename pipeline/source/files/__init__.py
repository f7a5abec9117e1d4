"""Files of verbatims.

file.py       one file, or standard input      columns.py  finds the columns by name
csv_table.py  jsonl_table.py  the two formats, as the records of table.py
decoding.py   detects the encoding and splits lines
"""
