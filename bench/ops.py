#!/usr/bin/env python3
"""Benchmark graphs of single ops, by dtype and shape.

  ops.py --list [--filter=TEXT]      names of all rows: group/op/dtype/shape
  ops.py --print=NAME                the graph of one row
  ops.py --out=FOLDER [--filter=TEXT]  all graphs as files, for gcomp-bench FOLDER/*.ir

Shapes are chosen by what they fill: a core's L1 (16x64 f32 = 4 KiB), its L2 (256x512 = 512 KiB), L3
(4096x1024 = 16 MiB), and one odd shape whose sizes are multiples of no vector. Every op is there
for f32 in all of them, some for other dtypes in L2.
"""
import argparse
import dataclasses
import pathlib
import sys

PLANES = [[16, 64], [256, 512], [4096, 1024], [333, 777]]
IMAGES = [[1, 4, 16, 16], [1, 32, 64, 64], [8, 64, 96, 96], [3, 5, 37, 41]]
# Batch, heads, tokens, width.
HEADS = [[1, 1, 16, 64], [1, 4, 128, 64], [4, 12, 256, 64], [1, 3, 77, 40]]
# Rows, inner, columns.
PRODUCTS = [[16, 64, 16], [256, 512, 256], [1024, 1024, 1024], [333, 777, 129]]
L2 = 1  # the index of the second size in each of these lists


@dataclasses.dataclass
class Row:
    """A graph, and what its inputs hold: kinds of row_data.py by parameter."""
    name: str
    text: str
    kinds: dict = dataclasses.field(default_factory=dict)
    rule: str = "close"  # how results of two programs are compared: rules of peers_worker.py


def typed(dtype, shape):
    return dtype if dtype == "rng" else f"{dtype}[{', '.join(map(str, shape))}]"


def graph(group, op, params, call, results):
    """One op: params and results are (name, dtype, shape); `call` is the op's text."""
    head = ", ".join(f"%{name}: {typed(dtype, shape)}" for name, dtype, shape in params)
    types = ", ".join(typed(dtype, shape) for _, dtype, shape in results)
    defs = ", ".join(f"%{name}: {typed(dtype, shape)}" for name, dtype, shape in results)
    returned = ", ".join(f"%{name}" for name, _, _ in results)
    return (
        f'gir 1 module @{op} attrs {{group = "{group}"}}\n\n'
        f"export func @main({head}) -> ({types}) {{\n  {defs} = {call}\n  return {returned}\n}}\n")


def row(group, op, dtype, shape, call, result, more=(), kinds=None, rule="close"):
    """An op on %x of this dtype and shape, and on `more` params (name, dtype, shape).

    `result` is the shape of the one result of %x's dtype, or a list as `more`.
    """
    results = result if result and isinstance(result[0], tuple) else [("y", dtype, result)]
    text = graph(group, op, [("x", dtype, shape), *more], call, results)
    return Row(f"{group}/{op}/{dtype}/{'x'.join(map(str, shape))}", text, kinds or {}, rule)


def pointwise(dtype, s):
    yield row("pointwise", "add", dtype, s, "add(%x, %z)", s, [("z", dtype, s)])
    yield row("pointwise", "mul", dtype, s, "mul(%x, %z)", s, [("z", dtype, s)])
    if dtype == "i32":
        return
    for op in ("exp", "tanh", "sigmoid", "gelu", "silu"):
        yield row("pointwise", op, dtype, s, f"{op}(%x)", s)
    if dtype == "f32":
        yield row("pointwise", "cast_bf16", dtype, s, "cast(%x)", [("y", "bf16", s)])
        more = [("p", "bool", s), ("z", dtype, s)]
        yield row("pointwise", "select", dtype, s, "select(%p, %x, %z)", s, more, {"p": "bool"})


def movement(dtype, s):
    """Rows of a table, and single elements, by index."""
    yield row("movement", "gather", dtype, s, "gather(%x, %i, dim = 1)", s, [("i", "i64", s)],
              {"i": f"index:{s[1]}"})
    count = s[0]
    yield row("movement", "embedding", dtype, s, "embedding(%x, %i)", [count, s[1]],
              [("i", "i64", [count])], {"i": f"index:{s[0]}"})


def reductions(dtype, s):
    first, last = s
    yield row("reduction", "reduce_sum_all", dtype, s, "reduce_sum(%x)", [("y", dtype, [])])
    yield row("reduction", "reduce_sum_last", dtype, s, "reduce_sum(%x, dims = [1])", [first])
    yield row("reduction", "reduce_sum_first", dtype, s, "reduce_sum(%x, dims = [0])", [last])
    yield row("reduction", "reduce_max_last", dtype, s, "reduce_max(%x, dims = [1])", [first])
    if dtype in ("bf16", "f16"):
        return  # rows have equal elements, and which index comes first is not the same everywhere
    yield row("reduction", "argmax_last", dtype, s, "argmax(%x, dim = 1)", [("y", "i64", [first])])
    yield row("reduction", "cumsum_last", dtype, s, "cumsum(%x, dim = 1)", s)
    both = [("y", dtype, s), ("i", "i64", s)]
    yield row("reduction", "sort_last", dtype, s, "sort(%x, dim = 1)", both)
    yield row("reduction", "topk_last", dtype, s, "topk(%x, k = 10, dim = 1)",
              [("y", dtype, [first, 10]), ("i", "i64", [first, 10])])
    if dtype != "i32":
        yield row("reduction", "var_last", dtype, s, "var(%x, dims = [1])", [first])


