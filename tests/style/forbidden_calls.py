#!/usr/bin/env python3
"""Fails on calls that a library inside a server must not make: abort, exit, throw, printing.

Usage: forbidden_calls.py PROJECT_ROOT
"""
import pathlib
import re
import sys

FOLDERS = ("base", "ir", "kernels", "jit", "runtime", "frontends")
FORBIDDEN = re.compile(
    r"(?<![\w:.>])(?:std::)?(abort|exit|_exit|quick_exit|terminate|assert|printf|puts|cantFail|"
    r"report_fatal_error)\s*\(|\b(throw)\b|std::(cout|cerr|clog)\b|\b(?:fprintf|fputs)\s*\(\s*(?:stdout|stderr)")
COMMENT = re.compile(r"//.*$|\"(?:\\.|[^\"\\])*\"", re.M)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    problems = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if FORBIDDEN.search(COMMENT.sub("", line)):
                    problems.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    print("\n".join(problems) or "no forbidden calls")
    sys.exit(1 if problems else 0)


main()
