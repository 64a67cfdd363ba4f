"""Products, means, truth, positions, variances, norms, scans, log_softmax and the norms of channels.

Definitions in exact fractions and mpmath; element by element, in no particular order.
"""
import itertools
import math
from fractions import Fraction

import mpmath

import numbers_of as nb
from opfile import INF, NAN, Array, File, build, mat, vec
from values_basic import grid, layer_norm_row, reduced, rows_of, sum_of

FLOAT_DTYPES = ("f32", "f64", "f16", "bf16")
SIZES = "sizes=(s0=1 s1=1, s0=3 s1=127, s0=2 s1=129, s0=1 s1=4097, s0=17 s1=33)"
COLUMNS = "sizes=(s0=1 s1=1, s0=63 s1=17, s0=65 s1=33, s0=200 s1=3)"


def text(dtype, sizes):
    return f"{dtype}[{', '.join(map(str, sizes))}]"


def nan_if_special(dtype, formula):
    """A formula of finite numbers; NaN where any is not finite."""
    def combine(values):
        if any(not math.isfinite(v) for v in values):
            return NAN
        return nb.round_to(dtype, formula([Fraction(v) for v in values]))
    return combine


# ---- Reductions ---------------------------------------------------------------------------------

def product_of(dtype):
    def combine(values):
        if not nb.is_float(dtype):
            return nb.wrap(dtype, math.prod(values))
        if any(not math.isfinite(v) for v in values):
            return math.prod(values)
        sign = math.prod(math.copysign(1, v) for v in values)
        total = math.prod(map(Fraction, values), start=Fraction(1))
        return math.copysign(0.0, sign) if total == 0 else nb.round_to(dtype, total)
    return combine


def mean_of(dtype):
    def combine(values):
        if not values or any(not math.isfinite(v) for v in values):
            return sum(values) / len(values) if values else NAN
        return nb.round_to(dtype, sum(map(Fraction, values), Fraction(0)) / len(values))
    return combine


def family(op, note, dtypes, combine_of, out=None, values_of=grid, empty=None, special=None, attrs=""):
    """Functions of an op with `dims`: last, middle and all axes, the first one, strided, empty."""
    file = File(op, note)
    low = "" if empty is not None else " in [1, inf]"
    for dtype in dtypes:
        to, combine = out or dtype, combine_of(dtype)
        def add(name, x, axes, keep, symbols="", sizes=None, result=None):
            y = reduced(x, axes, keep, combine)
            dims = f", dims = {axes}" if axes is not None else ""
            kept = ", keep_dims = true" if keep else ""
            result = result or text(to, y.sizes)
            file.func(f"{dtype}_{name}", [f"%x: {text(dtype, sizes or x.sizes)}"], [result],
                      [f"%y: {result} = {op}(%x{attrs}{dims}{kept})", "return %y"], symbols)
            file.run(f"{dtype}_{name}", [(dtype, x)], [(to, y)])
        add("last", values_of(dtype, [3, 5], 2), [1], False, f"<s0, s1{low}>", ["s0", "s1"], f"{to}[s0]")
        file.diff(f"{dtype}_last", SIZES)
        add("middle", values_of(dtype, [2, 3, 4], 1), [-2], True)
        add("all", values_of(dtype, [2, 3, 4], 3), None, False)
    dtype = dtypes[0]
    to, combine = out or dtype, combine_of(dtype)
    x = values_of(dtype, [5, 3], 3)
    file.func("first", [f"%x: {dtype}[s0, s1]"], [f"{to}[s1]"],
              [f"%y: {to}[s1] = {op}(%x{attrs}, dims = [0])", "return %y"], f"<s0{low}, s1>")
    file.run("first", [(dtype, x)], [(to, reduced(x, [0], False, combine))])
    file.diff("first", COLUMNS)
    if special is not None:
        file.func("special", [f"%x: {text(dtype, special.sizes)}"], [f"{to}[{special.sizes[0]}]"],
                  [f"%y: {to}[{special.sizes[0]}] = {op}(%x{attrs}, dims = [1])", "return %y"])
        file.run("special", [(dtype, special)], [(to, reduced(special, [1], False, combine))])
    if empty is not None:
        file.func("empty_axis", [f"%x: {dtype}[2, 0]"], [f"{to}[2]"],
                  [f"%y: {to}[2] = {op}(%x{attrs}, dims = [1])", "return %y"])
        file.run("empty_axis", [(dtype, Array([2, 0], []))], [(to, Array([2], [empty, empty]))])
    file.func("strided", [f"%x: {dtype}[5, 19]"], [f"{to}[19]"],
              [f"%t: {dtype}[19, 5]{{1, 19}} = transpose(%x)",
               f"%y: {to}[19] = {op}(%t{attrs}, dims = [1])", "return %y"]).diff("strided")
    return file


