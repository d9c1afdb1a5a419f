"""ONNX graphs made node by node, each evaluated by NumPy in double precision together with a bound of the error that a
device of limited precision may make.

A Value knows what it should be (`exact`), and how far off a device may be (`error`, element by element). Every operator
propagates the errors of its operands through the operation, and adds the rounding of its own: a few units in the last
place of the element type, and for sums and products of vectors as many as they have terms. So the tolerance follows
from the graph, not from trying.
"""
import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

UNIT = {np.float32: 2.0**-23, np.float16: 2.0**-10, np.int32: 0.0}
LEAST = {np.float32: 2.0**-126, np.float16: 2.0**-24, np.int32: 0.0}  # smaller numbers may be lost on the way
ONNX_TYPE = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16, np.int32: TensorProto.INT32,
             np.bool_: TensorProto.BOOL}
ROUNDINGS = 4  # units in the last place of one operation; the device's exp, tanh and so on are that good

erf = np.vectorize(math.erf, otypes=[np.float64])


class Value:
    def __init__(self, name, dtype, exact, error=None):
        self.name, self.dtype = name, dtype
        self.exact = np.asarray(exact, np.float64)
        self.error = np.zeros_like(self.exact) if error is None else np.broadcast_to(error, self.exact.shape)

    @property
    def shape(self):
        return self.exact.shape

    def tolerance(self):
        return self.error + LEAST[self.dtype]


