"""Views, data movement and creation, by index: each result element says which element of x it is."""
import itertools
import math

import numbers_of as nb
from opfile import *

BITS = ("f32", "f64", "bf16", "i8", "bool")


def grid(dtype, sizes, seed=15):
    """Small numbers that every dtype has; NaN, -0.0 and inf among those of floats."""
    n = math.prod(sizes)
    values = [((i * 7919 + seed * 104729) % 41) - 20 for i in range(n)]
    if dtype.startswith("u"):
        values = [abs(v) for v in values]
    if dtype == "bool":
        values = [v % 3 == 0 for v in values]
    if nb.is_float(dtype):
        values = [v / 8 for v in values]
        if n > 3:
            values[1], values[2], values[3] = NAN, -0.0, INF
    return Array(sizes, [nb.of(dtype, v) for v in values])


def text(dtype, sizes):
    return f"{dtype}[{', '.join(map(str, sizes))}]"


def moved(op, note, cases, dtypes=("f32",)):
    """Cases of (name, sizes of x, layout text of y, attributes, y of x)."""
    file = File(op, note)
    for name, sizes, layout, attrs, fn in cases:
        for dtype in dtypes:
            x = grid(dtype, sizes)
            y = fn(x)
            full = name if dtype == "f32" else f"{name}_{dtype}"
            file.func(full, [f"%x: {text(dtype, sizes)}"], [text(dtype, y.sizes) + layout],
                      [f"%y: {text(dtype, y.sizes)}{layout} = {op}(%x{attrs})", "return %y"])
            file.run(full, [(dtype, x)], [(dtype, y)]).diff(full)
    return file


def symbolic(file, name, symbols, x_text, y_text, attrs, runs, sizes):
    """A function of symbolic sizes; runs: (x, y)."""
    file.func(name, [f"%x: {x_text}"], [y_text],
              [f"%y: {y_text} = {file.op}(%x{attrs})", "return %y"], symbols)
    for x, y in runs:
        file.run(name, [("f32", x)], [("f32", y)])
    file.diff(name, f"sizes=({sizes})")
    return file


def from_strided(file, name, y_sizes, attrs, body=None):
    """The op on a transposed operand that starts at an offset, [18, 5]."""
    file.func(name, ["%x: f32[5, 19]"], [text("f32", y_sizes)],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%s: f32[18, 5]{1, 19; offset 1} = slice(%t, start = 1)"] +
              (body or [f"%y: {text('f32', y_sizes)} = {file.op}(%s{attrs})"]) + ["return %y"])
    return file.diff(name)


def picked(x, sizes, index):
    """y[i] = x[index(i)]; None stands for 0."""
    def element(i):
        at = index(i)
        return x.at(at) if at is not None else type(x.flat[0])(0)
    return build(sizes, element)


def replaced(i, d, v):
    return [*i[:d], v, *i[d + 1:]]


# ---- Views --------------------------------------------------------------------------------------

def sliced(x, dim, start, end, step=1):
    taken = list(range(x.sizes[dim]))[start:end:step]
    return picked(x, replaced(x.sizes, dim, len(taken)), lambda i: replaced(i, dim, taken[i[dim]]))


def selected(x, dim, index):
    sizes = [n for d, n in enumerate(x.sizes) if d != dim]
    return picked(x, sizes, lambda i: [*i[:dim], index % x.sizes[dim], *i[dim:]])


def diagonal_indices(sizes, offset, dim1, dim2):
    """Indices of x along the diagonals, in the order of the result."""
    rest = [d for d in range(len(sizes)) if d not in (dim1, dim2)]
    pairs = [(i, i + offset) for i in range(sizes[dim1]) if 0 <= i + offset < sizes[dim2]]
    found = []
    for outer in itertools.product(*(range(sizes[d]) for d in rest)):
        for row, column in pairs:
            at = dict(zip(rest, outer)) | {dim1: row, dim2: column}
            found.append([at[d] for d in range(len(sizes))])
    return [sizes[d] for d in rest] + [len(pairs)], found


def diagonal(x, offset=0, dim1=0, dim2=1):
    sizes, indices = diagonal_indices(x.sizes, offset, dim1, dim2)
    return Array(sizes, [x.at(i) for i in indices])


def unfolded(x, dim, size, step):
    count = (x.sizes[dim] - size) // step + 1
    return picked(x, replaced(x.sizes, dim, count) + [size],
                  lambda i: replaced(i[:-1], dim, i[dim] * step + i[-1]))


def as_strided(x, sizes, strides, offset=0):
    return build(sizes, lambda i: x.flat[offset + sum(a * b for a, b in zip(i, strides))])


