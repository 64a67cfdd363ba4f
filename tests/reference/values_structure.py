"""Ops with regions beyond those of values_basic.py, and what belongs to them.

The results are computed here by plain loops over Python numbers; where fractions are used they are so
short that nothing rounds.
"""
import numbers_of as nb
from opfile import INF, NAN, SIZES, Array, File, build, mat, vec


def scalar(dtype, value):
    return (dtype, Array([], [nb.of(dtype, value)]))


def region(label, params, body):
    return [f"  {label}({params}) {{"] + [f"    {line}" for line in body] + ["  }"]


def f32(values):
    return ("f32", vec("f32", values))


def empty(dtype, sizes):
    return (dtype, Array(sizes, []))


# ---- switch -------------------------------------------------------------------------------------

def switch():
    file = File("switch", "the results of the region of number clamp(i, 0, n - 1)")
    cases = [lambda v: v + 1, lambda v: v * -2, lambda v: v]
    bodies = [["%t: f32[s0] = add(%a, 1.0)", "yield %t"], ["%t: f32[s0] = mul(%a, -2.0)", "yield %t"], ["yield %a"]]
    regions = [line for r, body in enumerate(bodies) for line in region(f"case{r}", "%a: f32[s0]", body)]
    x = [1, -3, INF]
    for dtype, indices in (("i64", [-2**63, -1, 0, 1, 2, 3, 2**63 - 1]), ("u64", [0, 1, 2, 2**63, 2**64 - 1]),
                           ("i8", [-128, 1, 127]), ("u8", [1, 255])):
        file.func(dtype, [f"%i: {dtype}[]", "%x: f32[s0]"], ["f32[s0]"],
                  ["%y: f32[s0] = switch(%i, %x)"] + regions + ["return %y"], "<s0>")
        for i in indices:
            case = cases[min(max(i, 0), 2)]
            file.run(dtype, [scalar(dtype, i), f32(x)], [f32([case(v) for v in x])])
        file.run(dtype, [scalar(dtype, 1), empty("f32", [0])], [empty("f32", [0])])
        file.diff(dtype, SIZES)
    file.func("one_element", ["%i: i32[1, 1]", "%x: f32[2]"], ["f32[2]"],
              ["%y: f32[2] = switch(%i, %x)"]
              + region("case0", "%a: f32[2]", ["%t: f32[2] = neg(%a)", "yield %t"]) + ["return %y"])
    for i in (-1, 0, 7):
        file.run("one_element", [("i32", mat("i32", [[i]])), f32([1, 2])], [f32([-1, -2])])
    file.func("int", ["%n: int<s0>", "%x: f32[2]"], ["f32[2]"],
              ["%y: f32[2] = switch(%n, %x)"]
              + region("case0", "%a: f32[2]", ["%t: f32[2] = neg(%a)", "yield %t"])
              + region("case1", "%a: f32[2]", ["yield %a"]) + ["return %y"], "<s0 in [0, inf]>")
    for n, sign in ((0, -1), (1, 1), (2, 1)):
        file.run("int", [scalar("i64", n), f32([1, -2])], [f32([sign, -2 * sign])])
    turned = ["%v: f32[3, 2]{1, 3} = transpose(%a, dims = [1, 0])", "yield %v"]
    copied = ["%v: f32[3, 2] = reshape(%a, shape = [3, 2])", "yield %v"]
    file.func("strides", ["%i: i64[]", "%x: f32[2, 3]"], ["f32[3, 2]"],
              ["%y: f32[3, 2] = switch(%i, %x)"] + region("case0", "%a: f32[2, 3]", turned)
              + region("case1", "%a: f32[2, 3]", copied) + ["return %y"])
    x = ("f32", mat("f32", [[1, 2, 3], [4, 5, 6]]))
    file.run("strides", [scalar("i64", 0), x], [("f32", mat("f32", [[1, 4], [2, 5], [3, 6]]))])
    file.run("strides", [scalar("i64", 1), x], [("f32", mat("f32", [[1, 2], [3, 4], [5, 6]]))])
    file.write()