def norms(dtype, s):
    n = [s[1]]
    weight, bias = ("w", dtype, n), ("b", dtype, n)
    yield row("composite", "softmax", dtype, s, "softmax(%x, dim = 1)", s)
    yield row("composite", "log_softmax", dtype, s, "log_softmax(%x, dim = 1)", s)
    yield row("composite", "layer_norm", dtype, s,
              "layer_norm(%x, weight = %w, bias = %b, dims = [1])", s, [weight, bias])
    yield row("composite", "rms_norm", dtype, s, "rms_norm(%x, weight = %w, dims = [1])", s,
              [weight])


def losses(dtype, s):
    yield row("composite", "cross_entropy", dtype, s, "cross_entropy(%x, %t)", [("y", dtype, [])],
              [("t", "i64", s[:1])], {"t": f"index:{s[1]}"})
    yield row("composite", "mse_loss", dtype, s, "mse_loss(%x, %t)", [("y", dtype, [])],
              [("t", dtype, s)])
    key = [("k", "rng", [2])]
    yield row("composite", "dropout", dtype, s, "dropout(%x, key = %k)", s, key, rule="dropout")


def images(dtype, s):
    n, c, h, w = s
    groups = next(g for g in (4, 5) if c % g == 0)
    per_channel = [(name, dtype, [c]) for name in ("w", "b", "m", "v")]
    yield row("composite", "group_norm", dtype, s,
              f"group_norm(%x, weight = %w, bias = %b, groups = {groups})", s, per_channel[:2])
    yield row("composite", "batch_norm", dtype, s, "batch_norm(%x, %w, %b, %m, %v)", s, per_channel,
              {"v": "positive"})
    half = [n, c, (h - 1) // 2 + 1, (w - 1) // 2 + 1]
    yield row("composite", "max_pool", dtype, s,
              "max_pool(%x, kernel = [3, 3], stride = [2, 2], padding = [1, 1, 1, 1])", half)
    yield row("composite", "avg_pool", dtype, s, "avg_pool(%x, kernel = [2, 2], stride = [2, 2])",
              [n, c, h // 2, w // 2])
    yield row("composite", "adaptive_avg_pool", dtype, s, "adaptive_avg_pool(%x, size = [1, 1])",
              [n, c, 1, 1])
    double, size = [n, c, 2 * h, 2 * w], f"size = [{2 * h}, {2 * w}]"
    yield row("composite", "interpolate", dtype, s, f"interpolate(%x, {size})", double)
    call = f'interpolate(%x, {size}, mode = "bilinear")'
    yield row("composite", "interpolate_bilinear", dtype, s, call, double)


def attention(dtype, s):
    yield row("composite", "scaled_dot_product_attention", dtype, s,
              "scaled_dot_product_attention(%x, %k, %v)", s, [("k", dtype, s), ("v", dtype, s)])


def products(dtype, s):
    m, k, n = s
    yield row("product", "matmul", dtype, [m, k], "matmul(%x, %w)", [m, n], [("w", dtype, [k, n])])


# (rows by dtype and shape, shapes, dtypes besides f32)
FAMILIES = [
    (pointwise, PLANES, ("f64", "bf16", "f16", "i32")),
    (movement, PLANES, ("f64", "bf16")),
    (reductions, PLANES, ("f64", "bf16", "f16", "i32")),
    (norms, PLANES, ("f64", "bf16", "f16")),
    (losses, PLANES, ()),
    (images, IMAGES, ()),
    (attention, HEADS, ()),
    (products, PRODUCTS, ("f64", "bf16")),
]


def rows():
    """All rows, those of one op beside each other."""
    made = []
    for family, shapes, dtypes in FAMILIES:
        for dtype, shape in [("f32", s) for s in shapes] + [(d, shapes[L2]) for d in dtypes]:
            made += family(dtype, shape)
    places = {}
    for made_row in made:
        places.setdefault(made_row.name.split("/")[1], len(places))
    return sorted(made, key=lambda r: places[r.name.split("/")[1]])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true")
    what.add_argument("--print", metavar="NAME")
    what.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--filter", default="", help="only rows whose name has this text")
    args = parser.parse_args()
    chosen = [r for r in rows() if args.filter in r.name]
    if args.list:
        print("\n".join(r.name for r in chosen))
    elif args.print:
        texts = [r.text for r in rows() if r.name == args.print]
        if not texts:
            sys.exit(f"ops.py: no row {args.print}; --list shows them")
        print(texts[0], end="")
    else:
        args.out.mkdir(parents=True, exist_ok=True)
        for r in chosen:
            (args.out / (r.name.replace("/", "-") + ".ir")).write_text(r.text)


if __name__ == "__main__":
    main()
