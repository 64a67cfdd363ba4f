"""Files tests/ops/<op>.ir: arrays, numbers as text, graphs of single ops with their directives.

The results are computed by definitions in exact fractions and mpmath, and share nothing with gcomp.
"""
import itertools
import math
import pathlib
import re
import sys
from fractions import Fraction

sys.dont_write_bytecode = True
try:
    import mpmath
except ImportError:
    print("mpmath is not installed")
    sys.exit(77)

import numbers_of as nb

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "ops"
CHECK = "--check" in sys.argv[1:]
different = []
NAN, INF = math.nan, math.inf
SIZES = "sizes=(s0=0, s0=1, s0=7, s0=17, s0=33, s0=1000) seeds=2"


# ---- Arrays: sizes and elements in row-major order ----------------------------------------------

class Array:
    def __init__(self, sizes, flat):
        self.sizes, self.flat = list(sizes), list(flat)
        assert math.prod(self.sizes) == len(self.flat), (sizes, len(self.flat))

    def at(self, index):
        offset = 0
        for i, size in zip(index, self.sizes):
            offset = offset * size + i
        return self.flat[offset]

    def show(self, dtype):
        if 0 in self.sizes:
            return f"empty[{', '.join(map(str, self.sizes))}]"
        def nest(sizes, flat):
            if not sizes:
                return nb.show(dtype, flat[0])
            step = len(flat) // sizes[0]
            rows = (nest(sizes[1:], flat[i * step:(i + 1) * step]) for i in range(sizes[0]))
            return f"[{', '.join(rows)}]"
        return nest(self.sizes, self.flat)


def build(sizes, element):
    return Array(sizes, (element(i) for i in itertools.product(*map(range, sizes))))


def broadcast(sizes_of):
    rank = max(map(len, sizes_of))
    padded = [[1] * (rank - len(s)) + list(s) for s in sizes_of]
    return [max(d) if 0 not in d else 0 for d in zip(*padded)]


def pick(array, index):
    index = index[len(index) - len(array.sizes):]
    return array.at([0 if size == 1 else i for i, size in zip(index, array.sizes)])


def elementwise(fn, *arrays):
    return build(broadcast([a.sizes for a in arrays]), lambda i: fn(*(pick(a, i) for a in arrays)))


# ---- Text of the files --------------------------------------------------------------------------

def wrapped(name, text):
    """A directive on lines of at most 100 columns, broken where brackets are open."""
    lines, line, depth = [], f"//! {name}: ", 0
    for word in re.findall(r"[^ ]+ ?", text):
        if depth > 0 and len(line) + len(word.rstrip()) > 100 and line.strip() != "//!":
            lines.append(line.rstrip())
            line = "//!   "
        line += word
        depth += word.count("(") + word.count("[") - word.count(")") - word.count("]")
    return lines + [line.rstrip()]


class File:
    """One file of one module; functions are added with their directives."""

    def __init__(self, op, note):
        self.op, self.lines, self.names = op, [f"//! note: {note}", f"gir 1 module @{op}"], set()

    def func(self, name, params, results, body, symbols="", defines="", comment=""):
        assert name not in self.names
        self.names.add(name)
        self.lines += ["", f"// {comment}"] if comment else [""]
        head = f"func @{name}{symbols}"
        line = f"export {head}({', '.join(params)}) -> ({', '.join(results)}){defines} {{"
        if len(line) > 100:
            self.lines += [f"export {head}("] + [f"  {p}," for p in params[:-1]] + [f"  {params[-1]}"]
            self.lines.append(f") -> ({', '.join(results)}){defines} {{")
        else:
            self.lines.append(line)
        self.lines += [f"  {b}" for b in body] + ["}"]
        return self

    def run(self, name, args, values, bound="", leaves=None):
        """args, values: (dtype, Array) pairs; leaves: such pairs by the name of the parameter."""
        text = f"@{name}({', '.join(a.show(d) for d, a in args)})"
        if values:
            text += f" == {', '.join(v.show(d) for d, v in values)}"
        if leaves:
            text += f" leaves {', '.join(f'%{n} = {a.show(d)}' for n, (d, a) in leaves.items())}"
        self.lines += wrapped("run", text + (f" {bound}" if bound else ""))
        return self

    def diff(self, name, rest="seeds=2"):
        self.lines += wrapped("diff", f"@{name} {rest}")
        return self

    def fails(self, name, args, rest):
        args = ", ".join(a.show(d) for d, a in args)
        self.lines += wrapped("run-error", f"@{name}({args}) {rest}")
        return self

    def write(self):
        path, text = OUT / f"{self.op}.ir", "\n".join(self.lines) + "\n"
        if not CHECK:
            OUT.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            different.append(path.name)


