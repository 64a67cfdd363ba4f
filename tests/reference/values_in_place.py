"""Forms that write in place: each through a view that starts at an offset, so that what is around
it must stay as it is."""
from fractions import Fraction
import math

import mpmath

from opfile import Array, File, build, gelu, int_div, vec
import numbers_of as nb

mp = mpmath


def f32(x):
    """A constant as the op has it."""
    return mp.mpf(nb.round_to("f32", mp.mpf(x)))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def softplus(x):
    return mp.log1p(mp.exp(x))


SELU_SCALE = f32("1.0507009873554804934193349852946")
SELU_ALPHA = f32("1.6732632423543772848170429916717")
WIDE = [0.5, -1.25, 3.0, -0.75, 2.5, 0.25]
SMALL = [0.5, -0.25, 0.125, -0.75, 0.875, 0.25]
POSITIVE = [0.5, 1.25, 3.0, 0.75, 2.5, 8.0]

# op: (what it computes, the elements that it gets, the bound in ulp)
UNARY = {
    "abs": (abs, WIDE, 0), "neg": (lambda x: -x, WIDE, 0), "ceil": (mp.ceil, WIDE, 0),
    "floor": (mp.floor, WIDE, 0), "trunc": (lambda x: mp.sign(x) * mp.floor(abs(x)), WIDE, 0),
    "frac": (lambda x: x - mp.sign(x) * mp.floor(abs(x)), WIDE, 0),
    "round": (lambda x: mp.mpf(round(Fraction(float(x)))), WIDE, 0),
    "sign": (mp.sign, WIDE, 0), "relu": (lambda x: max(x, mp.mpf(0)), WIDE, 0),
    "reciprocal": (lambda x: 1 / x, WIDE, 0), "sqrt": (mp.sqrt, POSITIVE, 0),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), POSITIVE, 2),
    "acos": (mp.acos, SMALL, 2), "acosh": (mp.acosh, [1.5, 1.25, 3.0, 8.0, 2.5, 1.125], 2),
    "asin": (mp.asin, SMALL, 2), "asinh": (mp.asinh, WIDE, 2), "atan": (mp.atan, WIDE, 2),
    "atanh": (mp.atanh, SMALL, 2), "cos": (mp.cos, WIDE, 2), "cosh": (mp.cosh, WIDE, 2),
    "erf": (mp.erf, WIDE, 2), "exp": (mp.exp, WIDE, 2), 
    "expm1": (mp.expm1, WIDE, 2), "log": (mp.log, POSITIVE, 2),
    "log1p": (mp.log1p, POSITIVE, 2), "log2": (lambda x: mp.log(x, 2), POSITIVE, 2),
    "sin": (mp.sin, WIDE, 2), "sinh": (mp.sinh, WIDE, 2), "tan": (mp.tan, WIDE, 2),
    "tanh": (mp.tanh, WIDE, 2), "sigmoid": (sigmoid, WIDE, 4), "silu": (lambda x: x * sigmoid(x), WIDE, 4),
    "gelu": (gelu, WIDE, 4), "mish": (lambda x: x * mp.tanh(softplus(x)), WIDE, 4),
    "softplus": (softplus, WIDE, 4),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), WIDE, 3),
    "selu": (lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * mp.expm1(x)), WIDE, 4),
    "leaky_relu": (lambda x: x if x > 0 else x * f32(0.01), WIDE, 0),
    "hard_sigmoid": (lambda x: min(max(x / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1)), WIDE, 3),
    "hard_swish": (lambda x: x * min(max(x / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1)), WIDE, 4),
}

OTHERS = [0.25, 0.5, -2.0, 0.75, 1.5, -0.5]
BINARY = {
    "add": (lambda a, b: a + b, WIDE, 0), "sub": (lambda a, b: a - b, WIDE, 0),
    "mul": (lambda a, b: a * b, WIDE, 0), "div": (lambda a, b: a / b, WIDE, 0),
    "min": (min, WIDE, 0), "max": (max, WIDE, 0), "atan2": (mp.atan2, WIDE, 2),
    "pow": (mp.power, POSITIVE, 2), "floor_div": (lambda a, b: mp.floor(a / b), WIDE, 1),
    "rem": (lambda a, b: a - b * mp.floor(a / b), WIDE, 1),
    "fmod": (lambda a, b: a - b * mp.sign(a / b) * mp.floor(abs(a / b)), WIDE, 1),
}
TERNARY = {
    "fma": (lambda a, b, c: a * b + c, 0), "lerp": (lambda a, b, w: a + w * (b - a), 2),
}
INTEGERS = {
    "bitwise_and": lambda a, b: a & b, "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b, "shl": lambda a, b: nb.wrap("i32", a << b),
    "shr": lambda a, b: a >> b,
}
BOOLS = {"and": lambda a, b: a and b, "or": lambda a, b: a or b, "xor": lambda a, b: a != b}


