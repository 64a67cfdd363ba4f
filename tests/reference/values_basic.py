"""Sums, softmax, layer_norm, data movement, creation and control flow."""
import itertools
import math
from fractions import Fraction

import mpmath

import numbers_of as nb
from opfile import *


# ---- Reductions, softmax, layer_norm ------------------------------------------------------------

def reduced(array, axes, keep, combine, finish=lambda v: v):
    rank = len(array.sizes)
    axes = list(range(rank)) if axes is None else [a % rank for a in axes]
    sizes = [1 if i in axes else n for i, n in enumerate(array.sizes)]
    def element(index):
        spans = [range(n) if i in axes else (index[i],) for i, n in enumerate(array.sizes)]
        return finish(combine([array.at(i) for i in itertools.product(*spans)]))
    full = build(sizes, element)
    return full if keep else Array([n for i, n in enumerate(sizes) if i not in axes], full.flat)


def sum_of(dtype):
    def combine(values):
        if not nb.is_float(dtype):
            return nb.wrap(dtype, sum(values))
        special = [v for v in values if not math.isfinite(v)]
        if special:
            return sum(special)
        total = sum(map(Fraction, values), Fraction(0))
        if total == 0:  # only -0.0 stays -0.0
            return -0.0 if values and all(v == 0 and math.copysign(1, v) < 0 for v in values) else 0.0
        return nb.round_to(dtype, total)
    return combine


def extreme(greatest):
    def combine(values):
        best = values[0]
        for v in values[1:]:
            best = ordered(best, v, greatest) if isinstance(v, float) else (max if greatest else min)(best, v)
        return best
    return combine


def grid(dtype, sizes, seed):
    """Small numbers that every dtype has."""
    n = math.prod(sizes)
    values = [((i * 7919 + seed * 104729) % 41) - 20 for i in range(n)]
    if dtype.startswith("u"):
        values = [abs(v) for v in values]
    if nb.is_float(dtype):
        values = [v / 8 for v in values]
    return Array(sizes, [nb.of(dtype, v) for v in values])


def reductions():
    dtypes = ["f32", "f64", "f16", "bf16", "i32", "i64", "i8", "u8"]
    for op, combine_of in (("reduce_sum", sum_of), ("reduce_max", lambda d: extreme(True)),
                           ("reduce_min", lambda d: extreme(False))):
        file = File(op, "exact sums of fractions, rounded once" if op == "reduce_sum"
                    else "NaN wins, -0.0 is less than 0.0")
        for dtype in dtypes:
            x = grid(dtype, [2, 3, 4], 1)
            combine = combine_of(dtype)
            file.func(f"{dtype}_last", [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0]"],
                      [f"%y: {dtype}[s0] = {op}(%x, dims = [1])", "return %y"],
                      "<s0, s1 in [1, inf]>" if op != "reduce_sum" else "<s0, s1>")
            m = grid(dtype, [3, 5], 2)
            file.run(f"{dtype}_last", [(dtype, m)], [(dtype, reduced(m, [1], False, combine))])
            file.diff(f"{dtype}_last", "sizes=(s0=1 s1=1, s0=3 s1=127, s0=2 s1=129, s0=1 s1=4097, s0=17 s1=33)")
            file.func(f"{dtype}_middle", [f"%x: {dtype}[2, 3, 4]"], [f"{dtype}[2, 1, 4]"],
                      [f"%y: {dtype}[2, 1, 4] = {op}(%x, dims = [-2], keep_dims = true)", "return %y"])
            file.run(f"{dtype}_middle", [(dtype, x)], [(dtype, reduced(x, [1], True, combine))])
            file.func(f"{dtype}_all", [f"%x: {dtype}[2, 3, 4]"], [f"{dtype}[]"],
                      [f"%y: {dtype}[] = {op}(%x)", "return %y"])
            file.run(f"{dtype}_all", [(dtype, x)], [(dtype, reduced(x, None, False, combine))])
        combine = combine_of("f32")
        file.func("first", ["%x: f32[s0, s1]"], ["f32[s1]"],
                  [f"%y: f32[s1] = {op}(%x, dims = [0])", "return %y"],
                  "<s0 in [1, inf], s1>" if op != "reduce_sum" else "<s0, s1>")
        m = grid("f32", [5, 3], 3)
        file.run("first", [("f32", m)], [("f32", reduced(m, [0], False, combine))])
        file.diff("first", "sizes=(s0=1 s1=1, s0=63 s1=17, s0=65 s1=33, s0=200 s1=3, s0=7 s1=0)")
        file.func("outer_and_inner", ["%x: f32[2, 3, 4]"], ["f32[3]"],
                  [f"%y: f32[3] = {op}(%x, dims = [0, 2])", "return %y"])
        x = grid("f32", [2, 3, 4], 5)
        file.run("outer_and_inner", [("f32", x)], [("f32", reduced(x, [0, 2], False, combine))])
        file.diff("outer_and_inner")
        special = mat("f32", [[1, NAN, 2], [INF, 1, 2], [-INF, 5, 1], [0.0, -0.0, -0.0], [-0.0, -0.0, -0.0]])
        file.func("special", ["%x: f32[5, 3]"], ["f32[5]"],
                  [f"%y: f32[5] = {op}(%x, dims = [1])", "return %y"])
        file.run("special", [("f32", special)], [("f32", reduced(special, [1], False, combine))])
        if op == "reduce_sum":
            file.func("empty_axis", ["%x: f32[2, 0]"], ["f32[2]"],
                      ["%y: f32[2] = reduce_sum(%x, dims = [1])", "return %y"])
            file.run("empty_axis", [("f32", Array([2, 0], []))], [("f32", Array([2], [0.0, 0.0]))])
        file.func("strided", ["%x: f32[5, 19]"], ["f32[19]"],
                  ["%t: f32[19, 5]{1, 19} = transpose(%x)",
                   f"%y: f32[19] = {op}(%t, dims = [1])", "return %y"]).diff("strided")
        file.write()


