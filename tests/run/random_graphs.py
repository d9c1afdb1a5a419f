#!/usr/bin/env python3
"""Random ONNX graphs: compiled once each, run in every mode, compared with NumPy and with each other.

usage: random_graphs.py [--graphs N] [--first SEED] [--jobs N] [--machine M] [--set KEY=VALUE]... [--keep DIR]

Of every graph it is checked that
- the values are what NumPy computes, within the error bound that tests/run/onnx_reference.py derives for the graph;
- `functional` and `timed`, on one and two host threads, give the same bytes;
- the cycles are the same on one and two host threads and in `timing-only`;
- synccheck finds nothing.
A graph that fails is written to DIR, with its inputs, for `phx run`. Exits with 77 (skipped) without its packages.
"""
import argparse
import concurrent.futures
import itertools
import pathlib
import sys

try:
    import numpy as np
    import onnx
    import phalanx
except ImportError as missing:
    print(f"skipped: {missing}; needs python3-numpy, python3-onnx and the package phalanx")
    sys.exit(77)

from onnx_reference import Graph, erf

SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200]
ELEMENTS = 20_000        # of a tensor
MANY_ELEMENTS = 300_000  # of the few that do not fit on the chip: the unified buffer holds 49152 floats
SCHEDULES = {"base_m": [16, 32, 48, 128], "base_n": [16, 32, 48, 128], "base_k": [32, 64], "step_k": [1, 2, 3],
             "cores_m": [1, 2, 3], "cores_n": [1, 2, 4], "split_k": [1, 2, 3], "n_outer": [0, 1], "l1_buffers": [1, 2],
             "l0_buffers": [1, 2], "l0c_buffers": [1, 2], "unit_flag": [0, 1], "nd2nz": [1, 1, 0], "deal": [0, 1], "core_order": [0, 1],
             "l2_m": [0, 1, 2], "l2_n": [0, 1, 2], "k_stagger": [0, 1, 3], "mix": [0, 1], "split_add": [0, 1]}
LARGEST = {np.float32: 1e4, np.float16: 1e3, np.int32: 1e8}  # values; more and a graph would soon overflow
LOOSEST = {np.float32: 1e-3, np.float16: 5e-2, np.int32: 0}  # error bound over largest value; more would say nothing


class Unfit(Exception):
    """This operator does not go with this operand."""