def views():
    file = moved("view", "elements in row-major order, never copied", [
        ("flat", [2, 3], "", ", shape = [6]", lambda x: Array([6], x.flat)),
        ("inferred", [2, 3, 2], "", ", shape = [4, -1]", lambda x: Array([4, 3], x.flat)),
        ("to_scalar", [1, 1], "", ", shape = []", lambda x: Array([], x.flat)),
        ("from_scalar", [], "", ", shape = [1, 1]", lambda x: Array([1, 1], x.flat)),
        ("empty", [0, 4], "", ", shape = [2, 0]", lambda x: Array([2, 0], [])),
        ("same", [2, 3], "", ", shape = [2, 3]", lambda x: x),
    ], BITS)
    x = grid("f32", [6, 4])
    file.func("of_columns", ["%x: f32[6, 4]"], ["f32[2, 3, 1, 2]{12, 4, 2, 1; offset 2}"],
              ["%s: f32[6, 2]{4, 1; offset 2} = slice(%x, dim = 1, start = 2)",
               "%y: f32[2, 3, 1, 2]{12, 4, 2, 1; offset 2} = view(%s, shape = [2, 3, 1, 2])",
               "return %y"])
    file.run("of_columns", [("f32", x)], [("f32", Array([2, 3, 1, 2], sliced(x, 1, 2, None).flat))])
    file.diff("of_columns")
    file.func("of_transposed", ["%x: f32[4, 6]"], ["f32[2, 3, 4]{3, 1, 6}"],
              ["%t: f32[6, 4]{1, 6} = transpose(%x)",
               "%y: f32[2, 3, 4]{3, 1, 6} = view(%t, shape = [2, 3, 4])", "return %y"])
    z = grid("f32", [4, 6])
    file.run("of_transposed", [("f32", z)],
             [("f32", picked(z, [2, 3, 4], lambda i: [i[2], 3 * i[0] + i[1]]))]).diff("of_transposed")
    symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1, 2]", "f32[s0, 2 * s1]", ", shape = [s0, -1]",
             [(grid("f32", [2, 3, 2]), Array([2, 6], grid("f32", [2, 3, 2]).flat))],
             "s0=1 s1=1, s0=0 s1=3, s0=17 s1=5").write()

    file = moved("narrow", "a part of one axis", [
        ("middle", [7], "{1; offset 2}", ", start = 2, length = 3", lambda x: sliced(x, 0, 2, 5)),
        ("from_end", [7], "{1; offset 4}", ", start = -3, length = 2", lambda x: sliced(x, 0, 4, 6)),
        ("all", [2, 3], "", ", dim = 1, length = 3", lambda x: x),
        ("nothing", [4], "{1; offset 4}", ", start = 4", lambda x: Array([0], [])),
        ("columns", [3, 5], "{5, 1; offset 1}", ", dim = -1, start = 1, length = 2",
         lambda x: sliced(x, 1, 1, 3)),
    ])
    x = grid("f32", [5])
    file.func("bound", ["%x: f32[s0]", "%n: f32[s1]"], ["f32[s1]{1; offset 1}"],
              ["%y: f32[s1]{1; offset 1} = narrow(%x, start = 1, length = s1)", "return %y"],
              "<s0, s1>")
    file.run("bound", [("f32", x), ("f32", grid("f32", [2]))], [("f32", sliced(x, 0, 1, 3))])
    file.run("bound", [("f32", x), ("f32", grid("f32", [4]))], [("f32", sliced(x, 0, 1, 5))])
    file.fails("bound", [("f32", x), ("f32", grid("f32", [5]))],
               "E401 start + length on axis 0 is 6, the limit is 5")
    file.diff("bound", "sizes=(s0=3 s1=0, s0=3 s1=2, s0=40 s1=33)").write()

    file = moved("select_index", "one index of an axis", [
        ("row", [3, 4], "{1; offset 4}", ", index = 1", lambda x: selected(x, 0, 1)),
        ("column", [3, 4], "{4; offset 2}", ", dim = 1, index = 2", lambda x: selected(x, 1, 2)),
        ("from_end", [3, 4], "{4; offset 3}", ", dim = -1, index = -1", lambda x: selected(x, 1, 3)),
        ("first", [2, 3, 2], "", "", lambda x: selected(x, 0, 0)),
        ("middle", [2, 3, 2], "{6, 1; offset 2}", ", dim = 1, index = 1", lambda x: selected(x, 1, 1)),
        ("to_scalar", [4], "{; offset 2}", ", index = 2", lambda x: selected(x, 0, 2)),
    ])
    x = grid("f32", [3, 2])
    file.func("bound", ["%x: f32[s0, 2]"], ["f32[2]{1; offset 4}"],
              ["%y: f32[2]{1; offset 4} = select_index(%x, index = 2)", "return %y"], "<s0>")
    file.run("bound", [("f32", x)], [("f32", selected(x, 0, 2))])
    file.fails("bound", [("f32", grid("f32", [2, 2]))], "E401 index on axis 0 is 2, the limit is 1")
    file.diff("bound", "sizes=(s0=3, s0=17)")
    file.func("bound_from_end", ["%x: f32[s0, 2]"], ["f32[2]{1; offset 2 * s0 - 4}"],
              ["%y: f32[2]{1; offset 2 * s0 - 4} = select_index(%x, index = -2)", "return %y"], "<s0>")
    file.run("bound_from_end", [("f32", x)], [("f32", selected(x, 0, 1))])
    file.fails("bound_from_end", [("f32", grid("f32", [1, 2]))], "E503 negative")
    file.diff("bound_from_end", "sizes=(s0=2, s0=17)").write()

    file = moved("diagonal", "elements of equal row and column, but for the offset", [
        ("main", [3, 4], "{5}", "", lambda x: diagonal(x)),
        ("above", [3, 4], "{5; offset 2}", ", offset = 2", lambda x: diagonal(x, 2)),
        ("below", [3, 4], "{5; offset 4}", ", offset = -1", lambda x: diagonal(x, -1)),
        ("outside", [3, 4], "{1; offset 4}", ", offset = 9", lambda x: diagonal(x, 9)),
        ("outside_below", [3, 4], "{1; offset 12}", ", offset = -3", lambda x: diagonal(x, -3)),
        ("batch", [2, 3, 4], "{12, 5; offset 1}", ", offset = 1, dim1 = 1, dim2 = 2",
         lambda x: diagonal(x, 1, 1, 2)),
        ("swapped", [2, 3, 4], "{4, 13; offset 1}", ", offset = -1, dim1 = -1, dim2 = 0",
         lambda x: diagonal(x, -1, 2, 0)),
    ])
    x = grid("f32", [3, 4])
    file.func("symbolic", ["%x: f32[s0, s1]"], ["f32[min(s0, s1)]{s1 + 1}"],
              ["%y: f32[min(s0, s1)]{s1 + 1} = diagonal(%x)", "return %y"], "<s0, s1>")
    file.run("symbolic", [("f32", x)], [("f32", diagonal(x))])
    file.diff("symbolic", "sizes=(s0=1 s1=1, s0=0 s1=3, s0=17 s1=5)").write()

    file = moved("unfold", "windows of an axis", [
        ("apart", [7], "{3, 1}", ", size = 2, step = 3", lambda x: unfolded(x, 0, 2, 3)),
        ("overlapping", [5], "{1, 1}", ", size = 3", lambda x: unfolded(x, 0, 3, 1)),
        ("rows", [5, 2], "{4, 1, 2}", ", size = 3, step = 2", lambda x: unfolded(x, 0, 3, 2)),
        ("columns", [2, 5], "{5, 2, 1}", ", dim = -1, size = 2, step = 2",
         lambda x: unfolded(x, 1, 2, 2)),
        ("whole", [4], "", ", size = 4", lambda x: Array([1, 4], x.flat)),
        ("empty_windows", [3], "", ", size = 0", lambda x: Array([4, 0], [])),
    ])
    x = grid("f32", [6])
    file.func("bound", ["%x: f32[s0]"], ["f32[(s0 - 3) / 2 + 1, 3]{2, 1}"],
              ["%y: f32[(s0 - 3) / 2 + 1, 3]{2, 1} = unfold(%x, size = 3, step = 2)", "return %y"],
              "<s0>")
    file.run("bound", [("f32", x)], [("f32", unfolded(x, 0, 3, 2))])
    file.fails("bound", [("f32", grid("f32", [2]))], "E401 size of a window on axis 0 is 3, the limit is 2")
    file.diff("bound", "sizes=(s0=3, s0=4, s0=33)").write()

    file = moved("as_strided", "elements at offset + sum of index * stride", [
        ("plain", [2, 3], "", ", shape = [2, 3], strides = [3, 1]", lambda x: x),
        ("windows", [6], "{1, 1; offset 1}", ", shape = [3, 3], strides = [1, 1], offset = 1",
         lambda x: as_strided(x, [3, 3], [1, 1], 1)),
        ("columns", [3, 4], "{1, 4}", ", shape = [4, 3], strides = [1, 4]",
         lambda x: as_strided(x, [4, 3], [1, 4])),
        ("repeated", [3], "{0, 2}", ", shape = [3, 2], strides = [0, 2]",
         lambda x: as_strided(x, [3, 2], [0, 2])),
        ("to_scalar", [4], "{; offset 3}", ", shape = [], strides = [], offset = 3",
         lambda x: as_strided(x, [], [], 3)),
        ("nothing", [4], "", ", shape = [0, 100], strides = [7, 9]", lambda x: Array([0, 100], [])),
    ])
    x = grid("f32", [6])
    file.func("bound", ["%x: f32[s0]"], ["f32[3]{2; offset 1}"],
              ["%y: f32[3]{2; offset 1} = as_strided(%x, shape = [3], strides = [2], offset = 1)",
               "return %y"], "<s0>")
    file.run("bound", [("f32", x)], [("f32", as_strided(x, [3], [2], 1))])
    file.fails("bound", [("f32", grid("f32", [5]))], "E401 index of the last element is 5, the limit is 4")
    file.diff("bound", "sizes=(s0=6, s0=33)").write()


