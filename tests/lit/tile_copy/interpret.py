"""Runs the copy kernels of a module after phase tile and compares the result with what npu.rearrange says.

usage: interpret.py <module with one copy group> < <the same module after phx-tile>

Only what copy kernels consist of is understood. Memory that nobody wrote is poison, written twice is an error, and so is
reading a buffer outside of its bounds.
"""

import re
import sys

import numpy as np

TYPES = {"f32": np.float32, "f16": np.float16, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
         "bf16": np.uint16}
BLOCK = 32  # bytes


def numbers(text):
    return [int(word) for word in re.findall(r"-?\d+", text)]


class Buffer:
    """Device memory: the elements, how often each one was written, and whether all may be read."""

    def __init__(self, data, readable):
        self.data, self.readable = data, readable
        self.writes = np.zeros(data.size, np.int32)

    def view(self, dtype):
        if dtype == self.data.dtype:
            return self
        other = Buffer(self.data.view(dtype), self.readable)
        other.writes = np.zeros(other.data.size, np.int32)
        return other


class Kernel:
    """The statements of a kernel function as a tree of (text, body)."""

    def __init__(self, lines):
        self.arguments = re.findall(r"(%[\w-]+): memref<(\d+)x(\w+)", lines[0])
        self.body, self.end = self.parse(lines, 1)

    def parse(self, lines, at):
        body = []
        while lines[at].strip() != "}":
            text = lines[at].strip()
            if text.startswith("scf.for"):
                inner, at = self.parse(lines, at + 1)
                body.append((text, inner))
            else:
                body.append((text, None))
            at += 1
        return body, at

    def run(self, buffers, core):
        values = {}
        for (name, count, kind), buffer in zip(self.arguments, buffers):
            values[name] = buffer.view(TYPES[kind])
            assert values[name].data.size == int(count)
        values["core"] = core
        self.block(self.body, values)

    def block(self, body, values):
        for text, inner in body:
            if inner is not None:
                name, first, last, step = re.match(r"scf.for (%[\w-]+) = (%[\w-]+) to (%[\w-]+) step (%[\w-]+)", text).groups()
                for i in range(values[first], values[last], values[step]):
                    values[name] = i
                    self.block(inner, values)
            elif text != "return":
                self.statement(text, values)

    def statement(self, text, values):
        result, operation = re.match(r"(?:(%[\w-]+) = )?([\w.]+)", text).groups()
        if operation == "npu.store":
            return self.store(text, values)
        handler = {"arith.constant": self.constant, "npu.block_idx": lambda t, v: v["core"], "tensor.empty": self.empty,
                   "npu.load": self.load, "npu.vec": self.vector}.get(operation, self.arithmetic)
        values[result] = handler(text, values)

    def constant(self, text, values):
        word, kind = re.search(r"arith.constant (\S+) : (\w+)", text).groups()
        if kind == "index":
            return int(word)
        if kind == "bf16":
            return np.float32(float(word)).view(np.uint32).astype(np.uint64) >> 16
        number = np.frombuffer(int(word, 16).to_bytes(4, "little")[: np.dtype(TYPES[kind]).itemsize], TYPES[kind])[0] \
            if word.startswith("0x") else float(word) if kind[0] == "f" else int(word)
        return TYPES[kind](number)

    def arithmetic(self, text, values):
        operation, a, b = re.search(r"arith.(\w+) (%[\w-]+), (%[\w-]+)", text).groups()
        a, b = values[a], values[b]
        return {"muli": lambda: a * b, "addi": lambda: a + b, "subi": lambda: a - b, "divui": lambda: a // b,
                "remui": lambda: a % b, "minsi": lambda: min(a, b)}[operation]()

    def empty(self, text, values):
        rows, columns, kind = re.search(r"tensor<(\d+)x(\d+)x(\w+)>", text).groups()
        dtype = np.dtype(TYPES[kind])
        assert int(columns) * dtype.itemsize % BLOCK == 0, text
        return np.full((int(rows), int(columns) * dtype.itemsize), 0xA5, np.uint8).view(dtype)

    def load(self, text, values):
        words = re.search(r"npu.load (%[\w-]+)\[(%[\w-]+)\] rows (%[\w-]+) cols (%[\w-]+) pitch (%[\w-]+) outs\((%[\w-]+)", text).groups()
        buffer, offset, rows, columns, pitch, outs = (values[w] for w in words)
        tile = outs.copy()
        assert buffer.readable and rows <= tile.shape[0] and columns <= tile.shape[1] and rows < 65536
        assert rows == 1 or pitch > 0
        for r in range(rows):
            start = offset + r * pitch
            assert 0 <= start and start + columns <= buffer.data.size, text
            tile[r, :columns] = buffer.data[start:start + columns]
        return tile

    def store(self, text, values):
        words = re.search(r"npu.store (%[\w-]+) to (%[\w-]+)\[(%[\w-]+)\] rows (%[\w-]+) cols (%[\w-]+) pitch (%[\w-]+)", text).groups()
        tile, buffer, offset, rows, columns, pitch = (values[w] for w in words)
        assert rows <= tile.shape[0] and columns <= tile.shape[1] and (rows == 1 or pitch >= columns)
        for r in range(rows):
            start = offset + r * pitch
            assert 0 <= start and start + columns <= buffer.data.size, text
            buffer.data[start:start + columns] = tile[r, :columns]
            buffer.writes[start:start + columns] += 1

    def vector(self, text, values):
        inst, ins, value, rows, columns, outs = re.search(
            r'npu.vec "(\S+)" ins\(([^:)]*).*?\) (?:value (%[\w-]+) : \w+ )?rows (%[\w-]+) cols (%[\w-]+) outs\((%[\w-]+)', text).groups()
        ins = [values[name] for name in re.findall(r"%[\w-]+", ins)]
        rows, columns, out = values[rows], values[columns], values[outs].copy()
        name = inst.split(".")[0]

        def part(tile):
            return np.broadcast_to(tile[:rows, :columns] if tile.shape[0] > 1 else tile[:1, :columns], (rows, columns))

        if name == "vtranspose":
            out[:columns, :rows] = part(ins[0]).T
        elif name == "vgather":
            places = part(ins[1]).astype(np.int64) // out.itemsize
            assert (part(ins[1]) % out.itemsize == 0).all() and (places >= 0).all()
            out[:rows, :columns] = ins[0].reshape(-1)[places]
        else:
            out[:rows, :columns] = {
                "vci": lambda: np.arange(columns) + values[value], "vdup": lambda: values[value], "vcopy": lambda: part(ins[0]),
                "vmuls": lambda: part(ins[0]) * values[value], "vadds": lambda: part(ins[0]) + values[value],
                "vadd": lambda: part(ins[0]) + part(ins[1]), "vand": lambda: part(ins[0]) & part(ins[1])}[name]()
        return out


