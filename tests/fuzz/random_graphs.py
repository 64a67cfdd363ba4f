#!/usr/bin/env python3
"""Makes random valid graphs and has gcomp-filetest check them: the text form, verification, the passes
(bits must stay, a second run must find nothing), and every way to run them against every other.

Usage: random_graphs.py PATH_TO_gcomp-filetest [--count=N] [--seed=FIRST] [--keep=FOLDER]
A graph depends on its seed alone. The graphs stay in the folder that --keep names.
"""
import argparse
import math
import pathlib
import random
import subprocess
import sys
import tempfile

PIPELINES = ["canonicalize, fold, cse, dce", "cse, canonicalize, dce, fold", "fold, canonicalize",
             "canonicalize, cse, canonicalize", "cse", "dce"]
LITERALS = ["0.0", "-0.0", "1.0", "-1.0", "2.5", "nan", "inf"]
BINARY = ["add", "sub", "mul", "div", "min", "max"]
UNARY = ["exp", "tanh", "neg", "relu", "abs", "contiguous", "copy", "cast"]


def contiguous(sizes):
    strides, step = [], 1
    for size in reversed(sizes):
        strides.insert(0, step)
        step *= size
    return strides


class Value:
    """An f32 tensor; strides of axes of size 1 are the contiguous ones, as in the text form."""

    def __init__(self, name, sizes, strides=None):
        self.name, self.sizes, own = name, list(sizes), contiguous(sizes)
        self.strides = [o if n == 1 else s for n, s, o in zip(sizes, strides or own, own)]

    def type(self):
        layout = "" if self.strides == contiguous(self.sizes) else f"{{{', '.join(map(str, self.strides))}}}"
        return f"f32[{', '.join(map(str, self.sizes))}]{layout}"


class Graph:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed, self.values, self.lines, self.sources = seed, [], [], []
        for i in range(2):
            sizes = [self.random.choice([1, 2, 3]) for _ in range(self.random.randint(1, 3))]
            self.values.append(Value(f"%x{i}", sizes))
        self.params = list(self.values)

    def axis(self, axis, rank):
        return axis - rank if self.random.random() < 0.5 else axis

    def emit(self, text, sizes, strides=None, regions=()):
        value = Value(f"%v{len(self.lines)}", sizes, strides)
        self.lines.append([f"{value.name}: {value.type()} = {text}", *regions])
        self.values.append(value)
        if not regions:
            self.sources.append((text, value))

    def literal(self):
        return self.random.choice(LITERALS)

    # One method for each kind of op; each takes a value that is there.

    def binary(self, x):
        y = self.random.choice([v for v in self.values if v.sizes == x.sizes])
        self.emit(f"{self.random.choice(BINARY)}({x.name}, {y.name})", x.sizes)

    def with_literal(self, x):
        args = [x.name, self.literal()]
        self.random.shuffle(args)
        self.emit(f"{self.random.choice(BINARY)}({', '.join(args)})", x.sizes)

    def unary(self, x):
        self.emit(f"{self.random.choice(UNARY)}({x.name})", x.sizes)

    def transpose(self, x):
        order = list(range(len(x.sizes)))
        self.random.shuffle(order)
        reversed_all = order == sorted(order)[::-1]
        dims = f", dims = {[self.axis(a, len(order)) for a in order]}"
        if reversed_all and self.random.random() < 0.5:
            dims = ""
        self.emit(f"transpose({x.name}{dims})", [x.sizes[a] for a in order], [x.strides[a] for a in order])

    def reshape(self, x):
        sizes, rest = [], math.prod(x.sizes)
        while rest > 1 and len(sizes) < 3:
            sizes.append(self.random.choice([d for d in range(1, rest + 1) if rest % d == 0]))
            rest //= sizes[-1]
        sizes.append(rest)
        self.emit(f"reshape({x.name}, shape = {sizes})", sizes)

    def unsqueeze(self, x):
        at = self.random.randint(0, len(x.sizes))
        sizes = x.sizes[:at] + [1] + x.sizes[at:]
        self.emit(f"unsqueeze({x.name}, dim = {self.axis(at, len(sizes))})", sizes,
                  x.strides[:at] + [1] + x.strides[at:])

    def expand(self, x):
        sizes = [self.random.choice([1, 2, 3]) if n == 1 else n for n in x.sizes]
        strides = [0 if n != m else s for n, m, s in zip(x.sizes, sizes, x.strides)]
        self.emit(f"expand({x.name}, shape = {sizes})", sizes, strides)

    def reduce(self, x):
        at = self.random.randrange(len(x.sizes)) if x.sizes else None
        if at is None:
            return
        op = self.random.choice(["reduce_sum", "reduce_max"])
        self.emit(f"{op}({x.name}, dims = [{self.axis(at, len(x.sizes))}])", x.sizes[:at] + x.sizes[at + 1:])

    def softmax(self, x):
        if x.sizes:
            at = self.random.randrange(len(x.sizes))
            self.emit(f"softmax({x.name}, dim = {self.axis(at, len(x.sizes))})", x.sizes)

    def made(self, x):
        if x.sizes and self.random.random() < 0.4:
            at = self.random.randrange(len(x.sizes))
            self.emit(f"iota(dim = {self.axis(at, len(x.sizes))})", x.sizes)
        elif self.random.random() < 0.5:
            self.emit(f"const(splat = {self.literal()})", x.sizes)
        else:
            self.emit(f"full({self.literal()}, shape = {x.sizes})", x.sizes)

    def again(self, x):
        if self.sources:
            text, value = self.random.choice(self.sources)
            self.emit(text, value.sizes, value.strides)

    def cond(self, x):
        y = Value("", x.sizes).type()
        regions = []
        for label in ("then", "else"):
            first = self.random.choice(["mul(1.0, %a)", "add(2.0, %a)", "exp(%a)"])
            last = self.random.choice(["mul(%b, %b)", "add(%b, %c)", f"reshape(%b, shape = {x.sizes})"])
            regions += [f"  {label}(%a: {x.type()}) {{", f"    %b: {y} = {first}", f"    %c: {y} = tanh(%a)",
                        f"    %d: {y} = {last}", "    yield %d", "  }"]
        self.emit(f"cond(%p, {x.name})", x.sizes, None, regions)

    def text(self):
        kinds = [self.binary, self.with_literal, self.unary, self.transpose, self.reshape, self.unsqueeze,
                 self.expand, self.reduce, self.softmax, self.made, self.again, self.cond]
        for _ in range(self.random.randint(5, 60)):
            x = self.random.choice(self.values)
            if len(x.sizes) < 6:
                self.random.choice(kinds)(x)
        results = self.random.sample(self.values, min(3, len(self.values)))
        params = ", ".join(["%p: bool[]"] + [f"{p.name}: {p.type()}" for p in self.params])
        return "\n".join([
            "//! noncanonical: headers of any length", f"gir 1 module @random{self.seed}", "",
            f"export func @main({params}) -> ({', '.join(r.type() for r in results)}) {{",
            *(f"  {line}" for op in self.lines for line in op),
            f"  return {', '.join(r.name for r in results)}", "}",
            f"//! passes: {self.random.choice(PIPELINES)}", "//! diff: @main", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(options.seed, options.seed + options.count):
            (folder / f"random{seed}.ir").write_text(Graph(seed).text())
        return subprocess.run([options.tool, str(folder)]).returncode


if __name__ == "__main__":
    sys.exit(main())