def rows_of(array):
    n = array.sizes[-1]
    return [array.flat[i:i + n] for i in range(0, len(array.flat), n)]


def softmax_row(dtype, row):
    if any(math.isnan(v) or v == INF for v in row) or all(v == -INF for v in row):
        return [NAN] * len(row)
    e = [mpmath.exp(mpmath.mpf(v)) if v != -INF else mpmath.mpf(0) for v in row]
    return [nb.round_to(dtype, v / sum(e)) for v in e]


def rowwise():
    file = File("softmax", "e^x / sum of e^x by mpmath with 400 bits, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16"):
        x = mat(dtype, [[1, 2, 3, 4], [0, 0, 0, 0], [-1.5, 0.25, 7, -30], [100, 100, -INF, 99],
                        [NAN, 1, 2, 3], [-INF, -INF, -INF, -INF], [INF, 1, 2, 3]])
        y = Array(x.sizes, [v for row in rows_of(x) for v in softmax_row(dtype, row)])
        file.func(dtype, [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, s1]"],
                  [f"%y: {dtype}[s0, s1] = softmax(%x)", "return %y"], "<s0, s1>")
        file.run(dtype, [(dtype, x)], [(dtype, y)])
        one = Array([2, 1], [nb.of(dtype, 3), nb.of(dtype, -5)])
        file.run(dtype, [(dtype, one)], [(dtype, Array([2, 1], [1.0, 1.0]))])
        file.run(dtype, [(dtype, Array([0, 3], []))], [(dtype, Array([0, 3], []))])
        file.run(dtype, [(dtype, Array([2, 0], []))], [(dtype, Array([2, 0], []))])
        file.diff(dtype, "sizes=(s0=1 s1=1, s0=3 s1=17, s0=2 s1=129, s0=1 s1=4097)")
    x = grid("f32", [3, 2], 4)
    columns = [softmax_row("f32", [x.at([i, j]) for i in range(3)]) for j in range(2)]
    file.func("first_axis", ["%x: f32[s0, s1]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = softmax(%x, dim = 0)", "return %y"], "<s0, s1>")
    file.run("first_axis", [("f32", x)], [("f32", build([3, 2], lambda i: columns[i[1]][i[0]]))])
    file.diff("first_axis", "sizes=(s0=1 s1=1, s0=17 s1=3, s0=129 s1=2)")
    file.func("strided", ["%x: f32[5, 19]"], ["f32[19, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)", "%y: f32[19, 5] = softmax(%t)", "return %y"])
    file.diff("strided").write()
    layer_norm()