def around(dtype, inner, edge):
    """[2, 4], of which the last three columns are `inner`."""
    return build([2, 4], lambda i: edge if i[1] == 0 else inner[3 * i[0] + i[1] - 1])


def through_view(file, op, dtype, params, args, inner, result, operands="", ulp=0,
                 diff=True):
    """op_(%v, operands) on a view of %x; args: of the other parameters."""
    edge = nb.of(dtype, 9) if dtype != "bool" else True
    view = f"{dtype}[2, 3]{{4, 1; offset 1}}"
    file.func(op, [f"%x: {dtype}[2, 4] mut"] + params, [],
              [f"%v: {view} alias(%x) = slice(%x, dim = 1, start = 1)",
               f"%y: {view} alias(%v) = {op}_(%v{operands})", "return"])
    file.run(op, [(dtype, around(dtype, inner, edge))] + args, [], f"ulp={ulp}" if ulp else "",
             leaves={"x": (dtype, around(dtype, result, edge))})
    return file.diff(op, "seeds=1") if diff else file


def write_pointwise(file):
    for op, (fn, xs, ulp) in UNARY.items():
        result = [nb.round_to("f32", fn(mp.mpf(x))) for x in xs]
        if op in ("ceil", "trunc", "round"):
            result = [math.copysign(y, x) for y, x in zip(result, xs)]
        through_view(file, op, "f32", [], [], xs, result, ulp=ulp)
    other = Array([2, 3], OTHERS)
    for op, (fn, xs, ulp) in BINARY.items():
        result = [nb.round_to("f32", fn(mp.mpf(a), mp.mpf(b))) for a, b in zip(xs, OTHERS)]
        if op == "fmod":
            result = [math.copysign(y, x) for y, x in zip(result, xs)]
        through_view(file, op, "f32", ["%b: f32[2, 3]"], [("f32", other)], xs, result, ", %b", ulp)
    row = [0.5, -0.25, 2.0]
    for op, (fn, ulp) in TERNARY.items():
        result = [nb.round_to("f32", fn(mp.mpf(a), mp.mpf(b), mp.mpf(row[i % 3])))
                  for i, (a, b) in enumerate(zip(WIDE, OTHERS))]
        through_view(file, op, "f32", ["%b: f32[2, 3]", "%c: f32[3]"],
                     [("f32", other), ("f32", vec("f32", row))], WIDE, result, ", %b, %c", ulp)
    clamped = [min(max(x, -0.5), 2.0) for x in WIDE]
    through_view(file, "clamp", "f32", [], [], WIDE, clamped, ", min = -0.5, max = 2.0")
    a, b = [5, -7, 100, 2147483647, -3, 12], [3, 2, 7, 1, 0, 5]
    for op, fn in INTEGERS.items():
        through_view(file, op, "i32", ["%b: i32[2, 3]"], [("i32", Array([2, 3], b))], a,
                     [fn(x, y) for x, y in zip(a, b)], ", %b")
    through_view(file, "bitwise_not", "i32", [], [], a, [~x for x in a])
    p, q = [True, True, False, False, True, False], [True, False, True, False, False, False]
    for op, fn in BOOLS.items():
        through_view(file, op, "bool", ["%b: bool[2, 3]"], [("bool", Array([2, 3], q))], p,
                     [fn(x, y) for x, y in zip(p, q)], ", %b")
    through_view(file, "not", "bool", [], [], p, [not x for x in p])


def write_moves(file):
    row = [7.0, -8.0, 9.5]
    through_view(file, "copy", "f32", ["%s: f32[3]"], [("f32", vec("f32", row))], WIDE, row + row, ", %s")
    through_view(file, "fill", "f32", [], [], WIDE, [2.5] * 6, ", 2.5")
    through_view(file, "zero", "f32", [], [], WIDE, [0.0] * 6)
    put = list(WIDE)
    put[5], put[0] = 10.0, 20.0
    through_view(file, "index_put", "f32", ["%s: f32[2]", "%i: i64[2]", "%j: i64[2]"],
                 [("f32", vec("f32", [10.0, 20.0])), ("i64", vec("i64", [1, 0])),
                  ("i64", vec("i64", [-1, 0]))], WIDE, put, ", %s, %i, %j",
                 diff=False)
    scattered = list(WIDE)
    scattered[1] += 10.0
    scattered[1] += 20.0
    through_view(file, "scatter", "f32", ["%i: i64[1, 2]", "%s: f32[1, 2]"],
                 [("i64", Array([1, 2], [1, 1])), ("f32", Array([1, 2], [10.0, 20.0]))], WIDE,
                 scattered, ", %i, %s, dim = 1, reduce = \"add\"", diff=False)