# ---- map ----------------------------------------------------------------------------------------

def maps():
    file = File("map", "the region's results for each slice, stacked")
    inner = region("body", "%row: f32[3], %y: f32[3]", ["%s: f32[3] = add(%row, %y)", "yield %s"])
    outer = ["%r: f32[s1, 3] = map(xs = [%m], extra = [%y])"] + inner + ["yield %r"]
    file.func("nested", ["%x: f32[s0, s1, 3]", "%y: f32[3]"], ["f32[s0, s1, 3]"],
              ["%r: f32[s0, s1, 3] = map(xs = [%x], extra = [%y])"]
              + region("body", "%m: f32[s1, 3], %y: f32[3]", outer) + ["return %r"], "<s0 in [0, inf], s1>",
              comment="spec: higher_order_ops 115")
    x = build([2, 3, 3], lambda i: float(i[0] * 9 + i[1] * 3 + i[2]) / 4)
    y = vec("f32", [1, -2, 0.5])
    total = build([2, 3, 3], lambda i: x.at(i) + y.at(i[2:]))
    file.run("nested", [("f32", x), ("f32", y)], [("f32", total)])
    file.fails("nested", [empty("f32", [0, 3, 3]), ("f32", y)], "E401 0 slices")
    file.diff("nested", "sizes=(s0=1 s1=1, s0=7 s1=2, s0=33 s1=5) seeds=2")

    body = ["%n: f32[2] = neg(%a)", "%e: f32[2] = cast(%b)", "%z: f32[2] = mul(%e, %k)",
            "%w: i64[2, 2]{0, 1} = expand(%b, shape = [2, 2])", "%m: i64[2, 2] = mul(%w, 1)", "yield %n, %z, %m"]
    file.func("several", ["%x: f32[s0, 2]", "%z: i64[s0, 2]", "%k: f32[]"], ["f32[s0, 2]", "f32[s0, 2]", "i64[s0, 2, 2]"],
              ["%n: f32[s0, 2], %p: f32[s0, 2], %m: i64[s0, 2, 2] = map(xs = [%x, %z], extra = [%k])"]
              + region("body", "%a: f32[2], %b: i64[2], %k: f32[]", body) + ["return %n, %p, %m"], "<s0>",
              comment="spec: higher_order_ops 116")
    x, z = mat("f32", [[1, NAN], [-0.5, 4], [0, INF]]), mat("i64", [[3, -1], [2**40, 0], [7, 8]])
    file.run("several", [("f32", x), ("i64", z), scalar("f32", 0.5)],
             [("f32", build([3, 2], lambda i: -x.at(i))), ("f32", build([3, 2], lambda i: z.at(i) * 0.5)),
              ("i64", build([3, 2, 2], lambda i: z.at([i[0], i[2]])))])

    file.func("strided", ["%x: f32[4, 6]"], ["f32[3, 4]", "f32[3, 2, 2]"],
              ["%s: f32[4, 3]{6, 2} = slice(%x, dim = 1, step = 2)",
               "%t: f32[3, 4]{2, 6} = transpose(%s, dims = [1, 0])",
               "%y: f32[3, 4], %q: f32[3, 2, 2] = map(xs = [%t])"]
              + region("body", "%a: f32[4]{6}",
                       ["%n: f32[4] = add(%a, %a)", "%m: f32[2, 2] = reshape(%a, shape = [2, 2])",
                        "%v: f32[2, 2]{1, 2} = transpose(%m, dims = [1, 0])", "yield %n, %v"])
              + ["return %y, %q"], comment="spec: higher_order_ops 120")
    x = build([4, 6], lambda i: float(6 * i[0] + i[1]))
    file.run("strided", [("f32", x)], [("f32", build([3, 4], lambda i: 2 * x.at([i[1], 2 * i[0]]))),
                                       ("f32", build([3, 2, 2], lambda i: x.at([2 * i[2] + i[1], 2 * i[0]])))])
    file.func("scalars", ["%x: bool[s0]"], ["bool[s0]"],
              ["%y: bool[s0] = map(xs = [%x])"]
              + region("body", "%a: bool[]", ["%n: bool[] = not(%a)", "yield %n"]) + ["return %y"], "<s0>")
    file.run("scalars", [("bool", Array([3], [True, False, True]))], [("bool", Array([3], [False, True, False]))])
    file.diff("scalars", "sizes=(s0=1, s0=7, s0=100) seeds=2")

    body = ["%b: bool[5] = gt(%a, 0.0)", "%i: i64[u0, 1] = nonzero(%b) defines u0 in [0, 5]",
            "%r: i64[u0] = reshape(%i, shape = [u0])", "%p: f32[u0] = index_select(%a, %r)",
            "%s: f32[] = reduce_prod(%p)", "yield %s"]
    file.func("sizes_of_the_body", ["%x: f32[s0, 5]"], ["f32[s0]"],
              ["%y: f32[s0] = map(xs = [%x])"] + region("body", "%a: f32[5]", body) + ["return %y"], "<s0>")
    x = [[1, -1, 2, -2, 3], [-1, -2, -3, -4, -5], [1, 2, 3, 4, 5]]
    file.run("sizes_of_the_body", [("f32", mat("f32", x))], [f32([6, 1, 120])], "ulp=1")
    file.func("int_extra", ["%x: i64[3]", "%n: int<s0>"], ["i64[3]"],
              ["%y: i64[3] = map(xs = [%x], extra = [%n])"]
              + region("body", "%a: i64[], %n: int<u0>",
                       ["%v: i64[] = sym.value(u0 + 1)", "%z: i64[] = mul(%a, %v)", "yield %z"])
              + ["return %y"], "<s0>")
    file.run("int_extra", [("i64", vec("i64", [1, -2, 3])), scalar("i64", 4)], [("i64", vec("i64", [5, -10, 15]))])
    file.write()