def layer_norm_row(dtype, row, weight, bias, eps):
    if any(not math.isfinite(v) for v in row):
        return [NAN] * len(row)
    x = [mpmath.mpf(v) for v in row]
    mean = sum(x) / len(x)
    var = sum((v - mean) ** 2 for v in x) / len(x)
    scale = 1 / mpmath.sqrt(var + eps)
    w = [mpmath.mpf(v) for v in weight] if weight else [1] * len(x)
    b = [mpmath.mpf(v) for v in bias] if bias else [0] * len(x)
    return [nb.round_to(dtype, (v - mean) * scale * p + q) for v, p, q in zip(x, w, b)]


def layer_norm():
    file = File("layer_norm", "two passes by mpmath with 400 bits, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16"):
        x = mat(dtype, [[1, 2, 3, 4], [0.5, -1.25, 7, -3], [-2, 2, -2, 2], [10, 11, 12.5, 9], [1, NAN, 2, 3]])
        w, b = vec(dtype, [1, 0.5, -2, 1.5]), vec(dtype, [0, 0.25, 1, -1])
        y = Array(x.sizes, [v for r in rows_of(x) for v in layer_norm_row(dtype, r, w.flat, b.flat, mpmath.mpf(1e-5))])
        file.func(dtype, [f"%x: {dtype}[s0, s1]", f"%w: {dtype}[s1]", f"%b: {dtype}[s1]"], [f"{dtype}[s0, s1]"],
                  [f"%y: {dtype}[s0, s1] = layer_norm(%x, weight = %w, bias = %b, dims = [1])", "return %y"],
                  "<s0, s1 in [1, inf]>")
        file.run(dtype, [(dtype, x), (dtype, w), (dtype, b)], [(dtype, y)])
        file.diff(dtype, "sizes=(s0=1 s1=1, s0=3 s1=17, s0=2 s1=129, s0=1 s1=4097, s0=0 s1=3)")
    x = grid("f32", [3, 4], 6)
    y = Array(x.sizes, [v for r in rows_of(x) for v in layer_norm_row("f32", r, None, None, mpmath.mpf(0.5))])
    file.func("bare", ["%x: f32[3, 4]"], ["f32[3, 4]"],
              ["%y: f32[3, 4] = layer_norm(%x, dims = [-1], eps = 0.5)", "return %y"])
    file.run("bare", [("f32", x)], [("f32", y)])
    y = Array(x.sizes, layer_norm_row("f32", x.flat, None, None, mpmath.mpf(1e-5)))
    file.func("all_axes", ["%x: f32[3, 4]"], ["f32[3, 4]"],
              ["%y: f32[3, 4] = layer_norm(%x)", "return %y"])
    file.run("all_axes", [("f32", x)], [("f32", y)]).diff("all_axes").write()


# ---- Shapes, creation, control flow -------------------------------------------------------------

def moved(op, note, cases, dtypes=("f32",)):
    """Ops that move elements: cases of (name, sizes of x, layout text of y, attributes, y of x)."""
    file = File(op, note)
    for name, sizes, layout, attrs, fn in cases:
        for dtype in dtypes:
            x = grid(dtype, sizes, 15)
            if nb.is_float(dtype) and len(x.flat) > 3:
                x.flat[1], x.flat[2], x.flat[3] = NAN, -0.0, INF
            y = fn(x)
            text = lambda s: f"{dtype}[{', '.join(map(str, s))}]"
            full = name if dtype == "f32" else f"{name}_{dtype}"
            file.func(full, [f"%x: {text(sizes)}"], [text(y.sizes) + layout],
                      [f"%y: {text(y.sizes)}{layout} = {op}(%x{attrs})", "return %y"])
            file.run(full, [(dtype, x)], [(dtype, y)]).diff(full)
    return file


def transposed(x, order):
    return build([x.sizes[a] for a in order],
                 lambda i: x.at([i[order.index(a)] for a in range(len(order))]))


