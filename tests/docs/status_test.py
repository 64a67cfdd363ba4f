#!/usr/bin/env python3
"""Runs the command of every row of docs/status.md that says 'holds'; fails if one fails.

Commands that start with scripts/, .ci/ or tests/full are left out: they contain this test. Of unit
tests, which ctest runs one by one beside this, it is only asked that the filter names some (with
--all, they run too).

Usage: status_test.py PROJECT_ROOT PATH_OF_PROGRAMS [--all]
"""
import os
import pathlib
import re
import subprocess
import sys

ROW = re.compile(r"^\| (\w+) \| .*? \| `(.+?)` \| holds", re.M)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    env = dict(os.environ, PATH=f"{sys.argv[2]}:{os.environ['PATH']}")
    failed = ran = 0
    known = set()  # commands that stand in several rows run once
    if "MEASURED" in (root / "docs/status.md").read_text():
        sys.exit("docs/status.md has a number that was not filled in")
    for line, command in ROW.findall((root / "docs/status.md").read_text()):
        if command.startswith(("scripts/", ".ci/", "tests/full")):
            continue
        if command in known:
            continue
        known.add(command)
        if command.startswith("gcomp-unit-tests ") and "--all" not in sys.argv[3:]:
            command += " --gtest_list_tests | grep '^  '"
        done = subprocess.run(["bash", "-c", "set -e; " + command], cwd=root, env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        ran += 1
        empty = "0 tests from 0 test suites" in done.stdout
        print(f"{'FAIL' if done.returncode or empty else 'ok':4} {line:4} {command}", flush=True)
        if done.returncode or empty:
            failed += 1
            print(done.stdout[-4000:])
    print(f"{ran} rows that hold were run, {failed} failed")
    sys.exit(1 if failed or ran == 0 else 0)


main()
