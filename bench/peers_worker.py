"""One peer as a server of rounds, run by bench/peers inside the environment that has the peer.

Usage: peers_worker.py onnxruntime|torch|torch-compile

Reads requests from stdin and answers on stdout, one line of JSON each. The first two are those of
`gcomp-bench --serve`; the last compares files of results, since NumPy is here:
  {"load": "graph.ir", "data": "in.safetensors", "outputs": "out.safetensors"}
    -> {"name": ...}
  {"round_ms": 20}
    -> {"call_us": ..., "calls": ...}
  {"compare": "got.safetensors", "want": "want.safetensors", "rule": "close", "data": "in.safetensors"}
    -> {"difference": null, or why they do not agree}
The first line it writes is {"peer": ..., "version": ...}. What fails is {"error": {...}}.
"""
import json
import os
import pathlib
import struct
import sys
import time

import numpy as np

sys.dont_write_bytecode = True  # the folder stays as it is

import graph_text
from row_data import NAMES

ARRAYS = {
    "F32": np.float32, "F64": np.float64, "F16": np.float16, "BF16": np.uint16, "I8": np.int8,
    "I16": np.int16, "I32": np.int32, "I64": np.int64, "U8": np.uint8, "U16": np.uint16,
    "U32": np.uint32, "U64": np.uint64, "BOOL": np.bool_
}
# Of the greatest magnitude of the result: far above what another order of additions makes, far
# below what another formula makes.
TOLERANCE = {"F64": 1e-9, "F32": 1e-3, "F16": 1e-2, "BF16": 4e-2}


def read_safetensors(path):
    """{name: (dtype, array)}"""
    file = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", file[:8])
    tensors = {}
    for name, entry in json.loads(file[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = entry["dtype"], np.frombuffer(
            file[begin:end], ARRAYS[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write_safetensors(path, results):
    """`results`: (value of graph_text.py, bytes)"""
    header, parts, begin = {}, [], 0
    for value, data in results:
        header[value.name] = {
            "dtype": NAMES[value.dtype], "shape": value.shape,
            "data_offsets": [begin, begin + len(data)]
        }
        parts.append(data)
        begin += len(data)
    head = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(head)) + head + b"".join(parts))


def as_double(dtype, array):
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


def close(dtype, got, want):
    """Why two arrays differ; None = they agree."""
    if dtype not in TOLERANCE:
        wrong = np.flatnonzero(got.ravel() != want.ravel())
        if len(wrong) == 0:
            return None
        first = wrong[0]
        return (f"{len(wrong)} of {got.size} elements differ, first at {first}: "
                f"{got.ravel()[first]}, not {want.ravel()[first]}")
    got, want = as_double(dtype, got), as_double(dtype, want)
    if not np.isfinite(want).all() or not np.isfinite(got).all():
        return "an element is not finite"
    error = float(np.abs(got - want).max(initial=0))
    limit = TOLERANCE[dtype] * float(np.abs(want).max(initial=0))
    if error <= limit:
        return None
    return f"the largest difference is {error:.3g}, more than {limit:.3g}"


def dropped(got, x, p=0.5):
    """Why `got` is no dropout of x; None = it is one."""
    zero = got == 0
    share = float(zero.mean())
    if not np.allclose(got[~zero], x[~zero] / (1 - p)):
        return "an element is neither 0 nor x / (1 - p)"
    if abs(share - p) > 6 * (p * (1 - p) / got.size)**0.5 + 1 / got.size:
        return f"{share:.3f} of the elements are 0, not {p}"
    return None


def compare(request):
    """Why the results of two programs do not agree; None = they do."""
    got, want = read_safetensors(request["compare"]), read_safetensors(request["want"])
    for name, (dtype, array) in want.items():
        if name not in got:
            return f"%{name} is missing"
        other, values = got[name]
        if other != dtype or values.shape != array.shape:
            return f"%{name} is {other}{list(values.shape)}, not {dtype}{list(array.shape)}"
        if request["rule"] == "dropout":
            x = read_safetensors(request["data"])["x"][1]
            why = dropped(values, x) or dropped(array, x)
        else:
            why = close(dtype, values, array)
        if why:
            return f"%{name}: {why}"
    return None


class Server:
    def __init__(self, peer):
        if peer == "onnxruntime":
            import peer_onnx as module
            self.make = module.Peer
        elif peer in ("torch", "torch-compile"):
            import peer_torch as module
            self.make = lambda graph, data: module.Peer(
                graph, data, compiled=peer == "torch-compile")
        else:
            sys.exit(f"peers_worker.py: no peer {peer}")
        self.version = module.VERSION
        self.loaded, self.calls = None, 0

    def answer(self, request):
        if "load" in request:
            return self.load(request)
        if "round_ms" in request:
            return self.time(request["round_ms"])
        return {"difference": compare(request)}

    def load(self, request):
        self.loaded, self.calls = None, 0
        graph = graph_text.parse(pathlib.Path(request["load"]).read_text())
        data = {name: array for name, (_, array) in read_safetensors(request["data"]).items()}
        self.loaded = self.make(graph, data)
        self.loaded.run()
        write_safetensors(request["outputs"], self.loaded.results())
        return {"name": graph.name}

    def time_calls(self, calls):
        run = self.loaded.run
        begin = time.perf_counter_ns()
        for _ in range(calls):
            run()
        return (time.perf_counter_ns() - begin) / calls / 1e3

    def time(self, round_ms):
        if self.calls == 0:
            once = self.time_calls(1)
            once = self.time_calls(10 if once < round_ms * 10 else 1)
            self.calls = int(min(max(round_ms * 1e3 / once, 1), 1e7))
        return {"call_us": self.time_calls(self.calls), "calls": self.calls}


def main():
    # What a library prints is no answer: standard output becomes standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server(sys.argv[1])
    print(json.dumps({"peer": sys.argv[1], "version": server.version}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Exception as error:  # a peer may refuse a graph in any way; the row says how
            lines = str(error).strip().splitlines()
            answer = {"error": {"id": type(error).__name__, "message": lines[-1] if lines else ""}}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