def sliced(x, dim, start, end, step):
    picked = list(range(x.sizes[dim]))[start:end:step]
    sizes = [len(picked) if i == dim else n for i, n in enumerate(x.sizes)]
    return build(sizes, lambda i: x.at([picked[v] if d == dim else v for d, v in enumerate(i)]))


def shapes():
    bits = ("f32", "f64", "bf16", "i8", "bool")
    file = moved("transpose", "elements by index", [
        ("square", [2, 3], "{1, 3}", "", lambda x: transposed(x, [1, 0])),
        ("dims", [2, 3, 4], "{1, 12, 4}", ", dims = [2, 0, 1]", lambda x: transposed(x, [2, 0, 1])),
        ("negative", [2, 3, 4], "{12, 1, 4}", ", dims = [0, -1, 1]", lambda x: transposed(x, [0, 2, 1])),
        ("identity", [2, 3], "", ", dims = [0, 1]", lambda x: x),
        ("vector", [3], "", "", lambda x: x),
        ("scalar", [], "", "", lambda x: x),
        ("empty", [0, 3], "", "", lambda x: Array([3, 0], [])),
    ])
    file.func("symbolic", ["%x: f32[s0, s1]"], ["f32[s1, s0]{1, s1}"],
              ["%y: f32[s1, s0]{1, s1} = transpose(%x)", "return %y"], "<s0, s1>")
    x = grid("f32", [2, 3], 2)
    file.run("symbolic", [("f32", x)], [("f32", transposed(x, [1, 0]))])
    file.diff("symbolic", "sizes=(s0=1 s1=1, s0=17 s1=33, s0=0 s1=5)").write()
    file = moved("slice", "Python's slices with a positive step", [
        ("middle", [7], "{1; offset 2}", ", start = 2, end = 5", lambda x: sliced(x, 0, 2, 5, 1)),
        ("step", [7], "{2; offset 1}", ", start = 1, step = 2", lambda x: sliced(x, 0, 1, None, 2)),
        ("from_end", [7], "{1; offset 4}", ", start = -3, end = -1", lambda x: sliced(x, 0, -3, -1, 1)),
        ("clamped", [4], "", ", end = 100", lambda x: x),
        ("nothing", [4], "{1; offset 3}", ", start = 3, end = 1", lambda x: sliced(x, 0, 3, 1, 1)),
        ("columns", [3, 5], "{5, 2; offset 1}", ", dim = 1, start = 1, step = 2", lambda x: sliced(x, 1, 1, None, 2)),
        ("last_axis", [3, 5], "{5, 1}", ", dim = -1, end = 4", lambda x: sliced(x, 1, 0, 4, 1)),
    ])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[s0 - 1]{1; offset 1}"],
              ["%y: f32[s0 - 1]{1; offset 1} = slice(%x, start = 1)", "return %y"], "<s0 in [1, inf]>")
    x = grid("f32", [5], 2)
    file.run("symbolic", [("f32", x)], [("f32", sliced(x, 0, 1, None, 1))])
    file.diff("symbolic", "sizes=(s0=1, s0=2, s0=33)").write()
    def expanded(x, sizes):
        return build(sizes, lambda i: pick(x, i))
    moved("expand", "elements repeated by index", [
        ("row", [1, 3], "{0, 1}", ", shape = [2, 3]", lambda x: expanded(x, [2, 3])),
        ("new_axis", [3], "{0, 1}", ", shape = [2, 3]", lambda x: expanded(x, [2, 3])),
        ("kept", [1, 4], "{0, 1}", ", shape = [3, -1]", lambda x: expanded(x, [3, 4])),
        ("scalar", [], "{0, 0}", ", shape = [2, 2]", lambda x: expanded(x, [2, 2])),
        ("to_nothing", [1, 3], "", ", shape = [0, 3]", lambda x: Array([0, 3], [])),
        ("unchanged", [2, 3], "", ", shape = [2, 3]", lambda x: x),
    ]).write()
    moved("squeeze", "axes of size 1 go", [
        ("all", [1, 3, 1], "", "", lambda x: Array([3], x.flat)),
        ("one", [1, 3, 1], "", ", dims = [0]", lambda x: Array([3, 1], x.flat)),
        ("negative", [1, 3, 1], "", ", dims = [-1]", lambda x: Array([1, 3], x.flat)),
        ("to_scalar", [1, 1], "", "", lambda x: Array([], x.flat)),
        ("empty", [1, 0], "", "", lambda x: Array([0], [])),
    ]).write()
    moved("unsqueeze", "an axis of size 1 comes", [
        ("front", [3], "", "", lambda x: Array([1, 3], x.flat)),
        ("back", [3], "", ", dim = -1", lambda x: Array([3, 1], x.flat)),
        ("middle", [2, 3], "", ", dim = 1", lambda x: Array([2, 1, 3], x.flat)),
        ("scalar", [], "", "", lambda x: Array([1], x.flat)),
        ("empty", [0, 2], "", ", dim = 2", lambda x: Array([0, 2, 1], [])),
    ]).write()
    file = moved("reshape", "elements in row-major order", [
        ("flat", [2, 3], "", ", shape = [6]", lambda x: Array([6], x.flat)),
        ("inferred", [2, 3, 2], "", ", shape = [4, -1]", lambda x: Array([4, 3], x.flat)),
        ("to_scalar", [1, 1], "", ", shape = []", lambda x: Array([], x.flat)),
        ("empty", [0, 4], "", ", shape = [2, 0]", lambda x: Array([2, 0], [])),
    ], bits)
    file.func("strided", ["%x: f32[5, 19]"], ["f32[95]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)", "%y: f32[95] = reshape(%t, shape = [95])",
               "return %y"]).diff("strided")
    file.func("symbolic", ["%x: f32[s0, s1, 2]"], ["f32[s0, 2 * s1]"],
              ["%y: f32[s0, 2 * s1] = reshape(%x, shape = [s0, -1])", "return %y"], "<s0, s1>")
    x = grid("f32", [2, 3, 2], 3)
    file.run("symbolic", [("f32", x)], [("f32", Array([2, 6], x.flat))])
    file.diff("symbolic", "sizes=(s0=1 s1=1, s0=0 s1=3, s0=17 s1=5)").write()
    for op in ("contiguous", "copy"):
        file = moved(op, "the same elements in row-major order", [
            ("plain", [2, 3], "", "", lambda x: x), ("scalar", [], "", "", lambda x: x),
            ("empty", [0, 4], "", "", lambda x: x)], bits)
        for name, sizes, view in (("transposed", "5, 19", "{1, 19} = transpose(%x)"),
                                  ("expanded", "5", "{0, 1} = expand(%x, shape = [19, 5])")):
            file.func(name, [f"%x: f32[{sizes}]"], ["f32[19, 5]"],
                      [f"%t: f32[19, 5]{view}", f"%y: f32[19, 5] = {op}(%t)", "return %y"])
            file.diff(name)
        if op == "copy":
            x, s = grid("f32", [2, 3], 1), grid("f32", [3], 2)
            file.func("source", ["%x: f32[2, 3]", "%s: f32[3]"], ["f32[2, 3]"],
                      ["%y: f32[2, 3] = copy(%x, s = %s)", "return %y"])
            file.run("source", [("f32", x), ("f32", s)], [("f32", elementwise(lambda a, b: b, x, s))])
            file.diff("source")
        file.write()
    file = File("concat", "the operands one after the other")
    for dtype in bits:
        a, b = grid(dtype, [2, 2], 1), grid(dtype, [2, 3], 2)
        y = build([2, 5], lambda i: a.at(i) if i[1] < 2 else b.at([i[0], i[1] - 2]))
        file.func(dtype, [f"%a: {dtype}[s0, s1]", f"%b: {dtype}[s0, s2]"], [f"{dtype}[s0, s1 + s2]"],
                  [f"%y: {dtype}[s0, s1 + s2] = concat(%a, %b, dim = 1)", "return %y"], "<s0, s1, s2>")
        file.run(dtype, [(dtype, a), (dtype, b)], [(dtype, y)])
        file.run(dtype, [(dtype, Array([2, 0], [])), (dtype, b)], [(dtype, b)])
        file.diff(dtype, "sizes=(s0=1 s1=1 s2=1, s0=3 s1=17 s2=5, s0=0 s1=2 s2=3)")
    a, b = grid("f32", [1, 3], 1), grid("f32", [2, 3], 2)
    file.func("rows", ["%a: f32[1, 3]", "%b: f32[2, 3]"], ["f32[4, 3]"],
              ["%y: f32[4, 3] = concat(%a, %b, %a)", "return %y"])
    file.run("rows", [("f32", a), ("f32", b)], [("f32", Array([4, 3], a.flat + b.flat + a.flat))])
    file.func("one", ["%a: f32[1, 3]"], ["f32[1, 3]"], ["%y: f32[1, 3] = concat(%a, dim = -1)", "return %y"])
    file.run("one", [("f32", a)], [("f32", a)])
    file.func("strided", ["%x: f32[5, 19]", "%b: f32[2, 5]"], ["f32[21, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)", "%y: f32[21, 5] = concat(%t, %b)",
               "return %y"]).diff("strided").write()


