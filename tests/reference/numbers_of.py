"""Numbers of every dtype, computed apart from gcomp: exact fractions, mpmath, and one rounding at the end.

A value is a Python float (float dtypes: exactly a number of the dtype, or nan, inf), an int or a bool.
"""
import math
import struct
from fractions import Fraction

import mpmath

mpmath.mp.prec = 400

# name: (significand bits, least exponent of the last place, greatest finite value)
FLOATS = {
    "f16": (11, -24, Fraction(65504)),
    "bf16": (8, -133, Fraction(255) * 2**120),
    "f32": (24, -149, Fraction(2**24 - 1) * 2**104),
    "f64": (53, -1074, Fraction(2**53 - 1) * 2**971),
}
INTS = {f"{kind}{bits}": (kind == "i", bits) for kind in "iu" for bits in (8, 16, 32, 64)}


def is_float(dtype):
    return dtype in FLOATS


def round_to(dtype, x):
    """The number of a float dtype nearest to a Fraction, mpf or special float; ties to even."""
    if isinstance(x, float) and (math.isnan(x) or math.isinf(x) or x == 0):
        return x
    if isinstance(x, mpmath.mpf):
        if mpmath.isnan(x) or mpmath.isinf(x):
            return float(x)
        sign, man, exp, _ = x._mpf_
        x = Fraction(man) * Fraction(2) ** exp * (-1 if sign else 1)
    x = Fraction(x)
    if x == 0:
        return 0.0
    bits, least, most = FLOATS[dtype]
    exponent = math.floor(math.log2(abs(x))) if abs(x) < 2**900 and abs(x) > Fraction(1, 2**900) else 0
    while Fraction(2) ** exponent > abs(x):
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= abs(x):
        exponent += 1
    unit = Fraction(2) ** max(exponent - bits + 1, least)
    rounded = round(x / unit) * unit  # Fraction's round: half to even
    if abs(rounded) > most:
        return math.copysign(math.inf, x)
    return math.copysign(float(abs(rounded)), x)


def wrap(dtype, x):
    """An integer of the dtype that is equal to x modulo 2^bits."""
    signed, bits = INTS[dtype]
    x %= 1 << bits
    return x - (1 << bits) if signed and x >= 1 << (bits - 1) else x


def limits(dtype):
    signed, bits = INTS[dtype]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def of(dtype, x):
    """A number near x that the dtype has: what a test may use as an input."""
    if dtype == "bool":
        return bool(x)
    return round_to(dtype, float(x) if not isinstance(x, Fraction) else x) if is_float(dtype) else int(x)


def show(dtype, x):
    """The text of a value, as in a test file."""
    if dtype == "bool":
        return "true" if x else "false"
    if not is_float(dtype):
        return str(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    for digits in range(1, 18):
        text = f"{x:.{digits}g}"
        if round_to(dtype, Fraction(text)) == x:
            break
    if x == 0:
        text = "-0.0" if math.copysign(1, x) < 0 else "0.0"
    return text
