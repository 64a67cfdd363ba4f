"""Pointwise ops: arithmetic, elementary functions, activations, rounding, logic, comparisons, select,
clamp, cast and bitcast."""
import math
import struct
from fractions import Fraction

import mpmath

import numbers_of as nb
from opfile import *

FLOATS = ["f32", "f64", "f16", "bf16"]
NUMERIC = FLOATS + ["i32", "i64", "i8", "u8", "u32", "i16", "u16", "u64"]
LOGIC = ["bool", "i32", "u8", "i64"]


def by_compute_type(dtype, x):
    """One operation: f16 and bf16 round in f32 first."""
    return nb.round_to(dtype, nb.round_to("f32", x) if dtype in ("f16", "bf16") else x)


# ---- Functions of one operand: values that are exact, and a formula for the others ---------------

def outside(condition, special):
    return lambda x: NAN if condition(x) else special(x)


def trigonometric(table):
    return outside(math.isinf, signed_zero(table))


def hard_sigmoid(x):
    return min(max(x / 6 + mpmath.mpf(1) / 2, mpmath.mpf(0)), mpmath.mpf(1))


def mish(x):
    return x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))


def softplus(beta, threshold):
    def fn(x):
        return x if beta * x > threshold else mpmath.log1p(mpmath.exp(beta * x)) / beta
    return fn


def elu(scale, alpha):
    return lambda x: scale * x if x > 0 else scale * alpha * mpmath.expm1(x)


SELU = elu(mpmath.mpf("1.0507009873554804934193349852946"),
           mpmath.mpf("1.6732632423543772848170429916717"))
WIDE = [20.0, -20.0, 90.0, -90.0]
ANGLES = [3.0, -3.25, 100.0, -1000.0, 12345.678, 1e6, 3e7]
SPREAD = [2.0, 100.0, 60000.0, 1e-6, 1e10, 1e30]

# name: (special values, formula, more samples)
FUNCTIONS = {
    "exp": (nan_or({INF: INF, -INF: 0.0, 0.0: 1.0}), mpmath.exp,
            [88.0, 89.0, -87.5, -103.0, -104.5, 700.0, -745.0]),
    "expm1": (signed_zero({INF: INF, -INF: -1.0}), mpmath.expm1, [88.0, 89.0, -50.0, 1e-7, 700.0]),
    "log": (outside(lambda x: x < 0, nan_or({INF: INF, 0.0: -INF, 1.0: 0.0})), mpmath.log, SPREAD),
    "log1p": (outside(lambda x: x < -1, signed_zero({INF: INF, -1.0: -INF})), mpmath.log1p,
              SPREAD + [-0.9375, -0.99]),
    "log2": (outside(lambda x: x < 0, nan_or({INF: INF, 0.0: -INF, 1.0: 0.0})),
             lambda x: mpmath.log(x, 2), SPREAD + [1024.0, 0.125]),
    "rsqrt": (lambda x: math.copysign(INF, x) if x == 0 else NAN if not x > 0 else
              0.0 if x == INF else None, lambda x: 1 / mpmath.sqrt(x), SPREAD),
    "sin": (trigonometric({}), mpmath.sin, ANGLES),
    "cos": (outside(math.isinf, nan_or({0.0: 1.0})), mpmath.cos, ANGLES),
    "tan": (trigonometric({}), mpmath.tan, ANGLES),
    "asin": (outside(lambda x: abs(x) > 1, signed_zero({})), mpmath.asin, [0.9375, -0.75, 1e-5]),
    "acos": (outside(lambda x: abs(x) > 1, nan_or({1.0: 0.0})), mpmath.acos, [0.9375, -0.75, 1e-5]),
    "atan": (signed_zero({}), mpmath.atan, SPREAD + [-60.0]),
    "sinh": (signed_zero({INF: INF, -INF: -INF}), mpmath.sinh, WIDE),
    "cosh": (nan_or({INF: INF, -INF: INF, 0.0: 1.0}), mpmath.cosh, WIDE),
    "tanh": (signed_zero({INF: 1.0, -INF: -1.0}), mpmath.tanh, [20.0, -20.0, 90.0]),
    "asinh": (signed_zero({INF: INF, -INF: -INF}), mpmath.asinh, SPREAD + [-60.0]),
    "acosh": (outside(lambda x: x < 1, nan_or({INF: INF, 1.0: 0.0})), mpmath.acosh, SPREAD + [1.125]),
    "atanh": (outside(lambda x: abs(x) > 1, signed_zero({1.0: INF, -1.0: -INF})), mpmath.atanh,
              [0.9375, -0.75, 1e-5]),
    "erf": (signed_zero({INF: 1.0, -INF: -1.0}), mpmath.erf, [20.0, -20.0, 90.0]),
    "sigmoid": (nan_or({INF: 1.0, -INF: 0.0, 0.0: 0.5}), lambda x: 1 / (1 + mpmath.exp(-x)),
                [20.0, -20.0, 90.0]),
    "selu": (signed_zero({INF: INF}), SELU, WIDE),
    "silu": (signed_zero({INF: INF, -INF: -0.0}), lambda x: x / (1 + mpmath.exp(-x)), WIDE),
    "hard_sigmoid": (nan_or({INF: 1.0, -INF: 0.0}), hard_sigmoid, [3.0, -3.0, 2.9, -2.9]),
    "hard_swish": (lambda x: -0.0 if x <= -3 else signed_zero({INF: INF})(x),
                   lambda x: x * hard_sigmoid(x), [3.0, -3.0, 2.9, -2.9]),
    "mish": (signed_zero({INF: INF, -INF: -0.0}), mish, WIDE),
}