# ---- Values -------------------------------------------------------------------------------------

def flipped(x, axes):
    return picked(x, x.sizes, lambda i: [x.sizes[d] - 1 - v if d in axes else v
                                         for d, v in enumerate(i)])


def rolled(x, shifts, axes):
    moves = {}
    for shift, axis in zip(shifts, axes):
        moves[axis] = moves.get(axis, 0) + shift
    return picked(x, x.sizes, lambda i: [(v - moves.get(d, 0)) % x.sizes[d] for d, v in enumerate(i)])


def tiled(x, repeats):
    rank = max(len(repeats), len(x.sizes))
    counts = [1] * (rank - len(repeats)) + list(repeats)
    sizes = [1] * (rank - len(x.sizes)) + x.sizes
    wide = Array(sizes, x.flat)
    return build([a * b for a, b in zip(counts, sizes)],
                 lambda i: wide.at([v % n for v, n in zip(i, sizes)]))


def padded(dtype, x, low, high, mode="constant", value=0.0):
    sizes = [a + n + b for a, n, b in zip(low, x.sizes, high)]
    def source(j, n):
        if 0 <= j < n:
            return j
        if mode == "constant":
            return None
        if mode == "circular":
            return j % n
        if mode == "replicate":
            return 0 if j < 0 else n - 1
        return -j if j < 0 else 2 * (n - 1) - j
    def element(i):
        at = [source(v - a, n) for v, a, n in zip(i, low, x.sizes)]
        return nb.of(dtype, value) if None in at else x.at(at)
    return build(sizes, element)


