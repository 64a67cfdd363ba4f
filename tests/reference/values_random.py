"""Random numbers: rng.key, rng.fold, rng.bits, rng.uniform, rng.normal, dropout (docs/numerics.md)."""
import math
from fractions import Fraction

import mpmath

import numbers_of as nb
from opfile import *

M32, M64 = (1 << 32) - 1, (1 << 64) - 1


def philox(counter, key):
    """The block of Philox 4x32-10 at a 128-bit counter under a 64-bit key: four words."""
    c = [counter >> (32 * i) & M32 for i in range(4)]
    k = [key & M32, key >> 32]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & M32, (p >> 32) ^ c[3] ^ k[1], p & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


# The known answers that the authors of the generator published.
assert philox(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox((1 << 128) - 1, M64) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
assert philox(0x03707344_13198A2E_85A308D3_243F6A88, 0x299F31D0_A4093822) == [
    0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def word(key, i):
    return philox(key[1] + i // 4, key[0])[i % 4]


def bits64(key, p):
    return word(key, 2 * p) | word(key, 2 * p + 1) << 32


def fold(key, i):
    block = philox(key[1] << 64 | i & M64, key[0])
    return [block[0] | block[1] << 32, 0]


def compute_type(dtype):
    return "f64" if dtype == "f64" else "f32"


def uniform(dtype, key, p, low=0.0, high=1.0):
    t = compute_type(dtype)
    u = Fraction(bits64(key, p) >> 11, 1 << 53) if t == "f64" else Fraction(word(key, p) >> 8, 1 << 24)
    low, high = Fraction(nb.round_to(t, Fraction(low))), Fraction(nb.round_to(t, Fraction(high)))
    width = Fraction(nb.round_to(t, high - low))
    return nb.round_to(dtype, Fraction(nb.round_to(t, low + Fraction(nb.round_to(t, u * width)))))


def normal(dtype, key, p):
    t = compute_type(dtype)
    q = p // 2 * 2
    u = mpmath.mpf(nb.round_to(t, Fraction(word(key, q) + 1))) / 2**32
    r, a = mpmath.sqrt(-2 * mpmath.log(u)), 2 * mpmath.pi * word(key, q + 1) / 2**32
    return nb.round_to(dtype, r * (mpmath.sin(a) if p % 2 else mpmath.cos(a)))


KEYS = [[0, 0], [7, 0], [M64, 5], [0x299F31D0A4093822, M64]]


def key_value(key):
    return "u64", Array([2], key)


def draws(op, dtypes, element, note, attrs=""):
    file = File(op, note)
    for dtype in dtypes:
        for sizes in ([], [3], [2, 5], [0, 3]):
            name = f"{dtype}_{'x'.join(map(str, sizes)) or 'one'}"
            out = f"{dtype}[{', '.join(map(str, sizes))}]"
            shape = f", shape = [{', '.join(map(str, sizes))}]" if sizes else ""
            kind = f", dtype = {dtype}"
            file.func(name, ["%k: rng"], [out], [f"%y: {out} = {op}(%k{shape}{kind}{attrs})", "return %y"])
            for key in KEYS:
                y = Array(sizes, (element(dtype, key, p) for p in range(math.prod(sizes))))
                file.run(name, [key_value(key)], [(dtype, y)])
        out = f"{dtype}[s0]"
        file.func(f"{dtype}_sized", ["%k: rng", "%x: i8[s0]"], [out],
                  [f"%y: {out} = {op}(%k, shape = [s0], dtype = {dtype}{attrs})", "return %y"], "<s0>")
        file.diff(f"{dtype}_sized", "sizes=(s0=0, s0=1, s0=511, s0=512, s0=1029) seeds=2")
    return file


def write():
    file = File("rng.key", "[v, 0]")
    file.func("tensor", ["%v: i64[]"], ["rng"], ["%k: rng = rng.key(%v)", "return %k"])
    for v in (0, 42, -1, -(1 << 63)):
        file.run("tensor", [("i64", Array([], [v]))], [key_value([v & M64, 0])])
    file.func("literal", [], ["rng"], ["%k: rng = rng.key(-3)", "return %k"])
    file.run("literal", [], [key_value([M64 - 2, 0])])
    file.diff("tensor").write()

    file = File("rng.fold", "the first two words of the block at (i, counter)")
    file.func("tensor", ["%k: rng", "%i: i64[]"], ["rng"], ["%f: rng = rng.fold(%k, %i)", "return %f"])
    for key in KEYS:
        for i in (0, 1, -1, 1 << 40):
            file.run("tensor", [key_value(key), ("i64", Array([], [i]))], [key_value(fold(key, i))])
    file.func("literal", ["%k: rng"], ["rng"], ["%f: rng = rng.fold(%k, 3)", "return %f"])
    file.run("literal", [key_value([7, 0])], [key_value(fold([7, 0], 3))])
    file.diff("tensor").write()

    file = draws("rng.bits", ["u32", "u64"], lambda d, k, p: bits64(k, p) if d == "u64" else word(k, p),
                 "words of Philox 4x32-10, computed with Python's integers")
    file.func("plain", ["%k: rng"], ["u32[5]"], ["%y: u32[5] = rng.bits(%k, shape = [5])", "return %y"])
    file.run("plain", [key_value([1, 2])], [("u32", Array([5], [word([1, 2], p) for p in range(5)]))])
    file.func("wraps", ["%k: rng"], ["u32[12]"], ["%y: u32[12] = rng.bits(%k, shape = [12])", "return %y"])
    for counter in (M32 - 1, M64 - 1, (5 << 32) - 2):
        file.run("wraps", [key_value([9, counter])], [("u32", Array([12], [word([9, counter], p) for p in range(12)]))])
    file.write()

    floats = ["f32", "f64", "f16", "bf16"]
    file = draws("rng.uniform", floats, uniform, "exact fractions, rounded as the formula says")
    for dtype in floats:
        file.func(f"{dtype}_range", ["%k: rng"], [f"{dtype}[7]"],
                  [f"%y: {dtype}[7] = rng.uniform(%k, shape = [7], dtype = {dtype}, low = -3.3, high = 0.1)", "return %y"])
        file.run(f"{dtype}_range", [key_value([7, 1])],
                 [(dtype, Array([7], [uniform(dtype, [7, 1], p, -3.3, 0.1) for p in range(7)]))])
        file.diff(f"{dtype}_range")
    file.write()
    draws("rng.normal", floats, normal, "Box and Muller by mpmath with 400 bits, rounded once").write()

    file = File("dropout", "x / (1 - p) where the uniform number is p or more, else 0")
    for dtype in floats:
        x = Array([2, 5], [nb.of(dtype, v) for v in [1.5, -2.25, 0.1, 3.0, NAN, INF, 7.0, -0.0, 1.0, 0.3]])
        for p in (0.0, 0.25, 0.3, 1.0):
            for training in (True, False):
                name = f"{dtype}_{str(p).replace('.', '_')}{'' if training else '_off'}"
                attrs = f", p = {p}" + ("" if training else ", training = false")
                file.func(name, [f"%x: {dtype}[2, 5]", "%k: rng"], [f"{dtype}[2, 5]"],
                          [f"%y: {dtype}[2, 5] = dropout(%x, key = %k{attrs})", "return %y"])
                threshold = nb.round_to("f32", Fraction(p))
                def element(at):
                    v = x.at(at)
                    if not training or p == 0:
                        return v
                    if uniform("f32", [7, 3], at[0] * 5 + at[1]) < threshold:
                        return 0.0
                    return nb.round_to(dtype, Fraction(v) / (1 - Fraction(p))) if math.isfinite(v) and v != 0 else v
                file.run(name, [(dtype, x), key_value([7, 3])], [(dtype, build([2, 5], element))])
    x = Array([3], [1.0, 2.0, NAN])
    file.func("no_key", ["%x: f32[s0]"], ["f32[s0]"], ["%y: f32[s0] = dropout(%x, training = false)", "return %y"], "<s0>")
    file.run("no_key", [("f32", x)], [("f32", x)])
    file.func("strided", ["%x: f32[2, 3]"], ["f32[3, 2]"],
              ["%t: f32[3, 2]{1, 3} = transpose(%x)", "%y: f32[3, 2] = dropout(%t, p = 0.0)", "return %y"])
    rows = Array([2, 3], [float(v) for v in range(6)])
    file.run("strided", [("f32", rows)], [("f32", build([3, 2], lambda p: rows.at([p[1], p[0]])))], "atol=0")
    file.func("sized", ["%x: f32[s0, 3]", "%k: rng"], ["f32[s0, 3]"],
              ["%y: f32[s0, 3] = dropout(%x, key = %k)", "return %y"], "<s0>")
    file.diff("sized", "sizes=(s0=0, s0=1, s0=300) seeds=2").write()