def samples_for(more):
    return lambda d: FLOAT_SAMPLES + [
        m for m in more if d in ("f32", "f64") or nb.round_to(d, Fraction(m)) == m or
        abs(m) < (100 if d == "f16" else 1e30)]


def elementary():
    for op, (special, formula, more) in FUNCTIONS.items():
        unary_op(op, FLOATS, lambda d, s=special, f=formula: function(d, s, f), samples_for(more),
                 "mpmath with 400 bits, rounded once").write()


def with_attribute(file, name, op, dtype, attrs, samples, fn):
    x = vec(dtype, samples)
    file.func(name, [f"%x: {dtype}[s0]"], [f"{dtype}[s0]"],
              [f"%y: {dtype}[s0] = {op}(%x, {attrs})", "return %y"], "<s0>")
    file.run(name, [(dtype, x)], [(dtype, elementwise(fn, x))]).diff(name, SIZES)


def activations():
    special = signed_zero({INF: INF, -INF: -0.0})
    file = unary_op("gelu", FLOATS, lambda d: function(d, special, gelu),
                    lambda d: FLOAT_SAMPLES + [3.0, -3.0, -1000.0],
                    "x (1 + erf(x / sqrt 2)) / 2 by mpmath with 400 bits, rounded once")
    with_attribute(file, "by_tanh", "gelu", "f32", 'approx = "tanh"',
                   [0.1, -0.5, 1.0, -1.0, 2.5, -2.5, 0.0, NAN, INF, -INF],
                   function("f32", special, gelu_tanh))
    file.write()

    def leaky(dtype, slope):
        factor = nb.round_to("f64" if dtype == "f64" else "f32", Fraction(slope))
        def fn(x):
            if math.isnan(x) or math.isinf(x) or x == 0:
                return x * math.copysign(1, factor) if x <= 0 else x
            return x if x > 0 else by_compute_type(dtype, Fraction(x) * Fraction(factor))
        return fn
    file = unary_op("leaky_relu", FLOATS, lambda d: leaky(d, 0.01), lambda d: FLOAT_SAMPLES,
                    "x or the exact product, rounded once")
    with_attribute(file, "slope", "leaky_relu", "f32", "slope = -0.3", FLOAT_SAMPLES,
                   leaky("f32", -0.3))
    file.write()

    file = unary_op("elu", FLOATS, lambda d: function(d, signed_zero({INF: INF}), elu(1, 1)),
                    lambda d: FLOAT_SAMPLES + [-30.0, 1e-7, -1e-7],
                    "mpmath with 400 bits, rounded once")
    with_attribute(file, "alpha", "elu", "f32", "alpha = 0.625", FLOAT_SAMPLES,
                   function("f32", signed_zero({INF: INF}), elu(1, mpmath.mpf("0.625"))))
    file.write()

    special = nan_or({INF: INF, -INF: 0.0})
    file = unary_op("softplus", FLOATS, lambda d: function(d, special, softplus(1, 20)),
                    samples_for([19.5, 20.0, 20.5, -20.0, -60.0, 90.0]),
                    "mpmath with 400 bits, rounded once")
    with_attribute(file, "steep", "softplus", "f32", "beta = 2.5, threshold = 4.0",
                   FLOAT_SAMPLES + [1.5, 1.575, 1.625, 1.7], function("f32", special, softplus(2.5, 4)))
    with_attribute(file, "unbounded", "softplus", "f32", "threshold = inf",
                   FLOAT_SAMPLES + [100.0, 1000.0],
                   function("f32", special, softplus(1, mpmath.inf)))
    file.write()


