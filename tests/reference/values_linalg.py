"""Products of matrices, einsum, convolutions, attention, pools, interpolation, losses, quantization."""
import itertools
import math
from fractions import Fraction

import mpmath

import numbers_of as nb
from opfile import *


def grid(dtype, sizes, seed):
    """Small numbers that every dtype has."""
    n = math.prod(sizes)
    values = [((i * 7919 + seed * 104729) % 41) - 20 for i in range(n)]
    if dtype.startswith("u"):
        values = [abs(v) for v in values]
    if nb.is_float(dtype):
        values = [v / 8 for v in values]
    return Array(sizes, [nb.of(dtype, v) for v in values])


def total(dtype, values):
    """The exact sum, rounded once; integers wrap."""
    values = list(values)
    if not nb.is_float(dtype):
        return nb.wrap(dtype, sum(values))
    if any(isinstance(v, float) and not math.isfinite(v) for v in values):
        return float(sum(values, 0.0))
    exact_sum = sum(map(Fraction, values), Fraction(0))
    return nb.round_to(dtype, exact_sum) if exact_sum != 0 else 0.0


def dot(dtype, pairs):
    pairs = list(pairs)
    if nb.is_float(dtype) and any(not math.isfinite(v) for pair in pairs for v in pair):
        return sum((a * b for a, b in pairs), 0.0)
    if nb.is_float(dtype):
        return total(dtype, (Fraction(a) * Fraction(b) for a, b in pairs))
    return total(dtype, (a * b for a, b in pairs))


def shape(dtype, sizes):
    return f"{dtype}[{', '.join(map(str, sizes))}]"


def empty(*sizes):
    return Array(sizes, [])


LETTERS = {"matmul": "ab", "bmm": "ab", "addmm": "mab", "einsum": "abc", "cross_entropy": "xt",
           "mse_loss": "xt", "scaled_dot_product_attention": "qkvm", "quantize": "xsz", "dequantize": "xsz"}


def case(file, name, op, operands, y, attrs="", symbols="", diff="seeds=2", named=()):
    """A function of one op on f(x, ...) = y; operands and y: (dtype, Array). `named`: names of the
    last operands that are given by name."""
    letters = [f"%{c}" for c in LETTERS.get(op, "xwb")[:len(operands)]]
    params = [f"{v}: {shape(d, a.sizes)}" for v, (d, a) in zip(letters, operands)]
    first = len(letters) - len(named)
    uses = letters[:first] + [f"{n} = {v}" for n, v in zip(named, letters[first:])]
    out = shape(y[0], y[1].sizes)
    file.func(name, params, [out], [f"%y: {out} = {op}({', '.join(uses)}{attrs})", "return %y"], symbols)
    file.run(name, operands, [y])
    if diff is not None:
        file.diff(name, diff)
    return file


# ---- matmul, bmm, addmm, linear -----------------------------------------------------------------

def matmul_of(dtype, a, b):
    m, k = a.sizes[-2:]
    n = b.sizes[-1]
    batch = broadcast([a.sizes[:-2], b.sizes[:-2]]) if len(a.sizes) > 2 or len(b.sizes) > 2 else []
    def side(array, index, i, j):
        own = len(array.sizes) - 2
        lead = [0 if size == 1 else v for v, size in zip(index[len(index) - own:], array.sizes[:own])]
        return array.at([*lead, i, j])
    return build([*batch, m, n], lambda index: dot(dtype, [
        (side(a, index[:-2], index[-2], p), side(b, index[:-2], p, index[-1])) for p in range(k)]))


def matmul():
    file = File("matmul", "exact sums of exact products, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16", "i32", "u8"):
        a, b = grid(dtype, [3, 5], 7), grid(dtype, [5, 2], 8)
        file.func(dtype, [f"%a: {dtype}[s0, s1]", f"%b: {dtype}[s1, s2]"], [f"{dtype}[s0, s2]"],
                  [f"%y: {dtype}[s0, s2] = matmul(%a, %b)", "return %y"], "<s0, s1, s2>")
        file.run(dtype, [(dtype, a), (dtype, b)], [(dtype, matmul_of(dtype, a, b))])
        file.run(dtype, [(dtype, empty(2, 0)), (dtype, empty(0, 3))],
                 [(dtype, Array([2, 3], [nb.of(dtype, 0)] * 6))])
        file.run(dtype, [(dtype, empty(0, 2)), (dtype, grid(dtype, [2, 3], 1))], [(dtype, empty(0, 3))])
        file.diff(dtype, "sizes=(s0=1 s1=1 s2=1, s0=3 s1=17 s2=5, s0=33 s1=65 s2=17, s0=1 s1=129 s2=4)")
    for name, sizes in (("batch", ([2, 3, 4], [4, 2])), ("broadcast", ([2, 1, 3, 4], [3, 4, 2]))):
        a, b = (grid("f32", s, 9 + i) for i, s in enumerate(sizes))
        case(file, name, "matmul", [("f32", a), ("f32", b)], ("f32", matmul_of("f32", a, b)))
    a = mat("f32", [[1, NAN], [INF, 2], [1, 2]])
    b = mat("f32", [[1, 0], [2, 3]])
    case(file, "special", "matmul", [("f32", a), ("f32", b)], ("f32", matmul_of("f32", a, b)), diff=None)
    file.func("transposed", ["%a: f32[s0, 19]", "%w: f32[7, 19]"], ["f32[s0, 7]"],
              ["%t: f32[19, 7]{1, 19} = transpose(%w)", "%y: f32[s0, 7] = matmul(%a, %t)", "return %y"],
              "<s0>")
    file.diff("transposed", "sizes=(s0=1, s0=33)").write()


def bmm():
    file = File("bmm", "exact sums of exact products, rounded once")
    for dtype in ("f32", "f64", "f16", "i32"):
        a, b = grid(dtype, [2, 3, 5], 7), grid(dtype, [2, 5, 2], 8)
        file.func(dtype, [f"%a: {dtype}[s0, s1, 5]", f"%b: {dtype}[s0, 5, 2]"], [f"{dtype}[s0, s1, 2]"],
                  [f"%y: {dtype}[s0, s1, 2] = bmm(%a, %b)", "return %y"], "<s0, s1>")
        file.run(dtype, [(dtype, a), (dtype, b)], [(dtype, matmul_of(dtype, a, b))])
        file.run(dtype, [(dtype, empty(0, 3, 5)), (dtype, empty(0, 5, 2))], [(dtype, empty(0, 3, 2))])
        file.diff(dtype, "sizes=(s0=1 s1=1, s0=3 s1=17)")
    file.write()


def addmm_of(dtype, m, a, b, beta, alpha):
    k = a.sizes[1]
    def element(index):
        i, j = index
        products = [(a.at([i, p]), b.at([p, j])) for p in range(k)]
        if not nb.is_float(dtype):
            scaled = int(alpha) * sum(x * y for x, y in products)
            return nb.wrap(dtype, scaled + (int(beta) * pick(m, index) if beta else 0))
        exact_sum = Fraction(alpha) * sum((Fraction(x) * Fraction(y) for x, y in products), Fraction(0))
        if beta:
            exact_sum += Fraction(beta) * Fraction(pick(m, index))
        return nb.round_to(dtype, exact_sum)
    return build([a.sizes[0], b.sizes[1]], element)


