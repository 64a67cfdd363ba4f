#!/usr/bin/env python3
"""Checks that the pages tell the truth.

- Each ```console block of a page holds a command (`$ gcomp-opt ...`) and exactly what it prints; a
  line `...` stands for any lines. Commands run in the project's root with the build's programs.
- Each ```cpp block of README.md stands, line for line, in the example that it names.
- Each relative link of a page leads to a file.

Usage: docs_test.py PROJECT_ROOT BIN_DIR [--refresh]     (--refresh rewrites what commands print)
"""
import os
import pathlib
import re
import subprocess
import sys

CONSOLE = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```$", re.M | re.S)
CPP = re.compile(r"^```cpp\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def matches(want, got):
    pattern = "".join(".*?\n" if line == "..." else re.escape(line) + "\n" for line in want.splitlines())
    return re.fullmatch(pattern.replace(".*?\n", "(?:.*\n)*?"), got) is not None


def run(command, root, bin_dir):
    env = dict(os.environ, PATH=f"{bin_dir}:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", command], cwd=root, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.stdout


def check_page(page, root, bin_dir, refresh):
    text = page.read_text()
    problems = []
    for block in CONSOLE.finditer(text):
        got = run(block[1], root, bin_dir)
        if matches(block[2], got):
            continue
        if refresh:
            text = text.replace(block[0], f"```console\n$ {block[1]}\n{got}```")
        else:
            problems.append(f"`{block[1]}` prints:\n{got}but the page says:\n{block[2]}")
    if page.name == "README.md":
        example = "".join(path.read_text() for path in sorted((root / "examples").rglob("*.cc")))
        for block in CPP.finditer(text):
            if block[1] not in example:
                problems.append(f"this code is in no file of examples/:\n{block[1]}")
    for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.S)):
        if not (page.parent / target).exists():
            problems.append(f"a link leads nowhere: {target}")
    if refresh:
        page.write_text(text)
    return problems


def main():
    root, bin_dir = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    failed = 0
    pages = sorted([*root.glob("*.md"), *(root / "docs").glob("**/*.md")])
    for page in pages:
        for problem in check_page(page, root, bin_dir, "--refresh" in sys.argv):
            print(f"{page.relative_to(root)}: {problem}")
            failed += 1
    print(f"{len(pages)} pages, {failed} problems")
    sys.exit(1 if failed else 0)


main()
