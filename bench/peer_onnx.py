"""ONNX Runtime as a peer: a graph becomes an ONNX model by the table below, and a session with one
thread and all optimizations.

Inputs and outputs are bound once, in memory that is made before; weights are initializers, so that
the session may pack them.
"""
import ctypes

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from graph_text import Ref

VERSION = f"{onnxruntime.__version__} (onnx {onnx.__version__})"
OPSET = 23
TYPES = {
    "f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE, "f16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16, "i8": TensorProto.INT8, "i16": TensorProto.INT16,
    "i32": TensorProto.INT32, "i64": TensorProto.INT64, "u8": TensorProto.UINT8,
    "u64": TensorProto.UINT64, "bool": TensorProto.BOOL
}
RENAMED = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min",
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "relu": "Relu", "erf": "Erf", "matmul": "MatMul", "select": "Where"
}


class Builder:
    """One ONNX graph while it grows.

    A method named as an op adds its nodes; the outputs of the last are the op's results.
    """
    def __init__(self, graph):
        self.values = graph.values()
        self.nodes, self.constants = [], []

    def node(self, op, inputs, outputs=1, **attributes):
        names = [f"node{len(self.nodes)}#{i}" for i in range(outputs)
                ]  # no value of a graph has a `#`
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names if outputs > 1 else names[0]

    def constant(self, values, dtype=TensorProto.INT64):
        name = f"constant#{len(self.constants)}"
        shape = [len(values)] if isinstance(values, list) else []
        self.constants.append(
            helper.make_tensor(name, dtype, shape,
                               values if isinstance(values, list) else [values]))
        return name

    def add_call(self, call):
        """Adds the nodes of one op of the graph."""
        # A number among the operands has the result's dtype in every op of this table.
        dtype = TYPES[call.results[0].dtype]
        inputs = [a.name if isinstance(a, Ref) else self.constant(a, dtype) for a in call.args]
        attributes = {k: v.name if isinstance(v, Ref) else v for k, v in call.named.items()}
        if call.op in RENAMED:
            self.node(RENAMED[call.op], inputs)
        else:
            method = getattr(self, "op_" + call.op, None)
            if method is None:
                raise NotImplementedError(f"{call.op} is not in its table")
            method(call, *inputs, **attributes)
        self.nodes[-1].output[:] = [result.name for result in call.results]

    def shape(self, name):
        return self.values[name].shape

    def op_cast(self, call, x):
        return self.node("Cast", [x], to=TYPES[call.results[0].dtype])

    def op_gelu(self, call, x, approx="none"):
        return self.node("Gelu", [x], approximate=approx)

    def op_silu(self, call, x):
        return self.node("Mul", [x, self.node("Sigmoid", [x])])

    def op_gather(self, call, x, i, dim=0):
        return self.node("GatherElements", [x, i], axis=dim)

    def op_index_select(self, call, x, i, dim=0):
        return self.node("Gather", [x, i], axis=dim)

    def op_embedding(self, call, w, i):
        return self.node("Gather", [w, i], axis=0)

    def reduce(self, op, x, dims, keep_dims):
        axes = [self.constant(dims)] if dims is not None else []
        return self.node(op, [x, *axes], keepdims=int(keep_dims))

    def op_reduce_sum(self, call, x, dims=None, keep_dims=False):
        return self.reduce("ReduceSum", x, dims, keep_dims)

    def op_reduce_mean(self, call, x, dims=None, keep_dims=False):
        return self.reduce("ReduceMean", x, dims, keep_dims)

    def op_reduce_max(self, call, x, dims=None, keep_dims=False):
        return self.reduce("ReduceMax", x, dims, keep_dims)

    def op_argmax(self, call, x, dim=None, keep_dims=False):
        return self.node("ArgMax", [x], axis=dim, keepdims=int(keep_dims))

    def op_cumsum(self, call, x, dim=0):
        return self.node("CumSum", [x, self.constant(dim)])

    def op_sort(self, call, x, dim=-1, descending=False):
        count = self.constant([self.shape(x)[dim]])
        return self.node("TopK", [x, count], 2, axis=dim, largest=int(descending), sorted=1)

    def op_topk(self, call, x, k=1, dim=-1, largest=True):
        return self.node("TopK", [x, self.constant([k])],
                         2,
                         axis=dim,
                         largest=int(largest),
                         sorted=1)

    def op_var(self, call, x, dims=None, correction=1, keep_dims=False):
        shape = self.shape(x)
        dims = list(range(len(shape))) if dims is None else dims
        centered = self.node("Sub", [x, self.reduce("ReduceMean", x, dims, True)])
        total = self.reduce("ReduceSumSquare", centered, dims, keep_dims)
        count = int(np.prod([shape[d] for d in dims])) - correction
        return self.node("Div", [total, self.constant(float(count), TYPES[self.values[x].dtype])])

    def op_softmax(self, call, x, dim=-1):
        return self.node("Softmax", [x], axis=dim)

    def op_log_softmax(self, call, x, dim=-1):
        return self.node("LogSoftmax", [x], axis=dim)

    def op_layer_norm(self, call, x, weight=None, bias=None, dims=None, eps=1e-5):
        return self.node("LayerNormalization", [x, weight, *([bias] if bias else [])],
                         axis=dims[0],
                         epsilon=eps)

    def op_rms_norm(self, call, x, weight=None, dims=None, eps=1e-5):
        return self.node("RMSNormalization", [x, weight], axis=dims[0], epsilon=eps)

    def op_group_norm(self, call, x, weight=None, bias=None, groups=1, eps=1e-5):
        return self.node("GroupNormalization", [x, weight, bias], num_groups=groups, epsilon=eps)

    def op_batch_norm(self, call, x, w, b, m, v, eps=1e-5):
        return self.node("BatchNormalization", [x, w, b, m, v], epsilon=eps)

    def op_scaled_dot_product_attention(self, call, q, k, v):
        return self.node("Attention", [q, k, v])

    def op_max_pool(self, call, x, kernel, stride=None, padding=None):
        return self.node("MaxPool", [x],
                         kernel_shape=kernel,
                         strides=stride or kernel,
                         pads=padding or [0] * (2 * len(kernel)))

    def op_avg_pool(self, call, x, kernel, stride=None, padding=None):
        return self.node("AveragePool", [x],
                         kernel_shape=kernel,
                         strides=stride or kernel,
                         pads=padding or [0] * (2 * len(kernel)),
                         count_include_pad=1)

    def op_adaptive_avg_pool(self, call, x, size):
        if any(n != 1 for n in size):
            raise NotImplementedError("adaptive_avg_pool to other sizes than 1")
        return self.node("GlobalAveragePool", [x])

    def op_interpolate(self, call, x, size, mode="nearest"):
        sizes = self.constant(self.shape(x)[:2] + size)
        if mode == "nearest":
            return self.node("Resize", [x, "", "", sizes], mode="nearest", nearest_mode="floor",
                             coordinate_transformation_mode="asymmetric")
        return self.node("Resize", [x, "", "", sizes], mode="linear",
                         coordinate_transformation_mode="half_pixel")

    def op_cross_entropy(self, call, x, t):
        return self.node("SoftmaxCrossEntropyLoss", [x, t], reduction="mean")

    def op_mse_loss(self, call, x, t):
        difference = self.node("Sub", [x, t])
        return self.reduce("ReduceMean", self.node("Mul", [difference, difference]), None, False)

    def op_dropout(self, call, x, key=None, p=0.5):
        dtype = TYPES[self.values[x].dtype]
        return self.node("Dropout",
                         [x, self.constant(p, dtype),
                          self.constant(True, TensorProto.BOOL)])

    def op_transpose(self, call, x, dims):
        return self.node("Transpose", [x], perm=dims)

    def op_reshape(self, call, x, shape):
        return self.node("Reshape", [x, self.constant(shape)])