def vec(dtype, values):
    return Array([len(values)], [nb.of(dtype, v) for v in values])


def mat(dtype, rows):
    return Array([len(rows), len(rows[0])], [nb.of(dtype, v) for r in rows for v in r])


# ---- Definitions of the pointwise ops -----------------------------------------------------------

def exact(dtype, special, formula):
    """An op on floats: special values by Python's own IEEE doubles, the others exactly, one rounding."""
    def fn(*x):
        if any(isinstance(v, float) and not math.isfinite(v) for v in x):
            return special(*x)
        value = formula(*map(Fraction, x))
        return nb.round_to(dtype, value) if value != 0 else special(*x)
    return fn


def ieee_div(a, b):
    if math.isnan(a) or math.isnan(b) or (a == 0 and b == 0) or (math.isinf(a) and math.isinf(b)):
        return NAN
    sign = math.copysign(1, a) * math.copysign(1, b)
    if b == 0 or math.isinf(a):
        return sign * INF
    if math.isinf(b) or a == 0:
        return sign * 0.0
    return a / b


def ordered(a, b, greatest):
    if math.isnan(a) or math.isnan(b):
        return NAN
    if a == b == 0:
        positive = [v for v in (a, b) if math.copysign(1, v) > 0]
        return 0.0 if (len(positive) == 2 or (greatest and positive)) else -0.0
    return max(a, b) if greatest else min(a, b)


def int_div(a, b):
    return 0 if b == 0 else (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


def function(dtype, special, formula):
    """An elementary function: `special` for what is not finite and for results that are exact."""
    def fn(x):
        value = special(x)
        return value if value is not None else nb.round_to(dtype, formula(mpmath.mpf(x)))
    return fn


def nan_or(table):
    return lambda x: NAN if math.isnan(x) else table.get(x)


def signed_zero(table):
    def special(x):
        if math.isnan(x):
            return NAN
        return x if x == 0 else table.get(x)
    return special


def gelu(x):
    return x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2


def gelu_tanh(x):
    return x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))) / 2


def binary(dtype, op):
    if dtype in nb.FLOATS:
        return {
            "add": exact(dtype, lambda a, b: a + b, lambda a, b: a + b),
            "sub": exact(dtype, lambda a, b: a - b, lambda a, b: a - b),
            "mul": exact(dtype, lambda a, b: a * b, lambda a, b: a * b),
            "div": lambda a, b: ieee_div(a, b) if b == 0 else exact(
                dtype, ieee_div, lambda x, y: x / y)(a, b),
            "min": lambda a, b: ordered(a, b, False),
            "max": lambda a, b: ordered(a, b, True),
        }[op]
    fn = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
          "div": int_div, "min": min, "max": max, "and": lambda a, b: a & b,
          "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b}[op]
    return (lambda a, b: bool(fn(a, b))) if dtype == "bool" else lambda a, b: nb.wrap(dtype, fn(a, b))


FLOAT_PAIRS = {
    "a": [1.5, -2.25, 0.1, 1e-3, 3.0, -7.0, 1e4, 0.3, INF, -INF, INF, NAN, 0.0, -0.0, 0.0, 1.0, 5.0],
    "b": [0.25, 0.3, 0.2, 7e-4, 1.0 / 3, 0.7, -1e4, 0.1, 1.0, 2.0, -INF, 1.0, -0.0, -0.0, 0.0, 0.0, NAN],
}
FLOAT_SAMPLES = [0.0, -0.0, 0.1, -0.1, 0.5, -0.5, 1.0, -1.0, 2.5, -3.7, 1e-4, -1e-3, 8.0, -8.0, INF, -INF, NAN]


def int_pairs(dtype):
    low, high = nb.limits(dtype)
    a = [5, 7, 100, high, low, low, 0, 9, high]
    b = [3, 2, 7, 1, 1, high, 5, 0, high]
    if low < 0:
        a, b = a + [-7, 7, low, -1], b + [2, -2, -1, low]
    return a, b


def inputs(dtype):
    if dtype == "bool":
        return [True, True, False, False], [True, False, True, False]
    return (FLOAT_PAIRS["a"], FLOAT_PAIRS["b"]) if nb.is_float(dtype) else int_pairs(dtype)


