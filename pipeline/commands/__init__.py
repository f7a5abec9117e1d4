"""A file per command: `add_parser` tells its options, `run` opens what it needs, calls one function, prints the
result, and gives the exit code. `cli.py` lists them.

What they share: arguments.py checks what was typed, input_file.py names the file to read, output.py prints,
resuming.py says how stopped work goes on.
"""
