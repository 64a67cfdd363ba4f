"""Inputs and weights of a benchmark graph, written to a safetensors file with the standard library
alone.

Every program that is timed reads the same file. A tensor repeats one block of 65,521 numbers (a
prime, so that rows do not fall into step with it), each at another place of the block. The numbers
of a block are distinct in f32, f64 and the integers, so that sorting a row of at most that length
has one answer; in f16 and bf16 they come again.
"""
import array
import functools
import json
import pathlib
import random
import struct

BLOCK = 65521
NAMES = {
    "bool": "BOOL", "i8": "I8", "i16": "I16", "i32": "I32", "i64": "I64", "u8": "U8", "u16": "U16",
    "u32": "U32", "u64": "U64", "rng": "U64", "f16": "F16", "bf16": "BF16", "f32": "F32",
    "f64": "F64"
}
CODES = {
    "bool": "B", "i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B", "u16": "H", "u32": "I",
    "u64": "Q", "rng": "Q", "f32": "f", "f64": "d"
}


def counts():
    order = list(range(BLOCK))
    random.Random(0).shuffle(order)
    return order


def numbers(kind, dtype):
    """The block of one kind.

    uniform: -0.75 to 1.25, or integers; positive: 0.5 to 1.5; weight: -0.05 to 0.05; index:N: 0 to
    N - 1; bool.
    """
    order = counts()
    if kind == "bool":
        return [k & 1 for k in order]
    if kind.startswith("index:"):
        return [k % int(kind[6:]) for k in order]
    if dtype in CODES and CODES[dtype] in "BbHhIiQq":
        if CODES[dtype] in "BbHh":
            return [k % 100 for k in order]
        return [k - BLOCK // 2 if CODES[dtype] in "iq" else k for k in order
               ]  # their sums stay small
    scale, low = {"uniform": (2, -0.75), "positive": (1, 0.5), "weight": (0.1, -0.05)}[kind]
    if dtype in ("f16", "bf16"):  # 8 significant bits hold these
        return [k % 129 / 64 * (scale / 2) + low for k in order]
    return [k / BLOCK * scale + low for k in order]


@functools.lru_cache(maxsize=32)
def block(kind, dtype):
    values = numbers(kind, dtype)
    if dtype == "f16":
        return struct.pack(f"<{BLOCK}e", *values)
    if dtype == "bf16":
        bits = array.array("I", array.array("f", values).tobytes())
        return array.array("H", [b >> 16 for b in bits]).tobytes()
    return array.array(CODES[dtype], values).tobytes()


def tensor_bytes(kind, dtype, shape, place):
    if dtype == "rng":
        return struct.pack("<2Q", 2026, 0)
    data = block(kind, dtype)
    size = len(data) // BLOCK
    count = 1
    for n in shape:
        count *= n
    shift = place * 7919 % BLOCK * size
    turned = data[shift:] + data[:shift]
    return (turned * (count // BLOCK + 1))[:count * size]


def write(path, graph, kinds):
    """The file for a graph (graph_text.py). `kinds` by parameter; "uniform" where none is told, for
    weights "weight"."""
    header, parts, begin = {}, [], 0
    for place, param in enumerate(graph.params):
        kind = kinds.get(param.name, "weight" if param.weight else "uniform")
        data = tensor_bytes(kind, param.dtype, param.shape, place)
        header[param.key] = {
            "dtype": NAMES[param.dtype], "shape": param.shape,
            "data_offsets": [begin, begin + len(data)]
        }
        parts.append(data)
        begin += len(data)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(head)) + head + b"".join(parts))
