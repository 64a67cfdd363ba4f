#!/usr/bin/env python3
"""Fails on an #include that goes against the arrows between folders (ARCHITECTURE.md).

Usage: include_arrows.py PROJECT_ROOT
"""
import pathlib
import re
import sys

# Who may include whom; a folder may always include itself.
ALLOWED = {
    "base": set(),
    "ir": {"base"},
    "kernels": {"base", "ir"},
    "jit": {"base", "ir"},
    "runtime": {"base", "ir", "kernels", "jit"},
    "frontends": {"base", "ir", "runtime"},
    "tools": {"base", "ir", "kernels", "jit", "runtime", "frontends"},
    "examples": {"base", "ir", "runtime", "frontends"},
    "bench": {"base", "ir", "kernels", "jit", "runtime", "frontends", "tools"},
    "tests": {"base", "ir", "kernels", "jit", "runtime", "frontends", "tools", "tests"},
}
# Besides: the runner of text tests asks the reference evaluator.
ALSO = {"tools/filetest/": "tests/reference/"}
# Headers of a library stay in one place.
ONLY_IN = {
    r"dnnl[._]": "kernels/onednn/",
    r"omp\.h": "kernels/onednn/",
    r"llvm/": ("jit/llvm/", "tests/unit/jit_"),
    r"cuda": "runtime/cuda/",
    r"nlohmann/": ("frontends/weights/", "tools/", "tests/", "bench/"),
    r"zip\.h": "frontends/weights/",
    r"CLI/": ("tools/", "tests/", "bench/"),
    r"iostream": ("examples/", "tests/", "bench/"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def check(root, path):
    relative = path.relative_to(root).as_posix()
    folder = relative.split("/")[0]
    for kind, name in INCLUDE.findall(path.read_text()):
        target = name.split("/")[0]
        also = any(relative.startswith(a) and name.startswith(b) for a, b in ALSO.items())
        if kind == '"' and target in ALLOWED and target not in {folder, *ALLOWED[folder]} and not also:
            yield f"{relative}: {folder} may not include {name}"
        for pattern, places in ONLY_IN.items():
            if kind == "<" and re.match(pattern, name) and not relative.startswith(places):
                yield f"{relative}: <{name}> belongs in {places} only"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = [p for folder in ALLOWED for p in sorted((root / folder).rglob("*"))
             if p.suffix in (".h", ".cc", ".inc")]
    problems = [problem for path in files for problem in check(root, path)]
    print("\n".join(problems) or f"{len(files)} files keep to the arrows")
    sys.exit(1 if problems else 0)


main()