def values():
    file = moved("flip", "the last comes first", [
        ("all", [2, 3], "", "", lambda x: flipped(x, [0, 1])),
        ("rows", [2, 3], "", ", dims = [0]", lambda x: flipped(x, [0])),
        ("columns", [2, 3], "", ", dims = [-1]", lambda x: flipped(x, [1])),
        ("outer_and_inner", [2, 3, 4], "", ", dims = [2, 0]", lambda x: flipped(x, [0, 2])),
        ("none", [2, 3], "", ", dims = []", lambda x: x),
        ("scalar", [], "", "", lambda x: x),
        ("empty", [0, 3], "", "", lambda x: x),
    ], BITS)
    symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1]", "f32[s0, s1]", ", dims = [1]",
             [(grid("f32", [2, 3]), flipped(grid("f32", [2, 3]), [1]))],
             "s0=1 s1=1, s0=3 s1=17, s0=0 s1=5, s0=5 s1=0, s0=2 s1=100")
    from_strided(file, "strided", [18, 5], "").write()

    file = moved("roll", "index minus shift, modulo the size", [
        ("rows", [3, 2], "", ", shifts = [1], dims = [0]", lambda x: rolled(x, [1], [0])),
        ("back", [2, 5], "", ", shifts = [-2], dims = [-1]", lambda x: rolled(x, [-2], [1])),
        ("both", [3, 4], "", ", shifts = [1, 7], dims = [0, 1]", lambda x: rolled(x, [1, 7], [0, 1])),
        ("twice", [5], "", ", shifts = [1, 2], dims = [0, 0]", lambda x: rolled(x, [3], [0])),
        ("flat", [2, 3], "", ", shifts = [4]",
         lambda x: Array([2, 3], rolled(Array([6], x.flat), [4], [0]).flat)),
        ("whole", [2, 3], "", ", shifts = [6], dims = [1]", lambda x: x),
        ("least", [3], "", ", shifts = [-9223372036854775808], dims = [0]",
         lambda x: rolled(x, [-2**63], [0])),
        ("scalar", [], "", ", shifts = [1]", lambda x: x),
        ("empty", [0, 3], "", ", shifts = [1, 1], dims = [0, 1]", lambda x: x),
    ])
    x = grid("f32", [2, 5])
    symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1]", "f32[s0, s1]", ", shifts = [-1, 3], dims = [0, 1]",
             [(x, rolled(x, [-1, 3], [0, 1])), (Array([2, 0], []), Array([2, 0], []))],
             "s0=1 s1=1, s0=3 s1=17, s0=0 s1=5, s0=5 s1=0, s0=2 s1=3")
    symbolic(file, "symbolic_flat", "<s0, s1>", "f32[s0, s1]", "f32[s0, s1]", ", shifts = [3]",
             [(x, Array([2, 5], rolled(Array([10], x.flat), [3], [0]).flat))],
             "s0=1 s1=1, s0=3 s1=17, s0=0 s1=5, s0=5 s1=0")
    from_strided(file, "strided", [18, 5], ", shifts = [4], dims = [1]")
    from_strided(file, "strided_kept", [18, 5], ", shifts = [5], dims = [1]").write()

    for op in ("tile", "repeat"):
        cases = [
            ("rows", [3], "", ", repeats = [2]", lambda x: tiled(x, [2])),
            ("both", [2, 3], "", ", repeats = [2, 3]", lambda x: tiled(x, [2, 3])),
            ("new_axis", [3], "", ", repeats = [2, 1]", lambda x: tiled(x, [2, 1])),
            ("inner", [2, 1], "", ", repeats = [1, 3]", lambda x: tiled(x, [1, 3])),
            ("once", [2, 3], "", ", repeats = [1, 1]", lambda x: x),
            ("scalar", [], "", ", repeats = [3]", lambda x: tiled(x, [3])),
            ("to_nothing", [2, 3], "", ", repeats = [0, 2]", lambda x: Array([0, 6], [])),
            ("empty", [0, 3], "", ", repeats = [2, 2]", lambda x: Array([0, 6], [])),
        ]
        if op == "tile":
            cases.append(("fewer", [2, 3], "", ", repeats = [2]", lambda x: tiled(x, [2])))
        file = moved(op, "index modulo the size", cases, BITS if op == "tile" else ("f32", "i8"))
        x = grid("f32", [2, 3])
        symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1]", "f32[2 * s0, s0 * s1]",
                 ", repeats = [2, s0]", [(x, tiled(x, [2, 2]))],
                 "s0=1 s1=1, s0=3 s1=17, s0=0 s1=5, s0=5 s1=0")
        from_strided(file, "strided", [36, 5], ", repeats = [2, 1]").write()
    pads()
    joins()
    triangles()
    scatters()


