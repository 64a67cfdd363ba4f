#!/usr/bin/env python3
"""docs/ops.md and the functions in frontends/trace are what gcomp-opt writes of the records.

Usage: ops_page_test.py SOURCE_DIR PATH_TO_gcomp-opt
"""
import pathlib
import subprocess
import sys

FILES = {"docs/ops.md": "--ops-page", "frontends/trace/ops.h": "--ops-header", "frontends/trace/ops.cc": "--ops-source"}


def main():
    stale = 0
    for name, flag in FILES.items():
        path = pathlib.Path(sys.argv[1]) / name
        text = subprocess.run([sys.argv[2], flag], capture_output=True, text=True, check=True).stdout
        if path.exists() and path.read_text() == text:
            continue
        print(f"{name} is not what the records say; write it anew: gcomp-opt {flag} -o {name}")
        stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
