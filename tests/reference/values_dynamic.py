"""Ops whose result sizes come from the data, sizes as values, and ops that change a handle."""
import itertools
import math

from opfile import Array, File, NAN, INF, broadcast, build, pick, vec, mat
import numbers_of as nb

DTYPES = ["f32", "f64", "f16", "bf16", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool"]
DIFF = "sizes=(s0=0 s1=3, s0=1 s1=1, s0=3 s1=5, s0=7 s1=1025, s0=300 s1=2) seeds=2"


def indices(sizes):
    return itertools.product(*map(range, sizes))


def numbers(dtype):
    """Zeros of both signs among others; NaN, infinities and extremes where there are any."""
    if dtype == "bool":
        return [True, False, False, True, True, False, False, False, True, False, True, True]
    if nb.is_float(dtype):
        return [0.0, -0.0, 1.5, NAN, 0.0, -INF, INF, -0.0, 0.5, NAN, 1.5, -2.25]
    low, high = nb.limits(dtype)
    return [0, high, 0, 1, low, 3, 0, 3, high, 0, 1, 7]


def nonzero(x):
    found = [i for i in indices(x.sizes) if not x.at(i) == 0]
    return Array([len(found), len(x.sizes)], [d for i in found for d in i])


def write_nonzero():
    file = File("nonzero", "the positions of elements that are not 0; NaN is one, -0 is none")
    for dtype in DTYPES:
        x = Array([3, 4], numbers(dtype))
        file.func(dtype, [f"%x: {dtype}[s0, s1]"], ["i64[u0, 2]"],
                  ["%y: i64[u0, 2] = nonzero(%x) defines u0 in [0, s0 * s1]", "return %y"],
                  "<s0, s1>", " defines u0 in [0, s0 * s1]")
        file.run(dtype, [(dtype, x)], [("i64", nonzero(x))])
        file.diff(dtype, DIFF)
    file.run("f32", [("f32", Array([0, 4], []))], [("i64", Array([0, 2], []))])
    zeros = build([2, 3], lambda _: 0.0)
    file.run("f32", [("f32", zeros)], [("i64", Array([0, 2], []))])
    ones = build([2, 3], lambda _: 1.0)
    file.run("f32", [("f32", ones)], [("i64", nonzero(ones))])
    file.func("scalar", ["%x: f32[]"], ["i64[u0, 0]"],
              ["%y: i64[u0, 0] = nonzero(%x) defines u0 in [0, 1]", "return %y"], "",
              " defines u0 in [0, 1]")
    for value in (0.0, -0.0):
        file.run("scalar", [("f32", Array([], [value]))], [("i64", Array([0, 0], []))])
    for value in (NAN, 2.0):
        file.run("scalar", [("f32", Array([], [value]))], [("i64", Array([1, 0], []))])
    file.func("line", ["%x: i32[s0]"], ["i64[u0, 1]"],
              ["%y: i64[u0, 1] = nonzero(%x) defines u0 in [0, s0]", "return %y"], "<s0>",
              " defines u0 in [0, s0]")
    x = vec("i32", [0, 0, 5, 0, -1, 0])
    file.run("line", [("i32", x)], [("i64", nonzero(x))]).diff("line", "sizes=(s0=0, s0=1, s0=9000) seeds=2")
    # Five axes, of which two are 1, in the order of a transposed view.
    x = build([2, 1, 3, 1, 4], lambda i: 0 if sum(i) % 3 == 0 else 1 + sum(i))
    file.func("deep", ["%x: i16[2, 1, 3, 1, 4]"], ["i64[u0, 5]"],
              ["%y: i64[u0, 5] = nonzero(%x) defines u0 in [0, 24]", "return %y"], "",
              " defines u0 in [0, 24]")
    file.run("deep", [("i16", x)], [("i64", nonzero(x))])
    x = build([5, 19], lambda i: 0.0 if (7 * i[0] + 3 * i[1]) % 4 == 0 else 0.5)
    file.func("strided", ["%x: f32[5, 19]"], ["i64[u0, 2]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%y: i64[u0, 2] = nonzero(%s) defines u0 in [0, 90]", "return %y"], "",
              " defines u0 in [0, 90]")
    shifted = build([18, 5], lambda i: x.at([i[1], i[0] + 1]))
    file.run("strided", [("f32", x)], [("i64", nonzero(shifted))]).diff("strided")
    # Row 102: a size that the op found is used by what follows.
    file.func("used", ["%x: f32[s0]"], ["f32[u0]", "i64[]"],
              ["%p: i64[u0, 1] = nonzero(%x) defines u0 in [0, s0]",
               "%i: i64[u0] = reshape(%p, shape = [u0])",
               "%y: f32[u0] = index_select(%x, %i)",
               "%n: i64[] = sym.value(u0)", "return %y, %n"], "<s0>", " defines u0 in [0, s0]")
    x = vec("f32", [0.0, 3.0, NAN, 0.0, -1.0])
    kept = [v for v in x.flat if not v == 0]
    file.run("used", [("f32", x)], [("f32", vec("f32", kept)), ("i64", Array([], [len(kept)]))])
    file.run("used", [("f32", vec("f32", [0.0, 0.0]))],
             [("f32", Array([0], [])), ("i64", Array([], [0]))])
    file.diff("used", "sizes=(s0=0, s0=1, s0=40, s0=5000) seeds=2")
    # The written range is checked.
    file.func("few", ["%x: f32[s0]"], ["i64[u0, 1]"],
              ["%y: i64[u0, 1] = nonzero(%x) defines u0 in [1, 2]", "return %y"], "<s0>",
              " defines u0 in [1, 2]")
    file.run("few", [("f32", vec("f32", [0, 4]))], [("i64", Array([1, 1], [1]))])
    file.fails("few", [("f32", vec("f32", [4, 4, 4]))], "E401 u0")
    file.fails("few", [("f32", vec("f32", [0, 0, 0]))], "E401 u0")
    file.write()


def masked_select(x, mask):
    sizes = broadcast([x.sizes, mask.sizes])
    kept = [pick(x, i) for i in indices(sizes) if pick(mask, i)]
    return Array([len(kept)], kept)


def write_masked_select():
    file = File("masked_select", "the elements that a mask picks, in row-major order")
    mask = Array([3, 4], numbers("bool"))
    for dtype in DTYPES:
        x = Array([3, 4], numbers(dtype))
        file.func(dtype, [f"%x: {dtype}[s0, s1]", "%m: bool[s0, s1]"], [f"{dtype}[u0]"],
                  [f"%y: {dtype}[u0] = masked_select(%x, %m) defines u0 in [0, s0 * s1]",
                   "return %y"], "<s0, s1>", " defines u0 in [0, s0 * s1]")
        file.run(dtype, [(dtype, x), ("bool", mask)], [(dtype, masked_select(x, mask))])
        file.diff(dtype, DIFF)
    none, every = build([2, 3], lambda _: False), build([2, 3], lambda _: True)
    x = build([2, 3], lambda i: float(3 * i[0] + i[1]))
    for m in (none, every):
        file.run("f32", [("f32", x), ("bool", m)], [("f32", masked_select(x, m))])
    file.run("f32", [("f32", Array([0, 3], [])), ("bool", Array([0, 3], []))],
             [("f32", Array([0], []))])
    for name, a, b in (("column", [3, 1], [4]), ("row", [4], [3, 1]), ("one", [], [3, 4]),
                       ("whole", [2, 3], []), ("deep", [2, 1, 3], [1, 4, 1])):
        x = build(a, lambda i: float(sum(10 ** d * (v + 1) for d, v in enumerate(i))))
        m = build(b, lambda i: sum(i) % 2 == 0)
        n = math.prod(broadcast([a, b]))
        types = [f"[{', '.join(map(str, s))}]" for s in (a, b)]
        file.func(name, [f"%x: f32{types[0]}", f"%m: bool{types[1]}"], ["f32[u0]"],
                  [f"%y: f32[u0] = masked_select(%x, %m) defines u0 in [0, {n}]", "return %y"], "",
                  f" defines u0 in [0, {n}]")
        file.run(name, [("f32", x), ("bool", m)], [("f32", masked_select(x, m))])
    x = build([5, 19], lambda i: float(19 * i[0] + i[1]))
    m = build([5], lambda i: i[0] in (1, 4))
    file.func("strided", ["%x: f32[5, 19]", "%m: bool[5]"], ["f32[u0]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)",
               "%y: f32[u0] = masked_select(%s, %m) defines u0 in [0, 90]", "return %y"], "",
              " defines u0 in [0, 90]")
    shifted = build([18, 5], lambda i: x.at([i[1], i[0] + 1]))
    file.run("strided", [("f32", x), ("bool", m)], [("f32", masked_select(shifted, m))])
    file.diff("strided")
    file.func("some", ["%x: f32[s0]", "%m: bool[s0]"], ["f32[u0]"],
              ["%y: f32[u0] = masked_select(%x, %m) defines u0 in [1, inf]", "return %y"], "<s0>",
              " defines u0 in [1, inf]")
    file.fails("some", [("f32", vec("f32", [1, 2])), ("bool", vec("bool", [0, 0]))], "E401 u0")
    file.write()


def key(v):
    return (1, 0) if isinstance(v, float) and math.isnan(v) else (0, v)


def unique(x):
    values, inverse = {}, []
    for v in x.flat:
        values.setdefault(key(v), v)
    order = sorted(values)
    inverse = [order.index(key(v)) for v in x.flat]
    n = len(order)
    return (Array([n], [values[k] for k in order]), Array(x.sizes, inverse),
            Array([n], [inverse.count(i) for i in range(n)]))


def write_unique():
    file = File("unique", "distinct elements, ascending; where each is; how often")
    def call(name, dtype, sizes, symbols, low, high):
        defines = f" defines u0 in [{low}, {high}]"
        file.func(name, [f"%x: {dtype}{sizes}"], [f"{dtype}[u0]", f"i64{sizes}", "i64[u0]"],
                  [f"%y: {dtype}[u0], %i: i64{sizes}, %n: i64[u0] = unique(%x){defines}",
                   "return %y, %i, %n"], symbols, defines)
    def run(name, dtype, x):
        values, inverse, counts = unique(x)
        file.run(name, [(dtype, x)], [(dtype, values), ("i64", inverse), ("i64", counts)])
    for dtype in DTYPES:
        call(dtype, dtype, "[s0, s1]", "<s0, s1>", 0, "s0 * s1")
        run(dtype, dtype, Array([3, 4], numbers(dtype)))
        file.diff(dtype, "sizes=(s0=0 s1=3, s0=1 s1=1, s0=3 s1=5, s0=5 s1=200) seeds=2")
    run("f32", "f32", Array([0, 3], []))
    run("f32", "f32", Array([1, 3], [-0.0, 0.0, -0.0]))
    run("f32", "f32", Array([1, 3], [0.0, NAN, -0.0]))
    call("scalar", "f32", "[]", "", 1, 1)
    run("scalar", "f32", Array([], [NAN]))
    # More elements than a short sort takes.
    x = build([20, 20], lambda i: (7 * i[0] + 11 * i[1]) % 23 - 9)
    call("many", "i16", "[20, 20]", "", 1, 400)
    run("many", "i16", x)
    file.func("strided", ["%x: f32[5, 9]"], ["f32[u0]", "i64[8, 5]", "i64[u0]"],
              ["%t: f32[9, 5]{1, 9} = transpose(%x)",
               "%s: f32[8, 5]{1, 9; offset 1} = slice(%t, start = 1)",
               "%y: f32[u0], %i: i64[8, 5], %n: i64[u0] = unique(%s) defines u0 in [1, 40]",
               "return %y, %i, %n"], "", " defines u0 in [1, 40]")
    x = build([5, 9], lambda i: float((3 * i[0] + 5 * i[1]) % 7))
    values, inverse, counts = unique(build([8, 5], lambda i: x.at([i[1], i[0] + 1])))
    file.run("strided", [("f32", x)], [("f32", values), ("i64", inverse), ("i64", counts)])
    call("two", "f32", "[s0]", "<s0>", 0, 2)
    file.fails("two", [("f32", vec("f32", [1, 2, 3]))], "E401 u0")
    file.write()


def write_item():
    file = File("item", "one element as a number of the host")
    for dtype in DTYPES[4:]:
        file.func(dtype, [f"%x: {dtype}[1, 1]"], ["i64[]", "f32[u0]"],
                  [f"%n: int<u0> = item(%x) defines u0 in [0, 9]",
                   "%v: i64[] = sym.value(u0 + 1)", "%y: f32[u0] = const(splat = 0.5)",
                   "return %v, %y"], "", " defines u0 in [0, 9]")
        for n in (0, 1) if dtype == "bool" else (0, 1, 9):
            file.run(dtype, [(dtype, Array([1, 1], [nb.of(dtype, n)]))],
                     [("i64", Array([], [n + 1])), ("f32", Array([n], [0.5] * n))])
        if dtype != "bool":
            file.fails(dtype, [(dtype, Array([1, 1], [10]))], "E401 u0")
        if dtype[0] == "i":
            file.fails(dtype, [(dtype, Array([1, 1], [-1]))], "E401 u0")
    file.func("large", ["%x: u64[]"], ["i64[]"],
              ["%n: int<u0> = item(%x) defines u0 in [0, inf]",
               "%v: i64[] = sym.value(u0)", "return %v"])
    top = 2**63 - 1
    file.run("large", [("u64", Array([], [top]))], [("i64", Array([], [top]))])
    file.fails("large", [("u64", Array([], [top + 1]))], "E401 9223372036854775808")
    file.func("negative", ["%x: i8[]"], ["i64[]"],
              ["%n: int<u0> = item(%x) defines u0 in [-128, 127]",
               "%v: i64[] = sym.value(u0)", "return %v"])
    for n in (-128, 127):
        file.run("negative", [("i8", Array([], [n]))], [("i64", Array([], [n]))])
    # spec: higher_order_ops 40
    file.func("slice", ["%b: i64[]", "%y: f32[8]"], ["f32[u0]"],
              ["%n: int<u0> = item(%b) defines u0 in [0, 8]",
               'sym.check(pred = u0 < 8, msg = "b must be < y.shape[0]")',
               "%s: f32[u0] = narrow(%y, length = u0)",
               "%z: f32[u0] = copy(%s)", "return %z"], "", " defines u0 in [0, 8]")
    y = vec("f32", [8, 7, 6, 5, 4, 3, 2, 1])
    file.run("slice", [("i64", Array([], [4])), ("f32", y)], [("f32", vec("f32", [8, 7, 6, 5]))])
    file.fails("slice", [("i64", Array([], [8])), ("f32", y)], "E401 b must be < y.shape[0]")
    # A flag and a float of the host.
    file.func("flag", ["%p: bool[1]", "%x: f32[2]"], ["f32[2]"],
              ["%go: flag = item(%p)", "%y: f32[2] = cond(%go, %x)",
               "  then(%a: f32[2]) {", "    %n: f32[2] = neg(%a)", "    yield %n", "  }",
               "  else(%a: f32[2]) {", "    yield %a", "  }", "return %y"])
    for p, want in ((True, [-1, 2]), (False, [1, -2])):
        file.run("flag", [("bool", vec("bool", [p])), ("f32", vec("f32", [1, -2]))],
                 [("f32", vec("f32", want))])
    file.write()


def write_sym():
    file = File("sym.value", "sizes as numbers, ints and flags")
    file.func("product", ["%x: f32[s0, s1]"], ["i64[]"],
              ["%n: i64[] = sym.value(s0 * s1 + 1)", "return %n"], "<s0, s1>")
    file.run("product", [("f32", Array([0, 3], []))], [("i64", Array([], [1]))])
    file.run("product", [("f32", build([3, 2], lambda i: 1.0))], [("i64", Array([], [7]))])
    file.func("mean", ["%x: f32[s0]"], ["f32[]"],
              ["%n: i64[] = sym.value(s0)", "%d: f32[] = cast(%n)",
               "%s: f32[] = reduce_sum(%x)", "%y: f32[] = div(%s, %d)", "return %y"], "<s0>")
    file.run("mean", [("f32", vec("f32", [1, 2, 6]))], [("f32", Array([], [3.0]))], "atol=0")
    file.func("flag", ["%x: f32[s0]"], ["f32[s0]"],
              ["%small: flag = sym.value(s0 < 3 and s0 % 2 == 0)", "%y: f32[s0] = cond(%small, %x)",
               "  then(%a: f32[s0]) {", "    %n: f32[s0] = neg(%a)", "    yield %n", "  }",
               "  else(%a: f32[s0]) {", "    yield %a", "  }", "return %y"], "<s0>")
    for n in range(5):
        x = vec("f32", [1.0] * n)
        sign = -1.0 if n < 3 and n % 2 == 0 else 1.0
        file.run("flag", [("f32", x)], [("f32", vec("f32", [sign] * n))])
    file.diff("flag", "sizes=(s0=1, s0=2) seeds=1")
    # An int goes into a region, where it is a size.
    file.func("int", ["%x: f32[s0]"], ["i64[]"],
              ["%n: int<2 * s0> = sym.value(2 * s0)", "%y: i64[] = wrap(%n)",
               "  body(%a: int<u0>) {", "    %v: i64[] = sym.value(u0 + 1)", "    yield %v", "  }",
               "return %y"], "<s0>")
    for n in (0, 3):
        file.run("int", [("f32", vec("f32", [0.5] * n))], [("i64", Array([], [2 * n + 1]))])
    file.write()

    file = File("sym.check", "goes on where a predicate over sizes holds")
    # spec: higher_order_ops 51
    file.func("same", ["%x: f32[s0]", "%z: f32[s1]"], ["f32[s0]"],
              ['sym.check(pred = s0 == s1, msg = "as many of both")',
               "%y: f32[s0] = add(%x, %z)", "return %y"], "<s0, s1>")
    ones, twos = vec("f32", [1, 1, 1]), vec("f32", [2, 2, 2])
    file.run("same", [("f32", ones), ("f32", twos)], [("f32", vec("f32", [3, 3, 3]))])
    file.fails("same", [("f32", ones), ("f32", vec("f32", [2, 2]))],
               "E401 s0 == s1 does not hold, at s0 = 3, s1 = 2: as many of both")
    file.func("range", ["%x: f32[s0]"], ["f32[s0]"],
              ["sym.check(pred = 2 <= s0 and s0 % 2 == 0)", "%y: f32[s0] = neg(%x)", "return %y"],
              "<s0>")
    file.run("range", [("f32", vec("f32", [1, 1]))], [("f32", vec("f32", [-1, -1]))])
    for n in (0, 1, 3):
        file.fails("range", [("f32", vec("f32", [1] * n))], f"E401 at s0 = {n}")
    # What `and` decides early is not looked at.
    file.func("early", ["%x: f32[s0]"], ["f32[s0]"],
              ["sym.check(pred = s0 == 0 or 6 / s0 == 2)", "%y: f32[s0] = neg(%x)", "return %y"],
              "<s0>")
    file.run("early", [("f32", Array([0], []))], [("f32", Array([0], []))])
    file.run("early", [("f32", ones)], [("f32", vec("f32", [-1, -1, -1]))])
    file.func("zero", ["%x: f32[s0]"], ["f32[s0]"],
              ["sym.check(pred = 6 / s0 == 2)", "%y: f32[s0] = neg(%x)", "return %y"], "<s0>")
    file.fails("zero", [("f32", Array([0], []))], "E503 divides by zero")
    # A false check in a region that is not taken does not count.
    file.func("branch", ["%p: bool[]", "%x: f32[s0]"], ["f32[s0]"],
              ["%y: f32[s0] = cond(%p, %x)", "  then(%a: f32[s0]) {",
               "    sym.check(pred = s0 == 2)", "    yield %a", "  }", "  else(%a: f32[s0]) {",
               "    yield %a", "  }", "return %y"], "<s0>")
    file.run("branch", [("bool", Array([], [False])), ("f32", ones)], [("f32", ones)])
    file.fails("branch", [("bool", Array([], [True])), ("f32", ones)], "E401 s0 == 2")
    file.write()

    file = File("sym.refine", "other names for sizes that a check says are equal")
    file.func("both", ["%x: f32[s0]", "%z: f32[s1]"], ["f32[s0]"],
              ["sym.check(pred = s0 == s1)", "%r: f32[s0] alias(%z) = sym.refine(%z)",
               "%y: f32[s0] = sub(%x, %r)", "return %y"], "<s0, s1>")
    file.run("both", [("f32", ones), ("f32", twos)], [("f32", vec("f32", [-1, -1, -1]))])
    file.fails("both", [("f32", ones), ("f32", vec("f32", [2]))], "E401 s0 == s1")
    file.func("expression", ["%x: f32[s0, 3]", "%z: f32[s1]"], ["f32[2 * s1, 3]"],
              ["sym.check(pred = s0 == 2 * s1)", "%w: f32[2 * s1] = concat(%z, %z)", "%t: f32[3, s0]{1, 3} alias(%x) = transpose(%x)",
               "%r: f32[3, 2 * s1]{1, 3} alias(%t) = sym.refine(%t)",
               "%s: f32[3, 2 * s1] = add(%r, %w)",
               "%y: f32[2 * s1, 3]{1, 2 * s1} alias(%s) = transpose(%s)",
               "%c: f32[2 * s1, 3] = contiguous(%y)", "return %c"], "<s0, s1>")
    x = build([4, 3], lambda i: float(3 * i[0] + i[1]))
    z = vec("f32", [10, 20])
    file.run("expression", [("f32", x), ("f32", z)],
             [("f32", build([4, 3], lambda i: x.at(i) + z.flat[i[0] % 2]))])
    file.diff("both", "sizes=(s0=3 s1=3) seeds=1")
    file.write()


def write_handles():
    file = File("set_", "a tensor takes over the storage of another")
    file.func("to", ["%x: f32[2]", "%v: f32[s0]"], ["f32[s0]", "f32[s0]"],
              ["%s: f32[s0] = copy(%v)", "%y: f32[s0] alias(%s) = set_(%x, %s)", "%z: f32[s0] alias(%y) = add_(%y, 1.0)",
               "%a: f32[s0] = copy(%z)", "%b: f32[s0] = neg(%s)", "return %a, %b"], "<s0>")
    file.run("to", [("f32", vec("f32", [1, 2])), ("f32", vec("f32", [5, 6, 7]))],
             [("f32", vec("f32", [6, 7, 8])), ("f32", vec("f32", [-6, -7, -8]))])
    file.func("part", ["%x: i32[1]", "%s: i32[3, 4]"], ["i32[4]"],
              ["%c: i32[3]{4; offset 1} alias(%s) = select_index(%s, dim = 1, index = 1)",
               "%y: i32[3]{4; offset 1} alias(%c) = set_(%x, %c)",
               "%w: i32[4] = pad(%y, low = [1], high = [0])", "return %w"])
    s = build([3, 4], lambda i: 4 * i[0] + i[1])
    file.run("part", [("i32", Array([1], [9])), ("i32", s)], [("i32", vec("i32", [0, 1, 5, 9]))])
    file.write()

    file = File("resize_", "another shape; what is new is 0")
    for dtype in DTYPES:
        x = Array([2, 3], numbers(dtype)[:6])
        zero = nb.of(dtype, 0)
        for name, sizes in (("grow", [3, 4]), ("shrink", [2, 2]), ("same", [6])):
            if dtype not in ("f32", "bool", "i64", "f16") and name != "grow":
                continue
            n = math.prod(sizes)
            shape = ", ".join(map(str, sizes))
            file.func(f"{dtype}_{name}", [f"%x: {dtype}[2, 3]"], [f"{dtype}[{shape}]"],
                      [f"%c: {dtype}[2, 3] = copy(%x)",
                       f"%y: {dtype}[{shape}] = resize_(%c, shape = [{shape}])", "return %y"])
            flat = (x.flat + [zero] * n)[:n]
            file.run(f"{dtype}_{name}", [(dtype, x)], [(dtype, Array(sizes, flat))])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[2 * s0 + 1]"],
              ["%c: f32[s0] = copy(%x)",
               "%y: f32[2 * s0 + 1] = resize_(%c, shape = [2 * s0 + 1])", "return %y"], "<s0>")
    file.run("symbolic", [("f32", Array([0], []))], [("f32", vec("f32", [0]))])
    file.run("symbolic", [("f32", vec("f32", [1, NAN]))], [("f32", vec("f32", [1, NAN, 0, 0, 0]))])
    file.func("empty", ["%x: f32[2]"], ["f32[0, 3]"],
              ["%c: f32[2] = copy(%x)", "%y: f32[0, 3] = resize_(%c, shape = [0, 3])", "return %y"])
    file.run("empty", [("f32", vec("f32", [1, 2]))], [("f32", Array([0, 3], []))])
    file.write()


def write():
    write_nonzero()
    write_masked_select()
    write_unique()
    write_item()
    write_sym()
    write_handles()