class Graph:
    """Nodes, inputs and constants so far. Operators are methods that take Values and give the Value of their result."""

    def __init__(self, random):
        self.random = random
        self.nodes, self.inputs, self.constants, self.arrays, self.used = [], [], [], {}, set()

    # ---- leaves ----
    def input(self, shape, dtype):
        """A graph input, standard normal; integers from -9 to 9, bools fair coins."""
        name = f"x{len(self.inputs)}"
        array = self.sample(shape, dtype)
        self.inputs.append(helper.make_tensor_value_info(name, ONNX_TYPE[dtype], shape))
        self.arrays[name] = np.asarray(array)
        return Value(name, dtype, array)

    def sample(self, shape, dtype, scale=1.0):
        if dtype is np.bool_:
            return self.random.integers(0, 2, shape).astype(np.bool_)
        if dtype is np.int32:
            return np.asarray(self.random.integers(-9, 10, shape)).astype(np.int32)
        return np.asarray(self.random.standard_normal(shape) * scale).astype(dtype)

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, shape, dtype, scale=1.0):
        """A constant of the graph or, half of the time, an input."""
        if self.random.integers(2):
            return self.input(shape, dtype)
        array = self.sample(shape, dtype, scale)
        return Value(self.constant(array), dtype, array)

    # ---- nodes ----
    def node(self, op, operands, dtype, exact, error, roundings=ROUNDINGS, **attributes):
        name = f"v{len(self.nodes)}"
        names = [operand if isinstance(operand, str) else operand.name for operand in operands]
        self.used.update(names)
        self.nodes.append(helper.make_node(op, names, [name], f"{op}_{len(self.nodes)}", **attributes))
        exact = np.asarray(exact, np.float64)
        return Value(name, dtype, exact, error + roundings * (UNIT[dtype] * np.abs(exact) + LEAST[dtype]))

    def unary(self, op, x, function, **attributes):
        """A monotone function, or one of which the ends of the interval show how steep it is."""
        y = function(x.exact)
        up, down = function(x.exact + x.error), function(x.exact - x.error)
        return self.node(op, [x], x.dtype, y, np.maximum(np.abs(up - y), np.abs(down - y)), **attributes)

    def softplus(self, x):
        """log(exp(x) + 1), as ONNX defines it: what the sum loses is lost."""
        y = np.logaddexp(x.exact, 0)
        return self.node("Softplus", [x], x.dtype, y, x.error + ROUNDINGS * UNIT[x.dtype])

    def add(self, a, b):
        return self.node("Add", [a, b], a.dtype, a.exact + b.exact, a.error + b.error)

    def sub(self, a, b):
        return self.node("Sub", [a, b], a.dtype, a.exact - b.exact, a.error + b.error)

    def mul(self, a, b):
        error = np.abs(a.exact) * b.error + np.abs(b.exact) * a.error + a.error * b.error
        return self.node("Mul", [a, b], a.dtype, a.exact * b.exact, error)

    def div(self, a, b):
        y = a.exact / b.exact
        return self.node("Div", [a, b], a.dtype, y, (a.error + np.abs(y) * b.error) / (np.abs(b.exact) - b.error))

    def extreme(self, op, a, b):
        function = np.maximum if op == "Max" else np.minimum
        return self.node(op, [a, b], a.dtype, function(a.exact, b.exact), np.maximum(a.error, b.error), 0)

    def where(self, condition, a, b):
        return self.node("Where", [condition, a, b], a.dtype, np.where(condition.exact != 0, a.exact, b.exact),
                         np.where(condition.exact != 0, a.error, b.error), 0)

    def clip(self, x, low, high):
        constants = [self.constant(np.asarray(c, x.dtype)) for c in (low, high)]
        return self.node("Clip", [x, *constants], x.dtype, np.clip(x.exact, low, high), x.error, 0)

    def compare(self, op, a, b):
        """Only of values without error."""
        function = {"Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater, "Equal": np.equal}[op]
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [a.name, b.name], [name], f"{op}_{len(self.nodes)}"))
        return Value(name, np.bool_, function(a.exact, b.exact))

    def cast(self, x, dtype):
        return self.node("Cast", [x], dtype, x.exact, x.error, to=ONNX_TYPE[dtype])

    def reduce(self, op, x, axes, keep):
        axes_of = tuple(axes) or None
        count = x.exact.size // max(1, np.sum(x.exact, axis=axes_of).size)
        def total(array):
            return np.sum(array, axis=axes_of, keepdims=keep)
        unit = UNIT[x.dtype] * (count + ROUNDINGS)
        size = np.abs(x.exact) + x.error
        if op == "ReduceSum":
            y, error = total(x.exact), total(x.error) + unit * total(size)
        elif op == "ReduceMean":
            y, error = total(x.exact) / count, (total(x.error) + unit * total(size)) / count
        elif op == "ReduceSumSquare":
            y, error = total(x.exact**2), total(2 * size * x.error) + unit * total(size**2)
        elif op == "ReduceL2":
            y = np.sqrt(total(x.exact**2))
            y_high = np.sqrt(total(size**2))
            error = y_high - np.sqrt(np.maximum(total(np.maximum(np.abs(x.exact) - x.error, 0)**2), 0)) + unit * y_high
        elif op == "ReduceL1":
            y, error = total(np.abs(x.exact)), total(x.error) + unit * total(size)
        else:
            function = np.max if op == "ReduceMax" else np.min
            y = function(x.exact, axis=axes_of, keepdims=keep)
            error = np.max(x.error, axis=axes_of, keepdims=keep)
        if op == "ReduceSum":  # its axes are an input, the others' an attribute
            return self.node(op, [x, self.constant(np.array(axes, np.int64))], x.dtype, y, error, keepdims=int(keep))
        return self.node(op, [x], x.dtype, y, error, axes=[int(a) for a in axes], keepdims=int(keep))

    def softmax(self, op, x, axis):
        shifted = x.exact - np.max(x.exact, axis=axis, keepdims=True)
        power = np.exp(shifted)
        total = np.sum(power, axis=axis, keepdims=True)
        y = power / total
        unit = UNIT[x.dtype] * (x.shape[axis] + 4 * ROUNDINGS)
        # All exponents move by at most 2 * error; sums of positive terms keep the relative error of their terms.
        off = np.expm1(4 * np.max(x.error, axis=axis, keepdims=True)) + unit + UNIT[x.dtype] * np.abs(shifted) * 2
        if op == "Softmax":
            return self.node(op, [x], x.dtype, y, y * off, axis=axis)
        off = off * (1 + np.abs(shifted) * UNIT[x.dtype])
        return self.node(op, [x], x.dtype, shifted - np.log(total), off, axis=axis)

    def layer_norm(self, x, scale, bias, axis):
        axes = tuple(range(axis % x.exact.ndim, x.exact.ndim))
        count = int(np.prod([x.shape[a] for a in axes]))
        unit = UNIT[x.dtype] * (count + 4 * ROUNDINGS)
        def mean(array):
            return np.mean(array, axis=axes, keepdims=True)
        centered = x.exact - mean(x.exact)
        centered_error = x.error + mean(x.error) + unit * mean(np.abs(x.exact))
        variance = mean(centered**2) + 1e-5
        variance_error = mean(2 * np.abs(centered) * centered_error + centered_error**2) + unit * variance
        y = centered / np.sqrt(variance)
        error = (centered_error + np.abs(y) * variance_error / np.sqrt(variance)) / np.sqrt(
            np.maximum(variance - variance_error, 1e-9))
        scaled_error = error * np.abs(scale.exact) + np.abs(y) * ROUNDINGS * UNIT[x.dtype] * np.abs(scale.exact)
        return self.node("LayerNormalization", [x, scale, bias], x.dtype, y * scale.exact + bias.exact,
                         scaled_error + UNIT[x.dtype] * np.abs(bias.exact), axis=axis)

    # ---- products ----
    @staticmethod
    def product_error(product, a, b, terms):
        size = product(np.abs(a.exact), np.abs(b.exact))
        return (product(np.abs(a.exact), b.error) + product(a.error, np.abs(b.exact)) + product(a.error, b.error) +
                (terms + ROUNDINGS) * UNIT[np.float32] * size)  # sums of half precision products are single precision

    def matmul(self, a, b):
        error = self.product_error(np.matmul, a, b, a.shape[-1])
        return self.node("MatMul", [a, b], a.dtype, np.matmul(a.exact, b.exact), error)

    def gemm(self, a, b, c, trans_a, trans_b, alpha, beta):
        def product(x, y):
            return (x.T if trans_a else x) @ (y.T if trans_b else y)
        terms = a.shape[0] if trans_a else a.shape[1]
        y = alpha * product(a.exact, b.exact)
        error = abs(alpha) * self.product_error(product, a, b, terms) + ROUNDINGS * UNIT[a.dtype] * np.abs(y)
        operands = [a, b]
        if c is not None:
            operands.append(c)
            y = y + beta * c.exact
            error = error + abs(beta) * (c.error + ROUNDINGS * UNIT[a.dtype] * np.abs(c.exact))
        return self.node("Gemm", operands, a.dtype, y, error, transA=int(trans_a), transB=int(trans_b), alpha=alpha,
                         beta=beta)

    # ---- windows ----
    @staticmethod
    def windows(array, kernel, strides, dilations, pads, fill):
        """(n, c, oh, ow, kh, kw) of an (n, c, h, w) array."""
        top, left, bottom, right = pads
        padded = np.pad(array, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
        reach = [dilations[i] * (kernel[i] - 1) + 1 for i in range(2)]
        view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
        return view[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]]

    def conv(self, x, w, bias, groups, strides, dilations, pads):
        kernel = w.shape[2:]
        def product(image, weights):
            columns = self.windows(image, kernel, strides, dilations, pads, 0.0)
            n, c, oh, ow = columns.shape[:4]
            columns = columns.reshape(n, groups, c // groups, oh, ow, *kernel)
            weights = weights.reshape(groups, -1, c // groups, *kernel)
            return np.einsum("ngchwij,gocij->ngohw", columns, weights).reshape(n, -1, oh, ow)
        y, terms = product(x.exact, w.exact), int(np.prod(w.shape[1:]))
        error = self.product_error(product, x, w, terms) + ROUNDINGS * UNIT[x.dtype] * np.abs(y)
        operands = [x, w]
        if bias is not None:
            operands.append(bias)
            y = y + bias.exact[:, None, None]
            error = error + (bias.error + UNIT[x.dtype] * np.abs(bias.exact))[:, None, None]
        return self.node("Conv", operands, x.dtype, y, error, group=groups, strides=strides, dilations=dilations,
                         pads=pads, kernel_shape=list(kernel))

    def conv_transpose(self, x, w, groups, strides, pads):
        n, channels, height, width = x.shape
        outputs = w.shape[1] * groups
        def product(image, weights):
            kh, kw = weights.shape[2:]
            full = np.zeros((n, outputs, (height - 1) * strides[0] + kh, (width - 1) * strides[1] + kw))
            image = image.reshape(n, groups, channels // groups, height, width)
            weights = weights.reshape(groups, channels // groups, -1, kh, kw)
            parts = np.einsum("ngchw,gcokl->ngohwkl", image, weights).reshape(n, outputs, height, width, kh, kw)
            for i in range(kh):
                for j in range(kw):
                    full[:, :, i:i + (height - 1) * strides[0] + 1:strides[0],
                         j:j + (width - 1) * strides[1] + 1:strides[1]] += parts[..., i, j]
            return full[:, :, pads[0]:full.shape[2] - pads[2], pads[1]:full.shape[3] - pads[3]]
        y, terms = product(x.exact, w.exact), channels // groups * int(np.prod(w.shape[2:]))
        error = self.product_error(product, x, w, terms) + ROUNDINGS * UNIT[x.dtype] * np.abs(y)
        return self.node("ConvTranspose", [x, w], x.dtype, y, error, group=groups, strides=strides, pads=pads,
                         kernel_shape=list(w.shape[2:]))

    def max_pool(self, x, kernel, strides, pads):
        def pool(array, fill):
            return np.max(self.windows(array, kernel, strides, (1, 1), pads, fill), axis=(4, 5))
        return self.node("MaxPool", [x], x.dtype, pool(x.exact, -np.inf), pool(x.error, 0.0), 0, kernel_shape=kernel,
                         strides=strides, pads=pads)

    def average_pool(self, x, kernel, strides, pads, count_pads):
        def total(array):
            return np.sum(self.windows(array, kernel, strides, (1, 1), pads, 0.0), axis=(4, 5))
        count = kernel[0] * kernel[1] if count_pads else total(np.ones(x.shape))
        terms = kernel[0] * kernel[1]
        error = (total(x.error) + (terms + ROUNDINGS) * UNIT[x.dtype] * total(np.abs(x.exact))) / count
        return self.node("AveragePool", [x], x.dtype, total(x.exact) / count, error, kernel_shape=kernel,
                         strides=strides, pads=pads, count_include_pad=int(count_pads))

    # ---- movement: errors travel with the elements ----
    def move(self, op, operands, function, **attributes):
        x = operands[0]
        return self.node(op, operands, x.dtype, function(x.exact), function(x.error), 0, **attributes)

    def transpose(self, x, order):
        return self.move("Transpose", [x], lambda a: np.transpose(a, order), perm=[int(o) for o in order])

    def reshape(self, x, shape):
        return self.move("Reshape", [x, self.constant(np.array(shape, np.int64))], lambda a: a.reshape(shape))

    def expand(self, x, shape):
        return self.move("Expand", [x, self.constant(np.array(shape, np.int64))], lambda a: np.broadcast_to(a, shape))

    def concat(self, values, axis):
        return self.node("Concat", values, values[0].dtype, np.concatenate([v.exact for v in values], axis),
                         np.concatenate([v.error for v in values], axis), 0, axis=axis)

    def gather(self, x, indices, axis):
        return self.move("Gather", [x, self.constant(np.array(indices, np.int64))], lambda a: np.take(a, indices, axis),
                         axis=axis)

    def enlarge(self, x, scales):
        def repeat(a):
            for axis, scale in enumerate(scales):
                a = np.repeat(a, scale, axis)
            return a
        operands = [x, "", self.constant(np.array(scales, np.float32))]
        return self.move("Resize", operands, repeat, mode="nearest", coordinate_transformation_mode="asymmetric",
                         nearest_mode="floor")

    def tile(self, x, repeats):
        return self.move("Tile", [x, self.constant(np.array(repeats, np.int64))], lambda a: np.tile(a, repeats))

    def triangle(self, x, offset, upper):
        function = np.triu if upper else np.tril
        return self.move("Trilu", [x, self.constant(np.array(offset, np.int64))], lambda a: function(a, offset),
                         upper=int(upper))

    def depth_to_space(self, x, block):
        def rearrange(a):
            n, c, h, w = a.shape
            a = a.reshape(n, block, block, c // block**2, h, w).transpose(0, 3, 4, 1, 5, 2)
            return a.reshape(n, c // block**2, h * block, w * block)
        return self.move("DepthToSpace", [x], rearrange, blocksize=block)

    def slice(self, x, begins, ends, axes, steps):
        index = [slice(None)] * x.exact.ndim
        for begin, end, axis, step in zip(begins, ends, axes, steps):
            index[axis] = slice(begin, None if end < -x.shape[axis] else end, step)
        constants = [self.constant(np.array(c, np.int64)) for c in (begins, ends, axes, steps)]
        return self.move("Slice", [x, *constants], lambda a: a[tuple(index)])

    def pad(self, x, before, after, mode):
        amounts = list(zip(before, after))
        operands = [x, self.constant(np.array([*before, *after], np.int64))]
        if mode == "constant":
            fill = self.sample((), x.dtype)
            operands.append(self.constant(fill))
            padded = np.pad(x.exact, amounts, constant_values=float(fill))
            return self.node("Pad", operands, x.dtype, padded, np.pad(x.error, amounts), 0, mode=mode)
        return self.move("Pad", operands, lambda a: np.pad(a, amounts, mode=mode), mode=mode)

    # ---- the whole ----
    def model(self, outputs):
        """The ModelProto with these Values as outputs."""
        infos = [helper.make_tensor_value_info(v.name, ONNX_TYPE[v.dtype], v.shape) for v in outputs]
        graph = helper.make_graph(self.nodes, "random", self.inputs, infos, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