def pads():
    cases = [
        ("around", [2, 3], "", ", low = [1, 2], high = [0, 1]",
         lambda d: lambda x: padded(d, x, [1, 2], [0, 1])),
        ("value", [3], "", ", low = [2], high = [1], value = 1.0",
         lambda d: lambda x: padded(d, x, [2], [1], value=1.0)),
        ("cropped", [5], "", ", low = [-2], high = [1]",
         lambda d: lambda x: padded(d, x, [-2], [1])),
        ("cropped_inner", [3, 4], "", ", low = [1, -1], high = [-2, -1]",
         lambda d: lambda x: padded(d, x, [1, -1], [-2, -1])),
        ("past_the_end", [3], "", ", low = [-5], high = [4]",
         lambda d: lambda x: padded(d, x, [-5], [4])),
        ("nothing_left", [3], "", ", low = [-1], high = [-2]", lambda d: lambda x: Array([0], [])),
        ("of_nothing", [0, 2], "", ", low = [1, 0], high = [1, 1]",
         lambda d: lambda x: padded(d, x, [1, 0], [1, 1])),
        ("scalar", [], "", "", lambda d: lambda x: x),
        ("low_only", [2, 2], "", ", low = [0, 1]", lambda d: lambda x: padded(d, x, [0, 1], [0, 0])),
    ]
    file = File("pad", "x by index, the value or mirrored indices around it")
    for dtype in BITS:
        for name, sizes, _, attrs, of in cases:
            x = grid(dtype, sizes)
            y = of(dtype)(x)
            full = f"{name}_{dtype}"
            file.func(full, [f"%x: {text(dtype, sizes)}"], [text(dtype, y.sizes)],
                      [f"%y: {text(dtype, y.sizes)} = pad(%x{attrs})", "return %y"])
            file.run(full, [(dtype, x)], [(dtype, y)]).diff(full)
    for value in ("inf", "nan", "-0.0", "0.1"):
        x = grid("bf16", [2])
        name = "value_" + value.replace("-", "minus_").replace(".", "_")
        number = float(value)
        pad = number if not math.isfinite(number) or number == 0 else nb.of("bf16", number)
        file.func(name, ["%x: bf16[2]"], ["bf16[4]"],
                  [f"%y: bf16[4] = pad(%x, low = [1], high = [1], value = {value})", "return %y"])
        file.run(name, [("bf16", x)], [("bf16", Array([4], [pad, *x.flat, pad]))]).diff(name)
    for mode in ("reflect", "replicate", "circular"):
        for dtype in ("f32", "i8", "f64"):
            for name, sizes, low, high in (("line", [4], [3], [2]), ("plane", [3, 4], [2, 1], [1, 3]),
                                           ("space", [2, 3, 2], [1, 0, 1], [0, 2, 1])):
                x = grid(dtype, sizes)
                y = padded(dtype, x, low, high, mode)
                full = f"{mode}_{name}_{dtype}"
                file.func(full, [f"%x: {text(dtype, sizes)}"], [text(dtype, y.sizes)],
                          [f'%y: {text(dtype, y.sizes)} = pad(%x, low = {low}, high = {high}, mode = "{mode}")',
                           "return %y"])
                file.run(full, [(dtype, x)], [(dtype, y)]).diff(full)
        file.func(f"{mode}_bound", ["%x: f32[s0]"], ["f32[s0 + 3]"],
                  [f'%y: f32[s0 + 3] = pad(%x, low = [2], high = [1], mode = "{mode}")', "return %y"],
                  "<s0>")
        x = grid("f32", [3])
        file.run(f"{mode}_bound", [("f32", x)], [("f32", padded("f32", x, [2], [1], mode))])
        short = {"reflect": 2, "replicate": 0, "circular": 1}[mode]
        message = {"reflect": "low[0] is 2, the limit is 1", "circular": "low[0] is 2, the limit is 1",
                   "replicate": "number of elements that low[0] needs is 1, the limit is 0"}[mode]
        file.fails(f"{mode}_bound", [("f32", grid("f32", [short]))], f"E401 {message}")
        file.diff(f"{mode}_bound", "sizes=(s0=3, s0=17)")
        x = grid("f32", [1])
        if mode == "replicate":
            file.func("replicate_one", ["%x: f32[1]"], ["f32[6]"],
                      ['%y: f32[6] = pad(%x, low = [2], high = [3], mode = "replicate")', "return %y"])
            file.run("replicate_one", [("f32", x)], [("f32", Array([6], x.flat * 6))])
        from_strided(file, f"{mode}_strided", [21, 6], "",
                     [f'%y: f32[21, 6] = pad(%s, low = [1, 1], high = [2, 0], mode = "{mode}")'])
    symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1]", "f32[s0 + s1 + 1, s1 - 1]",
             ", low = [s1, -1], high = [1, 0]",
             [(grid("f32", [2, 3]), padded("f32", grid("f32", [2, 3]), [3, -1], [1, 0]))],
             "s0=1 s1=1, s0=3 s1=17, s0=0 s1=5").write()