def addmm():
    file = File("addmm", "exact sums of exact products, scaled, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16", "i32", "u8"):
        for name, m_sizes, beta, alpha in (("plain", [3, 2], 1, 1), ("scaled", [2], 3, 2),
                                           ("column", [3, 1], 1, 2), ("scalar", [], 2, 1)):
            m, a, b = grid(dtype, m_sizes, 3), grid(dtype, [3, 5], 7), grid(dtype, [5, 2], 8)
            attrs = (f", beta = {beta:.1f}" if beta != 1 else "") + (f", alpha = {alpha:.1f}" if alpha != 1 else "")
            case(file, f"{name}_{dtype}", "addmm", [(dtype, m), (dtype, a), (dtype, b)],
                 (dtype, addmm_of(dtype, m, a, b, beta, alpha)), attrs)
    m, a, b = vec("f32", [NAN, INF]), grid("f32", [3, 4], 7), grid("f32", [4, 2], 8)
    case(file, "unread", "addmm", [("f32", m), ("f32", a), ("f32", b)],
         ("f32", addmm_of("f32", m, a, b, 0, 0.5)), ", beta = 0.0, alpha = 0.5")
    m = grid("f32", [2], 5)
    case(file, "no_terms", "addmm", [("f32", m), ("f32", empty(3, 0)), ("f32", empty(0, 2))],
         ("f32", build([3, 2], lambda i: m.at([i[1]]))))
    file.func("sizes", ["%m: f32[s1]", "%a: f32[s0, 9]", "%b: f32[9, s1]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = addmm(%m, %a, %b)", "return %y"], "<s0, s1>")
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=17 s1=33)").write()


def linear_of(dtype, x, w, bias):
    k = w.sizes[1]
    def element(index):
        pairs = [(x.at([*index[:-1], p]), w.at([index[-1], p])) for p in range(k)]
        if bias is not None:
            pairs.append((bias.at([index[-1]]), nb.of(dtype, 1)))
        return dot(dtype, pairs)
    return build([*x.sizes[:-1], w.sizes[0]], element)


def linear():
    file = File("linear", "exact sums of exact products, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16", "i32"):
        w, bias = grid(dtype, [4, 5], 2), grid(dtype, [4], 3)
        for name, sizes, b in (("rows", [3, 5], bias), ("batch", [2, 3, 5], None), ("row", [5], bias),
                               ("bare_row", [5], None), ("none", [0, 5], bias)):
            x = grid(dtype, sizes, 1)
            operands = [(dtype, x), (dtype, w)] + ([(dtype, b)] if b else [])
            case(file, f"{name}_{dtype}", "linear", operands, (dtype, linear_of(dtype, x, w, b)),
                 named=["bias"] if b else [])
    bias = grid("f32", [2], 3)
    case(file, "no_terms", "linear", [("f32", empty(3, 0)), ("f32", empty(2, 0)), ("f32", bias)],
         ("f32", build([3, 2], lambda i: bias.at([i[1]]))), named=["bias"])
    file.func("sizes", ["%x: f32[s0, s1]", "%w: f32[s2, s1]", "%b: f32[s2]"], ["f32[s0, s2]"],
              ["%y: f32[s0, s2] = linear(%x, %w, bias = %b)", "return %y"], "<s0, s1, s2>")
    file.diff("sizes", "sizes=(s0=1 s1=1 s2=1, s0=17 s1=33 s2=5)").write()


# ---- einsum -------------------------------------------------------------------------------------

def einsum_of(dtype, equation, arrays):
    """For each index of the output, the sum over all other letters. `...` is written as letters."""
    left, output = equation.split("->")
    inputs = left.split(",")
    sizes = {}
    for letters, array in zip(inputs, arrays):
        for letter, size in zip(letters, array.sizes):
            sizes[letter] = max(sizes.get(letter, 0), size) if size != 0 else 0
    summed = [c for c in sizes if c not in output]
    def element(index):
        values = dict(zip(output, index))
        terms = []
        for rest in itertools.product(*(range(sizes[c]) for c in summed)):
            values.update(zip(summed, rest))
            term = Fraction(1)
            for letters, array in zip(inputs, arrays):
                at = [0 if s == 1 else values[c] for c, s in zip(letters, array.sizes)]
                term *= Fraction(array.at(at))
            terms.append(term)
        return total(dtype, terms if nb.is_float(dtype) else map(int, terms))
    return build([sizes[c] for c in output], element)


