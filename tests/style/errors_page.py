#!/usr/bin/env python3
"""Fails unless docs/errors.md has exactly one heading for each row of base/error_table.inc, with the
same meaning, status code and exit code, in the same order.

Usage: errors_page.py PROJECT_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
row = re.compile(r'GCOMP_ERROR\((E\d+), k(\w+), (\d), "([^"]*)"\)')
table = [(i, t, re.sub(r"(?<!^)(?=[A-Z])", "_", c).lower(), e)
         for i, c, e, t in row.findall((root / "base/error_table.inc").read_text())]
page = (root / "docs/errors.md").read_text()
heading = re.compile(r"^## (E\d+): (.*)\nStatus `(\w+)`, exit code (\d)\.", re.M)
shown = heading.findall(page)
for want in table:
    if want not in shown:
        print(f"docs/errors.md lacks: ## {want[0]}: {want[1]} / Status `{want[2]}`, exit code {want[3]}.")
for got in shown:
    if got not in table:
        print(f"docs/errors.md has what the table has not: {got}")
if shown == table and page.count("\n## ") == len(table):
    print(f"{len(table)} errors are explained")
    sys.exit(0)
sys.exit(1)
