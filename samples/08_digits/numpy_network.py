"""The digit networks in NumPy alone: what the device's answers are compared with.

Sums are taken in float32, and what an operator gives is rounded to the network's type, as on the device; the order of
the sums differs, so scores may differ in the last bits.
"""
import numpy as np
import onnx
from onnx import numpy_helper

import train


def _product(a, b, bias, dtype):
    return (a.astype(np.float32) @ b.astype(np.float32) + bias.astype(np.float32)).astype(dtype)


def _gemm(x, w, bias):
    return _product(x, w, bias, x.dtype)


def _conv(x, w, bias):
    flat = w.reshape(len(w), -1).T  # (channels in * 9, channels out)
    return np.moveaxis(_product(train.patches(x), flat, bias, x.dtype), 3, 1)


OPERATORS = {"Gemm": _gemm, "Conv": _conv, "MaxPool": train.pool, "Relu": lambda x: np.maximum(x, 0),
             "Flatten": lambda x: x.reshape(len(x), -1)}


def scores(path, images):
    """What the network of this sample in `path` says of images of its input's type; (n, 10)."""
    graph = onnx.load(path).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    values[graph.input[0].name] = images
    for node in graph.node:
        values[node.output[0]] = OPERATORS[node.op_type](*(values[name] for name in node.input))
    return values[graph.output[0].name]