def reductions():
    zeros = mat("f32", [[1, NAN, 2], [INF, 1, 2], [-INF, 5, 1], [0.0, -0.0, -0.0], [0.0, 2.0, -3.0], [INF, 0.0, 1.0]])
    family("reduce_prod", "exact products of fractions, rounded once",
           ("f32", "f64", "f16", "bf16", "i32", "i64", "i8", "u8", "u16"), product_of, empty=1.0, special=zeros).write()
    family("reduce_mean", "exact sums of fractions / n, rounded once", FLOAT_DTYPES, mean_of, empty=NAN,
           special=mat("f32", [[1, NAN, 2], [INF, 1, 2], [-INF, 5, 1], [1, 0, 0]])).write()
    truth = mat("f32", [[0.0, NAN, 0.0], [0.0, -0.0, 0.0], [1e-45, 0.0, 0.0], [1, 2, -INF]])
    def sparse(dtype, sizes, seed):
        keep = grid("i32", sizes, seed).flat
        return Array(sizes, [nb.of(dtype, 1 if v % 4 == 0 else 0) for v in keep])
    def dense(dtype, sizes, seed):
        keep = grid("i32", sizes, seed).flat
        return Array(sizes, [nb.of(dtype, 0 if v % 6 == 0 else 1) for v in keep])
    dtypes = ("f32", "f64", "f16", "bf16", "i32", "i64", "i8", "u8", "bool")
    family("reduce_any", "x != 0 for any element", dtypes, lambda d: lambda v: any(e != 0 for e in v),
           out="bool", values_of=sparse, empty=False, special=truth).write()
    family("reduce_all", "x != 0 for all elements", dtypes, lambda d: lambda v: all(e != 0 for e in v),
           out="bool", values_of=dense, empty=True, special=truth).write()


# ---- Positions ----------------------------------------------------------------------------------

def place(x, axis, keep, greatest):
    """NaN is the greatest value; zeros are equal; the first of equals."""
    def order(v):
        return (1, 0) if isinstance(v, float) and math.isnan(v) else (0, v)
    def first(values):
        best = 0
        for i, v in enumerate(values):
            if (order(v) > order(values[best])) if greatest else (order(v) < order(values[best])):
                best = i
        return best
    if axis is None:
        return Array([1] * len(x.sizes) if keep else [], [first(x.flat)])
    return reduced(x, [axis], keep, first)