class Maker:
    """One random graph."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.graph = Graph(self.random)
        self.most = MANY_ELEMENTS if seed % 8 == 7 else ELEMENTS
        self.dtype = self.choose([np.float32] * 6 + [np.float16] * 3 + [np.int32])
        self.values = [self.graph.input(self.shape(), self.dtype)]
        if self.random.integers(3) == 0:
            self.values.append(self.graph.input(self.shape(), self.dtype))
        wanted, tries = self.integer(1, 10), 0
        while wanted and tries < 100:
            tries += 1
            nodes, inputs = len(self.graph.nodes), len(self.graph.inputs)
            constants = len(self.graph.constants)
            try:
                with np.errstate(all="ignore"):
                    value = self.choose(self.OPERATORS)(self, self.choose(self.values[-3:]))
                self.check(value)
            except Unfit:
                del self.graph.nodes[nodes:], self.graph.inputs[inputs:], self.graph.constants[constants:]
                self.graph.arrays = dict(itertools.islice(self.graph.arrays.items(), inputs))
                continue
            self.values.append(value)
            wanted -= 1
        made = [v for v in self.values if v.name.startswith("v")]
        read = {name for node in self.graph.nodes for name in node.input}
        self.outputs = [v for v in made if v.name not in read][-3:]
        if len(made) > 1 and self.random.integers(4) == 0 and made[0] not in self.outputs:
            self.outputs.append(made[0])  # one that the graph goes on with
        # How matrix products are cut, now and then; not every choice fits.
        self.schedule = ""
        if self.random.integers(2):
            self.schedule = ",".join(f"{field}={self.choose(values)}" for field, values in SCHEDULES.items()
                                     if self.random.integers(2))

    def check(self, value):
        size = np.abs(value.exact)
        if value.exact.size == 0 or value.exact.size > self.most or not np.isfinite(size).all():
            raise Unfit
        if size.max() > LARGEST[value.dtype] or value.error.max() > LOOSEST[value.dtype] * max(size.max(), 1e-3):
            raise Unfit

    def room(self, elements):
        """Before a result is computed that would be too large."""
        if elements > self.most:
            raise Unfit

    def choose(self, among):
        return among[self.random.integers(len(among))]

    def integer(self, low, high):
        return int(self.random.integers(low, high + 1))

    def shape(self, rank=None):
        rank = self.choose([0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 5]) if rank is None else rank
        while True:
            shape = [int(self.choose(SIZES)) for _ in range(rank)]
            if self.most == MANY_ELEMENTS and rank:
                # One dimension takes what the others leave, or a part of it.
                axis = self.integer(0, rank - 1)
                shape[axis] = 1
                shape[axis] = self.integer(1, max(1, self.most // int(np.prod(shape)) // self.choose([1, 1, 4, 16])))
            if np.prod(shape) <= self.most:
                return shape

    def like(self, x):
        """An operand that is broadcast to x: an earlier value if one fits, or a new one with dimensions left out."""
        if self.random.integers(2):
            fitting = [v for v in self.values if v.dtype is x.dtype and self.broadcasts(v.shape, x.shape)]
            if fitting:
                return self.choose(fitting)
        shape = [1 if self.random.integers(3) == 0 else size for size in x.shape]
        if self.random.integers(3) == 0:
            shape = shape[self.integer(0, len(shape)):]
        return self.graph.weights(shape, x.dtype)

    @staticmethod
    def broadcasts(shape, to):
        return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1]))

    # ---- operators: each takes a value and makes another ----
    @staticmethod
    def floats(x):
        if x.dtype is np.int32:
            raise Unfit

    def unary(self, x):
        if x.dtype is np.int32:
            name, function = self.choose([("Neg", np.negative), ("Abs", np.abs)])
            return self.graph.unary(name, x, function)
        functions = [("Neg", np.negative, {}), ("Abs", np.abs, {}), ("Exp", np.exp, {}), ("Tanh", np.tanh, {}),
                     ("Sigmoid", lambda a: 1 / (1 + np.exp(-a)), {}), ("Erf", erf, {}),
                     ("Relu", lambda a: np.maximum(a, 0), {}),
                     ("LeakyRelu", lambda a: np.where(a < 0, 0.125 * a, a), {"alpha": 0.125}),
                     ("HardSigmoid", lambda a: np.clip(0.25 * a + 0.5, 0, 1), {"alpha": 0.25}),
                     ("Sin", np.sin, {}), ("Cos", np.cos, {}), ("Softplus", None, {})]
        name, function, attributes = self.choose(functions)
        if name in ("Exp", "Sin", "Cos") and np.abs(x.exact).max() > 6:
            raise Unfit
        if name == "Erf" and x.exact.size > ELEMENTS:
            raise Unfit  # the reference is slow
        if name == "Softplus":
            return self.graph.softplus(x)
        return self.graph.unary(name, x, function, **attributes)

    def root(self, x):
        self.floats(x)
        return self.graph.unary("Sqrt", self.graph.unary("Abs", x, np.abs), lambda a: np.sqrt(np.maximum(a, 0)))

    def binary(self, x):
        y = self.like(x)
        kind = self.choose(["add", "sub", "mul", "div", "Max", "Min"])
        a, b = (x, y) if self.random.integers(2) else (y, x)
        if kind == "div":
            self.floats(x)
            one = self.graph.constant(np.ones((), x.dtype))
            away = self.graph.unary("Abs", b, np.abs)
            return self.graph.div(a, self.graph.add(away, type(x)(one, x.dtype, 1.0)))
        if kind in ("Max", "Min"):
            return self.graph.extreme(kind, a, b)
        return getattr(self.graph, kind)(a, b)

    def where(self, x):
        y = self.like(x)
        if self.random.integers(2) and not x.error.any() and not y.error.any():
            condition = self.graph.compare(self.choose(["Less", "LessOrEqual", "Greater", "Equal"]), x, y)
        else:
            condition = self.graph.input([1 if self.random.integers(4) == 0 else size for size in x.shape], np.bool_)
        return self.graph.where(condition, *((x, y) if self.random.integers(2) else (y, x)))

    def cast(self, x):
        if x.dtype is np.int32:
            return self.graph.cast(x, np.float32)
        return self.graph.cast(x, np.float32 if x.dtype is np.float16 else np.float16)

    def clip(self, x):
        self.floats(x)
        return self.graph.clip(x, -self.choose([0.25, 1.0]), self.choose([0.5, 2.0]))

    def reduce(self, x):
        if not x.shape:
            raise Unfit
        axes = [axis for axis in range(len(x.shape)) if self.random.integers(2)] or [self.integer(0, len(x.shape) - 1)]
        axes = [axis - len(x.shape) if self.random.integers(2) else axis for axis in axes]
        ops = ["ReduceSum", "ReduceMax", "ReduceMin"]
        if x.dtype is not np.int32:
            ops += ["ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2"]
        op = self.choose(ops)
        return self.graph.reduce(op, x, axes, bool(self.random.integers(2)))

    def softmax(self, x):
        self.floats(x)
        if not x.shape:
            raise Unfit
        axis = self.integer(-len(x.shape), len(x.shape) - 1)
        return self.graph.softmax(self.choose(["Softmax", "LogSoftmax"]), x, axis)

    def layer_norm(self, x):
        self.floats(x)
        if not x.shape:
            raise Unfit
        axis = self.integer(-len(x.shape), len(x.shape) - 1)
        rest = x.shape[axis:]
        if np.prod(rest) < 4:
            raise Unfit
        return self.graph.layer_norm(x, self.graph.weights(rest, x.dtype), self.graph.weights(rest, x.dtype), axis)

    def matmul(self, x):
        self.floats(x)
        if len(x.shape) < 1:
            raise Unfit
        inner, columns = x.shape[-1], int(self.choose(SIZES))
        self.room(x.exact.size // inner * columns)
        batch = [1 if self.random.integers(3) == 0 else size for size in x.shape[:-2]]
        batch = batch[self.integer(0, len(batch)):]
        other = self.graph.weights(batch + [inner, columns], x.dtype, 1 / np.sqrt(inner))
        if len(x.shape) >= 2 and self.random.integers(4) == 0:  # x from the right
            rows = int(self.choose(SIZES))
            self.room(x.exact.size // x.shape[-2] * rows)
            return self.graph.matmul(self.graph.weights(batch + [rows, x.shape[-2]], x.dtype), x)
        return self.graph.matmul(x, other)

    def gemm(self, x):
        self.floats(x)
        if len(x.shape) != 2:
            raise Unfit
        trans_a, trans_b = bool(self.random.integers(2)), bool(self.random.integers(2))
        rows, inner = x.shape[::-1] if trans_a else x.shape
        columns = int(self.choose(SIZES))
        self.room(rows * columns)
        b = self.graph.weights([columns, inner] if trans_b else [inner, columns], x.dtype, 1 / np.sqrt(inner))
        shapes = [None, [columns], [rows, 1], [1, columns], [rows, columns], [1]]
        shape = self.choose(shapes)
        c = None if shape is None else self.graph.weights(shape, x.dtype)
        return self.graph.gemm(x, b, c, trans_a, trans_b, self.choose([1.0, 0.5]), self.choose([1.0, 2.0]))

    def images(self, x):
        if len(x.shape) != 4 or min(x.shape[2:]) < 2:
            raise Unfit
        return x

    def window(self, x, most=4):
        kernel = [self.integer(1, min(most, size)) for size in x.shape[2:]]
        pads = [self.integer(0, (kernel[i % 2] - 1) // 2) for i in range(4)]
        return kernel, [self.integer(1, 3) for _ in range(2)], pads

    def conv(self, x):
        self.floats(x)
        x = self.images(x)
        kernel, strides, pads = self.window(x)
        dilations = [self.choose([1, 1, 2]) for _ in range(2)]
        if any(dilations[i] * (kernel[i] - 1) + 1 > x.shape[2 + i] for i in range(2)):
            raise Unfit
        channels = x.shape[1]
        groups = int(self.choose([1, 1, channels, *(g for g in (2, 3, 4) if channels % g == 0)]))
        if groups > 40:
            raise Unfit
        outputs = groups * self.integer(1, 3) if groups > 1 else int(self.choose([1, 3, 8, 16, 17]))
        scale = 1 / np.sqrt(kernel[0] * kernel[1] * channels / groups)
        w = self.graph.weights([outputs, channels // groups, *kernel], x.dtype, scale)
        bias = self.graph.weights([outputs], x.dtype) if self.random.integers(2) else None
        return self.graph.conv(x, w, bias, groups, strides, dilations, pads)

    def conv_transpose(self, x):
        self.floats(x)
        x = self.images(x)
        if x.exact.size > 4000:
            raise Unfit  # its result and its reference would be large
        groups = x.shape[1] if self.random.integers(4) == 0 else 1
        kernel = [self.integer(1, 3) for _ in range(2)]
        pads = [self.integer(0, (kernel[i % 2] - 1) // 2) for i in range(4)]
        scale = 1 / np.sqrt(x.shape[1] // groups)
        w = self.graph.weights([x.shape[1], self.choose([1, 3, 8]), *kernel], x.dtype, scale)
        return self.graph.conv_transpose(x, w, groups, [self.integer(1, 2) for _ in range(2)], pads)

    def depth_to_space(self, x):
        x = self.images(x)
        if x.shape[1] % 4:
            raise Unfit
        return self.graph.depth_to_space(x, 2)

    def pool(self, x):
        self.floats(x)
        x = self.images(x)
        kernel, strides, pads = self.window(x)
        if self.random.integers(2):
            return self.graph.max_pool(x, kernel, strides, pads)
        return self.graph.average_pool(x, kernel, strides, pads, bool(self.random.integers(2)))

    def transpose(self, x):
        return self.graph.transpose(x, self.random.permutation(len(x.shape)))

    def reshape(self, x):
        """The prime factors of the size, dealt to dimensions."""
        factors, rest = [], x.exact.size
        for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 43, 127):
            while rest % prime == 0:
                factors.append(prime)
                rest //= prime
        shape = [1] * self.integer(1, 5)
        for factor in [*factors, rest]:
            shape[self.integer(0, len(shape) - 1)] *= factor
        return self.graph.reshape(x, shape)

    def gather(self, x):
        if not x.shape:
            raise Unfit
        axis = self.integer(0, len(x.shape) - 1)
        shape = [self.integer(1, 4) for _ in range(self.integer(0, 2))]
        return self.graph.gather(x, self.random.integers(-x.shape[axis], x.shape[axis], shape).tolist(), axis)

    def tile(self, x):
        return self.graph.tile(x, [self.choose([1, 1, 2, 3]) for _ in x.shape])

    def enlarge(self, x):
        if not x.shape or max(x.shape) > 4000:
            raise Unfit  # the compiler resizes no dimensions of many thousands
        scales = [self.choose([1, 1, 2, 3]) for _ in x.shape]
        self.room(x.exact.size * np.prod(scales))
        return self.graph.enlarge(x, scales)

    def triangle(self, x):
        if len(x.shape) < 2:
            raise Unfit
        return self.graph.triangle(x, self.integer(-3, 3), bool(self.random.integers(2)))

    def expand(self, x):
        shape = [int(self.choose(SIZES)) if size == 1 else size for size in x.shape]
        shape = [self.choose([1, 2, 3]) for _ in range(self.integer(0, 1))] + shape
        self.room(np.prod(shape))
        return self.graph.expand(x, shape)

    def concat(self, x):
        if not x.shape:
            raise Unfit
        axis = self.integer(0, len(x.shape) - 1)
        others = []
        for _ in range(self.integer(1, 2)):
            shape = list(x.shape)
            shape[axis] = int(self.choose(SIZES))
            others.append(x if self.random.integers(4) == 0 else self.graph.weights(shape, x.dtype))
        values = [x, *others]
        self.random.shuffle(values)
        return self.graph.concat(values, axis)

    def slice(self, x):
        if not x.shape:
            raise Unfit
        axes = [axis for axis in range(len(x.shape)) if self.random.integers(2)] or [len(x.shape) - 1]
        begins, ends, steps = [], [], []
        for axis in axes:
            low = self.integer(0, x.shape[axis] - 1)
            high = self.integer(low + 1, x.shape[axis])
            step = self.integer(1, 3)
            if self.random.integers(3) == 0:  # backwards
                begins.append(high - 1), ends.append(low - 1 if low else -x.shape[axis] - 1), steps.append(-step)
            else:
                begins.append(low), ends.append(high), steps.append(step)
        return self.graph.slice(x, begins, ends, axes, steps)

    def pad(self, x):
        if not x.shape:
            raise Unfit
        mode = self.choose(["constant", "constant", "reflect", "edge"])
        most = [min(3, size - 1) if mode == "reflect" else 3 for size in x.shape]
        return self.graph.pad(x, [self.integer(0, m) for m in most], [self.integer(0, m) for m in most], mode)

    OPERATORS = [unary] * 5 + [binary] * 7 + [reduce] * 4 + [softmax, layer_norm] * 2 + [matmul] * 4 + [gemm] * 5 + [
        conv] * 12 + [pool] * 8 + [conv_transpose] * 4 + [transpose] * 3 + [reshape] * 3 + [concat, slice, pad] * 2 + [
        where, cast, clip, expand, root, gather, tile, enlarge, triangle, depth_to_space]


class Devices:
    """One for each way to run a program; all of them see the same programs in the same order."""

    def __init__(self, machine, overrides):
        self.machine = phalanx.Machine(machine, dict(one.split("=", 1) for one in overrides))
        self.open()

    def open(self):
        self.functional = phalanx.open(self.machine, mode="functional", check="synccheck", threads=1)
        self.timed = [phalanx.open(self.machine, mode="timed", threads=threads) for threads in (1, 2)]
        self.timing_only = phalanx.open(self.machine, mode="timing-only", threads=2)

    def check(self, maker):
        """What is wrong with the graph; nothing if all is well."""
        model = maker.graph.model(maker.outputs)
        try:
            program = phalanx.compile(model, self.machine, schedule=maker.schedule)
        except phalanx.Error as error:
            if "schedule: " not in str(error):
                raise
            program = phalanx.compile(model, self.machine)
        inputs = {one.name: maker.graph.arrays[one.name] for one in program.inputs}
        result = self.functional.run(program, inputs)
        one, two = (device.run(program, inputs) for device in self.timed)
        only = self.timing_only.run(program, inputs)
        for value in maker.outputs:
            found = result.outputs[value.name]
            if found.shape != value.shape or found.dtype != value.dtype:
                return f"{value.name} is {found.dtype} {found.shape}, expected {np.dtype(value.dtype)} {value.shape}"
            off = np.abs(found.astype(np.float64) - value.exact)
            wrong = ~(off <= value.tolerance())
            if wrong.any():
                where = tuple(int(i) for i in np.argwhere(wrong)[0])
                return (f"{value.name}{list(where)} is {found[where]!r}, expected {value.exact[where]:.9g} +- "
                        f"{value.tolerance()[where]:.2g}; {wrong.sum()} of {wrong.size} elements are wrong")
            for name, other in (("timed", one), ("timed on two threads", two)):
                if other.outputs[value.name].tobytes() != found.tobytes():
                    return f"{value.name} has other bytes {name} than functional"
        if not one.cycles == two.cycles == only.cycles:
            return f"cycles: timed {one.cycles}, on two threads {two.cycles}, timing-only {only.cycles}"
        if not one.cycles and any(node.op_type not in ("Reshape",) for node in maker.graph.nodes):
            return "no cycles were counted"
        return ""


def keep(folder, seed, maker):
    folder = pathlib.Path(folder) / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(maker.graph.model(maker.outputs), str(folder / "model.onnx"))
    for name, array in maker.graph.arrays.items():
        np.save(folder / f"{name}.npy", array)
    for value in maker.outputs:
        np.save(folder / f"expected_{value.name}.npy", value.exact)


def run(seeds, machine, overrides, folder):
    """(seed, what is wrong, the graph in a line) of every seed."""
    devices, results = Devices(machine, overrides), []
    for seed in seeds:
        maker = Maker(seed)
        if not maker.outputs:
            continue
        try:
            wrong = devices.check(maker)
        except phalanx.Error as error:
            wrong = str(error)
        if wrong:
            devices.open()  # none of them may have seen more than the others
            if folder:
                keep(folder, seed, maker)
        nodes = ", ".join(f"{n.op_type}({', '.join(n.input)})" for n in maker.graph.nodes)
        results.append((seed, wrong, nodes))
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graphs", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--machine", default="ascend-910b1")
    parser.add_argument("--set", action="append", default=[], help="a number of the machine to change: buffers.ub=48KiB")
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.graphs)
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        parts = [pool.submit(run, seeds[i::arguments.jobs], arguments.machine, arguments.set, arguments.keep)
                 for i in range(arguments.jobs)]
        results = sorted(itertools.chain.from_iterable(part.result() for part in parts))
    wrong = [result for result in results if result[1]]
    for seed, why, nodes in wrong:
        print(f"graph {seed}: {why}\n    {nodes}")
    operators = {node.split("(")[0] for _, _, nodes in results for node in nodes.split("), ")}
    print(f"{len(results)} graphs of {len(operators)} operators, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