def einsum():
    file = File("einsum", "for each index of the result, the exact sum over all other letters, rounded once")
    cases = [
        ("product", "ij,jk->ik", None, [[3, 4], [4, 2]]),
        ("implied", "ij,jk", "ij,jk->ik", [[3, 4], [4, 2]]),
        ("implied_order", "ba", "ba->ab", [[3, 4]]),
        ("implied_sum", "ii", "ii->", [[4, 4]]),
        ("capitals", "bA,Bb", "bA,Bb->AB", [[3, 2], [4, 3]]),
        ("blanks", " i j , j k -> i k ", "ij,jk->ik", [[3, 4], [4, 2]]),
        ("transpose", "ijk->kij", None, [[2, 3, 4]]),
        ("same", "ij->ij", None, [[2, 3]]),
        ("sum", "ijk->j", None, [[2, 3, 4]]),
        ("all", "ij->", None, [[3, 4]]),
        ("trace", "ii->", None, [[4, 4]]),
        ("diagonal", "ii->i", None, [[4, 4]]),
        ("diagonals", "iijj->ji", None, [[2, 2, 3, 3]]),
        ("triple", "iiji->ij", None, [[2, 2, 3, 2]]),
        ("batch", "bij,bjk->bik", None, [[2, 3, 4], [2, 4, 2]]),
        ("heads", "bqhd,bkhd->bhqk", None, [[2, 3, 2, 4], [2, 5, 2, 4]]),
        ("many", "abcd,cdef->efab", None, [[2, 3, 2, 2], [2, 2, 3, 2]]),
        ("outer", "i,j->ij", None, [[3], [4]]),
        ("elementwise", "ij,ij->ij", None, [[3, 4], [3, 4]]),
        ("columns", "ij,ij->j", None, [[3, 4], [3, 4]]),
        ("inner", "ij,ij->", None, [[3, 4], [3, 4]]),
        ("lonely", "ijk,jl->il", None, [[2, 3, 4], [3, 2]]),
        ("three", "ij,jk,kl->il", None, [[2, 3], [3, 4], [4, 2]]),
        ("bilinear", "bi,oij,bj->bo", None, [[3, 2], [4, 2, 3], [3, 3]]),
        ("kept", "ij,jk,jl->ikl", None, [[2, 3], [3, 2], [3, 4]]),
        ("scalar", ",ij->ji", None, [[], [2, 3]]),
        ("ellipsis", "...ij,...jk->...ik", "xyij,xyjk->xyik", [[2, 1, 3, 4], [2, 3, 4, 2]]),
        ("ellipsis_implied", "...i,i", "xyi,i->xy", [[2, 3, 4], [4]]),
        ("ellipsis_ranks", "i...,...i->...i", "ixy,yi->xyi", [[4, 2, 3], [3, 4]]),
        ("ellipsis_none", "...i,...i->...", "i,i->", [[4], [4]]),
        ("no_terms", "ij,jk->ik", None, [[2, 0], [0, 3]]),
        ("no_results", "ij,jk->ik", None, [[0, 3], [3, 2]]),
    ]
    for name, equation, meaning, sizes in cases:
        arrays = [grid("f32", s, 5 + i) for i, s in enumerate(sizes)]
        y = einsum_of("f32", meaning or equation, arrays)
        case(file, name, "einsum", [("f32", a) for a in arrays], ("f32", y), f', equation = "{equation}"')
    for dtype in ("f64", "f16", "bf16", "i32", "u8"):
        arrays = [grid(dtype, s, 5 + i) for i, s in enumerate([[3, 4], [4, 2]])]
        y = einsum_of(dtype, "ij,jk->ik", arrays)
        case(file, f"product_{dtype}", "einsum", [(dtype, a) for a in arrays], (dtype, y),
             ', equation = "ij,jk->ik"')
    file.func("sizes", ["%a: f32[s0, s1, s2]", "%b: f32[s0, s2, s3]"], ["f32[s1, s0, s3]"],
              ['%y: f32[s1, s0, s3] = einsum(%a, %b, equation = "bij,bjk->ibk")', "return %y"],
              "<s0, s1, s2, s3>")
    a, b = grid("f32", [2, 3, 4], 1), grid("f32", [2, 4, 5], 2)
    file.run("sizes", [("f32", a), ("f32", b)], [("f32", einsum_of("f32", "bij,bjk->ibk", [a, b]))])
    file.diff("sizes", "sizes=(s0=1 s1=1 s2=1 s3=1, s0=3 s1=5 s2=17 s3=2)")
    file.func("grouped_sizes", ["%a: f32[s0, s1, 6]", "%b: f32[s1, 6, s2]"], ["f32[s0, s2]"],
              ['%y: f32[s0, s2] = einsum(%a, %b, equation = "abc,bcd->ad")', "return %y"], "<s0, s1, s2>")
    a, b = grid("f32", [2, 3, 6], 1), grid("f32", [3, 6, 2], 2)
    file.run("grouped_sizes", [("f32", a), ("f32", b)], [("f32", einsum_of("f32", "abc,bcd->ad", [a, b]))])
    file.diff("grouped_sizes", "sizes=(s0=1 s1=1 s2=1, s0=5 s1=3 s2=7)").write()


# ---- Attention ----------------------------------------------------------------------------------

def attention_of(dtype, q, k, v, mask, causal, scale):
    l, e = q.sizes[-2:]
    s, ev = v.sizes[-2:]
    batch = broadcast([q.sizes[:-2], k.sizes[:-2], v.sizes[:-2]]) if len(q.sizes) > 2 or len(k.sizes) > 2 else []
    scale = mpmath.mpf(scale) if scale is not None else 1 / mpmath.sqrt(e)
    def at(array, index):
        return mpmath.mpf(pick(array, index))
    def weights(lead, i):
        scores = []
        for j in range(s):
            score = scale * sum((at(q, [*lead, i, p]) * at(k, [*lead, j, p]) for p in range(e)), mpmath.mpf(0))
            if mask is not None:
                m = pick(mask, [*lead, i, j])
                score = (score if m else -mpmath.inf) if isinstance(m, bool) else score + mpmath.mpf(m)
            scores.append(-mpmath.inf if causal and j > i else score)
        exps = [mpmath.exp(x) for x in scores]
        return exps, sum(exps)
    def element(index):
        *lead, i, c = index
        exps, whole = weights(lead, i)
        if s == 0:
            return 0.0
        if whole == 0:
            return NAN
        return nb.round_to(dtype, sum(x * at(v, [*lead, j, c]) for j, x in enumerate(exps)) / whole)
    return build([*batch, l, ev], element)


def attention():
    op = "scaled_dot_product_attention"
    file = File(op, "softmax(q k^T scale + mask) v, rounded once")
    bools = lambda sizes: Array(sizes, [(i * 5) % 7 < 4 for i in range(math.prod(sizes))])
    cases = [
        ("plain", "f32", [2, 3, 4], [2, 5, 4], [2, 5, 3], None, False, None),
        ("rank2", "f32", [3, 4], [5, 4], [5, 2], None, False, None),
        ("heads", "f32", [2, 2, 3, 4], [2, 2, 3, 4], [2, 2, 3, 4], None, True, None),
        ("broadcast", "f32", [2, 2, 3, 4], [2, 1, 5, 4], [1, 1, 5, 2], None, False, None),
        ("causal", "f32", [1, 4, 2], [1, 6, 2], [1, 6, 2], None, True, None),
        ("causal_short", "f32", [1, 5, 2], [1, 3, 2], [1, 3, 2], None, True, None),
        ("scaled", "f32", [2, 3, 4], [2, 5, 4], [2, 5, 3], None, False, 0.25),
        ("masked", "f32", [2, 3, 4], [2, 5, 4], [2, 5, 3], bools([3, 5]), False, None),
        ("hidden", "f32", [2, 2], [3, 2], [3, 1], Array([2, 3], [False] * 3 + [True] * 3), False, None),
        ("biased", "f32", [2, 3, 4], [2, 5, 4], [2, 5, 3], grid("f32", [2, 1, 5], 9), True, None),
        ("no_keys", "f32", [3, 4], [0, 4], [0, 2], None, False, None),
        ("no_queries", "f32", [0, 4], [3, 4], [3, 2], None, False, None),
        ("f64", "f64", [2, 3, 4], [2, 5, 4], [2, 5, 3], None, True, None),
        ("f16", "f16", [2, 3, 4], [2, 5, 4], [2, 5, 3], grid("f16", [3, 5], 9), False, None),
        ("bf16", "bf16", [2, 3, 4], [2, 5, 4], [2, 5, 3], bools([5]), False, None),
    ]
    for name, dtype, qs, ks, vs, mask, causal, scale in cases:
        q, k, v = grid(dtype, qs, 1), grid(dtype, ks, 2), grid(dtype, vs, 3)
        operands = [(dtype, q), (dtype, k), (dtype, v)]
        if mask is not None:
            operands.append(("bool" if isinstance(mask.flat[0], bool) else dtype, mask))
        attrs = (", causal = true" if causal else "") + (f", scale = {scale}" if scale else "")
        case(file, name, op, operands, (dtype, attention_of(dtype, q, k, v, mask, causal, scale)), attrs,
             named=["mask"] if mask is not None else [])
    file.func("sizes", ["%q: f32[s0, s1, s3]", "%k: f32[s0, s2, s3]", "%v: f32[s0, s2, 3]"],
              ["f32[s0, s1, 3]"], [f"%y: f32[s0, s1, 3] = {op}(%q, %k, %v, causal = true)", "return %y"],
              "<s0, s1, s2, s3>")
    q, k, v = grid("f32", [2, 3, 4], 1), grid("f32", [2, 5, 4], 2), grid("f32", [2, 5, 3], 3)
    file.run("sizes", [("f32", q), ("f32", k), ("f32", v)],
             [("f32", attention_of("f32", q, k, v, None, True, None))])
    file.diff("sizes", "sizes=(s0=1 s1=1 s2=1 s3=1, s0=2 s1=17 s2=33 s3=5)").write()