def joins():
    file = File("stack", "the operands along a new axis")
    for dtype in BITS:
        a, b = grid(dtype, [2, 3], 1), grid(dtype, [2, 3], 2)
        for name, dim, sizes in (("front", 0, [2, 2, 3]), ("middle", 1, [2, 2, 3]), ("back", -1, [2, 3, 2])):
            axis = dim % 3
            y = build(sizes, lambda i: (a, b)[i[axis]].at([*i[:axis], *i[axis + 1:]]))
            attrs = f", dim = {dim}" if dim else ""
            file.func(f"{name}_{dtype}", [f"%a: {text(dtype, [2, 3])}", f"%b: {text(dtype, [2, 3])}"],
                      [text(dtype, sizes)],
                      [f"%y: {text(dtype, sizes)} = stack(%a, %b{attrs})", "return %y"])
            file.run(f"{name}_{dtype}", [(dtype, a), (dtype, b)], [(dtype, y)]).diff(f"{name}_{dtype}")
    s = Array([], [nb.of("f32", 2.5)])
    file.func("scalars", ["%a: f32[]"], ["f32[3]"], ["%y: f32[3] = stack(%a, %a, %a)", "return %y"])
    file.run("scalars", [("f32", s)], [("f32", Array([3], s.flat * 3))])
    x = grid("f32", [2])
    file.func("symbolic", ["%a: f32[s0]", "%b: f32[s0]"], ["f32[s0, 2]"],
              ["%y: f32[s0, 2] = stack(%a, %b, dim = 1)", "return %y"], "<s0>")
    z = grid("f32", [2], 3)
    file.run("symbolic", [("f32", x), ("f32", z)],
             [("f32", build([2, 2], lambda i: (x, z)[i[1]].at([i[0]])))])
    file.diff("symbolic", "sizes=(s0=0, s0=1, s0=33)")
    from_strided(file, "strided", [2, 18, 5], "", ["%y: f32[2, 18, 5] = stack(%s, %s)"]).write()

    file = File("split", "parts of an axis, one after the other")
    for dtype in BITS:
        for name, sizes, dim, parts in (("rows", [5, 2], 0, [1, 3, 1]), ("columns", [2, 5], -1, [2, 0, 3]),
                                        ("one", [3], 0, [3])):
            x = grid(dtype, sizes)
            axis = dim % len(sizes)
            starts = [sum(parts[:k]) for k in range(len(parts))]
            results = [sliced(x, axis, a, a + n) for a, n in zip(starts, parts)]
            texts = [text(dtype, r.sizes) for r in results]
            defs = ", ".join(f"%y{k}: {t}" for k, t in enumerate(texts))
            attrs = f", sizes = {parts}" + (f", dim = {dim}" if dim else "")
            file.func(f"{name}_{dtype}", [f"%x: {text(dtype, sizes)}"], texts,
                      [f"{defs} = split(%x{attrs})",
                       "return " + ", ".join(f"%y{k}" for k in range(len(parts)))])
            file.run(f"{name}_{dtype}", [(dtype, x)], [(dtype, r) for r in results])
            file.diff(f"{name}_{dtype}")
    x = grid("f32", [5])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[2]", "f32[s0 - 2]"],
              ["%a: f32[2], %b: f32[s0 - 2] = split(%x, sizes = [2, s0 - 2])", "return %a, %b"],
              "<s0 in [2, inf]>")
    file.run("symbolic", [("f32", x)], [("f32", sliced(x, 0, 0, 2)), ("f32", sliced(x, 0, 2, 5))])
    file.diff("symbolic", "sizes=(s0=2, s0=3, s0=33)")
    file.func("strided", ["%x: f32[5, 19]"], ["f32[4, 5]", "f32[15, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%a: f32[4, 5], %b: f32[15, 5] = split(%t, sizes = [4, 15])", "return %a, %b"])
    file.diff("strided").write()


def triangles():
    for op in ("tril", "triu"):
        def kept(k, op=op):
            return lambda x: picked(x, x.sizes, lambda i: i if (i[-1] - i[-2] <= k if op == "tril" else
                                                                i[-1] - i[-2] >= k) else None)
        file = moved(op, "column - row against the diagonal; elsewhere 0", [
            ("square", [3, 3], "", "", kept(0)),
            ("wide", [2, 4], "", ", diagonal = 1", kept(1)),
            ("tall", [4, 2], "", ", diagonal = -1", kept(-1)),
            ("all_or_nothing", [2, 3], "", ", diagonal = 9", kept(9)),
            ("nothing_or_all", [2, 3], "", ", diagonal = -9223372036854775808", kept(-2**63)),
            ("batch", [2, 3, 2], "", "", kept(0)),
            ("empty", [0, 3], "", "", lambda x: x),
            ("no_columns", [2, 0], "", "", lambda x: x),
        ], BITS)
        x = mat("f32", [[NAN, INF], [NAN, -INF]])
        file.func("special", ["%x: f32[2, 2]"], ["f32[2, 2]"],
                  [f"%y: f32[2, 2] = {op}(%x)", "return %y"])
        file.run("special", [("f32", x)], [("f32", kept(0)(x))])
        m = grid("f32", [3, 4])
        symbolic(file, "symbolic", "<s0, s1>", "f32[s0, s1]", "f32[s0, s1]", ", diagonal = -1",
                 [(m, kept(-1)(m))], "s0=1 s1=1, s0=33 s1=17, s0=0 s1=5, s0=5 s1=0, s0=2 s1=100")
        from_strided(file, "strided", [18, 5], ", diagonal = -3").write()


# ---- Parts replaced -----------------------------------------------------------------------------

def with_part(x, s, indices):
    """x, where element k of s stands at indices[k]."""
    flat = list(x.flat)
    for value, i in zip(s.flat, indices):
        offset = 0
        for v, n in zip(i, x.sizes):
            offset = offset * n + v
        flat[offset] = value
    return Array(x.sizes, flat)