def positions():
    for op, greatest in (("argmax", True), ("argmin", False)):
        file = File(op, "compared one by one; NaN is the greatest value, the first of equals wins")
        for dtype in ("f32", "f64", "f16", "bf16", "i32", "i64", "i8", "u8", "u32"):
            m = grid(dtype, [3, 9], 4)
            file.func(f"{dtype}_last", [f"%x: {dtype}[s0, s1]"], ["i64[s0]"],
                      [f"%y: i64[s0] = {op}(%x, dim = -1)", "return %y"], "<s0, s1 in [1, inf]>")
            file.run(f"{dtype}_last", [(dtype, m)], [("i64", place(m, 1, False, greatest))])
            file.diff(f"{dtype}_last", SIZES)
            file.func(f"{dtype}_first", [f"%x: {dtype}[s0, s1]"], ["i64[1, s1]"],
                      [f"%y: i64[1, s1] = {op}(%x, dim = 0, keep_dims = true)", "return %y"], "<s0 in [1, inf], s1>")
            m = grid(dtype, [9, 4], 5)
            file.run(f"{dtype}_first", [(dtype, m)], [("i64", place(m, 0, True, greatest))])
            file.diff(f"{dtype}_first", COLUMNS)
        x = grid("f32", [2, 3, 4], 6)
        file.func("all", ["%x: f32[2, 3, 4]"], ["i64[]"], [f"%y: i64[] = {op}(%x)", "return %y"])
        file.run("all", [("f32", x)], [("i64", place(x, None, False, greatest))])
        file.func("all_kept", ["%x: f32[2, 3, 4]"], ["i64[1, 1, 1]"],
                  [f"%y: i64[1, 1, 1] = {op}(%x, keep_dims = true)", "return %y"])
        file.run("all_kept", [("f32", x)], [("i64", place(x, None, True, greatest))])
        special = mat("f32", [[1, NAN, NAN], [NAN, NAN, NAN], [0.0, -0.0, 0.0], [-0.0, 0.0, -0.0],
                              [INF, INF, 1], [-INF, 3, -INF], [NAN, -INF, INF], [2, 2, 2]])
        file.func("special", ["%x: f32[8, 3]"], ["i64[8]"], [f"%y: i64[8] = {op}(%x, dim = 1)", "return %y"])
        file.run("special", [("f32", special)], [("i64", place(special, 1, False, greatest))])
        columns = build([3, 8], lambda i: special.at([i[1], i[0]]))
        file.func("special_columns", ["%x: f32[3, 8]"], ["i64[8]"], [f"%y: i64[8] = {op}(%x, dim = 0)", "return %y"])
        file.run("special_columns", [("f32", columns)], [("i64", place(columns, 0, False, greatest))])
        file.func("scalar", ["%x: f32[]"], ["i64[]"], [f"%y: i64[] = {op}(%x)", "return %y"])
        file.run("scalar", [("f32", Array([], [3.0]))], [("i64", Array([], [0]))])
        file.func("strided", ["%x: f32[5, 19]"], ["i64[19]"],
                  ["%t: f32[19, 5]{1, 19} = transpose(%x)", f"%y: i64[19] = {op}(%t, dim = 1)", "return %y"])
        file.diff("strided").write()


# ---- var, logsumexp, norm -----------------------------------------------------------------------

def variance(values, correction):
    mean = sum(values, Fraction(0)) / len(values)
    squares = sum(((v - mean) ** 2 for v in values), Fraction(0))
    degrees = max(0, len(values) - correction)
    if degrees == 0:
        return NAN if squares == 0 else INF
    return squares / degrees


def statistics():
    file = family("var", "two passes in exact fractions, rounded once", FLOAT_DTYPES,
                  lambda d: nan_if_special(d, lambda v: variance(v, 1)), empty=NAN,
                  special=mat("f32", [[1, NAN, 2], [INF, 1, 2], [4, 4, 4]]))
    for name, n, correction in (("biased", 5, 0), ("one_element", 1, 1), ("too_few", 3, 5), ("three", 7, 3)):
        x = grid("f32", [2, n], 7)
        combine = nan_if_special("f32", lambda v, c=correction: variance(v, c))
        attr = f", correction = {correction}" if correction != 1 else ""
        file.func(name, [f"%x: f32[2, {n}]"], ["f32[2]"],
                  [f"%y: f32[2] = var(%x, dims = [1]{attr})", "return %y"])
        file.run(name, [("f32", x)], [("f32", reduced(x, [1], False, combine))]).diff(name)
    file.write()

    def log_sum(dtype):
        def combine(values):
            if any(math.isnan(v) for v in values):
                return NAN
            if any(v == INF for v in values):
                return INF
            finite = [mpmath.exp(mpmath.mpf(v)) for v in values if v != -INF]
            return nb.round_to(dtype, mpmath.log(sum(finite))) if finite else -INF
        return combine
    family("logsumexp", "log of the sum of exp by mpmath with 400 bits, rounded once", FLOAT_DTYPES, log_sum, empty=-INF,
           special=mat("f32", [[1, NAN, INF], [INF, 1, -INF], [-INF, -INF, -INF], [1000, 1000, 0], [-1000, -1001, -INF],
                               [0, 0, 0]])).write()