# ---- scan ---------------------------------------------------------------------------------------

def recurrence(x, c, u, reverse):
    """c = c * u + x; y = 2 * c, for the rows of x."""
    ys = [None] * len(x)
    order = range(len(x) - 1, -1, -1) if reverse else range(len(x))
    for k in order:
        c = [a * b + v for a, b, v in zip(c, u, x[k])]
        ys[k] = [2 * a for a in c]
    return c, ys


def scan():
    file = File("scan", "the last carry, and a row for each slice")
    body = ["%m: f32[2] = mul(%c, %u)", "%c1: f32[2] = add(%m, %x)", "%y: f32[2] = add(%c1, %c1)", "yield %c1, %y"]
    rows = [[1, -2], [0.5, 3], [-1, 0.25], [2, 2]]
    init, u = [1, 0.5], [0.5, -2]
    for name, dim, reverse in (("rows", 0, False), ("rows_reverse", 0, True), ("columns", 1, False),
                               ("columns_reverse", -1, True)):
        sizes, slice_type = ("[t0, 2]", "f32[2]") if dim == 0 else ("[2, t0]", "f32[2]{t0}")
        attrs = (f", dim = {dim}" if dim != 0 else "") + (", reverse = true" if reverse else "")
        file.func(name, ["%c0: f32[2]", f"%x: f32{sizes}", "%u: f32[2]"], ["f32[2]", "f32[t0, 2]"],
                  [f"%c: f32[2], %ys: f32[t0, 2] = scan(init = [%c0], xs = [%x], extra = [%u]{attrs})"]
                  + region("body", f"%c: f32[2], %x: {slice_type}, %u: f32[2]", body) + ["return %c, %ys"],
                  "<t0 in [0, inf]>")
        for x in (rows, rows[:1], rows[:2], []):
            c, ys = recurrence(x, init, u, reverse)
            given = x if dim == 0 else [list(column) for column in zip(*x)]
            x_arg = ("f32", mat("f32", given)) if x else empty("f32", [0, 2] if dim == 0 else [2, 0])
            file.run(name, [f32(init), x_arg, f32(u)],
                     [f32(c), ("f32", mat("f32", ys)) if x else empty("f32", [0, 2])])
        file.diff(name, "sizes=(t0=0, t0=1, t0=2, t0=7, t0=100) seeds=2")

    file.func("swap", ["%a: i64[]", "%b: i64[]", "%x: i64[s0]"], ["i64[]", "i64[]"],
              ["%u: i64[], %v: i64[] = scan(init = [%a, %b], xs = [%x])"]
              + region("body", "%a: i64[], %b: i64[], %x: i64[]", ["yield %b, %a"]) + ["return %u, %v"],
              "<s0 in [0, inf]>")
    for n in range(5):
        a, b = scalar("i64", 3), scalar("i64", 4)
        x = ("i64", Array([n], range(n)))
        file.run("swap", [a, b, x], [a, b] if n % 2 == 0 else [b, a])
    file.func("no_carry", ["%x: f32[s0]", "%z: u8[s0]"], ["f32[s0]", "u8[s0]"],
              ["%p: f32[s0], %q: u8[s0] = scan(xs = [%x, %z])"]
              + region("body", "%a: f32[], %b: u8[]", ["%n: f32[] = neg(%a)", "yield %n, %b"])
              + ["return %p, %q"], "<s0 in [0, inf]>")
    z = ("u8", Array([3], [0, 200, 7]))
    file.run("no_carry", [f32([1, NAN, -0.0]), z], [f32([-1, NAN, 0.0]), z])
    file.run("no_carry", [empty("f32", [0]), empty("u8", [0])], [empty("f32", [0]), empty("u8", [0])])
    file.func("no_xs", ["%c0: f32[2]"], ["f32[2]", "f32[0, 2]"],
              ["%c: f32[2], %ys: f32[0, 2] = scan(init = [%c0])"]
              + region("body", "%c: f32[2]", ["%n: f32[2] = neg(%c)", "yield %n, %n"]) + ["return %c, %ys"])
    file.run("no_xs", [f32([1, -2])], [f32([1, -2]), empty("f32", [0, 2])])
    file.func("strided_init", ["%c0: f32[2, 3]", "%x: f32[s0]"], ["f32[3, 2]"],
              ["%t: f32[3, 2]{1, 3} = transpose(%c0, dims = [1, 0])",
               "%c: f32[3, 2] = scan(init = [%t], xs = [%x])"]
              + region("body", "%c: f32[3, 2], %x: f32[]", ["%n: f32[3, 2] = add(%c, %x)", "yield %n"])
              + ["return %c"], "<s0 in [0, inf]>")
    c0 = mat("f32", [[1, 2, 3], [4, 5, 6]])
    for x in ([], [0.5], [0.5, 1, 2]):
        x_arg = f32(x) if x else empty("f32", [0])
        file.run("strided_init", [("f32", c0), x_arg],
                 [("f32", build([3, 2], lambda i: c0.at([i[1], i[0]]) + sum(x)))])
    file.write()