def strided(file, op, dtype, out, attrs=""):
    """A transposed operand that starts at an offset."""
    file.func("strided", [f"%x: {dtype}[5, 19]"], [f"{out}[18, 5]"],
              [f"%t: {dtype}[19, 5]{{1, 19}} = transpose(%x)",
               f"%s: {dtype}[18, 5]{{1, 19; offset 1}} = slice(%t, start = 1)",
               f"%y: {out}[18, 5] = {op}(%s{attrs})", "return %y"]).diff("strided")


def unary_op(op, dtypes, fn_of, samples_of, note, attrs="", strided_dtype="f32"):
    file = File(op, note)
    for dtype in dtypes:
        x = vec(dtype, samples_of(dtype))
        fn = fn_of(dtype)
        file.func(dtype, [f"%x: {dtype}[s0]"], [f"{dtype}[s0]"],
                  [f"%y: {dtype}[s0] = {op}(%x{attrs})", "return %y"], "<s0>")
        file.run(dtype, [(dtype, x)], [(dtype, elementwise(fn, x))])
        file.run(dtype, [(dtype, Array([1], x.flat[2:3]))], [(dtype, Array([1], [fn(x.flat[2])]))])
        file.run(dtype, [(dtype, Array([0], []))], [(dtype, Array([0], []))])
        file.diff(dtype, SIZES)
    strided(file, op, strided_dtype, strided_dtype, attrs)
    return file


def binary_op(op, dtypes, fn_of, note, out=None):
    file = File(op, note)
    for dtype in dtypes:
        a, b = (vec(dtype, v) for v in inputs(dtype))
        fn, to = fn_of(dtype), out or dtype
        file.func(dtype, [f"%a: {dtype}[s0]", f"%b: {dtype}[s0]"], [f"{to}[s0]"],
                  [f"%y: {to}[s0] = {op}(%a, %b)", "return %y"], "<s0>")
        file.run(dtype, [(dtype, a), (dtype, b)], [(to, elementwise(fn, a, b))])
        empty = Array([0], [])
        file.run(dtype, [(dtype, empty), (dtype, empty)], [(to, empty)])
        file.diff(dtype, SIZES)
    dtype = dtypes[0]
    fn, to = fn_of(dtype), out or dtype
    column = Array([2, 1], [nb.of(dtype, v) for v in inputs(dtype)[0][:2]])
    row = vec(dtype, inputs(dtype)[1][:3])
    file.func("broadcast", [f"%a: {dtype}[s0, 1]", f"%b: {dtype}[s1]"], [f"{to}[s0, s1]"],
              [f"%y: {to}[s0, s1] = {op}(%a, %b)", "return %y"], "<s0, s1>")
    file.run("broadcast", [(dtype, column), (dtype, row)], [(to, elementwise(fn, column, row))])
    one = Array([1, 1], column.flat[:1])
    file.run("broadcast", [(dtype, one), (dtype, Array([0], []))], [(to, Array([1, 0], []))])
    file.diff("broadcast", "sizes=(s0=1 s1=1, s0=3 s1=17, s0=33 s1=5, s0=0 s1=4) seeds=2")
    literal = True if dtype == "bool" else nb.of(dtype, 3)
    x = vec(dtype, inputs(dtype)[0])
    file.func("literal", [f"%a: {dtype}[s0]"], [f"{to}[s0]"],
              [f"%y: {to}[s0] = {op}(%a, {literal_text(dtype, literal)})", "return %y"], "<s0>")
    file.run("literal", [(dtype, x)], [(to, elementwise(lambda v: fn(v, literal), x))])
    scalar = Array([], x.flat[:1])
    file.func("scalar", [f"%a: {dtype}[]"], [f"{to}[]"],
              [f"%y: {to}[] = {op}(%a, %a)", "return %y"])
    file.run("scalar", [(dtype, scalar)], [(to, elementwise(fn, scalar, scalar))])
    file.func("strided", [f"%x: {dtype}[5, 19]", f"%b: {dtype}[5]"], [f"{to}[18, 5]"],
              [f"%t: {dtype}[19, 5]{{1, 19}} = transpose(%x)",
               f"%s: {dtype}[18, 5]{{1, 19; offset 1}} = slice(%t, start = 1)",
               f"%y: {to}[18, 5] = {op}(%s, %b)", "return %y"]).diff("strided")
    return file


def literal_text(dtype, value):
    text = nb.show(dtype, value)
    return text + ".0" if nb.is_float(dtype) and re.fullmatch(r"-?\d+", text) else text
