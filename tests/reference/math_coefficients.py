"""The constants of kernels/math_*.h, calculated with mpmath: run it to see them.

    python3 tests/reference/math_coefficients.py [name ...]

Polynomials are Chebyshev interpolations in 100 digits (mpmath.chebyfit). Each is printed as the arguments of Horner,
highest power first, with its interval and the error that chebyfit reports. Erf and tanh were made in the same way, on
the intervals that stand beside them.
"""

import sys

import mpmath as mp

mp.mp.dps = 100


def safe(f):
    """f with 0, where the quotients below are 0 / 0, moved to next to it."""
    return lambda t: f(t if abs(t) > mp.mpf(10) ** -25 else mp.mpf(10) ** -25)


def odd(f):
    """P with f(x) = x + x^3 P(x^2)."""
    return safe(lambda t: (f(mp.sqrt(t)) / mp.sqrt(t) - 1) / t)


HALF_LN2 = mp.log(2) / 2
LOG_F = (1 / mp.sqrt(2) - 1, mp.sqrt(2) - 1)
LOG_Z = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2


def atanh_tail(z):
    """(2 atanh(s) / s - 2) / z with s^2 = z."""
    return (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z


# name: (function, interval, coefficients f32, coefficients f64); 0: not used.
FITS = {
    "exp": (safe(lambda r: (mp.exp(r) - 1 - r) / r**2), (-HALF_LN2, HALF_LN2), 5, 10),
    "log_f32": (safe(lambda f: (mp.log(1 + f) - f + f * f / 2) / f**3), LOG_F, 9, 0),
    "log_f64": (safe(atanh_tail), (0, LOG_Z), 0, 7),
    # log2((1 + s) / (1 - s)) = 2 s / ln 2 + 2 s^3 / (3 ln 2) + s^5 P(s^2)
    "pow_log2_f64": (safe(lambda z: (atanh_tail(z) - mp.mpf(2) / 3) / z / mp.log(2)), (0, LOG_Z), 0, 8),
    # log2((1 + s) / (1 - s)) = s P(s^2), and 2^f, both in f64 for f32
    "pow_log2_f32": (safe(lambda z: 2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) / mp.log(2)), (0, LOG_Z), 0, 7),
    "pow_exp2_f32": (lambda f: mp.mpf(2) ** f, (-0.5, 0.5), 0, 7),
    "asin": (odd(mp.asin), (0, 0.2501), 6, 13),
    "atan": (odd(mp.atan), (0, 0.2501), 6, 13),
    "asinh": (odd(mp.asinh), (0, 0.2501), 6, 13),
    "atanh": (odd(mp.atanh), (0, 0.2501), 7, 14),
    "sinh": (odd(mp.sinh), (0, 1.001), 4, 7),
    # f32 goes through f64; sin(pi f), sin(pi f / 2), cos(pi f / 2)
    "sin_half_turns_f32": (safe(lambda t: mp.sin(mp.pi * mp.sqrt(t)) / mp.sqrt(t)), (0, 0.395), 0, 6),
    "sin_quarter_turns_f32": (safe(lambda t: mp.sin(mp.pi / 2 * mp.sqrt(t)) / mp.sqrt(t)), (0, 0.395), 0, 6),
    "cos_quarter_turns_f32": (lambda t: mp.cos(mp.pi / 2 * mp.sqrt(t)), (0, 0.395), 0, 6),
    "sin_f64": (odd(mp.sin), (0, 0.63), 0, 6),
    "cos_f64": (safe(lambda t: (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t**2), (0, 0.63), 0, 6),
}


def print_windows():
    """2/pi in 23 chunks of 53 bits, and for f32 its windows as two doubles (half of them for 1/pi)."""
    mp.mp.prec = 1400
    value = 2 / mp.pi
    whole = int(mp.floor(value * mp.mpf(2) ** (53 * 23)))
    print("two_over_pi:\n  " + ", ".join(f"{whole >> (53 * (22 - j)) & (1 << 53) - 1}.0" for j in range(23)))
    for b in (0, 26, 52, 78, 104):
        step = mp.mpf(2) ** (25 - b)
        window = value if b == 0 else value - step * mp.floor(value / step)
        high = float(window)
        print(f"window from 2^{b}: {high.hex()}, {float(window - mp.mpf(high)).hex()}")


def main():
    for name, (f, (low, high), n32, n64) in FITS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for n, digits, suffix in ((n32, 9, "f"), (n64, 18, "")):
            if n == 0:
                continue
            coefficients, error = mp.chebyfit(f, [low, high], n, error=True)
            text = ", ".join(mp.nstr(c, digits, min_fixed=-4, max_fixed=6) + suffix for c in coefficients)
            print(f"{name}, {n} coefficients on [{mp.nstr(mp.mpf(low), 6)}, {mp.nstr(mp.mpf(high), 6)}],"
                  f" error {mp.nstr(error, 2)}:\n  {text}")
    if not sys.argv[1:]:
        print_windows()


if __name__ == "__main__":
    main()