# ---- Convolutions -------------------------------------------------------------------------------

def conv_of(dtype, x, w, bias, stride, padding, dilation, groups):
    n, c, *d = x.sizes
    o, cg, *kernel = w.sizes
    r = len(d)
    out = [(d[i] + padding[i] + padding[r + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
           for i in range(r)]
    def element(index):
        b, f, *i = index
        pairs = [] if bias is None else [(bias.at([f]), nb.of(dtype, 1))]
        for ci in range(cg):
            for k in itertools.product(*map(range, kernel)):
                at = [i[a] * stride[a] + k[a] * dilation[a] - padding[a] for a in range(r)]
                if all(0 <= p < size for p, size in zip(at, d)):
                    pairs.append((x.at([b, f // (o // groups) * cg + ci, *at]), w.at([f, ci, *k])))
        return dot(dtype, pairs)
    return build([n, o, *out], element)


def conv_transpose_of(dtype, x, w, bias, stride, padding, dilation, groups, extra):
    n, c, *d = x.sizes
    _, og, *kernel = w.sizes
    r = len(d)
    out = [(d[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - padding[i] - padding[r + i] + extra[i]
           for i in range(r)]
    pairs = {index: [] for index in itertools.product(*map(range, [n, og * groups, *out]))}
    for b, ci, *i in itertools.product(*map(range, x.sizes)):
        for oi in range(og):
            for k in itertools.product(*map(range, kernel)):
                at = [i[a] * stride[a] + k[a] * dilation[a] - padding[a] for a in range(r)]
                if all(0 <= p < size for p, size in zip(at, out)):
                    target = (b, ci // (c // groups) * og + oi, *at)
                    pairs[target].append((x.at([b, ci, *i]), w.at([ci, oi, *k])))
    def element(index):
        own = pairs[tuple(index)] + ([] if bias is None else [(bias.at([index[1]]), nb.of(dtype, 1))])
        return dot(dtype, own)
    return build([n, og * groups, *out], element)


def conv_cases(file, op, cases):
    """name, dtype, sizes of x and w, bias?, stride, padding, dilation, groups, output_padding."""
    for name, dtype, xs, ws, has_bias, stride, padding, dilation, groups, *extra in cases:
        r = len(xs) - 2
        x, w = grid(dtype, xs, 11), grid(dtype, ws, 12)
        transposed = op == "conv_transpose"
        channels = ws[1] * groups if transposed else ws[0]
        bias = grid(dtype, [channels], 13) if has_bias else None
        full = [stride or [1] * r, padding or [0] * 2 * r, dilation or [1] * r, groups]
        if transposed:
            y = conv_transpose_of(dtype, x, w, bias, *full, (extra or [[0] * r])[0])
        else:
            y = conv_of(dtype, x, w, bias, *full)
        attrs = f", stride = {stride}" if stride else ""
        attrs += f", padding = {padding}" if padding else ""
        attrs += f", output_padding = {extra[0]}" if extra else ""
        attrs += f", dilation = {dilation}" if dilation else ""
        attrs += f", groups = {groups}" if groups != 1 else ""
        operands = [(dtype, x), (dtype, w)] + ([(dtype, bias)] if has_bias else [])
        case(file, name, op, operands, (dtype, y), attrs, named=["bias"] if has_bias else [])


def conv2d():
    file = File("conv2d", "exact sums of exact products, rounded once")
    conv_cases(file, "conv2d", [
        ("plain", "f32", [2, 3, 5, 4], [4, 3, 3, 2], False, None, None, None, 1),
        ("one_by_one", "f32", [1, 4, 3, 3], [2, 4, 1, 1], True, None, None, None, 1),
        ("padded", "f32", [1, 2, 4, 5], [3, 2, 3, 3], True, [2, 1], [1, 0, 2, 1], None, 1),
        ("dilated", "f32", [1, 2, 7, 7], [2, 2, 2, 3], False, None, [0, 1, 0, 1], [3, 2], 1),
        ("grouped", "f32", [1, 4, 4, 4], [6, 2, 2, 2], True, None, None, None, 2),
        ("depthwise", "f32", [1, 3, 5, 5], [3, 1, 3, 3], False, None, [1, 1, 1, 1], None, 3),
        ("f64", "f64", [1, 2, 4, 4], [2, 2, 3, 3], True, None, None, None, 1),
        ("bf16", "bf16", [1, 2, 4, 4], [2, 2, 3, 3], False, None, None, None, 1),
        ("i32", "i32", [1, 2, 4, 4], [2, 2, 3, 3], True, None, [1, 1, 1, 1], None, 1),
    ])
    file.func("batch", ["%x: f32[s0, 3, 9, 9]", "%w: f32[17, 3, 3, 3]"], ["f32[s0, 17, 7, 7]"],
              ["%y: f32[s0, 17, 7, 7] = conv2d(%x, %w)", "return %y"], "<s0>")
    file.run("batch", [("f32", empty(0, 3, 9, 9)), ("f32", grid("f32", [17, 3, 3, 3], 1))],
             [("f32", empty(0, 17, 7, 7))])
    file.diff("batch", "sizes=(s0=1, s0=3)").write()


def conv1d():
    file = File("conv1d", "exact sums of exact products, rounded once")
    conv_cases(file, "conv1d", [
        ("plain", "f32", [2, 3, 9], [4, 3, 3], False, None, None, None, 1),
        ("padded", "f32", [1, 2, 8], [3, 2, 3], True, [2], [1, 3], None, 1),
        ("dilated", "f32", [1, 2, 12], [2, 2, 3], True, None, [2, 0], [3], 1),
        ("grouped", "f32", [2, 4, 7], [6, 2, 2], True, None, None, None, 2),
        ("depthwise", "f32", [1, 3, 8], [3, 1, 4], False, None, [3, 0], None, 3),
        ("f64", "f64", [1, 2, 6], [2, 2, 3], True, None, [1, 1], None, 1),
        ("f16", "f16", [1, 2, 6], [2, 2, 3], True, None, [1, 1], None, 1),
        ("u8", "u8", [1, 2, 6], [2, 2, 3], False, None, None, None, 1),
        ("no_channels", "f32", [1, 0, 4], [2, 0, 3], True, None, None, None, 1),
    ])
    file.func("length", ["%x: f32[s0, 3, s1]", "%w: f32[5, 3, 3]"], ["f32[s0, 5, s1]"],
              ["%y: f32[s0, 5, s1] = conv1d(%x, %w, padding = [1, 1])", "return %y"], "<s0, s1>")
    file.diff("length", "sizes=(s0=1 s1=1, s0=3 s1=33)").write()


def conv3d():
    file = File("conv3d", "exact sums of exact products, rounded once")
    conv_cases(file, "conv3d", [
        ("plain", "f32", [2, 2, 3, 4, 3], [3, 2, 2, 2, 2], False, None, None, None, 1),
        ("padded", "f32", [1, 2, 3, 3, 4], [2, 2, 3, 2, 3], True, [1, 2, 1], [1, 0, 1, 1, 1, 0], None, 1),
        ("dilated", "f32", [1, 1, 5, 4, 5], [2, 1, 2, 2, 2], True, None, None, [3, 1, 2], 1),
        ("grouped", "f32", [1, 4, 2, 3, 3], [2, 2, 2, 2, 2], True, None, None, None, 2),
        ("f64", "f64", [1, 2, 3, 3, 3], [2, 2, 2, 2, 2], True, None, None, None, 1),
        ("bf16", "bf16", [1, 2, 3, 3, 3], [2, 2, 2, 2, 2], True, None, None, None, 1),
        ("i32", "i32", [1, 2, 3, 3, 3], [2, 2, 2, 2, 2], False, None, [1, 1, 1, 0, 0, 0], None, 1),
        ("no_images", "f32", [0, 2, 3, 3, 3], [2, 2, 2, 2, 2], False, None, None, None, 1),
    ])
    file.func("depth", ["%x: f32[1, 2, s0, 5, 5]", "%w: f32[3, 2, 1, 3, 3]"], ["f32[1, 3, s0, 3, 3]"],
              ["%y: f32[1, 3, s0, 3, 3] = conv3d(%x, %w)", "return %y"], "<s0>")
    file.diff("depth", "sizes=(s0=1, s0=7)").write()


def conv_transpose():
    file = File("conv_transpose", "what each element of x adds through the kernel, summed exactly, rounded once")
    conv_cases(file, "conv_transpose", [
        ("one_axis", "f32", [2, 3, 5], [3, 4, 3], True, None, None, None, 1),
        ("stride1d", "f32", [1, 2, 4], [2, 3, 3], False, [3], [1, 0], None, 1, [2]),
        ("plain", "f32", [2, 3, 3, 4], [3, 2, 3, 2], False, None, None, None, 1),
        ("strided", "f32", [1, 3, 3, 4], [3, 2, 3, 2], True, [2, 3], None, None, 1),
        ("padded", "f32", [1, 2, 4, 4], [2, 3, 3, 3], True, [2, 1], [1, 0, 2, 1], None, 1),
        ("output_padding", "f32", [1, 2, 3, 3], [2, 2, 3, 3], True, [2, 2], [1, 1, 1, 1], None, 1, [1, 1]),
        ("wide_padding", "f32", [1, 2, 3, 3], [2, 2, 2, 2], True, [3, 3], None, None, 1, [2, 1]),
        ("dilated", "f32", [1, 2, 3, 3], [2, 2, 2, 3], False, [1, 2], None, [3, 2], 1, [1, 0]),
        ("grouped", "f32", [1, 4, 3, 3], [4, 3, 2, 2], True, [2, 2], None, None, 2),
        ("depthwise", "f32", [1, 3, 4, 4], [3, 1, 3, 3], False, [2, 2], [1, 1, 0, 0], None, 3),
        ("three_axes", "f32", [1, 2, 2, 3, 2], [2, 3, 2, 2, 3], True, [1, 2, 2], None, None, 1),
        ("f64", "f64", [1, 2, 3, 3], [2, 2, 3, 3], True, [2, 2], None, None, 1),
        ("f16", "f16", [1, 2, 3, 3], [2, 2, 3, 3], True, [2, 2], None, None, 1),
        ("bf16", "bf16", [1, 4, 3], [4, 2, 3], True, [2], None, None, 2),
        ("i32", "i32", [1, 2, 3, 3], [2, 2, 3, 3], True, [2, 2], [1, 1, 1, 1], None, 1),
        ("no_channels", "f32", [1, 0, 3], [0, 2, 2], True, [2], None, None, 1),
        ("no_images", "f32", [0, 2, 3, 3], [2, 2, 2, 2], False, None, None, None, 1),
    ])
    file.func("sizes", ["%x: f32[s0, 3, s1, 5]", "%w: f32[3, 4, 2, 2]"], ["f32[s0, 4, 2 * s1, 10]"],
              ["%y: f32[s0, 4, 2 * s1, 10] = conv_transpose(%x, %w, stride = [2, 2])", "return %y"], "<s0, s1>")
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=2 s1=7)").write()


# ---- Pools --------------------------------------------------------------------------------------

def pool_of(x, kernel, stride, padding, dilation, value):
    """value(elements under the window, index of the window, shape of a window)."""
    n, c, *d = x.sizes
    r = len(d)
    out = [(size + padding[i] + padding[r + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
           for i, size in enumerate(d)]
    def element(index):
        taps = []
        for k in itertools.product(*map(range, kernel)):
            at = [o * s + t * dl - p for o, s, t, dl, p in zip(index[2:], stride, k, dilation, padding)]
            if all(0 <= a < size for a, size in zip(at, d)):
                taps.append(x.at([*index[:2], *at]))
        return value(taps)
    return build([n, c, *out], element)


def greatest(dtype):
    def fn(values):
        if not values:
            return -INF if nb.is_float(dtype) else nb.limits(dtype)[0]
        best = values[0]
        for v in values[1:]:
            best = ordered(best, v, True) if nb.is_float(dtype) else max(best, v)
        return best
    return fn


def max_pool():
    file = File("max_pool", "the greatest element under each window; NaN wins")
    cases = [
        ("plain", "f32", [1, 2, 4, 6], [2, 2], None, None, None),
        ("overlapping", "f32", [1, 1, 5, 5], [3, 3], [1, 1], None, None),
        ("padded", "f32", [2, 1, 4, 5], [3, 2], [2, 2], [1, 0, 1, 1], None),
        ("dilated", "f32", [1, 1, 7, 7], [2, 2], [1, 1], None, [3, 2]),
        ("one_axis", "f32", [1, 2, 9], [3], [2], None, None),
        ("three_axes", "f32", [1, 1, 3, 4, 4], [2, 2, 2], [1, 2, 2], None, None),
        ("f64", "f64", [1, 1, 4, 4], [2, 2], None, None, None),
        ("f16", "f16", [1, 1, 4, 4], [2, 2], None, None, None),
        ("bf16", "bf16", [1, 1, 4, 4], [2, 2], None, None, None),
        ("i32", "i32", [1, 1, 4, 4], [3, 3], [1, 1], [1, 1, 1, 1], None),
    ]
    for name, dtype, xs, kernel, stride, padding, dilation in cases:
        x = grid(dtype, xs, 14)
        if name == "overlapping":
            x.flat[7], x.flat[24] = NAN, INF
        r = len(kernel)
        y = pool_of(x, kernel, stride or kernel, padding or [0] * 2 * r, dilation or [1] * r, greatest(dtype))
        attrs = f", kernel = {kernel}" + (f", stride = {stride}" if stride else "")
        attrs += (f", padding = {padding}" if padding else "") + (f", dilation = {dilation}" if dilation else "")
        case(file, name, "max_pool", [(dtype, x)], (dtype, y), attrs)
    file.func("batch", ["%x: f32[s0, 3, 17, 18]"], ["f32[s0, 3, 8, 9]"],
              ["%y: f32[s0, 3, 8, 9] = max_pool(%x, kernel = [2, 2])", "return %y"], "<s0>")
    file.run("batch", [("f32", empty(0, 3, 17, 18))], [("f32", empty(0, 3, 8, 9))])
    file.diff("batch", "sizes=(s0=1, s0=3)").write()


def mean_of(dtype, values, count):
    if any(not math.isfinite(v) for v in values):
        return sum(values, 0.0)
    if count == 0:
        return NAN
    exact_sum = sum(map(Fraction, values), Fraction(0))
    return nb.round_to(dtype, exact_sum / count) if exact_sum != 0 else 0.0


def avg_pool():
    file = File("avg_pool", "the exact mean under each window, rounded once")
    cases = [
        ("plain", "f32", [1, 2, 4, 6], [2, 2], None, None, True),
        ("overlapping", "f32", [1, 1, 5, 5], [3, 3], [1, 1], None, True),
        ("padded", "f32", [2, 1, 4, 5], [3, 2], [2, 2], [1, 0, 1, 1], True),
        ("inside", "f32", [2, 1, 4, 5], [3, 2], [2, 2], [1, 0, 1, 1], False),
        ("outside", "f32", [1, 1, 2], [1], [1], [1, 1], False),
        ("outside_counts", "f32", [1, 1, 2], [1], [1], [1, 1], True),
        ("one_axis", "f32", [1, 2, 9], [3], [2], None, True),
        ("three_axes", "f32", [1, 1, 3, 4, 4], [2, 2, 2], [1, 2, 2], [1, 0, 0, 0, 0, 0], False),
        ("large", "f32", [1, 2, 9, 11], [9, 10], [1, 1], None, True),
        ("f64", "f64", [1, 1, 4, 4], [3, 3], [1, 1], [1, 1, 1, 1], False),
        ("f16", "f16", [1, 1, 4, 4], [3, 3], [1, 1], [1, 1, 1, 1], False),
        ("bf16", "bf16", [1, 1, 4, 4], [3, 3], [1, 1], [1, 1, 1, 1], True),
    ]
    for name, dtype, xs, kernel, stride, padding, counts in cases:
        x = grid(dtype, xs, 14)
        if name == "overlapping":
            x.flat[7], x.flat[24] = NAN, INF
        r = len(kernel)
        y = pool_of(x, kernel, stride or kernel, padding or [0] * 2 * r, [1] * r,
                    lambda v: mean_of(dtype, v, math.prod(kernel) if counts else len(v)))
        attrs = f", kernel = {kernel}" + (f", stride = {stride}" if stride else "")
        attrs += (f", padding = {padding}" if padding else "") + ("" if counts else ", count_include_pad = false")
        case(file, name, "avg_pool", [(dtype, x)], (dtype, y), attrs)
    file.func("batch", ["%x: f32[s0, 3, 17, s1]"], ["f32[s0, 3, 8, s1]"],
              ["%y: f32[s0, 3, 8, s1] = avg_pool(%x, kernel = [2, 3], stride = [2, 1], "
               "padding = [0, 1, 0, 1], count_include_pad = false)", "return %y"], "<s0, s1>")
    file.run("batch", [("f32", empty(0, 3, 17, 2))], [("f32", empty(0, 3, 8, 2))])
    file.diff("batch", "sizes=(s0=1 s1=4, s0=3 s1=19)").write()


def adaptive_of(dtype, x, size):
    n, c, *d = x.sizes
    def element(index):
        ranges = [range(i * a // o, -((-(i + 1) * a) // o)) for i, a, o in zip(index[2:], d, size)]
        values = [x.at([*index[:2], *at]) for at in itertools.product(*ranges)]
        return mean_of(dtype, values, len(values))
    return build([n, c, *size], element)


def adaptive_avg_pool():
    file = File("adaptive_avg_pool", "the exact mean of each window, rounded once")
    cases = [
        ("even", "f32", [1, 2, 4, 6], [2, 3]),
        ("global_mean", "f32", [2, 3, 5, 7], [1, 1]),
        ("uneven", "f32", [2, 2, 7, 5], [3, 2]),
        ("mixed", "f32", [1, 2, 6, 5], [3, 3]),
        ("growing", "f32", [1, 1, 3, 2], [5, 2]),
        ("one_axis", "f32", [2, 3, 10], [4]),
        ("three_axes", "f32", [1, 2, 3, 4, 5], [2, 2, 2]),
        ("empty_axis", "f32", [1, 1, 0, 3], [1, 3]),
        ("no_images", "f32", [0, 2, 7], [3]),
        ("f64", "f64", [1, 2, 7], [3]),
        ("f16", "f16", [1, 2, 7], [3]),
        ("bf16", "bf16", [1, 2, 8], [4]),
    ]
    for name, dtype, xs, size in cases:
        x = grid(dtype, xs, 15)
        case(file, name, "adaptive_avg_pool", [(dtype, x)], (dtype, adaptive_of(dtype, x, size)),
             f", size = {size}")
    file.func("sizes", ["%x: f32[s0, 2, s1, s2]"], ["f32[s0, 2, 3, 1]"],
              ["%y: f32[s0, 2, 3, 1] = adaptive_avg_pool(%x, size = [3, 1])", "return %y"], "<s0, s1, s2>")
    for sizes in ([1, 2, 7, 4], [2, 2, 6, 1], [1, 2, 2, 3]):
        x = grid("f32", sizes, 16)
        file.run("sizes", [("f32", x)], [("f32", adaptive_of("f32", x, [3, 1]))])
    file.diff("sizes", "sizes=(s0=1 s1=3 s2=9, s0=2 s1=17 s2=5)").write()


# ---- interpolate --------------------------------------------------------------------------------

def resampled(x, axis, n, linear, align_corners):
    sizes = list(x.sizes)
    d, sizes[axis] = sizes[axis], n
    def element(index):
        at = lambda p: x.at([*index[:axis], p, *index[axis + 1:]])
        i = index[axis]
        if not linear:
            return at(i * d // n)
        if align_corners:
            place = Fraction(i * (d - 1), n - 1) if n > 1 else Fraction(0)
        else:
            place = max(Fraction(0), (i + Fraction(1, 2)) * d / n - Fraction(1, 2))
        low = math.floor(place)
        weight = place - low
        if weight == 0:
            return at(low)
        a, b = at(low), at(min(low + 1, d - 1))
        return a + weight * (Fraction(b) - Fraction(a))
    return build(sizes, element)


def interpolate():
    file = File("interpolate", "places and weights as exact fractions, rounded once")
    cases = [
        ("nearest_up", "f32", [1, 2, 3, 4], [5, 8], "nearest", False),
        ("nearest_down", "f32", [2, 1, 7, 5], [3, 2], "nearest", False),
        ("nearest1d", "f32", [1, 2, 5], [7], "nearest", False),
        ("nearest3d", "f32", [1, 1, 2, 3, 2], [3, 2, 4], "nearest", False),
        ("nearest_i8", "i8", [1, 2, 3], [5], "nearest", False),
        ("nearest_f16", "f16", [1, 2, 3], [5], "nearest", False),
        ("linear_up", "f32", [1, 2, 3], [7], "linear", False),
        ("linear_down", "f32", [1, 2, 9], [4], "linear", False),
        ("linear_corners", "f32", [1, 2, 4], [7], "linear", True),
        ("corners_one", "f32", [1, 2, 4], [1], "linear", True),
        ("from_one", "f32", [1, 2, 1], [3], "linear", False),
        ("bilinear_up", "f32", [1, 2, 3, 4], [5, 8], "bilinear", False),
        ("bilinear_corners", "f32", [1, 1, 3, 5], [7, 3], "bilinear", True),
        ("one_way", "f32", [1, 2, 3, 4], [3, 6], "linear", False),
        ("trilinear_up", "f32", [1, 1, 2, 3, 2], [3, 4, 3], "trilinear", False),
        ("linear_f64", "f64", [1, 2, 3], [7], "linear", False),
        ("linear_f16", "f16", [1, 2, 3], [7], "linear", False),
        ("linear_bf16", "bf16", [1, 2, 3, 2], [4, 5], "bilinear", True),
        ("no_images", "f32", [0, 2, 3], [7], "linear", False),
        ("no_results", "f32", [1, 2, 3], [0], "linear", False),
    ]
    for name, dtype, xs, size, mode, align in cases:
        x = grid(dtype, xs, 17)
        y = x
        for axis, n in enumerate(size):
            y = resampled(y, 2 + axis, n, mode != "nearest", align)
        if nb.is_float(dtype):
            y = Array(y.sizes, [nb.round_to(dtype, v) for v in y.flat])
        attrs = f", size = {size}" + (f', mode = "{mode}"' if mode != "nearest" else "")
        attrs += ", align_corners = true" if align else ""
        case(file, name, "interpolate", [(dtype, x)], (dtype, y), attrs)
    x = Array([1, 1, 3], [1.0, INF, NAN])
    case(file, "special", "interpolate", [("f32", x)], ("f32", Array([1, 1, 5], [1.0, INF, INF, NAN, NAN])),
         ', size = [5], mode = "linear", align_corners = true')
    file.func("sizes", ["%x: f32[s0, 2, s1]"], ["f32[s0, 2, 2 * s1]"],
              ["%y: f32[s0, 2, 2 * s1] = interpolate(%x, size = [2 * s1])", "return %y"], "<s0, s1>")
    x = grid("f32", [1, 2, 5], 18)
    file.run("sizes", [("f32", x)], [("f32", resampled(x, 2, 10, False, False))])
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=2 s1=9)")
    file.func("linear_sizes", ["%x: f32[s0, 2, s1, 3]"], ["f32[s0, 2, 5, s1]"],
              ['%y: f32[s0, 2, 5, s1] = interpolate(%x, size = [5, s1], mode = "bilinear")', "return %y"],
              "<s0, s1>")
    x = grid("f32", [1, 2, 4, 3], 18)
    y = resampled(resampled(x, 2, 5, True, False), 3, 4, True, False)
    file.run("linear_sizes", [("f32", x)], [("f32", Array(y.sizes, [nb.round_to("f32", v) for v in y.flat]))])
    file.diff("linear_sizes", "sizes=(s0=1 s1=1, s0=2 s1=9)")
    file.fails("linear_sizes", [("f32", empty(1, 2, 0, 3))], "E401")
    file.write()


# ---- Losses -------------------------------------------------------------------------------------

def log_softmax_at(row, c):
    return mpmath.mpf(row[c]) - mpmath.log(sum(mpmath.exp(mpmath.mpf(v)) for v in row))


def cross_entropy_of(dtype, x, t, reduction):
    n, c, *d = x.sizes
    losses, counted = [], 0
    for b, *i in itertools.product(*map(range, [n, *d])):
        row = [x.at([b, k, *i]) for k in range(c)]
        if t.sizes == x.sizes:
            losses.append(-sum(mpmath.mpf(t.at([b, k, *i])) * log_softmax_at(row, k) for k in range(c)))
            counted += 1
            continue
        target = t.at([b, *i])
        losses.append(mpmath.mpf(0) if target == -100 else -log_softmax_at(row, target))
        counted += target != -100
    if reduction == "none":
        return Array([n, *d], [nb.round_to(dtype, v) if v else 0.0 for v in losses])
    whole = sum(losses, mpmath.mpf(0))
    if reduction == "mean":
        whole = whole / counted if counted else mpmath.nan
    return Array([], [nb.round_to(dtype, whole)])


def cross_entropy():
    file = File("cross_entropy", "minus the logarithm of the softmax at the target, rounded once")
    t = Array([4], [2, 0, -100, 1])
    probabilities = lambda dtype: Array([4, 3], [nb.of(dtype, v / 8) for v in (1, 2, 5, 8, 0, 0, 3, 3, 2, 0, 4, 4)])
    for reduction in ("mean", "sum", "none"):
        attrs = f', reduction = "{reduction}"' if reduction != "mean" else ""
        for dtype, index in (("f32", "i64"), ("f32", "i8"), ("f64", "i32"), ("f16", "i64"), ("bf16", "i16")):
            x = grid(dtype, [4, 3], 19)
            case(file, f"{reduction}_{dtype}_{index}", "cross_entropy", [(dtype, x), (index, t)],
                 (dtype, cross_entropy_of(dtype, x, t, reduction)), attrs, diff=None)
        x, u = grid("f32", [4, 3], 19), Array([4], [2, 0, 2, 1])
        case(file, f"{reduction}_u8", "cross_entropy", [("f32", x), ("u8", u)],
             ("f32", cross_entropy_of("f32", x, u, reduction)), attrs, diff=None)
        for dtype in ("f32", "f64", "f16"):
            x, p = grid(dtype, [4, 3], 19), probabilities(dtype)
            case(file, f"{reduction}_{dtype}_probabilities", "cross_entropy", [(dtype, x), (dtype, p)],
                 (dtype, cross_entropy_of(dtype, x, p, reduction)), attrs)
        x, images = grid("f32", [2, 3, 2, 2], 20), Array([2, 2, 2], [0, 1, 2, -100, 2, 1, 0, 0])
        case(file, f"{reduction}_images", "cross_entropy", [("f32", x), ("i64", images)],
             ("f32", cross_entropy_of("f32", x, images, reduction)), attrs, diff=None)
    x = grid("f32", [2, 3], 19)
    ignored = Array([2], [-100, -100])
    case(file, "ignored", "cross_entropy", [("f32", x), ("i64", ignored)],
         ("f32", Array([], [NAN])), diff=None)
    case(file, "ignored_sum", "cross_entropy", [("f32", x), ("i64", ignored)],
         ("f32", Array([], [0.0])), ', reduction = "sum"', diff=None)
    hidden = Array([2, 2], [NAN, INF, 1.0, 1.0])
    case(file, "ignored_nan", "cross_entropy", [("f32", hidden), ("i64", Array([2], [-100, 1]))],
         ("f32", cross_entropy_of("f32", Array([1, 2], [1.0, 1.0]), Array([1], [1]), "mean")), diff=None)
    file.func("sizes", ["%x: f32[s0, s1]", "%t: i64[s0]"], ["f32[]"],
              ["%y: f32[] = cross_entropy(%x, %t)", "return %y"], "<s0, s1>")
    x = grid("f32", [4, 5], 21)
    t = Array([4], [4, -100, 0, 2])
    file.run("sizes", [("f32", x), ("i64", t)], [("f32", cross_entropy_of("f32", x, t, "mean"))])
    for bad in (5, -1, -5, -101):
        file.fails("sizes", [("f32", x), ("i64", Array([4], [0, 1, bad, 2]))], "E401")
    file.write()


def mse_loss():
    file = File("mse_loss", "exact squares of exact differences, rounded once")
    for dtype in ("f32", "f64", "f16", "bf16"):
        x, t = grid(dtype, [3, 4], 22), grid(dtype, [3, 4], 23)
        squares = [(Fraction(a) - Fraction(b)) ** 2 for a, b in zip(x.flat, t.flat)]
        for reduction, y in (("mean", Array([], [nb.round_to(dtype, sum(squares) / 12)])),
                             ("sum", Array([], [nb.round_to(dtype, sum(squares))])),
                             ("none", Array([3, 4], [nb.round_to(dtype, v) for v in squares]))):
            attrs = f', reduction = "{reduction}"' if reduction != "mean" else ""
            case(file, f"{reduction}_{dtype}", "mse_loss", [(dtype, x), (dtype, t)], (dtype, y), attrs)
    none = ("f32", empty(0, 3))
    case(file, "no_mean", "mse_loss", [none, none], ("f32", Array([], [NAN])))
    case(file, "no_sum", "mse_loss", [none, none], ("f32", Array([], [0.0])), ', reduction = "sum"')
    file.func("sizes", ["%x: f32[s0, s1]", "%t: f32[s0, s1]"], ["f32[]"],
              ["%y: f32[] = mse_loss(%x, %t)", "return %y"], "<s0, s1>")
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=33 s1=129)").write()


# ---- Quantization -------------------------------------------------------------------------------

def quantized(dtype, compute, x, scale, zero):
    """x / scale rounded to `compute`, then to an integer, half to even; then saturated."""
    low, high = nb.limits(dtype)
    if math.isnan(x) or (x == 0 and scale == 0):
        return 0
    if math.isinf(x) or scale == 0:
        return high if (x > 0) == (math.copysign(1, scale) > 0) else low
    quotient = nb.round_to(compute, Fraction(x) / Fraction(scale))
    if math.isinf(quotient):
        return high if quotient > 0 else low
    return min(max(round(Fraction(quotient)) + zero, low), high)


def quantize():
    file = File("quantize", "the quotient rounded once, then half to even, plus the zero point, saturated")
    samples = [0.0, -0.0, 0.1, 0.25, -0.25, 0.75, 1.0, 1.25, -3.7, 12.6, 63.75, 64.0, -64.0, 1e4, -1e4, INF, -INF, NAN]
    for dtype in ("i8", "u8", "i16", "u16", "i32", "u32"):
        x = vec("f32", samples)
        zero = Array([], [3])
        for name, s in (("half", 0.5), ("third", nb.of("f32", 1 / 3)), ("zero", 0.0)):
            scale = Array([], [s])
            y = Array(x.sizes, [quantized(dtype, "f32", v, s, 3) for v in x.flat])
            case(file, f"{name}_{dtype}", "quantize", [("f32", x), ("f32", scale), ("i32", zero)], (dtype, y))
    for source, scale_of, compute in (("f64", "f64", "f64"), ("f16", "f16", "f32"), ("bf16", "f32", "f32"),
                                      ("f32", "f64", "f64"), ("f64", "f32", "f64")):
        x, s = vec(source, samples[:13]), nb.of(scale_of, 0.3)
        y = Array(x.sizes, [quantized("i8", compute, v, s, -7) for v in x.flat])
        case(file, f"from_{source}_{scale_of}", "quantize",
             [(source, x), (scale_of, Array([], [s])), ("i64", Array([], [-7]))], ("i8", y))
    for dim in (0, 1, -1):
        x = grid("f32", [3, 4], 24)
        n = x.sizes[dim]
        scale, zero = vec("f32", [0.5, 0.25, 0.125, 0.1][:n]), Array([n], [1, -2, 3, -4][:n])
        y = build([3, 4], lambda i: quantized("i8", "f32", x.at(i), scale.flat[i[dim]], zero.flat[i[dim]]))
        case(file, f"dim{dim}".replace("-", "_"), "quantize", [("f32", x), ("f32", scale), ("i32", zero)],
             ("i8", y), f", dim = {dim % 2}")
    file.func("sizes", ["%x: f32[s0, s1]", "%s: f32[s1]", "%z: u8[s1]"], ["u8[s0, s1]"],
              ["%y: u8[s0, s1] = quantize(%x, %s, %z, dim = 1)", "return %y"], "<s0, s1>")
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=5 s1=33, s0=0 s1=3)").write()


def dequantize():
    file = File("dequantize", "the exact product, rounded once")
    def value(dtype, q, scale, zero):
        exact_value = Fraction(q - zero) * Fraction(scale)
        return nb.round_to(dtype, exact_value) if exact_value else math.copysign(0.0, scale)
    for dtype in ("i8", "u8", "i16", "u16", "i32", "u32"):
        low, high = nb.limits(dtype)
        x = Array([5], [low, high, 3, 100, 7])
        for to in ("f32", "f64", "f16", "bf16"):
            if to == "f16" and high > 65000:
                continue  # the product may overflow, or not, by how it is rounded
            s = nb.of(to, 0.3)
            y = Array([5], [value(to, q, s, 3) for q in x.flat])
            case(file, f"{dtype}_{to}", "dequantize",
                 [(dtype, x), (to, Array([], [s])), ("i32", Array([], [3]))], (to, y))
    x = grid("i8", [3, 4], 25)
    for dim in (0, 1):
        n = x.sizes[dim]
        scale, zero = vec("f32", [0.5, 0.25, 0.125, 0.1][:n]), Array([n], [1, -2, 3, -4][:n])
        y = build([3, 4], lambda i: value("f32", x.at(i), scale.flat[i[dim]], zero.flat[i[dim]]))
        case(file, f"dim{dim}", "dequantize", [("i8", x), ("f32", scale), ("i64", zero)], ("f32", y), f", dim = {dim}")
    file.func("sizes", ["%x: u8[s0, s1]", "%s: f32[s0]", "%z: u8[s0]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = dequantize(%x, %s, %z, dim = 0)", "return %y"], "<s0, s1>")
    file.diff("sizes", "sizes=(s0=1 s1=1, s0=5 s1=33, s0=0 s1=3)").write()


def write():
    matmul()
    bmm()
    addmm()
    linear()
    einsum()
    attention()
    conv1d()
    conv2d()
    conv3d()
    conv_transpose()
    max_pool()
    avg_pool()
    adaptive_avg_pool()
    interpolate()
    cross_entropy()
    mse_loss()
    quantize()
    dequantize()