def scatter_file(op, note, cases, dtypes):
    """Cases of (name, sizes of x, attributes, sizes of s, indices of the part in its order)."""
    file = File(op, note)
    for dtype in dtypes:
        for name, sizes, attrs, part, indices in cases:
            x, s = grid(dtype, sizes, 1), grid(dtype, part, 5)
            y = with_part(x, s, indices)
            full = f"{name}_{dtype}"
            file.func(full, [f"%x: {text(dtype, sizes)}", f"%s: {text(dtype, part)}"],
                      [text(dtype, sizes)],
                      [f"%y: {text(dtype, sizes)} = {op}(%x, %s{attrs})", "return %y"])
            file.run(full, [(dtype, x), (dtype, s)], [(dtype, y)]).diff(full)
    return file


def box(*spans):
    return list(itertools.product(*spans))


def scatters():
    dtypes = ("f32", "f64", "bf16", "i8", "bool")
    file = scatter_file("slice_scatter", "x, but for the elements of a slice", [
        ("middle", [7], ", start = 2, end = 5", [3], box(range(2, 5))),
        ("step", [7], ", start = 1, step = 2", [3], box(range(1, 7, 2))),
        ("columns", [3, 4], ", dim = -1, start = -2", [3, 2], box(range(3), range(2, 4))),
        ("nothing", [3], ", start = 3", [0], []),
        ("clamped", [3], ", end = 100", [3], box(range(3))),
    ], dtypes)
    x, s = grid("f32", [5], 1), grid("f32", [3], 2)
    file.func("symbolic", ["%x: f32[s0]", "%s: f32[s1]"], ["f32[s0]"],
              ["%y: f32[s0] = slice_scatter(%x, %s, start = s0 - s1)", "return %y"],
              "<s0 in [9, inf], s1 in [0, 9]>")
    x, s = grid("f32", [10], 1), grid("f32", [3], 2)
    file.run("symbolic", [("f32", x), ("f32", s)], [("f32", with_part(x, s, box(range(7, 10))))])
    file.diff("symbolic", "sizes=(s0=9 s1=9, s0=33 s1=0, s0=33 s1=5)")
    file.func("strided", ["%x: f32[5, 19]", "%s: f32[4, 5]"], ["f32[19, 5]"],
              ["%t: f32[19, 5]{1, 19} = transpose(%x)",
               "%y: f32[19, 5] = slice_scatter(%t, %s, start = 3, end = 7)", "return %y"])
    file.diff("strided").write()

    file = scatter_file("select_scatter", "x, but for one index of an axis", [
        ("row", [3, 2], ", index = 1", [2], box([1], range(2))),
        ("column", [3, 2], ", dim = 1, index = -1", [3], box(range(3), [1])),
        ("of_vector", [3], ", index = 2", [], [(2,)]),
        ("middle", [2, 3, 2], ", dim = 1", [2, 2], box(range(2), [0], range(2))),
    ], dtypes)
    file.func("bound", ["%x: f32[s0]", "%s: f32[]"], ["f32[s0]"],
              ["%y: f32[s0] = select_scatter(%x, %s, index = 2)", "return %y"], "<s0>")
    x, s = grid("f32", [5], 1), Array([], [nb.of("f32", 9.0)])
    file.run("bound", [("f32", x), ("f32", s)], [("f32", with_part(x, s, [(2,)]))])
    file.fails("bound", [("f32", grid("f32", [2])), ("f32", s)], "E401 index on axis 0 is 2, the limit is 1")
    file.diff("bound", "sizes=(s0=3, s0=33)").write()

    def diagonal_case(name, sizes, attrs, offset, dim1, dim2):
        part, indices = diagonal_indices(sizes, offset, dim1, dim2)
        return (name, sizes, attrs, part, indices)
    file = scatter_file("diagonal_scatter", "x, but for its diagonals", [
        diagonal_case("main", [3, 4], "", 0, 0, 1),
        diagonal_case("above", [3, 4], ", offset = 2", 2, 0, 1),
        diagonal_case("below", [3, 4], ", offset = -1", -1, 0, 1),
        diagonal_case("outside", [3, 4], ", offset = 7", 7, 0, 1),
        diagonal_case("batch", [2, 3, 2], ", dim1 = -1, dim2 = 0", 0, 2, 0),
    ], dtypes)
    file.func("symbolic", ["%x: f32[s0, s0]", "%s: f32[s0]"], ["f32[s0, s0]"],
              ["%y: f32[s0, s0] = diagonal_scatter(%x, %s)", "return %y"], "<s0>")
    x, s = grid("f32", [3, 3], 1), grid("f32", [3], 2)
    file.run("symbolic", [("f32", x), ("f32", s)], [("f32", with_part(x, s, [(i, i) for i in range(3)]))])
    file.diff("symbolic", "sizes=(s0=0, s0=1, s0=17)").write()

    def strided_case(name, sizes, attrs, part, strides, offset):
        x = Array(sizes, range(math.prod(sizes)))
        where = dict((x.at(i), i) for i in itertools.product(*map(range, sizes)))
        return (name, sizes, attrs, part,
                [where[offset + sum(a * b for a, b in zip(i, strides))] for i in box(*map(range, part))])
    file = scatter_file("as_strided_scatter", "x, but for the elements at offset + sum of index * stride", [
        strided_case("columns", [3, 4], ", shape = [3, 2], strides = [4, 2], offset = 1", [3, 2], [4, 2], 1),
        strided_case("turned", [3, 4], ", shape = [4, 3], strides = [1, 4]", [4, 3], [1, 4], 0),
        strided_case("one", [4], ", shape = [], strides = [], offset = 3", [], [], 3),
        strided_case("nothing", [4], ", shape = [0, 5], strides = [1, 1]", [0, 5], [1, 1], 0),
    ], dtypes)
    file.func("overlap", ["%x: f32[4]", "%s: f32[2, 3]"], ["f32[4]"],
              ["%y: f32[4] = as_strided_scatter(%x, %s, shape = [2, 3], strides = [1, 1])", "return %y"])
    file.fails("overlap", [("f32", grid("f32", [4])), ("f32", grid("f32", [2, 3]))],
               "E401 elements of the part overlap")
    file.func("bound", ["%x: f32[s0]", "%s: f32[2]"], ["f32[s0]"],
              ["%y: f32[s0] = as_strided_scatter(%x, %s, shape = [2], strides = [3], offset = 1)",
               "return %y"], "<s0>")
    x, s = grid("f32", [5], 1), grid("f32", [2], 2)
    file.run("bound", [("f32", x), ("f32", s)], [("f32", with_part(x, s, [(1,), (4,)]))])
    file.fails("bound", [("f32", grid("f32", [4])), ("f32", s)],
               "E401 index of the last element is 4, the limit is 3")
    file.diff("bound", "sizes=(s0=5, s0=33)").write()