# ---- assoc_scan ---------------------------------------------------------------------------------

def running(elements, combine, reverse=False):
    """y[k] = combine(y[k - 1], x[k]), from the other end with reverse."""
    order = list(reversed(elements)) if reverse else list(elements)
    for k in range(1, len(order)):
        order[k] = combine(order[k - 1], order[k])
    return list(reversed(order)) if reverse else order


def affine(left, right):
    """The map after `left` that is `right`, in integers of 64 bits."""
    (a, b), (c, d) = left, right
    return nb.wrap("i64", a * c), nb.wrap("i64", b * c + d)


def matrix_product(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(2)) for j in range(2)] for i in range(2)]


def assoc_scan():
    file = File("assoc_scan", "combinations of all elements up to each one; integers wrap, so every order is exact")
    body = ["%a: i64[] = mul(%al, %ar)", "%m: i64[] = mul(%bl, %ar)", "%b: i64[] = add(%m, %br)", "yield %a, %b"]
    params = "%al: i64[], %bl: i64[], %ar: i64[], %br: i64[]"
    for name, dim, reverse in (("affine", 1, False), ("affine_reverse", 1, True), ("affine_first", 0, False),
                               ("affine_first_reverse", 0, True)):
        attrs = (f", dim = {dim}" if dim != 0 else "") + (", reverse = true" if reverse else "")
        file.func(name, ["%a: i64[s0, s1]", "%b: i64[s0, s1]"], ["i64[s0, s1]", "i64[s0, s1]"],
                  [f"%p: i64[s0, s1], %q: i64[s0, s1] = assoc_scan(xs = [%a, %b]{attrs})"]
                  + region("combine", params, body) + ["return %p, %q"], "<s0 in [0, inf], s1 in [0, inf]>")
        for sizes in ([2, 3], [3, 17], [1, 35], [19, 2], [2, 1]):
            a = build(sizes, lambda i: 3 * i[0] + 7 * i[1] - 5)
            b = build(sizes, lambda i: 11 - 2 * i[0] + 5 * i[1] * i[1])
            p, q = Array(sizes, a.flat), Array(sizes, b.flat)
            for other in range(sizes[1 - dim]):
                places = [k * sizes[1] + other if dim == 0 else other * sizes[1] + k for k in range(sizes[dim])]
                values = running([(a.flat[at], b.flat[at]) for at in places], affine, reverse)
                for at, value in zip(places, values):
                    p.flat[at], q.flat[at] = value
            file.run(name, [("i64", a), ("i64", b)], [("i64", p), ("i64", q)])
        for sizes in ([0, 3], [2, 0]):
            file.run(name, [empty("i64", sizes)] * 2, [empty("i64", sizes)] * 2)
        file.diff(name, "sizes=(s0=1 s1=33, s0=40 s1=1, s0=5 s1=16, s0=17 s1=4) seeds=2")

    for name, reverse in (("products", False), ("products_reverse", True)):
        attrs = ", reverse = true" if reverse else ""
        file.func(name, ["%x: i64[s0, 2, 2]"], ["i64[s0, 2, 2]"],
                  [f'%y: i64[s0, 2, 2] = assoc_scan(xs = [%x]{attrs}, mode = "slice")']
                  + region("combine", "%l: i64[2, 2], %r: i64[2, 2]",
                           ["%m: i64[2, 2] = matmul(%l, %r)", "yield %m"]) + ["return %y"], "<s0>")
        matrices = [[[1, k], [k - 2, 3]] for k in range(5)]
        values = running(matrices, matrix_product, reverse)
        flat = lambda ms: Array([5, 2, 2], [v for m in ms for row in m for v in row])
        file.run(name, [("i64", flat(matrices))], [("i64", flat(values))])
    file.func("slices_last", ["%x: i64[2, 3, s0]"], ["i64[2, 3, s0]"],
              ['%y: i64[2, 3, s0] = assoc_scan(xs = [%x], dim = 2, mode = "slice")']
              + region("combine", "%l: i64[2, 3], %r: i64[2, 3]", ["%m: i64[2, 3] = add(%l, %r)", "yield %m"])
              + ["return %y"], "<s0>")
    x = build([2, 3, 18], lambda i: i[0] + 2 * i[1] - i[2])
    file.run("slices_last", [("i64", x)],
             [("i64", build([2, 3, 18], lambda i: sum(x.at([i[0], i[1], k]) for k in range(i[2] + 1))))])

    # Sums that round, whose order shows.
    for name, sizes, dim in (("sums", "[s0]", 0), ("sums_first", "[s0, 3]", 0)):
        file.func(name, [f"%x: f32{sizes}"], [f"f32{sizes}"],
                  [f"%y: f32{sizes} = assoc_scan(xs = [%x])"]
                  + region("combine", "%l: f32[], %r: f32[]", ["%s: f32[] = add(%l, %r)", "yield %s"])
                  + ["return %y"], "<s0 in [0, inf]>")
        x = [1, 2, 0.5, -0.25]
        flat = [sum(x[:k + 1]) for k in range(4)]
        repeated = lambda values: Array([4] if sizes == "[s0]" else [4, 3],
                                        [v for v in values for _ in range(1 if sizes == "[s0]" else 3)])
        file.run(name, [("f32", repeated(x))], [("f32", repeated(flat))])
        file.diff(name, "sizes=(s0=1, s0=7, s0=17, s0=100, s0=4200, s0=8200)")

    # The bits of cumsum, over several chunks and both forms.
    for name, sizes, dim in (("cumsum_bits_last", "[2, 8500]", 1), ("cumsum_bits_first", "[8500, 2]", 0)):
        attrs = f", dim = {dim}" if dim != 0 else ""
        file.func(name, [], ["bool[]"],
                  [f"%i: f32{sizes} = iota({attrs[2:]})", f"%x: f32{sizes} = sin(%i)",
                   f"%y: f32{sizes} = assoc_scan(xs = [%x]{attrs})"]
                  + region("combine", "%l: f32[], %r: f32[]", ["%s: f32[] = add(%l, %r)", "yield %s"])
                  + [f"%z: f32{sizes} = cumsum(%x{attrs})", f"%e: bool{sizes} = eq(%y, %z)",
                     "%all: bool[] = reduce_all(%e)", "return %all"])
        file.run(name, [], [scalar("bool", True)])
    file.write()