# ---- Signs and rounding -------------------------------------------------------------------------

def ints_or_floats(dtype):
    if dtype == "bool":
        return [True, False]
    if nb.is_float(dtype):
        return FLOAT_SAMPLES
    low, high = nb.limits(dtype)
    return [0, 1, 5, high, low] + ([-1, -5] if low < 0 else [])


def by_kind(float_fn, int_fn):
    return lambda d: float_fn if nb.is_float(d) else lambda v: nb.wrap(d, int_fn(v))


def signs():
    dtypes = FLOATS + ["i32", "i64", "i8", "u8"]
    unary_op("neg", dtypes, by_kind(lambda v: -v, lambda v: -v), ints_or_floats,
             "the sign flips, of zero and NaN too; integers wrap").write()
    unary_op("abs", dtypes, by_kind(abs, abs), ints_or_floats,
             "magnitude; the least integer wraps to itself").write()
    unary_op("sign", dtypes, by_kind(
        lambda v: v if math.isnan(v) else float((v > 0) - (v < 0)), lambda v: (v > 0) - (v < 0)),
        ints_or_floats, "1, -1 or 0; 0.0 for zeros of both signs").write()
    unary_op("relu", dtypes,
             by_kind(lambda v: NAN if math.isnan(v) else (0.0 if v < 0 else v), lambda v: max(v, 0)),
             ints_or_floats, "0 where x < 0, else x: NaN and -0.0 stay").write()
    def root(dtype):
        def fn(v):
            if math.isnan(v) or v < 0:
                return NAN
            return v if v == 0 or math.isinf(v) else nb.round_to(dtype, mpmath.sqrt(mpmath.mpf(v)))
        return fn
    unary_op("sqrt", FLOATS, root, lambda d: [0.0, -0.0, 1.0, 2.0, 0.1, 1e-6, 50000.0, -1.0, INF, -INF, NAN],
             "correctly rounded").write()
    unary_op("reciprocal", FLOATS, lambda d: lambda v: ieee_div(1.0, v) if v == 0 or math.isinf(v) or
             math.isnan(v) else by_compute_type(d, 1 / Fraction(v)), samples_for([3.0, 1e-6, 60000.0]),
             "correctly rounded").write()


def rounding():
    def integral(whole):
        def fn(v):
            if not math.isfinite(v):
                return v
            return math.copysign(float(abs(whole(Fraction(v)))), v)
        return fn
    samples = lambda d: FLOAT_SAMPLES + [1.5, -1.5, 3.5, -0.75, 100.25, -100.75, 1e6, 8388607.5] + (
        [4503599627370495.5, -2.0**60] if d == "f64" else [])
    def keep(d):
        return [v for v in samples(d) if d != "f16" or abs(v) < 60000 or math.isinf(v) or v != v]
    for op, whole in (("floor", math.floor), ("ceil", math.ceil), ("round", round),
                      ("trunc", math.trunc)):
        unary_op(op, FLOATS, lambda d, w=whole: integral(w), keep,
                 "by exact fractions; a zero has the sign of x").write()
    unary_op("frac", FLOATS, lambda d: lambda v: NAN if not math.isfinite(v) else
             float(Fraction(v) - math.trunc(Fraction(v))), keep, "x - trunc(x), exact").write()
    for op, fn in (("isnan", lambda v: v != v), ("isinf", lambda v: v in (INF, -INF)),
                   ("isfinite", lambda v: v == v and v not in (INF, -INF))):
        predicate_op(op, FLOATS + ["i32", "u8", "i64", "bool"], fn)