def boxes(text):
    """Sizes, and the element numbers in source and result of each piece."""
    for piece in re.findall(r"#npu.piece<([^>]*)>", text):
        source, source_offset, offset = numbers(piece.split("[")[0])
        sizes, from_strides, to_strides = (numbers(part) for part in re.findall(r"\[([^\]]*)\]", piece))
        grid = np.indices(sizes).reshape(len(sizes), -1) if sizes else np.zeros((0, 1), int)
        yield source, source_offset + np.array(from_strides, int) @ grid, offset + np.array(to_strides, int) @ grid


def main():
    module = open(sys.argv[1]).read()
    rearrange = re.search(r"npu\.rearrange.*", module).group(0)
    ins, out = rearrange.rsplit(":", 1)[1].split("->")

    def made(kind):
        *shape, element = re.search(r"tensor<([^>]*)>", kind).group(1).split("x")
        return int(np.prod([int(s) for s in shape] or [1])), np.dtype(TYPES[element])

    sources = []
    for i, kind in enumerate(re.findall(r"tensor<[^>]*>", ins)):
        count, dtype = made(kind)
        bits = np.random.default_rng(i).integers(0, 250, (count, dtype.itemsize), np.uint8)
        sources.append(Buffer(bits.view(dtype).reshape(-1), True))
    count, dtype = made(out)
    result = Buffer(np.full((count, dtype.itemsize), 0x5A, np.uint8).view(dtype).reshape(-1), False)
    expected = result.data.copy()
    fill = re.search(r"fill\((\S+) :", rearrange)
    if fill:
        expected[:] = np.float32(float(fill.group(1))).view(np.uint32) >> 16 if " bf16)" in rearrange.split("->")[0] \
            else dtype.type(float(fill.group(1))) if dtype.kind == "f" else int(fill.group(1))
    for source, places, targets in boxes(rearrange):
        expected[targets] = sources[source].data[places]

    lines = sys.stdin.read().split("\n")
    kernels = {}
    for at, line in enumerate(lines):
        if "func.func private @" in line:
            kernels[re.search(r"@(\w+)", line).group(1)] = Kernel(lines[at:])
    launches = 0
    for line in lines:
        launch = re.search(r"npu.launch @(\w+) grid (\d+)\(([^)]*)\)", line)
        if not launch:
            continue
        launches += 1
        arguments = re.findall(r"%[\w-]+", launch.group(3))
        result.writes[:] = 0
        for core in range(int(launch.group(2))):
            kernels[launch.group(1)].run((sources + [result])[-len(arguments):], core)
        assert result.writes.max(initial=0) <= 1, "written twice in one launch"
    same = expected.view(np.uint8) == result.data.view(np.uint8)
    print(f"{launches} launches, {np.count_nonzero(~same)} of {same.size} bytes differ")


main()