# ---- Bodies that run once -----------------------------------------------------------------------

def bodies():
    body = ["%b: f32[s0] = add(%a, 1.0)", "%c: f32[s0] = mul(%b, %a)", "yield %c, %a"]
    values = [f32([2, 6, NAN]), f32([1, 2, NAN])]
    for op, note, forms in (
            ("checkpoint", "the region's results, whatever the policy",
             [("plain", ""), ("must", ', policy = "must"'), ("save", ', policy = "save", preserve_rng = false')]),
            ("strict", "the region's results", [("plain", "")])):
        file = File(op, note)
        for name, attrs in forms:
            file.func(name, ["%x: f32[s0]"], ["f32[s0]", "f32[s0]"],
                      [f"%y: f32[s0], %z: f32[s0] = {op}(%x{attrs})"] + region("body", "%a: f32[s0]", body)
                      + ["return %y, %z"], "<s0>")
            file.run(name, [f32([1, 2, NAN])], values)
            file.diff(name, SIZES)
        file.write()

    file = File("hints", "the region's results, whatever the hints")
    inner = (["%r: f32[2, 4] = hints(%x, %y, hints = {inner_body = true})"]
             + region("body", "%x: f32[2, 4], %y: f32[4]",
                      ["%p: f32[2, 4] = relu(%x)", "%q: f32[2, 4] = add(%p, %y)", "yield %q"]))
    file.func("nested", ["%x: f32[2, 4]", "%y: f32[4]"], ["f32[2, 4]"],
              ["%s: f32[2, 4] = add(%x, %y)",
               '%r: f32[2, 4] = hints(%s, %y, hints = {outer_body = true, limit = 8, at = 0.5, of = "fwd"})']
              + region("body", "%x: f32[2, 4], %y: f32[4]", inner + ["%a: f32[2, 4] = abs(%r)", "yield %a"])
              + ["return %r"], comment="spec: higher_order_ops 139")
    x, y = mat("f32", [[1, -2, 0.5, 3], [-1, 4, -8, 0]]), vec("f32", [1, -2, 0.25, -4])
    file.run("nested", [("f32", x), ("f32", y)],
             [("f32", build([2, 4], lambda i: abs(max(x.at(i) + y.at(i[1:]), 0.0) + y.at(i[1:]))))])
    file.diff("nested")
    file.func("none", ["%x: f32[s0]"], ["f32[s0]"],
              ["%y: f32[s0] = hints(%x, hints = {})"] + region("body", "%a: f32[s0]", ["yield %a"])
              + ["return %y"], "<s0>")
    file.run("none", [f32([1, NAN])], [f32([1, NAN])]).write()


