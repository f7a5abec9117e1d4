"""Files of verbatims.

several.py   one file or several              file.py      one file: how it is read, and its records
opening.py   bytes that can be read again     formats.py   CSV, JSON, sheet …, by ending or content
csv_table.py jsonl_table.py json_table.py sheet_table.py text_table.py   each gives a table.py
decoding.py  encodings and lines              columns.py   which column is what, by its name
survey.py    a first look at all records      dates.py, ratings.py   what a whole column decides
reader.py    a row becomes a review
"""