def norm_of(dtype, p):
    def combine(values):
        if p == 0:
            return float(sum(v != 0 for v in values))
        if any(math.isnan(v) for v in values):
            return NAN
        if math.isinf(p):
            return max(map(abs, values)) if p > 0 else min(map(abs, values))
        if any(math.isinf(v) for v in values):
            return INF
        total = sum((mpmath.mpf(abs(v)) ** mpmath.mpf(p) for v in values), mpmath.mpf(0))
        return nb.round_to(dtype, total ** (1 / mpmath.mpf(p))) if total != 0 else 0.0
    return combine


def norms():
    special = mat("f32", [[1, NAN, 2], [INF, 1, 2], [0.0, -0.0, 0.0], [3, -4, 0]])
    file = File("norm", "powers and roots by mpmath with 400 bits, rounded once")
    for name, p in (("two", 2.0), ("one", 1.0), ("zero", 0.0), ("most", INF), ("least", -INF), ("three", 3.0), ("half", 0.5)):
        attrs = {2.0: "", INF: ", p = inf", -INF: ", p = -inf"}.get(p, f", p = {p}")
        for dtype in FLOAT_DTYPES if p in (2.0, 3.0) else ("f32",):
            x = grid(dtype, [3, 5], 8)
            full = f"{name}_{dtype}"
            file.func(full, [f"%x: {dtype}[3, 5]"], [f"{dtype}[3]"],
                      [f"%y: {dtype}[3] = norm(%x{attrs}, dims = [1])", "return %y"])
            file.run(full, [(dtype, x)], [(dtype, reduced(x, [1], False, norm_of(dtype, p)))])
        file.func(f"{name}_special", ["%x: f32[4, 3]"], ["f32[4]"],
                  [f"%y: f32[4] = norm(%x{attrs}, dims = [1])", "return %y"])
        file.run(f"{name}_special", [("f32", special)], [("f32", reduced(special, [1], False, norm_of("f32", p)))])
    x = grid("f32", [2, 3, 4], 9)
    file.func("symbolic", ["%x: f32[s0, s1, 4]"], ["f32[1, s1, 1]"],
              ["%y: f32[1, s1, 1] = norm(%x, dims = [0, 2], keep_dims = true)", "return %y"], "<s0, s1>")
    file.run("symbolic", [("f32", x)], [("f32", reduced(x, [0, 2], True, norm_of("f32", 2.0)))])
    file.run("symbolic", [("f32", Array([0, 2, 4], []))], [("f32", Array([1, 2, 1], [0.0, 0.0]))])
    file.write()


# ---- Scans --------------------------------------------------------------------------------------

def scanned(x, axis, combine):
    def element(index):
        return combine([x.at([*index[:axis], k, *index[axis + 1:]]) for k in range(index[axis] + 1)])
    return build(x.sizes, element)


def scans():
    for op, combine_of, note in (("cumsum", sum_of, "exact sums of fractions, rounded once"),
                                 ("cumprod", product_of, "exact products of fractions, rounded once")):
        file = File(op, note)
        for dtype in ("f32", "f64", "f16", "bf16", "i32", "i64", "i8", "u8", "u16"):
            combine = combine_of(dtype)
            def values(sizes, seed):
                x = grid(dtype, sizes, seed)
                if op == "cumprod" and nb.is_float(dtype):  # near 1, so that no product leaves the range
                    x = Array(sizes, [nb.of(dtype, math.copysign(1 + abs(v) / 8, v)) for v in x.flat])
                return x
            m = values([3, 21], 2)
            file.func(f"{dtype}_last", [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, s1]"],
                      [f"%y: {dtype}[s0, s1] = {op}(%x, dim = -1)", "return %y"], "<s0, s1>")
            file.run(f"{dtype}_last", [(dtype, m)], [(dtype, scanned(m, 1, combine))])
            file.run(f"{dtype}_last", [(dtype, Array([2, 0], []))], [(dtype, Array([2, 0], []))])
            file.diff(f"{dtype}_last", SIZES)
            m = values([18, 3], 3)
            file.func(f"{dtype}_first", [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, s1]"],
                      [f"%y: {dtype}[s0, s1] = {op}(%x)", "return %y"], "<s0, s1>")
            file.run(f"{dtype}_first", [(dtype, m)], [(dtype, scanned(m, 0, combine))])
            file.diff(f"{dtype}_first", COLUMNS)
        combine = combine_of("f32")
        x = grid("f32", [2, 3, 4], 5)
        file.func("middle", ["%x: f32[2, 3, 4]"], ["f32[2, 3, 4]"],
                  [f"%y: f32[2, 3, 4] = {op}(%x, dim = 1)", "return %y"])
        file.run("middle", [("f32", x)], [("f32", scanned(x, 1, combine))]).diff("middle")
        special = mat("f32", [[1, NAN, 2], [INF, 1, 2], [-INF, 5, 1], [-0.0, -0.0, -0.0], [INF, -INF, 1]])
        file.func("special", ["%x: f32[5, 3]"], ["f32[5, 3]"], [f"%y: f32[5, 3] = {op}(%x, dim = 1)", "return %y"])
        file.run("special", [("f32", special)], [("f32", scanned(special, 1, combine))])
        file.func("strided", ["%x: f32[5, 19]"], ["f32[19, 5]"],
                  ["%t: f32[19, 5]{1, 19} = transpose(%x)", f"%y: f32[19, 5] = {op}(%t, dim = 1)", "return %y"])
        file.diff("strided").write()