# ---- out_dtype ----------------------------------------------------------------------------------

def out_dtype():
    file = File("out_dtype", "exact products and sums in the wider dtype")
    file.func("matmul", ["%a: i8[s0, 3]", "%b: i8[3, 2]"], ["i32[s0, 2]"],
              ['%r: i32[s0, 2] = out_dtype(%a, %b, op = "matmul", dtype = i32)', "return %r"], "<s0 in [0, inf]>")
    a, b = mat("i8", [[127, 127, 127], [-128, 1, 0]]), mat("i8", [[127, -128], [127, 2], [127, -1]])
    product = build([2, 2], lambda i: sum(a.at([i[0], k]) * b.at([k, i[1]]) for k in range(3)))
    file.run("matmul", [("i8", a), ("i8", b)], [("i32", product)])
    file.run("matmul", [empty("i8", [0, 3]), ("i8", b)], [empty("i32", [0, 2])])
    file.diff("matmul", "sizes=(s0=1, s0=7, s0=33) seeds=2")
    for low, high, values, others in (("bf16", "f32", [1.5, 257.0 - 1, -3.0], [1.0078125, 3.0, -0.0078125]),
                                      ("u8", "i64", [0, 255, 3], [255, 255, 2]),
                                      ("i16", "f64", [-32768, 7, 1], [32767, -3, 0])):
        name = f"mul_{low}_{high}"
        file.func(name, [f"%a: {low}[s0]", f"%b: {low}[s0]"], [f"{high}[s0]"],
                  [f'%r: {high}[s0] = out_dtype(%a, %b, op = "mul", dtype = {high})', "return %r"], "<s0>")
        products = [x * y for x, y in zip(values, others)]
        file.run(name, [(low, vec(low, values)), (low, vec(low, others))], [(high, vec(high, products))])
        file.diff(name, SIZES)
    x = build([1, 1, 3, 3], lambda i: 100 + 3 * i[2] + 40 * i[3])
    w = build([1, 1, 2, 2], lambda i: 90 - 50 * i[2] + 100 * i[3])
    at = lambda i, j: x.at([0, 0, i, j]) if 0 <= i < 3 and 0 <= j < 3 else 0
    file.func("conv2d", ["%x: u8[1, 1, 3, 3]", "%w: u8[1, 1, 2, 2]"], ["i32[1, 1, 2, 2]"],
              ['%r: i32[1, 1, 2, 2] = out_dtype(%x, %w, op = "conv2d", dtype = i32, stride = [2, 2], padding = [1, 0, 0, 1])',
               "return %r"])
    file.run("conv2d", [("u8", x), ("u8", w)],
             [("i32", build([1, 1, 2, 2], lambda i: sum(at(2 * i[2] + p - 1, 2 * i[3] + q) * w.at([0, 0, p, q])
                                                        for p in range(2) for q in range(2))))])
    file.diff("conv2d").write()


# ---- Text ---------------------------------------------------------------------------------------

def printing():
    for op, body in (
            ("io.print", ['io.print(%x, %n, fmt = "x = {}, {{n}} = {}")', 'io.print(fmt = "done")']),
            ("io.token", ["%t0: token = io.token()", '%t1: token = io.print(%t0, %x, fmt = "x = {}")',
                          '%t2: token = io.print(%t1, %n, fmt = "n = {}")'])):
        file = File(op, "what is printed changes no value; tests/unit/kernels_regions_test.cc reads the text")
        file.func("f", ["%x: f32[s0]", "%n: i64[]"], ["f32[s0]"], body + ["%y: f32[s0] = neg(%x)", "return %y"],
                  "<s0>", " effects [io]")
        file.run("f", [f32([1, NAN]), scalar("i64", 3)], [f32([-1, NAN])])
        file.run("f", [empty("f32", [0]), scalar("i64", 3)], [empty("f32", [0])])
        file.diff("f", SIZES).write()


def write():
    switch()
    maps()
    scan()
    assoc_scan()
    bodies()
    out_dtype()
    printing()