# ---- Creation -----------------------------------------------------------------------------------

def creation():
    file = File("fill", "one number in every place of x")
    for dtype in ("f32", "f64", "bf16", "f16", "i32", "u8", "bool"):
        x, v = grid(dtype, [2, 3]), Array([], [nb.of(dtype, 1)])
        file.func(dtype, [f"%x: {dtype}[2, 3]", f"%v: {dtype}[]"], [f"{dtype}[2, 3]"],
                  [f"%y: {dtype}[2, 3] = fill(%x, %v)", "return %y"])
        file.run(dtype, [(dtype, x), (dtype, v)], [(dtype, Array([2, 3], v.flat * 6))]).diff(dtype)
    file.func("literal", ["%x: f32[s0, s1]"], ["f32[s0, s1]"],
              ["%y: f32[s0, s1] = fill(%x, nan)", "return %y"], "<s0, s1>")
    file.run("literal", [("f32", grid("f32", [2, 2]))], [("f32", Array([2, 2], [NAN] * 4))])
    file.run("literal", [("f32", Array([0, 2], []))], [("f32", Array([0, 2], []))])
    file.diff("literal", "sizes=(s0=1 s1=1, s0=17 s1=5)")
    from_strided(file, "strided", [18, 5], ", 0.5").write()

    file = File("zero", "zeros of x's sizes")
    for dtype in ("f32", "f64", "bf16", "f16", "i32", "u8", "bool"):
        x = grid(dtype, [2, 3])
        file.func(dtype, [f"%x: {dtype}[2, 3]"], [f"{dtype}[2, 3]"],
                  [f"%y: {dtype}[2, 3] = zero(%x)", "return %y"])
        file.run(dtype, [(dtype, x)], [(dtype, Array([2, 3], [nb.of(dtype, 0)] * 6))]).diff(dtype)
    symbolic(file, "symbolic", "<s0>", "f32[s0]", "f32[s0]", "",
             [(grid("f32", [3]), Array([3], [0.0] * 3)), (Array([0], []), Array([0], []))],
             "s0=0, s0=1, s0=33")
    from_strided(file, "strided", [18, 5], "").write()

    file = File("empty", "zeros in this version")
    for dtype in ("f32", "bf16", "i64", "bool"):
        file.func(dtype, [], [f"{dtype}[2, 3]"], [f"%y: {dtype}[2, 3] = empty(shape = [2, 3])", "return %y"])
        file.run(dtype, [], [(dtype, Array([2, 3], [nb.of(dtype, 0)] * 6))]).diff(dtype)
    file.func("written", [], ["f32[2]"], ["%y: f32[2] = empty()", "return %y"])
    file.run("written", [], [("f32", Array([2], [0.0, 0.0]))])
    file.func("nothing", [], ["f32[0, 2]"], ["%y: f32[0, 2] = empty(shape = [0, 2])", "return %y"])
    file.run("nothing", [], [("f32", Array([0, 2], []))])
    file.func("symbolic", ["%x: f32[s0]"], ["f32[s0]"],
              ["%e: f32[s0] = empty(shape = [s0])", "%y: f32[s0] = add(%x, %e)", "return %y"], "<s0>")
    x = vec("f32", [1, 2])
    file.run("symbolic", [("f32", x)], [("f32", x)]).diff("symbolic", "sizes=(s0=0, s0=1, s0=33)").write()

    file = moved("to_device", "x, on the device of the session", [
        ("own", [2, 3], "", "", lambda x: x), ("scalar", [], "", "", lambda x: x),
        ("nothing", [0, 3], "", "", lambda x: x)], BITS)
    x = grid("f32", [2])
    file.func("processor", ["%x: f32[s0]"], ["f32[s0]@cpu"],
              ['%y: f32[s0]@cpu = to_device(%x, device = "cpu")', "return %y"], "<s0>")
    file.run("processor", [("f32", x)], [("f32", x)]).diff("processor", "sizes=(s0=0, s0=33)")
    file.func("elsewhere", ["%x: f32[2]"], ["f32[2]@cuda:0"],
              ['%y: f32[2]@cuda:0 = to_device(%x, device = "cuda:0")', "return %y"])
    file.fails("elsewhere", [("f32", x)], 'E511 device "cuda:0"')
    from_strided(file, "strided", [18, 5], "").write()


def write():
    views()
    values()
    creation()