def creation():
    file = File("const", "the numbers that stand in the text")
    def made(name, dtype, sizes, text, values):
        shape = f"{dtype}[{', '.join(map(str, sizes))}]"
        file.func(name, [], [shape], [f"%y: {shape} = const({text})", "return %y"])
        file.run(name, [], [(dtype, Array(sizes, [nb.of(dtype, v) for v in values]))]).diff(name)
    made("scalar", "f32", [], "0.1", [0.1])
    made("list", "f32", [2, 2], "[1.0, -0.0, nan, inf]", [1, -0.0, NAN, INF])
    made("integers", "i64", [3], "[1, -9223372036854775808, 9223372036854775807]", [1, -2**63, 2**63 - 1])
    made("bytes", "u8", [2], "[0, 255]", [0, 255])
    made("booleans", "bool", [3], "[true, false, true]", [True, False, True])
    made("halves", "f16", [2], "[0.1, -65500.0]", [0.1, -65504.0])
    made("splat", "bf16", [3, 2], "splat = 0.5", [0.5] * 6)
    made("empty", "f32", [0, 2], "splat = 1.0", [])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[s0]"],
              ["%c: f32[s0] = const(splat = 2.0)", "%y: f32[s0] = add(%x, %c)", "return %y"], "<s0>")
    file.run("symbolic", [("f32", vec("f32", [1, 2]))], [("f32", vec("f32", [3, 4]))])
    file.diff("symbolic", "sizes=(s0=0, s0=1, s0=33)").write()

    file = File("iota", "the index along one axis")
    for dtype in ("f32", "f64", "f16", "bf16", "i32", "i64", "u8"):
        file.func(dtype, [], [f"{dtype}[5]"], [f"%y: {dtype}[5] = iota()", "return %y"])
        file.run(dtype, [], [(dtype, vec(dtype, range(5)))]).diff(dtype)
    file.func("columns", [], ["i32[2, 3]"], ["%y: i32[2, 3] = iota(dim = 1)", "return %y"])
    file.run("columns", [], [("i32", Array([2, 3], [0, 1, 2, 0, 1, 2]))])
    file.func("rows", [], ["i32[2, 3]"], ["%y: i32[2, 3] = iota()", "return %y"])
    file.run("rows", [], [("i32", Array([2, 3], [0, 0, 0, 1, 1, 1]))])
    file.func("wraps", [], ["u8[300]"], ["%y: u8[300] = iota()", "return %y"])
    file.run("wraps", [], [("u8", Array([300], [i % 256 for i in range(300)]))])
    file.func("rounds", [], ["bf16[260]"], ["%y: bf16[260] = iota()", "return %y"])
    file.run("rounds", [], [("bf16", Array([260], [nb.of("bf16", i) for i in range(260)]))])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[s0]"],
              ["%i: f32[s0] = iota()", "%y: f32[s0] = add(%x, %i)", "return %y"], "<s0>")
    file.run("symbolic", [("f32", vec("f32", [1, 1]))], [("f32", vec("f32", [1, 2]))])
    file.diff("symbolic", "sizes=(s0=0, s0=1, s0=33)").write()

    file = File("full", "one number everywhere")
    for dtype, text, value in (("f32", "0.5", 0.5), ("f64", "-0.0", -0.0), ("i32", "7", 7),
                               ("u8", "255", 255), ("bool", "true", True), ("bf16", "nan", NAN)):
        file.func(dtype, [], [f"{dtype}[2, 3]"],
                  [f"%y: {dtype}[2, 3] = full({text}, shape = [2, 3])", "return %y"])
        file.run(dtype, [], [(dtype, Array([2, 3], [nb.of(dtype, value)] * 6))]).diff(dtype)
    file.func("computed", ["%v: f32[]"], ["f32[4]"], ["%y: f32[4] = full(%v, shape = [4])", "return %y"])
    file.run("computed", [("f32", Array([], [0.25]))], [("f32", Array([4], [0.25] * 4))]).diff("computed")
    file.func("scalar", ["%v: i32[]"], ["i32[]"], ["%y: i32[] = full(%v, shape = [])", "return %y"])
    file.run("scalar", [("i32", Array([], [3]))], [("i32", Array([], [3]))])
    file.func("empty", ["%v: i32[]"], ["i32[0, 4]"], ["%y: i32[0, 4] = full(%v, shape = [0, 4])", "return %y"])
    file.run("empty", [("i32", Array([], [3]))], [("i32", Array([0, 4], []))]).write()