# ---- log_softmax, rms_norm, group_norm, batch_norm ----------------------------------------------

def log_softmax_row(dtype, row):
    if any(math.isnan(v) or v == INF for v in row) or all(v == -INF for v in row):
        return [NAN] * len(row)
    log_sum = mpmath.log(sum(mpmath.exp(mpmath.mpf(v)) for v in row if v != -INF))
    return [nb.round_to(dtype, mpmath.mpf(v) - log_sum) if v != -INF else -INF for v in row]


def log_softmax():
    file = File("log_softmax", "x - log of the sum of e^x by mpmath with 400 bits, rounded once")
    for dtype in FLOAT_DTYPES:
        x = mat(dtype, [[1, 2, 3, 4], [0, 0, 0, 0], [-1.5, 0.25, 7, -30], [100, 100, -INF, 99],
                        [NAN, 1, 2, 3], [-INF, -INF, -INF, -INF], [INF, 1, 2, 3]])
        y = Array(x.sizes, [v for row in rows_of(x) for v in log_softmax_row(dtype, row)])
        file.func(dtype, [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, s1]"],
                  [f"%y: {dtype}[s0, s1] = log_softmax(%x)", "return %y"], "<s0, s1>")
        file.run(dtype, [(dtype, x)], [(dtype, y)])
        one = Array([2, 1], [nb.of(dtype, 3), nb.of(dtype, -5)])
        file.run(dtype, [(dtype, one)], [(dtype, Array([2, 1], [0.0, 0.0]))])
        file.run(dtype, [(dtype, Array([0, 3], []))], [(dtype, Array([0, 3], []))])
        file.diff(dtype, SIZES)
    x = grid("f32", [3, 2], 4)
    columns = [log_softmax_row("f32", [x.at([i, j]) for i in range(3)]) for j in range(2)]
    file.func("first_axis", ["%x: f32[s0, s1]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = log_softmax(%x, dim = 0)", "return %y"], "<s0, s1>")
    file.run("first_axis", [("f32", x)], [("f32", build([3, 2], lambda i: columns[i[1]][i[0]]))])
    file.diff("first_axis", COLUMNS)
    file.func("strided", ["%x: f32[5, 19]"], ["f32[19, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)", "%y: f32[19, 5] = log_softmax(%t)", "return %y"])
    file.diff("strided").write()


def rms_row(dtype, row, weight, eps):
    if any(not math.isfinite(v) for v in row):
        return [NAN] * len(row)
    x = [mpmath.mpf(v) for v in row]
    scale = 1 / mpmath.sqrt(sum(v * v for v in x) / len(x) + eps)
    w = [mpmath.mpf(v) for v in weight] if weight else [1] * len(x)
    return [nb.round_to(dtype, v * scale * p) for v, p in zip(x, w)]


