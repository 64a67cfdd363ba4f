"""PyTorch as a peer: a graph becomes the source of a Python function by the table below, run with
one thread in inference mode (set by importing this).

With `compiled`, torch.compile turns the function into code first (it needs a C++ compiler); else
each op is called in turn.
"""
import torch
import torch.nn.functional as F

from graph_text import Ref

torch.set_num_threads(1)
torch.inference_mode(True).__enter__()  # for the life of the process

VERSION = torch.__version__
TYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i8": torch.int8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "u8": torch.uint8,
    "u64": torch.uint64,
    "bool": torch.bool,
}

# Python source of each op; {0} and {name} are its arguments, {type} the dtype of its first result,
# {dims[0]} and the like what they say.
SOURCE = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "abs": "torch.abs({0})",
    "max": "torch.maximum({0}, {1})",
    "min": "torch.minimum({0}, {1})",
    "exp": "torch.exp({0})",
    "log": "torch.log({0})",
    "sqrt": "torch.sqrt({0})",
    "tanh": "torch.tanh({0})",
    "sigmoid": "torch.sigmoid({0})",
    "relu": "torch.relu({0})",
    "erf": "torch.erf({0})",
    "gelu": "F.gelu({0}, approximate={approx})",
    "silu": "F.silu({0})",
    "cast": "{0}.to({type})",
    "select": "torch.where({0}, {1}, {2})",
    "gather": "torch.gather({0}, {dim}, {1})",
    "index_select": "torch.index_select({0}, {dim}, {1})",
    "embedding": "F.embedding({1}, {0})",
    "matmul": "torch.matmul({0}, {1})",
    "reduce_sum": "torch.sum({0}, dim={dims}, keepdim={keep_dims}, dtype={type})",
    "reduce_mean": "torch.mean({0}, dim={dims}, keepdim={keep_dims})",
    "reduce_max": "torch.amax({0}, dim={dims}, keepdim={keep_dims})",
    "argmax": "torch.argmax({0}, dim={dim}, keepdim={keep_dims})",
    "cumsum": "torch.cumsum({0}, dim={dim}, dtype={type})",
    "sort": "torch.sort({0}, dim={dim}, descending={descending}, stable=True)",
    "topk": "torch.topk({0}, {k}, dim={dim}, largest={largest})",
    "var": "torch.var({0}, dim={dims}, correction={correction}, keepdim={keep_dims})",
    "softmax": "torch.softmax({0}, dim={dim})",
    "log_softmax": "torch.log_softmax({0}, dim={dim})",
    "layer_norm": "F.layer_norm({0}, {normalized}, {weight}, {bias}, {eps})",
    "rms_norm": "F.rms_norm({0}, {normalized}, {weight}, {eps})",
    "group_norm": "F.group_norm({0}, {groups}, {weight}, {bias}, {eps})",
    "batch_norm": "F.batch_norm({0}, {3}, {4}, {1}, {2}, eps={eps})",
    "scaled_dot_product_attention": "F.scaled_dot_product_attention({0}, {1}, {2})",
    "max_pool": "F.max_pool2d({0}, {kernel}, {stride}, {begin})",
    "avg_pool": "F.avg_pool2d({0}, {kernel}, {stride}, {begin})",
    "adaptive_avg_pool": "F.adaptive_avg_pool2d({0}, {size})",
    "interpolate": "F.interpolate({0}, size={size}, mode={mode})",
    "dropout": "F.dropout({0}, {p}, training=True)",
    "cross_entropy": "F.cross_entropy({0}, {1})",
    "mse_loss": "F.mse_loss({0}, {1})",
    "transpose": "{0}.permute({dims})",
    "reshape": "{0}.reshape({shape})",
}
DEFAULTS = {
    "approx": "none",
    "dim": -1,
    "dims": None,
    "keep_dims": False,
    "descending": False,
    "largest": True,
    "correction": 1,
    "eps": 1e-5,
    "weight": None,
    "bias": None,
    "stride": None,
    "mode": "nearest",
    "p": 0.5,
}


def variable(name):
    return "v_" + name.replace(".", "_")


def source_of(call, values):
    """One line of Python for an op."""
    if call.op not in SOURCE:
        raise NotImplementedError(f"{call.op} is not in its table")

    def show(argument):
        return variable(argument.name) if isinstance(argument, Ref) else repr(argument)

    named = {**DEFAULTS, **call.named}
    spatial = len(named.get("kernel", []))
    named["begin"] = named.get("padding", [0] * 2 * spatial)[:spatial]
    first = values[call.args[0].name] if call.args and isinstance(call.args[0], Ref) else None
    if first and named["dims"] is not None:
        named["normalized"] = [first.shape[d] for d in named["dims"]]
    elif named["dims"] is None and first and call.op.startswith("reduce_"):
        named["dims"] = list(range(len(first.shape)))
    words = {key: show(value) for key, value in named.items()}
    words["type"] = str(TYPES[call.results[0].dtype])
    expression = SOURCE[call.op].format(*[show(a) for a in call.args], **words)
    return ", ".join(variable(r.name) for r in call.results) + " = " + expression


def make_function(graph):
    values = graph.values()
    lines = [source_of(call, values) for call in graph.calls]
    params = ", ".join(variable(p.name) for p in graph.params)
    returned = ", ".join(variable(name) for name in graph.returned)
    scope = {"torch": torch, "F": F}
    exec(
        f"def main({params}):\n"
        + "".join(f"    {line}\n" for line in lines)
        + f"    return ({returned},)\n",
        scope,
    )
    return scope["main"]


class Peer:
    """A loaded graph; `data` has an array (raw bytes for bf16, as u16) by name."""

    def __init__(self, graph, data, compiled=False):
        self.returned = [graph.values()[name] for name in graph.returned]
        self.inputs = [self.tensor(param, data[param.key]) for param in graph.params]
        self.function = make_function(graph)
        if compiled:
            torch._dynamo.reset()
            self.function = torch.compile(self.function, dynamic=False)
        self.last = None

    @staticmethod
    def tensor(param, array):
        tensor = torch.from_numpy(array.copy())
        return tensor.view(torch.bfloat16) if param.dtype == "bf16" else tensor

    def run(self):
        self.last = self.function(*self.inputs)

    def results(self):
        """(value, bytes) of each result."""
        return [
            (value, tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
            for value, tensor in zip(self.returned, self.last, strict=True)
        ]
