"""Indexing, sorting: gather, scatter, index_select, index, index_put, embedding, one_hot, sort, topk."""
import functools
import itertools
import math
from fractions import Fraction

import numbers_of as nb
from opfile import *

DTYPES = ["f32", "f64", "f16", "bf16", "i8", "i32", "i64", "u8", "bool"]


def sample(dtype, n, first=0):
    """n numbers with repeats, signs and special values as the dtype has them."""
    if dtype == "bool":
        return [(first + i) % 3 == 0 for i in range(n)]
    if nb.is_float(dtype):
        base = [1.5, -2.25, 0.5, NAN, 7.0, -0.0, INF, 3.0, 0.0, -INF, 1.5, -8.0, 0.125]
        return [nb.of(dtype, base[(first + i) % len(base)]) for i in range(n)]
    low, high = nb.limits(dtype)
    base = [5, low, 3, high, 0, 7, 5, 1, 100]
    return [base[(first + i) % len(base)] for i in range(n)]


def tensor(dtype, sizes, first=0):
    return Array(sizes, sample(dtype, math.prod(sizes), first))


def ints(rows):
    return Array([len(rows), len(rows[0])], [v for r in rows for v in r])


def place(index, size):
    assert -size <= index < size
    return index + size if index < 0 else index


def along(x, p, dim, index):
    return [place(index, x.sizes[dim]) if d == dim else v for d, v in enumerate(p)]


# ---- Reading ------------------------------------------------------------------------------------

def gather(x, i, dim):
    return build(i.sizes, lambda p: x.at(along(x, p, dim, i.at(p))))


def write_gather():
    file = File("gather", "y[.., p, ..] = x[.., i[.., p, ..], ..]")
    columns = ints([[0, 2, -1, 1], [1, -3, 0, 2]])
    rows = ints([[0, 3, -1], [2, 2, 1], [-4, 0, 1]])
    for dtype in DTYPES:
        x = tensor(dtype, [3, 4])
        file.func(dtype, [f"%x: {dtype}[s0, s1]", "%i: i64[s2, s1]"], [f"{dtype}[s2, s1]"],
                  [f"%y: {dtype}[s2, s1] = gather(%x, %i)", "return %y"], "<s0, s1, s2>")
        file.run(dtype, [(dtype, x), ("i64", columns)], [(dtype, gather(x, columns, 0))])
        file.run(dtype, [(dtype, x), ("i64", Array([0, 4], []))], [(dtype, Array([0, 4], []))])
    x = tensor("f32", [3, 4])
    file.func("last", ["%x: f32[3, 4]", "%i: i32[3, 3]"], ["f32[3, 3]"],
              ["%y: f32[3, 3] = gather(%x, %i, dim = 1)", "return %y"])
    file.run("last", [("f32", x), ("i32", rows)], [("f32", gather(x, rows, 1))])
    bad = ints([[0, 3, -1], [2, 4, 1], [-4, 0, 1]])
    file.fails("last", [("f32", x), ("i32", bad)],
               "E401 gather: operand `i` has the index 4 at [1, 1], but axis 1 of `x` has size 4: it must lie in [-4, 3]")
    bad = ints([[0, 3, -1], [2, 2, 1], [-5, 0, 1]])
    file.fails("last", [("f32", x), ("i32", bad)], "E401 the index -5 at [2, 0]")
    file.func("fewer", ["%x: f32[3, 4]", "%i: u8[2, 1]"], ["f32[2, 1]"],
              ["%y: f32[2, 1] = gather(%x, %i, dim = -1)".replace("-1", "1"), "return %y"])
    few = ints([[3], [1]])
    file.run("fewer", [("f32", x), ("u8", few)], [("f32", gather(x, few, 1))])
    file.func("empty_axis", ["%x: f32[0, 2]", "%i: i64[s0, 2]"], ["f32[s0, 2]"],
              ["%y: f32[s0, 2] = gather(%x, %i)", "return %y"], "<s0>")
    file.run("empty_axis", [("f32", Array([0, 2], [])), ("i64", Array([0, 2], []))],
             [("f32", Array([0, 2], []))])
    file.fails("empty_axis", [("f32", Array([0, 2], [])), ("i64", Array([1, 2], [0, 0]))],
               "E401 the index 0 at [0, 0], but axis 0 of `x` has size 0: none is in range")
    # The same index for a whole row, a transposed operand, an offset.
    file.func("strided", ["%x: f32[5, 19]", "%j: i64[3, 1]"], ["f32[3, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%i: i64[3, 5]{1, 0} = expand(%j, shape = [3, 5])",
               "%y: f32[3, 5] = gather(%s, %i)", "return %y"])
    x = tensor("f32", [5, 19])
    j = ints([[17], [-18], [4]])
    shifted = build([18, 5], lambda p: x.at([p[1], p[0] + 1]))
    file.run("strided", [("f32", x), ("i64", j)],
             [("f32", build([3, 5], lambda p: shifted.at([place(j.at([p[0], 0]), 18), p[1]])))])
    file.func("rows", ["%x: f32[7, 33]"], ["f32[4, 33]"],
              ["%j: i64[4] = const([6, -7, 3, 3])", "%k: i64[4, 1] = unsqueeze(%j, dim = 1)",
               "%i: i64[4, 33]{1, 0} = expand(%k, shape = [4, 33])",
               "%y: f32[4, 33] = gather(%x, %i)", "return %y"]).diff("rows")
    file.write()