def rms_norm():
    file = File("rms_norm", "by mpmath with 400 bits, rounded once")
    for dtype in FLOAT_DTYPES:
        x = mat(dtype, [[1, 2, 3, 4], [0.5, -1.25, 7, -3], [-2, 2, -2, 2], [0, 0, 0, 0], [1, NAN, 2, 3]])
        w = vec(dtype, [1, 0.5, -2, 1.5])
        y = Array(x.sizes, [v for r in rows_of(x) for v in rms_row(dtype, r, w.flat, mpmath.mpf(1e-5))])
        file.func(dtype, [f"%x: {dtype}[s0, s1]", f"%w: {dtype}[s1]"], [f"{dtype}[s0, s1]"],
                  [f"%y: {dtype}[s0, s1] = rms_norm(%x, weight = %w)", "return %y"], "<s0, s1>")
        file.run(dtype, [(dtype, x), (dtype, w)], [(dtype, y)])
        file.diff(dtype, SIZES)
    x = grid("f32", [3, 4], 6)
    rows = [v for r in rows_of(x) for v in rms_row("f32", r, None, mpmath.mpf(0.5))]
    file.func("bare", ["%x: f32[3, 4]"], ["f32[3, 4]"],
              ["%y: f32[3, 4] = rms_norm(%x, eps = 0.5)", "return %y"])
    file.run("bare", [("f32", x)], [("f32", Array(x.sizes, rows))])
    file.func("both_axes", ["%x: f32[3, 4]"], ["f32[3, 4]"],
              ["%y: f32[3, 4] = rms_norm(%x, dims = [0, 1])", "return %y"])
    file.run("both_axes", [("f32", x)], [("f32", Array(x.sizes, rms_row("f32", x.flat, None, mpmath.mpf(1e-5))))])
    file.diff("both_axes").write()


