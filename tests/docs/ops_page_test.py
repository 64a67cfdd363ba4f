#!/usr/bin/env python3
"""docs/ops.md is what gcomp-opt writes of the records.

Usage: ops_page_test.py SOURCE_DIR PATH_TO_gcomp-opt
"""
import pathlib
import subprocess
import sys


def main():
    page = pathlib.Path(sys.argv[1]) / "docs/ops.md"
    text = subprocess.run([sys.argv[2], "--ops-page"], capture_output=True, text=True, check=True).stdout
    if page.exists() and page.read_text() == text:
        return 0
    print("docs/ops.md is not what the records say; write it anew: gcomp-opt --ops-page -o docs/ops.md")
    return 1


if __name__ == "__main__":
    sys.exit(main())