def write_index_select():
    file = File("index_select", "y[.., p, ..] = x[.., i[p], ..]")
    def select(x, i, dim):
        sizes = [len(i.flat) if d == dim else s for d, s in enumerate(x.sizes)]
        return build(sizes, lambda p: x.at(along(x, p, dim, i.flat[p[dim]])))
    picks = Array([4], [2, -3, 0, 2])
    for dtype in DTYPES:
        x = tensor(dtype, [3, 4])
        file.func(dtype, [f"%x: {dtype}[s0, s1]", "%i: i64[s2]"], [f"{dtype}[s2, s1]"],
                  [f"%y: {dtype}[s2, s1] = index_select(%x, %i)", "return %y"], "<s0, s1, s2>")
        file.run(dtype, [(dtype, x), ("i64", picks)], [(dtype, select(x, picks, 0))])
        file.run(dtype, [(dtype, x), ("i64", Array([0], []))], [(dtype, Array([0, 4], []))])
    x = tensor("f32", [2, 3, 2])
    for kind in ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"):
        i = Array([4], [2, 0, 1, 1] if kind[0] == "u" else [2, -3, 1, -1])
        file.func(f"by_{kind}", ["%x: f32[2, 3, 2]", f"%i: {kind}[4]"], ["f32[2, 4, 2]"],
                  ["%y: f32[2, 4, 2] = index_select(%x, %i, dim = 1)", "return %y"])
        file.run(f"by_{kind}", [("f32", x), (kind, i)], [("f32", select(x, i, 1))])
        low, high = nb.limits(kind)
        range_text = "[0, 2]" if kind[0] == "u" else "[-3, 2]"
        for value in {3, low, high} - {0}:
            file.fails(f"by_{kind}", [("f32", x), (kind, Array([4], [0, 1, value, 7]))],
                       f"E401 operand `i` has the index {value} at [2], but axis 1 of `x` has size 3: it must lie in {range_text}")
    file.func("last", ["%x: f32[5, 40]"], ["f32[5, 3]"],
              ["%i: i32[3] = const([39, 0, -2])", "%y: f32[5, 3] = index_select(%x, %i, dim = 1)",
               "return %y"]).diff("last")
    file.func("strided", ["%x: f32[5, 19]"], ["f32[3, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%i: i64[3] = const([17, 0, -3])",
               "%y: f32[3, 5] = index_select(%s, %i)", "return %y"]).diff("strided")
    file.write()


def indexed(x, indices):
    """For each point of x[indices]: its position there and in x, in row-major order."""
    common = broadcast([i.sizes for i in indices])
    rest = x.sizes[len(indices):]
    for p in itertools.product(*map(range, common + rest)):
        outer = p[:len(common)]
        leading = [place(pick(i, outer), x.sizes[d]) for d, i in enumerate(indices)]
        yield p, leading + list(p[len(common):])


def index_sizes(x, indices):
    return broadcast([i.sizes for i in indices]) + x.sizes[len(indices):]


