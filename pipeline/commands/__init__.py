"""The commands, a file each, listed in `cli.py`.

`add_parser` adds the options; `run` opens what it needs, calls one function, prints the result and returns the exit
code.

Shared by the commands: arguments.py (parsers and checked types), input_file.py (options of the input), output.py
(printing), ending.py (why a command ends with 1) and resuming.py (the command that resumes stopped work).
"""