def write_handles(file):
    """The new handle writes the storage that the old one had."""
    x, b = Array([2, 3], WIDE), vec("f32", [1.0, 10.0])
    file.func("transpose", ["%x: f32[2, 3] mut", "%b: f32[2]"], [],
              ["%t: f32[3, 2]{1, 3} alias(%x) = transpose_(%x)",
               "%y: f32[3, 2]{1, 3} alias(%t) = add_(%t, %b)", "return"])
    file.run("transpose", [("f32", x), ("f32", b)], [], leaves={
        "x": ("f32", build([2, 3], lambda i: x.at(i) + b.flat[i[0]]))}).diff("transpose", "seeds=1")
    row = vec("f32", [1.0, 2.0, 3.0])
    file.func("squeeze", ["%x: f32[1, 3] mut", "%b: f32[3]"], ["f32[3]"],
              ["%t: f32[3] alias(%x) = squeeze_(%x)", "%y: f32[3] alias(%t) = mul_(%t, %b)",
               "return %t"])
    product = [v * w for v, w in zip(WIDE, row.flat)]
    file.run("squeeze", [("f32", Array([1, 3], WIDE[:3])), ("f32", row)],
             [("f32", vec("f32", product))],
             leaves={"x": ("f32", Array([1, 3], product))}).diff("squeeze", "seeds=1")
    file.func("unsqueeze", ["%x: f32[3] mut", "%b: f32[2]"], ["f32[3, 2]"],
              ["%t: f32[3, 1] alias(%x) = unsqueeze_(%x, dim = 1)",
               "%u: f32[3, 1] alias(%t) = neg_(%t)", "%y: f32[3, 2] = mul(%t, %b)", "return %y"])
    file.run("unsqueeze", [("f32", row), ("f32", b)],
             [("f32", build([3, 2], lambda i: -row.flat[i[0]] * b.flat[i[1]]))],
             leaves={"x": ("f32", vec("f32", [-v for v in row.flat]))}).diff("unsqueeze", "seeds=1")


def write_overlaps(file):
    """Operands are read as they were before the op."""
    x = vec("f32", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    file.func("shifted", ["%x: f32[6] mut"], [],
              ["%to: f32[5]{1; offset 1} alias(%x) = slice(%x, start = 1)",
               "%from: f32[5] alias(%x) = slice(%x, end = 5)",
               "%y: f32[5]{1; offset 1} alias(%to) = add_(%to, %from)", "return"])
    file.run("shifted", [("f32", x)], [], leaves={"x": ("f32", vec(
        "f32", [x.flat[0]] + [a + b for a, b in zip(x.flat[1:], x.flat)]))}).diff("shifted", "seeds=1")
    square = build([3, 3], lambda i: float(3 * i[0] + i[1]))
    file.func("mirrored", ["%x: f32[3, 3] mut"], [],
              ["%t: f32[3, 3]{1, 3} alias(%x) = transpose(%x)",
               "%y: f32[3, 3] alias(%x) = sub_(%x, %t)", "return"])
    file.run("mirrored", [("f32", square)], [], leaves={"x": ("f32", build(
        [3, 3], lambda i: square.at(i) - square.at(i[::-1])))}).diff("mirrored", "seeds=1")
    file.func("itself", ["%x: f32[s0] mut"], [],
              ["%y: f32[s0] alias(%x) = mul_(%x, %x)", "return"], "<s0>")
    file.run("itself", [("f32", x)], [], leaves={"x": ("f32", vec("f32", [v * v for v in x.flat]))})
    empty = Array([0], [])
    file.run("itself", [("f32", empty)], [], leaves={"x": ("f32", empty)})
    file.diff("itself", "sizes=(s0=0, s0=1, s0=33) seeds=1")


def write():
    file = File("in_place", "ops that write operand 0, and what that leaves")
    write_pointwise(file)
    write_moves(file)
    write_handles(file)
    write_overlaps(file)
    file.write()