def write_index():
    file = File("index", "y[p, r] = x[is[0][p], is[1][p], .., r]")
    i, j = Array([2, 1], [2, -1]), Array([3], [0, -4, 1])
    for dtype in DTYPES:
        x = tensor(dtype, [3, 4, 2])
        y = Array(index_sizes(x, [i, j]), (x.at(at) for _, at in indexed(x, [i, j])))
        file.func(dtype, [f"%x: {dtype}[s0, s1, 2]", "%i: i64[s2, 1]", "%j: i32[s3]"],
                  [f"{dtype}[s2, s3, 2]"],
                  [f"%y: {dtype}[s2, s3, 2] = index(%x, %i, %j)", "return %y"], "<s0, s1, s2, s3>")
        file.run(dtype, [(dtype, x), ("i64", i), ("i32", j)], [(dtype, y)])
    x = tensor("f32", [3, 4, 2])
    file.fails("f32", [("f32", x), ("i64", i), ("i32", Array([3], [0, 4, 1]))],
               "E401 index: operand `is[1]` has the index 4 at [1], but axis 1 of `x` has size 4")
    file.fails("f32", [("f32", x), ("i64", Array([0, 1], [])), ("i32", Array([3], [0, 4, 1]))],
               "E401 operand `is[1]` has the index 4")
    file.run("f32", [("f32", x), ("i64", Array([0, 1], [])), ("i32", j)],
             [("f32", Array([0, 3, 2], []))])
    for count, name in ((1, "one"), (3, "all")):
        given = [Array([2], [1, -1]), Array([2], [3, 0]), Array([2], [-2, 1])][:count]
        y = Array(index_sizes(x, given), (x.at(at) for _, at in indexed(x, given)))
        names = [f"%i{d}" for d in range(count)]
        out = f"f32[{', '.join(map(str, y.sizes))}]"
        file.func(name, ["%x: f32[3, 4, 2]"] + [f"{n}: i64[2]" for n in names], [out],
                  [f"%y: {out} = index(%x, {', '.join(names)})", "return %y"])
        file.run(name, [("f32", x)] + [("i64", g) for g in given], [("f32", y)])
    file.func("scalar", ["%x: f32[3, 4, 2]", "%i: i64[]"], ["f32[4, 2]"],
              ["%y: f32[4, 2] = index(%x, %i)", "return %y"])
    file.run("scalar", [("f32", x), ("i64", Array([], [-2]))], [("f32", build([4, 2], lambda p: x.at([1, *p])))])
    file.func("strided", ["%x: f32[5, 19]"], ["f32[2, 3]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)", "%i: i64[2] = const([18, 0])",
               "%c: i64[2, 1] = unsqueeze(%i, dim = 1)", "%j: i64[3] = const([-1, 2, 2])",
               "%y: f32[2, 3] = index(%t, %c, %j)", "return %y"]).diff("strided")
    file.write()


def write_embedding():
    file = File("embedding", "y[p, :] = w[i[p], :]")
    i = ints([[1, -1], [0, 2], [1, 1]])
    for dtype in DTYPES:
        w = tensor(dtype, [3, 5])
        y = build([3, 2, 5], lambda p: w.at([place(i.at(p[:2]), 3), p[2]]))
        file.func(dtype, [f"%w: {dtype}[s0, s1]", "%i: i64[s2, s3]"], [f"{dtype}[s2, s3, s1]"],
                  [f"%y: {dtype}[s2, s3, s1] = embedding(%w, %i)", "return %y"], "<s0, s1, s2, s3>")
        file.run(dtype, [(dtype, w), ("i64", i)], [(dtype, y)])
    w = tensor("f32", [3, 5])
    file.run("f32", [("f32", w), ("i64", Array([2, 0], []))], [("f32", Array([2, 0, 5], []))])
    file.run("f32", [("f32", Array([3, 0], [])), ("i64", i)], [("f32", Array([3, 2, 0], []))])
    file.fails("f32", [("f32", w), ("i64", ints([[0, 1], [3, 0]]))],
               "E401 embedding: operand `i` has the index 3 at [1, 0], but axis 0 of `w` has size 3")
    file.fails("f32", [("f32", Array([3, 0], [])), ("i64", ints([[0, 1], [3, 0]]))], "E401 the index 3")
    file.func("one", ["%w: f32[3, 5]", "%i: u16[]"], ["f32[5]"],
              ["%y: f32[5] = embedding(%w, %i)", "return %y"])
    file.run("one", [("f32", w), ("u16", Array([], [2]))], [("f32", Array([5], w.flat[10:]))])
    file.func("transposed", ["%w: f32[33, 7]"], ["f32[4, 33]"],
              ["%t: f32[7, 33]{1, 7} = transpose(%w)", "%i: i64[4] = const([6, 0, -2, 6])",
               "%y: f32[4, 33] = embedding(%t, %i)", "return %y"]).diff("transposed")
    file.func("rows", ["%w: bf16[9, 600]"], ["bf16[4, 600]"],
              ["%i: i64[4] = const([8, 0, -2, 8])", "%y: bf16[4, 600] = embedding(%w, %i)",
               "return %y"]).diff("rows")
    file.write()