def region(label, params, body, indent=2):
    pad = " " * indent
    return [f"{pad}{label}({params}) {{"] + [f"{pad}  {b}" for b in body] + [f"{pad}}}"]


def control():
    scalar = lambda d, v: (d, Array([], [nb.of(d, v)]))
    file = File("invoke", "the callee's results")
    file.lines += ["", "func @scaled<s0>(%x: f32[s0], %k: f32[]) -> (f32[s0], f32[s0]) {",
                   "  %y: f32[s0] = mul(%x, %k)", "  %z: f32[s0] = sub(%x, %k)", "  return %y, %z", "}"]
    file.func("once", ["%x: f32[s0]", "%k: f32[]"], ["f32[s0]", "f32[s0]"],
              ["%y: f32[s0], %z: f32[s0] = invoke @scaled(%x, %k)", "return %y, %z"], "<s0>")
    file.run("once", [("f32", vec("f32", [1, 2])), scalar("f32", 3)],
             [("f32", vec("f32", [3, 6])), ("f32", vec("f32", [-2, -1]))])
    file.run("once", [("f32", Array([0], [])), scalar("f32", 3)], [("f32", Array([0], [])), ("f32", Array([0], []))])
    file.diff("once", SIZES)
    file.func("twice", ["%x: f32[s0]", "%k: f32[]"], ["f32[s0]"],
              ["%y: f32[s0], %z: f32[s0] = invoke @scaled(%x, %k)",
               "%y2: f32[s0], %z2: f32[s0] = invoke @scaled(%z, %k)", "return %y2"], "<s0>")
    file.run("twice", [("f32", vec("f32", [1, 2])), scalar("f32", 3)], [("f32", vec("f32", [-6, -3]))])
    file.diff("twice", SIZES).write()

    file = File("wrap", "the region's results")
    file.func("body", ["%x: f32[s0]"], ["f32[s0]", "f32[s0]"],
              ["%y: f32[s0], %z: f32[s0] = wrap(%x)"] + region("body", "%a: f32[s0]",
              ["%b: f32[s0] = add(%a, 1.0)", "%c: f32[s0] = mul(%b, %a)", "yield %c, %a"], 2)
              + ["return %y, %z"], "<s0>")
    file.run("body", [("f32", vec("f32", [1, 2, NAN]))],
             [("f32", vec("f32", [2, 6, NAN])), ("f32", vec("f32", [1, 2, NAN]))])
    file.diff("body", SIZES).write()

    file = File("cond", "the results of the region that the predicate picks")
    branches = region("then", "%a: f32[s0]", ["%t: f32[s0] = add(%a, 1.0)", "yield %t"])
    branches += region("else", "%a: f32[s0]", ["%t: f32[s0] = mul(%a, -2.0)", "yield %t"])
    for name, dtype, yes, no in (("bool", "bool", [True], [False]), ("f32", "f32", [1.0, NAN, -0.5], [0.0, -0.0]),
                                 ("i32", "i32", [2, -1], [0])):
        file.func(name, [f"%p: {dtype}[]", "%x: f32[s0]"], ["f32[s0]"],
                  ["%y: f32[s0] = cond(%p, %x)"] + branches + ["return %y"], "<s0>")
        x = vec("f32", [1, -3])
        for p in yes:
            file.run(name, [scalar(dtype, p), ("f32", x)], [("f32", vec("f32", [2, -2]))])
        for p in no:
            file.run(name, [scalar(dtype, p), ("f32", x)], [("f32", vec("f32", [-2, 6]))])
        file.run(name, [scalar(dtype, yes[0]), ("f32", Array([0], []))], [("f32", Array([0], []))])
        file.diff(name, SIZES)
    passes_through = region("then", "%a: f32[2], %b: f32[2]", ["yield %a, %b"])
    passes_through += region("else", "%a: f32[2], %b: f32[2]", ["yield %b, %a"])
    file.func("swap", ["%p: bool[]", "%x: f32[2]", "%z: f32[2]"], ["f32[2]", "f32[2]"],
              ["%u: f32[2], %v: f32[2] = cond(%p, %x, %z)"] + passes_through + ["return %u, %v"])
    a, b = ("f32", vec("f32", [1, 2])), ("f32", vec("f32", [3, 4]))
    file.run("swap", [scalar("bool", True), a, b], [a, b])
    file.run("swap", [scalar("bool", False), a, b], [b, a]).write()

    file = File("while", "the last carry")
    loop = region("cond", "%i: i64[], %v: f32[s0]", ["%go: bool[] = lt(%i, 5)", "yield %go"])
    loop += region("do", "%i: i64[], %v: f32[s0]",
                   ["%v1: f32[s0] = mul(%v, 2.0)", "%i1: i64[] = add(%i, 1)", "yield %i1, %v1"])
    file.func("count", ["%i: i64[]", "%x: f32[s0]"], ["i64[]", "f32[s0]"],
              ["%n: i64[], %y: f32[s0] = while(carry = [%i, %x])"] + loop + ["return %n, %y"], "<s0>")
    x = vec("f32", [1, -0.5, INF])
    file.run("count", [scalar("i64", 0), ("f32", x)], [scalar("i64", 5), ("f32", vec("f32", [32, -16, INF]))])
    file.run("count", [scalar("i64", 4), ("f32", x)], [scalar("i64", 5), ("f32", vec("f32", [2, -1, INF]))])
    file.run("count", [scalar("i64", 9), ("f32", x)], [scalar("i64", 9), ("f32", x)])
    file.run("count", [scalar("i64", 0), ("f32", Array([0], []))], [scalar("i64", 5), ("f32", Array([0], []))])
    fib = region("cond", "%i: i64[], %a: i64[], %b: i64[], %n: i64[]", ["%go: bool[] = lt(%i, %n)", "yield %go"])
    fib += region("do", "%i: i64[], %a: i64[], %b: i64[], %n: i64[]",
                  ["%i1: i64[] = add(%i, 1)", "%c: i64[] = add(%a, %b)", "yield %i1, %b, %c"])
    file.func("fibonacci", ["%n: i64[]"], ["i64[]"],
              ["%zero: i64[] = const(0)", "%one: i64[] = const(1)",
               "%i: i64[], %a: i64[], %b: i64[] = while(carry = [%zero, %zero, %one], extra = [%n])"]
              + fib + ["return %a"])
    for n, value in ((0, 0), (1, 1), (10, 55), (90, 2880067194370816120)):
        file.run("fibonacci", [scalar("i64", n)], [scalar("i64", value)])
    bounded = [line.replace("lt(%i, 5)", "ge(%i, 0)") for line in loop]
    file.func("bounded", ["%i: i64[]", "%x: f32[s0]"], ["i64[]", "f32[s0]"],
              ["%n: i64[], %y: f32[s0] = while(carry = [%i, %x], max_trip = 3)"] + bounded + ["return %n, %y"],
              "<s0>")
    file.fails("bounded", [scalar("i64", 0), ("f32", x)], "E401 max_trip")
    file.run("bounded", [scalar("i64", -1), ("f32", x)], [scalar("i64", -1), ("f32", x)])
    file.write()


def write():
    reductions()
    rowwise()
    shapes()
    creation()
    control()