def predicate_op(op, dtypes, fn):
    file = File(op, "by Python's doubles; integers and bool are finite")
    for dtype in dtypes:
        x = vec(dtype, ints_or_floats(dtype))
        file.func(dtype, [f"%x: {dtype}[s0]"], ["bool[s0]"],
                  [f"%y: bool[s0] = {op}(%x)", "return %y"], "<s0>")
        file.run(dtype, [(dtype, x)], [("bool", elementwise(fn, x))])
        file.run(dtype, [(dtype, Array([0], []))], [("bool", Array([0], []))]).diff(dtype, SIZES)
    strided(file, op, "f32", "bool")
    file.write()


# ---- Functions of two operands ------------------------------------------------------------------

def floor_div(dtype):
    if not nb.is_float(dtype):
        return lambda a, b: 0 if b == 0 else nb.wrap(dtype, a // b)
    def fn(a, b):
        if math.isnan(a) or math.isnan(b) or math.isinf(a):
            return ieee_div(a, b) if b == 0 else NAN
        if b == 0:
            return ieee_div(a, b)
        if math.isinf(b):
            below = a != 0 and (a < 0) != (b < 0)
            return -1.0 if below else math.copysign(0.0, a) * math.copysign(1, b)
        q = Fraction(a) / Fraction(b)
        whole = math.floor(q)
        zero = math.copysign(0.0, a) * math.copysign(1, b)
        return nb.round_to(dtype, Fraction(whole)) if whole else zero
    return fn


def remainder(dtype, floored):
    if not nb.is_float(dtype):
        def whole(a, b):
            return 0 if b == 0 else nb.wrap(dtype, a - b * (a // b if floored else int_div(a, b)))
        return whole
    def fn(a, b):
        if math.isnan(a) or math.isnan(b) or math.isinf(a) or b == 0:
            return NAN
        r = a if math.isinf(b) else math.fmod(a, b)
        if r == 0:
            return math.copysign(0.0, b if floored else a)
        if not floored or (r < 0) == (b < 0):
            return r
        return b if math.isinf(b) else by_compute_type(dtype, Fraction(r) + Fraction(b))
    return fn


def float_pow(dtype):
    """C Annex F, F.10.4.4."""
    def fn(a, b):
        if b == 0 or a == 1:
            return 1.0
        if math.isnan(a) or math.isnan(b):
            return NAN
        odd = math.isfinite(b) and Fraction(b).denominator == 1 and int(b) % 2 == 1
        sign = -1.0 if odd and math.copysign(1, a) < 0 else 1.0
        if math.isinf(b):
            return 1.0 if a == -1 else INF if (abs(a) > 1) == (b > 0) else 0.0
        if a == 0 or math.isinf(a):
            return sign * (INF if (a == 0) == (b < 0) else 0.0)
        if a < 0 and Fraction(b).denominator != 1:
            return NAN
        exponent = mpmath.mpf(b) * mpmath.log(abs(mpmath.mpf(a)), 2)
        if abs(exponent) > 2000:
            return sign * (INF if exponent > 0 else 0.0)
        return math.copysign(nb.round_to(dtype, mpmath.power(abs(mpmath.mpf(a)), mpmath.mpf(b))), sign)
    return fn


def int_pow(dtype):
    def fn(a, b):
        if b < 0:
            return 1 if a == 1 else (1 if b % 2 == 0 else -1) if a == -1 else 0
        return nb.wrap(dtype, pow(a, b, 2 ** 64))
    return fn


def angle(dtype):
    def fn(a, b):
        if math.isnan(a) or math.isnan(b):
            return NAN
        if a == 0 or b == 0 or math.isinf(a) or math.isinf(b):
            eighths = round(math.atan2(a, b) / (math.pi / 4))
            return nb.round_to(dtype, eighths * mpmath.pi / 4) if eighths else math.copysign(0.0, a)
        return nb.round_to(dtype, mpmath.atan2(mpmath.mpf(a), mpmath.mpf(b)))
    return fn


def shift(dtype, left):
    _, bits = nb.INTS[dtype]
    def fn(a, b):
        if b < 0 or b >= bits:
            return 0 if left or a >= 0 else -1
        return nb.wrap(dtype, a << b) if left else a >> b
    return fn


def binaries():
    meaning = {"add": "the exact sum", "sub": "the exact difference", "mul": "the exact product",
               "div": "the exact quotient", "min": "the lesser", "max": "the greater"}
    for op in ("add", "sub", "mul", "div", "min", "max"):
        note = f"{meaning[op]}, rounded once; integers wrap (docs/numerics.md)"
        binary_op(op, NUMERIC, lambda d, op=op: binary(d, op), note).write()
    for op in ("and", "or", "xor"):
        for name in (op, f"bitwise_{op}"):
            binary_op(name, LOGIC, lambda d, op=op: binary(d, op),
                      "bit by bit; on bool the logical operation").write()
    integers = [d for d in NUMERIC if not nb.is_float(d)]
    for op, left in (("shl", True), ("shr", False)):
        binary_op(op, integers, lambda d, left=left: shift(d, left),
                  "by Python's integers; 0 or the sign past the width").write()
    binary_op("floor_div", NUMERIC, floor_div, "the exact quotient, rounded down, then once").write()
    binary_op("rem", NUMERIC, lambda d: remainder(d, True),
              "a - b floor(a / b): by fmod of doubles, which is exact, and one sum").write()
    binary_op("fmod", NUMERIC, lambda d: remainder(d, False),
              "a - b trunc(a / b): by fmod of doubles, which is exact").write()
    binary_op("pow", NUMERIC, lambda d: float_pow(d) if nb.is_float(d) else int_pow(d),
              "mpmath with 400 bits, rounded once; integers wrap").write()
    binary_op("atan2", FLOATS, angle, "mpmath with 400 bits, rounded once").write()
    compare = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
               "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b}
    for op, fn in compare.items():
        binary_op(op, ["f32", "f64", "f16", "bf16", "i32", "i64", "u8", "bool"], lambda d, fn=fn: fn,
                  "IEEE 754 predicates: NaN is unordered, -0.0 equals 0.0", "bool").write()


def complement():
    for op in ("not", "bitwise_not"):
        file = File(op, "bit by bit; on bool the logical operation")
        for dtype in LOGIC:
            x = vec(dtype, [True, False] if dtype == "bool" else [0, 1, 5, *nb.limits(dtype)])
            fn = (lambda v: not v) if dtype == "bool" else lambda v, d=dtype: nb.wrap(d, ~v)
            file.func(dtype, [f"%x: {dtype}[s0]"], [f"{dtype}[s0]"],
                      [f"%y: {dtype}[s0] = {op}(%x)", "return %y"], "<s0>")
            file.run(dtype, [(dtype, x)], [(dtype, elementwise(fn, x))]).diff(dtype, SIZES)
        strided(file, op, "i32", "i32")
        file.write()


# ---- Three operands -----------------------------------------------------------------------------

def thirds(dtype):
    """A third operand beside inputs(dtype)."""
    n = len(inputs(dtype)[0])
    if nb.is_float(dtype):
        return [(0.5, -1.25, 1.0, 0.0, 2.0, -0.375, INF, NAN)[i % 8] for i in range(n)]
    return [(1, 0, 3, nb.limits(dtype)[1])[i % 4] for i in range(n)]


def ternary_op(op, names, dtypes, fn_of, note):
    file = File(op, note)
    for dtype in dtypes:
        columns = [vec(dtype, v) for v in (*inputs(dtype), thirds(dtype))]
        fn = fn_of(dtype)
        file.func(dtype, [f"%{n}: {dtype}[s0]" for n in names], [f"{dtype}[s0]"],
                  [f"%y: {dtype}[s0] = {op}({', '.join('%' + n for n in names)})", "return %y"], "<s0>")
        file.run(dtype, [(dtype, c) for c in columns], [(dtype, elementwise(fn, *columns))])
        file.run(dtype, [(dtype, Array([0], []))] * 3, [(dtype, Array([0], []))])
        file.diff(dtype, SIZES)
    fn = fn_of("f32")
    x, y, z = mat("f32", [[1.5], [-2.25]]), vec("f32", [0.5, 3, -7]), Array([], [0.75])
    file.func("broadcast", [f"%{names[0]}: f32[s0, 1]", f"%{names[1]}: f32[s1]", f"%{names[2]}: f32[]"],
              ["f32[s0, s1]"],
              [f"%y: f32[s0, s1] = {op}({', '.join('%' + n for n in names)})", "return %y"], "<s0, s1>")
    file.run("broadcast", [("f32", v) for v in (x, y, z)], [("f32", elementwise(fn, x, y, z))])
    file.diff("broadcast", "sizes=(s0=1 s1=1, s0=3 s1=17, s0=33 s1=5, s0=0 s1=4) seeds=2")
    x = vec("f32", [1.5, -2.25, 0.1, NAN])
    file.func("literal", [f"%{names[0]}: f32[s0]"], ["f32[s0]"],
              [f"%y: f32[s0] = {op}(%{names[0]}, 3.0, 0.25)", "return %y"], "<s0>")
    file.run("literal", [("f32", x)], [("f32", elementwise(lambda v: fn(v, 3.0, 0.25), x))])
    return file


def twice_rounded(dtype, special, formula):
    """As `exact`, but f16 and bf16 round in f32 first."""
    once = exact("f64" if dtype == "f64" else "f32", special, formula)
    return lambda *x: nb.round_to(dtype, once(*x))


def fused(dtype):
    if nb.is_float(dtype):
        return twice_rounded(dtype, lambda a, b, c: a * b + c, lambda a, b, c: a * b + c)
    return lambda a, b, c: nb.wrap(dtype, a * b + c)


def ternaries():
    ternary_op("fma", ("a", "b", "c"), NUMERIC, fused,
               "the exact product and sum, rounded once (f16 and bf16: in f32, then once)").write()
    def mixed(dtype):
        return exact(dtype, lambda a, b, w: a + w * (b - a), lambda a, b, w: a + w * (b - a))
    ternary_op("lerp", ("a", "b", "w"), FLOATS, mixed, "the exact formula, rounded once").write()
    clamp()
    select()


def clamp():
    file = File("clamp", "min(max(x, min), max): NaN wins, -0.0 is less than 0.0")
    def larger(a, b):
        return ordered(a, b, True) if isinstance(a, float) else max(a, b)
    def lesser(a, b):
        return ordered(a, b, False) if isinstance(a, float) else min(a, b)
    both = lambda x, low, high: lesser(larger(x, low), high)
    for dtype in NUMERIC:
        x, low, high = (vec(dtype, v) for v in (*inputs(dtype), thirds(dtype)))
        for name, operands, args, fn in (
                (dtype, "min = %low, max = %high", (x, low, high), both),
                (f"{dtype}_min", "min = %low", (x, low), larger),
                (f"{dtype}_max", "max = %high", (x, high), lesser)):
            params = ["%x"] + [n for n in ("%low", "%high") if n in operands]
            file.func(name, [f"{p}: {dtype}[s0]" for p in params], [f"{dtype}[s0]"],
                      [f"%y: {dtype}[s0] = clamp(%x, {operands})", "return %y"], "<s0>")
            file.run(name, [(dtype, a) for a in args], [(dtype, elementwise(fn, *args))])
            file.run(name, [(dtype, Array([0], []))] * len(args), [(dtype, Array([0], []))])
            file.diff(name, SIZES)
    x = vec("f32", FLOAT_SAMPLES)
    file.func("literals", ["%x: f32[s0]"], ["f32[s0]"],
              ["%y: f32[s0] = clamp(%x, min = -0.5, max = 6.0)", "return %y"], "<s0>")
    file.run("literals", [("f32", x)], [("f32", elementwise(lambda v: both(v, -0.5, 6.0), x))])
    file.diff("literals", SIZES)
    x, low, high = mat("f32", [[1.5], [-2.25]]), vec("f32", [0.5, 3, -7]), Array([], [2.0])
    file.func("broadcast", ["%x: f32[s0, 1]", "%low: f32[s1]", "%high: f32[]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = clamp(%x, min = %low, max = %high)", "return %y"], "<s0, s1>")
    file.run("broadcast", [("f32", v) for v in (x, low, high)], [("f32", elementwise(both, x, low, high))])
    file.diff("broadcast", "sizes=(s0=1 s1=1, s0=3 s1=17, s0=33 s1=5, s0=0 s1=4) seeds=2").write()


def select():
    file = File("select", "a where p, else b; bits are kept")
    choose = lambda p, a, b: a if p else b
    for dtype in ("f32", "f64", "bf16", "i32", "u8", "bool"):
        a, b = (vec(dtype, v) for v in inputs(dtype))
        p = Array(a.sizes, [i % 3 == 0 for i in range(len(a.flat))])
        file.func(dtype, ["%p: bool[s0]", f"%a: {dtype}[s0]", f"%b: {dtype}[s0]"], [f"{dtype}[s0]"],
                  [f"%y: {dtype}[s0] = select(%p, %a, %b)", "return %y"], "<s0>")
        file.run(dtype, [("bool", p), (dtype, a), (dtype, b)], [(dtype, elementwise(choose, p, a, b))])
        file.diff(dtype, SIZES)
    p, a, b = Array([2, 1], [True, False]), vec("f32", [1, 2, 3]), Array([], [9.0])
    file.func("broadcast", ["%p: bool[s0, 1]", "%a: f32[s1]", "%b: f32[]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = select(%p, %a, %b)", "return %y"], "<s0, s1>")
    file.run("broadcast", [("bool", p), ("f32", a), ("f32", b)], [("f32", elementwise(choose, p, a, b))])
    file.diff("broadcast", "sizes=(s0=1 s1=1, s0=3 s1=17, s0=0 s1=5) seeds=2")
    file.func("literal", ["%p: bool[s0]", "%a: f32[s0]"], ["f32[s0]"],
              ["%y: f32[s0] = select(%p, %a, 0.0)", "return %y"], "<s0>")
    p, a = Array([3], [True, False, True]), vec("f32", [NAN, NAN, -0.0])
    file.run("literal", [("bool", p), ("f32", a)],
             [("f32", elementwise(lambda q, v: v if q else 0.0, p, a))]).write()


def convert(source, target, v):
    if target == "bool":
        return v != 0
    if nb.is_float(target):
        v = float(v) if isinstance(v, bool) else v
        return nb.round_to(target, v if isinstance(v, float) and not math.isfinite(v) or v == 0 and
                           isinstance(v, float) else Fraction(v))
    if not nb.is_float(source):
        return nb.wrap(target, int(v))
    low, high = nb.limits(target)
    if math.isnan(v):
        return 0
    if math.isinf(v):
        return high if v > 0 else low
    return min(max(math.trunc(Fraction(v)), low), high)


def cast():
    file = File("cast", "one rounding to floats; floats to integers truncate and saturate, NaN is 0")
    floats = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -1.75, 3.9, 100.7, 300.0, -300.0, 65000.0, 1e-7, INF, -INF, NAN]
    wide = {"f32": [3e9, -3e9, 1e20, 1e-40, 3.4e38, 16777217.0], "f64": [1e300, 1e-300, 2.0**53 + 2, 4294967297.5]}
    pairs = [("f32", t) for t in ("f64", "f16", "bf16", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool")]
    pairs += [("f64", t) for t in ("f32", "f16", "bf16", "i32", "i64", "u64")]
    pairs += [("f16", t) for t in ("f32", "bf16", "i32", "bool")] + [("bf16", t) for t in ("f32", "f16", "u8")]
    pairs += [("i32", t) for t in ("f32", "f64", "f16", "bf16", "i8", "u8", "i64", "u32", "bool")]
    pairs += [("i64", t) for t in ("f32", "f64", "bf16", "i32")] + [("u64", "f32"), ("u8", "f32"), ("u8", "i8"), ("i8", "u32")]
    pairs += [("bool", t) for t in ("f32", "i32", "bf16", "u8")]
    for source, target in pairs:
        if source == "bool":
            values = [True, False]
        elif nb.is_float(source):
            values = floats + wide.get(source, [])
        else:
            low, high = nb.limits(source)
            values = [0, 1, 7, 100, high, low, high - 1, high // 3] + ([-1, -7] if low < 0 else [])
        x = vec(source, values)
        y = elementwise(lambda v: convert(source, target, v), x)
        name = f"{source}_to_{target}"
        file.func(name, [f"%x: {source}[s0]"], [f"{target}[s0]"],
                  [f"%y: {target}[s0] = cast(%x)", "return %y"], "<s0>")
        file.run(name, [(source, x)], [(target, y)]).diff(name, "sizes=(s0=1, s0=7, s0=33)")
    strided(file, "cast", "f32", "i32")
    file.write()

# ---- bitcast ------------------------------------------------------------------------------------

PACKED = {"f16": "<e", "f32": "<f", "f64": "<d", "i8": "<b", "u8": "<B", "i16": "<h", "u16": "<H",
          "i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q"}


def to_bytes(dtype, v):
    return struct.pack("<f", v)[2:] if dtype == "bf16" else struct.pack(PACKED[dtype], v)


def from_bytes(dtype, data):
    if dtype == "bf16":
        return struct.unpack("<f", b"\0\0" + data)[0]
    return struct.unpack(PACKED[dtype], data)[0]


def bitcast():
    file = File("bitcast", "the bytes of each element, by Python's struct")
    finite = [v for v in FLOAT_SAMPLES if v == v]
    for source, target in (("f32", "i32"), ("f32", "u32"), ("f64", "i64"), ("f64", "u64"),
                           ("f16", "u16"), ("f16", "i16"), ("bf16", "i16"), ("i32", "f32"),
                           ("u64", "f64"), ("u16", "f16"), ("i16", "bf16"), ("f16", "bf16"),
                           ("u8", "i8"), ("i64", "u64"), ("f32", "f32")):
        values = finite if nb.is_float(source) else [*nb.limits(source), 0, 1, 77, 0x3e]
        x = vec(source, values)
        y = elementwise(lambda v: from_bytes(target, to_bytes(source, v)), x)
        name = f"{source}_to_{target}"
        file.func(name, [f"%x: {source}[s0]"], [f"{target}[s0]"],
                  [f"%y: {target}[s0] = bitcast(%x)", "return %y"], "<s0>")
        file.run(name, [(source, x)], [(target, y)])
        file.run(name, [(source, Array([0], []))], [(target, Array([0], []))])
        file.diff(name, "sizes=(s0=1, s0=7, s0=33)")
    # NaN too, signaling ones as they are.
    for dtype, patterns in (("f16", (0x7d01, 0xfe55)), ("f32", (0x7f800001, 0xffc12345)),
                            ("f64", (0x7ff0000000000001, 0xfff8000000000077))):
        bits = ", ".join(f"bits({p})" for p in patterns)
        file.lines += wrapped("run", f"@{dtype}_to_u{dtype[1:]}([{bits}]) == "
                                     f"[{', '.join(map(str, patterns))}]")
    file.func("strided", ["%x: f32[5, 19]"], ["i32[18, 5]{1, 19; offset 1}"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%y: i32[18, 5]{1, 19; offset 1} = bitcast(%s)", "return %y"]).diff("strided")
    file.write()


def write():
    elementary()
    activations()
    signs()
    rounding()
    binaries()
    complement()
    ternaries()
    cast()
    bitcast()