def make_model(graph, data):
    """The ONNX model, with the graph's own names of values."""
    builder = Builder(graph)
    for call in graph.calls:
        builder.add_call(call)
    info = [
        helper.make_tensor_value_info(p.name, TYPES[p.dtype], p.shape)
        for p in graph.params
        if not p.weight and p.dtype != "rng"
    ]
    weights = [
        helper.make_tensor(p.name, TYPES[p.dtype], p.shape, data[p.key].tobytes(), raw=True)
        for p in graph.params
        if p.weight
    ]
    outputs = [
        helper.make_tensor_value_info(name, TYPES[builder.values[name].dtype],
                                      builder.values[name].shape) for name in graph.returned
    ]
    onnx_graph = helper.make_graph(builder.nodes, graph.name, info, outputs,
                                   builder.constants + weights)
    return helper.make_model(onnx_graph,
                             opset_imports=[helper.make_opsetid("", OPSET)],
                             ir_version=10)


class Peer:
    """A loaded graph; `data` has an array (raw bytes for bf16, as u16) by name."""
    def __init__(self, graph, data):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        model = make_model(graph, data).SerializeToString()
        self.session = onnxruntime.InferenceSession(model,
                                                    options,
                                                    providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.values, self.outputs = graph.values(), []
        self.inputs = []  # the binding holds no reference of its own
        for name in [i.name for i in self.session.get_inputs()]:
            param = self.values[name]
            self.inputs.append(self.ort_value(param, data[param.key]))
            self.binding.bind_ortvalue_input(name, self.inputs[-1])
        for name in graph.returned:
            value = self.values[name]
            self.outputs.append(
                (value, self.ort_value(value, np.zeros(value.shape, NUMPY[value.dtype]))))
            self.binding.bind_ortvalue_output(name, self.outputs[-1][1])

    @staticmethod
    def ort_value(value, array):
        if value.dtype == "bf16":
            return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, TYPES["bf16"])
        return onnxruntime.OrtValue.ortvalue_from_numpy(array)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def results(self):
        """(value, bytes) of each result."""
        size = {
            value.name: np.zeros(value.shape, NUMPY[value.dtype]).nbytes
            for value, _ in self.outputs
        }
        return [(value, ctypes.string_at(output.data_ptr(), size[value.name]))
                for value, output in self.outputs]


NUMPY = {
    "f32": np.float32, "f64": np.float64, "f16": np.float16, "bf16": np.uint16, "i8": np.int8,
    "i16": np.int16, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "u64": np.uint64,
    "bool": np.bool_
}
