#!/usr/bin/env python3
"""Writes tests/ops/<op>.ir: graphs of single ops with inputs and the results they must have.

Each values_<family>.py beside this file computes the results of its ops, by definitions that share
nothing with gcomp, and has a function write(). Run it from anywhere; it rewrites the files in place.
make_values.py [--check] [FAMILY...]: with --check it writes nothing and fails if a file is not what
it would write. Needs mpmath (exit code 77 without it).
"""
import importlib
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import opfile

if __name__ == "__main__":
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")]
    for path in sorted(HERE.glob("values_*.py")):
        if not chosen or path.stem.removeprefix("values_") in chosen:
            importlib.import_module(path.stem).write()
    if opfile.different:
        sys.exit(f"not as make_values.py writes them: {', '.join(opfile.different)}")