def write_one_hot():
    file = File("one_hot", "y[p, c] = 1 where c = x[p], else 0")
    x = ints([[0, 2, -1], [-4, 1, 3]])
    def hot(dtype):
        one = True if dtype == "bool" else nb.of(dtype, 1)
        zero = False if dtype == "bool" else nb.of(dtype, 0)
        return build([2, 3, 4], lambda p: one if place(x.at(p[:2]), 4) == p[2] else zero)
    for dtype in ["f32", "f64", "f16", "bf16", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool"]:
        file.func(dtype, ["%x: i64[s0, s1]"], [f"{dtype}[s0, s1, 4]"],
                  [f"%y: {dtype}[s0, s1, 4] = one_hot(%x, depth = 4)", "return %y"], "<s0, s1>")
        file.run(dtype, [("i64", x)], [(dtype, hot(dtype))])
    file.run("f32", [("i64", Array([0, 3], []))], [("f32", Array([0, 3, 4], []))])
    file.fails("f32", [("i64", ints([[0, 4]]))],
               "E401 one_hot: operand `x` has the index 4 at [0, 1], but the last axis of the result has size 4: it must lie in [-4, 3]")
    file.func("symbolic", ["%x: u8[s0]", "%like: f32[s1]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = one_hot(%x, depth = s1)", "return %y"], "<s0, s1>")
    file.run("symbolic", [("u8", Array([2], [1, 0])), ("f32", Array([3], [0.0] * 3))],
             [("f32", Array([2, 3], [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]))])
    file.fails("symbolic", [("u8", Array([2], [1, 0])), ("f32", Array([0], []))], "E401 has size 0")
    file.func("scalar", ["%x: i32[]"], ["i64[3]"], ["%y: i64[3] = one_hot(%x, depth = 3)", "return %y"])
    file.run("scalar", [("i32", Array([], [-1]))], [("i64", Array([3], [0, 0, 1]))])
    file.func("expanded", ["%x: i32[1]"], ["i32[3, 1]"],
              ["%e: i32[3]{0} = expand(%x, shape = [3])", "%y: i32[3, 1] = one_hot(%e, depth = 1)", "return %y"])
    file.run("expanded", [("i32", Array([1], [0]))], [("i32", Array([3, 1], [1, 1, 1]))])
    file.write()


# ---- Writing ------------------------------------------------------------------------------------

def combine(dtype, reduce, old, new):
    """One write; floats round to the dtype at each."""
    if reduce == "none":
        return new
    if reduce in ("max", "min"):
        return ordered(old, new, reduce == "max") if nb.is_float(dtype) else (max if reduce == "max" else min)(old, new)
    if nb.is_float(dtype):
        if not (math.isfinite(old) and math.isfinite(new)):
            return old + new if reduce == "add" else old * new
        exact_value = Fraction(old) + Fraction(new) if reduce == "add" else Fraction(old) * Fraction(new)
        if exact_value == 0:
            return old + new if reduce == "add" else old * new
        return nb.round_to(dtype, exact_value)
    return nb.wrap(dtype, old + new if reduce == "add" else old * new)


def written(dtype, x, writes, reduce):
    """x after writes (position, number), in order."""
    flat = list(x.flat)
    for at, value in writes:
        offset = functools.reduce(lambda o, pair: o * pair[1] + pair[0], zip(at, x.sizes), 0)
        flat[offset] = combine(dtype, reduce, flat[offset], value)
    return Array(x.sizes, flat)


def scatter(dtype, x, i, s, dim, reduce):
    points = itertools.product(*map(range, i.sizes))
    return written(dtype, x, [(along(x, p, dim, i.at(p)), s.at(p)) for p in points], reduce)


def terms(dtype, sizes):
    """Numbers whose sums depend on order and rounding in the narrow dtypes."""
    if not nb.is_float(dtype):
        return tensor(dtype, sizes)
    base = [2048.0, 1.0, 1.0, -0.5, 256.0, 1.0, 0.75, -3.0, 1.0]
    return Array(sizes, [nb.of(dtype, base[i % len(base)]) for i in range(math.prod(sizes))])


def write_scatter():
    file = File("scatter", "y = x; y[.., i[p], ..] = s[p], or combined with it, in the order of p; each step rounds")
    i = ints([[0, 2, -1, 1], [0, -1, 2, 1], [0, 0, 0, 0]])
    for dtype in DTYPES:
        x, s = terms(dtype, [3, 4]), terms(dtype, [3, 5])
        ways = ["none"] if dtype == "bool" else ["none", "add", "mul", "max", "min"]
        for reduce in ways:
            name = f"{dtype}_{reduce}"
            attr = "" if reduce == "none" else f', reduce = "{reduce}"'
            file.func(name, [f"%x: {dtype}[s0, s1]", "%i: i64[s2, s1]", f"%s: {dtype}[s2, s3]"],
                      [f"{dtype}[s0, s1]"],
                      [f"%y: {dtype}[s0, s1] = scatter(%x, %i, %s{attr})", "return %y"],
                      "<s0, s1, s2, s3>")
            file.run(name, [(dtype, x), ("i64", i), (dtype, s)], [(dtype, scatter(dtype, x, i, s, 0, reduce))])
    x, s = tensor("f32", [3, 4]), tensor("f32", [3, 4], 5)
    rows = ints([[0, -1], [3, 3], [1, 2]])
    for reduce in ("none", "add", "max", "min"):
        attr = "" if reduce == "none" else f', reduce = "{reduce}"'
        file.func(f"last_{reduce}", ["%x: f32[3, 4]", "%i: i8[3, 2]", "%s: f32[3, 4]"], ["f32[3, 4]"],
                  [f"%y: f32[3, 4] = scatter(%x, %i, %s, dim = 1{attr})", "return %y"])
        file.run(f"last_{reduce}", [("f32", x), ("i8", rows), ("f32", s)],
                 [("f32", scatter("f32", x, rows, s, 1, reduce))])
    file.run("last_none", [("f32", x), ("i8", rows), ("f32", s)], [("f32", scatter("f32", x, rows, s, 1, "none"))])
    file.fails("last_none", [("f32", x), ("i8", ints([[0, -1], [3, 3], [1, 4]])), ("f32", s)],
               "E401 scatter: operand `i` has the index 4 at [2, 1], but axis 1 of `x` has size 4")
    nothing = Array([0, 4], [])
    file.run("f32_add", [("f32", x), ("i64", nothing), ("f32", nothing)], [("f32", x)])
    # Whole rows at one index, sources and targets that are strided.
    file.func("rows", ["%x: f32[7, 33]", "%s: f32[33, 4]"], ["f32[7, 33]"],
              ["%j: i64[4] = const([6, -7, 3, 3])", "%k: i64[4, 1] = unsqueeze(%j, dim = 1)",
               "%i: i64[4, 33]{1, 0} = expand(%k, shape = [4, 33])",
               "%t: f32[4, 33]{1, 4} = transpose(%s)",
               '%y: f32[7, 33] = scatter(%x, %i, %t, reduce = "add")', "return %y"]).diff("rows")
    file.func("strided", ["%x: f32[19, 5]", "%s: f32[1, 3]"], ["f32[5, 19]"],
              ["%t: f32[5, 19]{1, 5} = transpose(%x)", "%j: i64[3] = const([2, -1, 2])",
               "%k: i64[1, 3] = unsqueeze(%j)",
               "%i: i64[5, 3]{0, 1} = expand(%k, shape = [5, 3])",
               "%e: f32[5, 3]{0, 1} = expand(%s, shape = [5, 3])",
               "%y: f32[5, 19] = scatter(%t, %i, %e, dim = 1)", "return %y"])
    x, s = tensor("f32", [19, 5]), tensor("f32", [1, 3])
    t = build([5, 19], lambda p: x.at([p[1], p[0]]))
    wide = build([5, 3], lambda p: [2, -1, 2][p[1]])
    source = build([5, 3], lambda p: s.at([0, p[1]]))
    file.run("strided", [("f32", x), ("f32", s)], [("f32", scatter("f32", t, wide, source, 1, "none"))])
    file.diff("strided").write()


def write_index_put():
    file = File("index_put", "y = x; y[is[0][p], is[1][p], .., :] = v[p, :], or plus it, in the order of p; each sum rounds")
    i, j = Array([2, 1], [2, -1]), Array([3], [0, -4, 1])
    for dtype in DTYPES:
        x = terms(dtype, [3, 4, 2])
        for accumulate in ([False] if dtype == "bool" else [False, True]):
            for v in (terms(dtype, [2, 3, 2]), terms(dtype, [3, 1]), terms(dtype, [])):
                sizes = ", ".join(map(str, v.sizes))
                name = f"{dtype}_{'x'.join(map(str, v.sizes)) or 'scalar'}{'_add' if accumulate else ''}"
                attr = ", accumulate = true" if accumulate else ""
                file.func(name, [f"%x: {dtype}[3, 4, 2]", f"%v: {dtype}[{sizes}]", "%i: i64[2, 1]", "%j: i32[3]"],
                          [f"{dtype}[3, 4, 2]"],
                          [f"%y: {dtype}[3, 4, 2] = index_put(%x, %v, %i, %j{attr})", "return %y"])
                writes = [(at, pick(v, p)) for p, at in indexed(x, [i, j])]
                y = written(dtype, x, writes, "add" if accumulate else "none")
                file.run(name, [(dtype, x), (dtype, v), ("i64", i), ("i32", j)], [(dtype, y)])
    x, v = tensor("f32", [3, 4, 2]), tensor("f32", [])
    file.fails("f32_scalar", [("f32", x), ("f32", v), ("i64", Array([2, 1], [0, -4])), ("i32", j)],
               "E401 index_put: operand `is[0]` has the index -4 at [1, 0], but axis 0 of `x` has size 3: it must lie in [-3, 2]")
    file.func("rows", ["%x: f32[7, 600]", "%v: f32[4, 600]"], ["f32[7, 600]"],
              ["%i: i64[4] = const([6, -7, 3, 6])",
               "%y: f32[7, 600] = index_put(%x, %v, %i, accumulate = true)", "return %y"]).diff("rows")
    file.func("columns", ["%x: f16[7, 60]", "%v: f16[60, 4]"], ["f16[7, 60]"],
              ["%i: i64[4] = const([6, -7, 3, 6])", "%t: f16[4, 60]{1, 4} = transpose(%v)",
               "%y: f16[7, 60] = index_put(%x, %t, %i, accumulate = true)", "return %y"]).diff("columns")
    file.func("literal", ["%x: f32[3, 4]", "%i: i64[2]"], ["f32[3, 4]"],
              ["%y: f32[3, 4] = index_put(%x, 0.5, %i)", "return %y"])
    x, i = tensor("f32", [3, 4]), Array([2], [0, -1])
    file.run("literal", [("f32", x), ("i64", i)],
             [("f32", written("f32", x, [([r, c], 0.5) for r in (0, 2) for c in range(4)], "none"))])
    file.write()


# ---- Sorting ------------------------------------------------------------------------------------

def order(row, descending):
    """Positions in order: stable, NaN greatest. Python's reverse keeps the order of equal ones."""
    def key(p):
        nan = isinstance(row[p], float) and math.isnan(row[p])
        return (1, 0) if nan else (0, row[p])
    return sorted(range(len(row)), key=key, reverse=descending)


def sorted_rows(x, dim, descending, k=None):
    n = x.sizes[dim]
    k = n if k is None else k
    sizes = [k if d == dim else s for d, s in enumerate(x.sizes)]
    def at(p, j):
        return [j if d == dim else v for d, v in enumerate(p)]
    @functools.cache
    def positions(rest):
        return order([x.at(at(rest, j)) for j in range(n)], descending)
    def index(p):
        return positions(tuple(0 if d == dim else v for d, v in enumerate(p)))[p[dim]]
    return build(sizes, lambda p: x.at(at(p, index(p)))), build(sizes, index)


SORTED = ["f32", "f64", "f16", "bf16", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool"]


def write_sort():
    file = File("sort", "stable; NaN greatest, -0 equal to +0; the positions are the second result")
    for dtype in SORTED:
        x = tensor(dtype, [2, 13], 2)
        for descending in (False, True):
            name = dtype + ("_down" if descending else "")
            attr = ", descending = true" if descending else ""
            file.func(name, [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, s1]", "i64[s0, s1]"],
                      [f"%y: {dtype}[s0, s1], %i: i64[s0, s1] = sort(%x{attr})", "return %y, %i"], "<s0, s1>")
            values, positions = sorted_rows(x, 1, descending)
            file.run(name, [(dtype, x)], [(dtype, values), ("i64", positions)])
            file.diff(name, "sizes=(s0=1 s1=1, s0=3 s1=300, s0=2 s1=1025, s0=3 s1=0, s0=0 s1=4) seeds=2")
    x = tensor("f32", [5, 3, 2])
    for dim in (0, 1):
        file.func(f"axis{dim}", ["%x: f32[5, 3, 2]"], ["f32[5, 3, 2]", "i64[5, 3, 2]"],
                  [f"%y: f32[5, 3, 2], %i: i64[5, 3, 2] = sort(%x, dim = {dim})", "return %y, %i"])
        values, positions = sorted_rows(x, dim, False)
        file.run(f"axis{dim}", [("f32", x)], [("f32", values), ("i64", positions)])
    file.func("strided", ["%x: f32[5, 19]"], ["f32[18, 5]", "i64[18, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%y: f32[18, 5], %i: i64[18, 5] = sort(%s, dim = 0)", "return %y, %i"]).diff("strided")
    file.write()


def write_topk():
    file = File("topk", "the first k of the sorted row; of equal elements the lower position first")
    for dtype in SORTED:
        x = tensor(dtype, [2, 13], 2)
        for largest in (True, False):
            name = dtype + ("" if largest else "_least")
            attr = "" if largest else ", largest = false"
            file.func(name, [f"%x: {dtype}[s0, s1]"], [f"{dtype}[s0, 2]", "i64[s0, 2]"],
                      [f"%y: {dtype}[s0, 2], %i: i64[s0, 2] = topk(%x, k = 2{attr})", "return %y, %i"],
                      "<s0, s1 in [2, inf]>")
            values, positions = sorted_rows(x, 1, largest, 2)
            file.run(name, [(dtype, x)], [(dtype, values), ("i64", positions)])
            file.diff(name, "sizes=(s0=1 s1=2, s0=3 s1=300, s0=2 s1=5000, s0=0 s1=4) seeds=2")
    x = tensor("f32", [9, 2])
    for k in (0, 1, 5, 9):
        file.func(f"first{k}", ["%x: f32[9, 2]"], [f"f32[{k}, 2]", f"i64[{k}, 2]"],
                  [f"%y: f32[{k}, 2], %i: i64[{k}, 2] = topk(%x, k = {k}, dim = 0)".replace("k = 1, ", ""), "return %y, %i"])
        values, positions = sorted_rows(x, 0, True, k)
        file.run(f"first{k}", [("f32", x)], [("f32", values), ("i64", positions)])
    file.func("strided", ["%x: f32[5, 700]"], ["f32[9, 5]", "i64[9, 5]"],
              ["%t: f32[700, 5]{1, 700} = transpose(%x)",
               "%y: f32[9, 5], %i: i64[9, 5] = topk(%t, k = 9, dim = 0)", "return %y, %i"]).diff("strided")
    file.write()


def write():
    write_gather()
    write_index_select()
    write_index()
    write_embedding()
    write_one_hot()
    write_scatter()
    write_index_put()
    write_sort()
    write_topk()