def group_norm_of(dtype, x, groups, weight, bias, eps):
    n, c, *rest = x.sizes
    space = math.prod(rest)
    row = c // groups * space
    flat = []
    for i in range(n * groups):
        channels = [(i % groups * row + k) // space for k in range(row)]
        w = [weight[ch] for ch in channels] if weight else None
        b = [bias[ch] for ch in channels] if bias else None
        flat += layer_norm_row(dtype, x.flat[i * row:(i + 1) * row], w, b, mpmath.mpf(eps))
    return Array(x.sizes, flat)


def group_norm():
    file = File("group_norm", "two passes by mpmath with 400 bits, rounded once")
    for dtype in FLOAT_DTYPES:
        x, w, b = grid(dtype, [2, 4, 3, 2], 2), vec(dtype, [1, 0.5, -2, 1.5]), vec(dtype, [0, 0.25, 1, -1])
        file.func(dtype, [f"%x: {dtype}[s0, 4, 3, 2]", f"%w: {dtype}[4]", f"%b: {dtype}[4]"], [f"{dtype}[s0, 4, 3, 2]"],
                  [f"%y: {dtype}[s0, 4, 3, 2] = group_norm(%x, weight = %w, bias = %b, groups = 2)", "return %y"], "<s0>")
        file.run(dtype, [(dtype, x), (dtype, w), (dtype, b)], [(dtype, group_norm_of(dtype, x, 2, w.flat, b.flat, 1e-5))])
        file.run(dtype, [(dtype, Array([0, 4, 3, 2], [])), (dtype, w), (dtype, b)], [(dtype, Array([0, 4, 3, 2], []))])
    x = grid("f32", [2, 6], 3)
    file.func("bare", ["%x: f32[2, 6]"], ["f32[2, 6]"],
              ["%y: f32[2, 6] = group_norm(%x, groups = 3, eps = 0.25)", "return %y"])
    file.run("bare", [("f32", x)], [("f32", group_norm_of("f32", x, 3, None, None, 0.25))])
    x, w = grid("f32", [2, 3, 5], 4), vec("f32", [1, 0.5, -2])
    file.func("symbolic", ["%x: f32[s0, s1, s2]", "%w: f32[s1]"], ["f32[s0, s1, s2]"],
              ["%y: f32[s0, s1, s2] = group_norm(%x, weight = %w)", "return %y"], "<s0, s1, s2>")
    file.run("symbolic", [("f32", x), ("f32", w)], [("f32", group_norm_of("f32", x, 1, w.flat, None, 1e-5))])
    file.write()


def batch_norm_of(dtype, x, weight, bias, mean, var, eps, momentum=None):
    """[y], or with a momentum [y, new mean, new var]."""
    n, c, *rest = x.sizes
    places = [[index for index in itertools.product(*map(range, x.sizes)) if index[1] == ch] for ch in range(c)]
    exact = lambda values: [Fraction(v) for v in values]
    means, variances, results = exact(mean), exact(var), []
    if momentum is not None:
        share = Fraction(momentum)
        groups = [exact(x.at(i) for i in p) for p in places]
        batch = [sum(g) / len(g) for g in groups]
        new_mean = [(1 - share) * m + share * b for m, b in zip(means, batch)]
        new_var = [(1 - share) * v + share * variance(g, 1) for v, g in zip(variances, groups)]
        means, variances = batch, [variance(g, 0) for g in groups]
        results = [Array([c], [nb.round_to(dtype, v) for v in new_mean]),
                   Array([c], [nb.round_to(dtype, v) for v in new_var])]
    def element(index):
        ch = index[1]
        to = lambda v: mpmath.mpf(v.numerator) / v.denominator
        scale = 1 / mpmath.sqrt(to(variances[ch]) + mpmath.mpf(eps))
        return nb.round_to(dtype, to(Fraction(x.at(index)) - means[ch]) * scale * mpmath.mpf(weight[ch]) + mpmath.mpf(bias[ch]))
    return [build(x.sizes, element)] + results


def batch_norm():
    file = File("batch_norm", "exact means and variances, roots by mpmath with 400 bits, rounded once")
    for dtype in FLOAT_DTYPES:
        x = grid(dtype, [2, 3, 2, 4], 2)
        channels = [vec(dtype, v) for v in ([1, 0.5, -2], [0, 0.25, 1], [0.5, -1, 0.125], [1, 4, 0.25])]
        params = [f"%x: {dtype}[s0, 3, 2, 4]"] + [f"%{p}: {dtype}[3]" for p in "wbmv"]
        args = [(dtype, x)] + [(dtype, v) for v in channels]
        flat = [v.flat for v in channels]
        file.func(dtype, params, [f"{dtype}[s0, 3, 2, 4]"],
                  [f"%y: {dtype}[s0, 3, 2, 4] = batch_norm(%x, %w, %b, %m, %v)", "return %y"], "<s0>")
        file.run(dtype, args, [(dtype, v) for v in batch_norm_of(dtype, x, *flat, 1e-5)])
        empty = (dtype, Array([0, 3, 2, 4], []))
        file.run(dtype, [empty] + args[1:], [empty])
        results = [f"{dtype}[2, 3, 2, 4]", f"{dtype}[3]", f"{dtype}[3]"]
        file.func(f"{dtype}_training", [params[0].replace("s0", "2")] + params[1:], results,
                  [f"%y: {results[0]}, %n: {results[1]}, %u: {results[2]} = "
                   "batch_norm(%x, %w, %b, %m, %v, eps = 0.5, training = true, momentum = 0.25)", "return %y, %n, %u"])
        file.run(f"{dtype}_training", args, [(dtype, v) for v in batch_norm_of(dtype, x, *flat, 0.5, 0.25)])
    x, channels = grid("f32", [4, 3], 5), [vec("f32", v) for v in ([1, 0.5, -2], [0, 0.25, 1], [0.5, -1, 0.125], [1, 4, 0.25])]
    file.func("vectors", ["%x: f32[s0, s1]"] + [f"%{p}: f32[s1]" for p in "wbmv"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = batch_norm(%x, %w, %b, %m, %v)", "return %y"], "<s0, s1>")
    file.run("vectors", [("f32", x)] + [("f32", v) for v in channels],
             [("f32", v) for v in batch_norm_of("f32", x, *[v.flat for v in channels], 1e-5)])
    file.write()


def write():
    reductions()
    positions()
    statistics()
    norms()
    scans()
    log_softmax()
    rms_norm()
    group_norm()
    batch_norm()
