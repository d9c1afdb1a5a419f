#!/usr/bin/env python3
"""Matrix products under schedules: every field alone, then random combinations over odd shapes and all types.

usage: product_schedules.py [--random N] [--first SEED] [--machine M] [--types T,T]

Of every product it is checked that
- the values are exactly NumPy's: operands are small integers, so no order of additions rounds;
- `functional` and `timed` on one and two host threads give the same bytes, the latter two the same cycles;
- synccheck finds nothing;
- a schedule that does not fit is refused in a sentence that begins with "schedule: ".
Exits with 77 (skipped) without its packages.
"""
import argparse
import sys

try:
    import numpy as np
    import phalanx
except ImportError as missing:
    print(f"skipped: {missing}; needs python3-numpy and the package phalanx")
    sys.exit(77)

FIELDS = {"base_m": [16, 32, 48, 96, 128, 256], "base_n": [16, 32, 64, 128, 256], "base_k": [32, 64, 96, 128],
          "step_k": [1, 2, 3, 4], "step_ka": [1, 2, 4], "step_kb": [1, 2, 4], "cores_m": [1, 2, 3, 24], "cores_n": [1, 2, 5],
          "split_k": [1, 2, 3], "n_outer": [0, 1], "l1_buffers": [1, 2], "l0_buffers": [1, 2], "l0c_buffers": [1, 2],
          "unit_flag": [0, 1], "nd2nz": [0, 1], "overlap": [0, 1], "deal": [0, 1], "core_order": [0, 1], "l2_m": [0, 1, 2, 3],
          "l2_n": [0, 1, 2, 5], "k_stagger": [0, 1, 4], "mix": [0, 1], "split_add": [0, 1]}
SIZES = [1, 5, 16, 17, 33, 64, 100, 129, 200, 272]
ENDS = ["plain", "half", "bias", "bias relu", "bias relu half", "residual"]


class Product:
    """c[b, m, n] = end(sum over k of a b), as MLIR, with operands and the expected result."""

    def __init__(self, random, b, m, n, k, type, trans_a=False, trans_b=False, end="plain", constant=False):
        self.text_of = (b, m, n, k, type, trans_a, trans_b, end)
        integer = type == "i8"
        if integer:
            end = "plain"
        acc = "i32" if integer else "f32"
        batch = [b] if b > 1 else []
        shape_a, shape_b = batch + ([k, m] if trans_a else [m, k]), batch + ([n, k] if trans_b else [k, n])
        shape_c = batch + [m, n]

        def tensor(shape, element):
            return f"tensor<{'x'.join(map(str, shape))}x{element}>"
        ta, tb, tc = tensor(shape_a, type), tensor(shape_b, type), tensor(shape_c, acc)
        loops = ("b, " if batch else "") + "m, n, k"
        lead = "b, " if batch else ""
        maps = [lead + ("k, m" if trans_a else "m, k"), lead + ("n, k" if trans_b else "k, n"), lead + "m, n"]
        a = random.integers(-3, 4, shape_a)
        bb = random.integers(-3, 4, shape_b)
        self.inputs = {"a": self.values(a, type)}
        arguments = [f'%a: {ta} {{phx.name = "a"}}']
        body = []
        if constant:
            word = "%d" if integer else "%d.0"

            def nested(x):
                return word % x if np.ndim(x) == 0 else "[" + ", ".join(nested(y) for y in x) + "]"
            body.append(f"%b = arith.constant dense<{nested(bb)}> : {tb}")
        else:
            self.inputs["b"] = self.values(bb, type)
            arguments.append(f'%b: {tb} {{phx.name = "b"}}')
        zero = "0 : i32" if integer else "0.0 : f32"
        parallel = ", ".join(['"parallel"'] * (len(batch) + 2))
        wide = "" if type == "f32" else (
            f"%x = arith.{'extsi' if integer else 'extf'} %p : {type} to {acc}\n"
            f"    %y = arith.{'extsi' if integer else 'extf'} %q : {type} to {acc}\n    ")
        x, y = ("%p", "%q") if type == "f32" else ("%x", "%y")
        suffix = "i" if integer else "f"
        body.append(f"""%zero = arith.constant {zero}
  %e = tensor.empty() : {tc}
  %z = linalg.fill ins(%zero : {acc}) outs(%e : {tc}) -> {tc}
  %c = linalg.generic {{indexing_maps = [{', '.join(f'affine_map<({loops}) -> ({one})>' for one in maps)}],
                       iterator_types = [{parallel}, "reduction"]}} ins(%a, %b : {ta}, {tb}) outs(%z : {tc}) {{
  ^bb0(%p: {type}, %q: {type}, %s: {acc}):
    {wide}%t = arith.mul{suffix} {x}, {y} : {acc}
    %u = arith.add{suffix} %s, %t : {acc}
    linalg.yield %u : {acc}
  }} -> {tc}""")
        left = np.swapaxes(a, -1, -2) if trans_a else a
        right = np.swapaxes(bb, -1, -2) if trans_b else bb
        value, stored = np.matmul(left.astype(np.float64), right.astype(np.float64)), acc
        result = "%c"
        if end != "plain":
            identity = f"affine_map<({lead}m, n) -> ({lead}m, n)>"
            operands, types, places, lines, now = ["%c"], [tc], [identity], [], "%v0"
            scalars = ["%v0: f32"]
            if "bias" in end:
                row = random.integers(-9, 10, n).astype(np.float32)
                self.inputs["bias"] = row
                arguments.append(f'%bias: tensor<{n}xf32> {{phx.name = "bias"}}')
                operands.append("%bias"), types.append(f"tensor<{n}xf32>")
                places.append(f"affine_map<({lead}m, n) -> (n)>"), scalars.append("%v1: f32")
                lines.append("%w1 = arith.addf %v0, %v1 : f32")
                now, value = "%w1", value + row
            if end == "residual":
                other = random.integers(-9, 10, shape_c).astype(np.float32)
                self.inputs["r"] = other
                arguments.append(f'%r: {tc} {{phx.name = "r"}}')
                operands.append("%r"), types.append(tc), places.append(identity), scalars.append("%v1: f32")
                lines += ["%w1 = arith.addf %v0, %v1 : f32", "%w2 = arith.mulf %w1, %v1 : f32"]
                now, value = "%w2", (value + other) * other
            if "relu" in end:
                lines.append(f"%w3 = arith.maximumf {now}, %zero : f32")
                now, value = "%w3", np.maximum(value, 0)
            if "half" in end:
                stored = "f16"
                lines.append(f"%w4 = arith.truncf {now} : f32 to f16")
                now = "%w4"
            to = tensor(shape_c, stored)
            body.append(f"""%o = tensor.empty() : {to}
  %d = linalg.generic {{indexing_maps = [{', '.join([*places, identity])}], iterator_types = [{parallel}]}}
    ins({', '.join(operands)} : {', '.join(types)}) outs(%o : {to}) {{
  ^bb0({', '.join(scalars)}, %g: {stored}):
    {chr(10).join(lines)}
    linalg.yield {now} : {stored}
  }} -> {to}""")
            result = "%d"
        to = tensor(shape_c, stored)
        newline = "\n  "
        self.text = (f"func.func @main({', '.join(arguments)}) -> ({to} {{phx.name = \"c\"}}) {{\n  "
                     f"{newline.join(body)}\n  return {result} : {to}\n}}\n")
        self.expected = value.astype({"f32": np.float32, "f16": np.float16, "i32": np.int32}[stored])

    @staticmethod
    def values(array, type):
        if type == "bf16":  # the upper half of f32; exact for small integers
            return (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        if type == "f8E5M2":  # the upper half of f16
            return (array.astype(np.float16).view(np.uint16) >> 8).astype(np.uint8)
        if type == "f8E4M3FN":  # that of an f16 of 2^-8 times the number, from one bit further down
            half = (array / 256).astype(np.float16).view(np.uint16)
            return (half >> 8 & 0x80 | half >> 7 & 0x7f).astype(np.uint8)
        return array.astype({"f32": np.float32, "f16": np.float16, "i8": np.int8}[type])


class Devices:
    def __init__(self, machine):
        self.machine = phalanx.Machine(machine)
        self.functional = phalanx.open(self.machine, mode="functional", check="synccheck", threads=1)
        self.timed = [phalanx.open(self.machine, mode="timed", threads=threads) for threads in (1, 2)]

    def check(self, product, schedule):
        """What is wrong; nothing if all is well, None if the schedule was refused."""
        try:
            program = phalanx.compile(product.text, self.machine, schedule=schedule)
        except phalanx.Error as error:
            return None if "schedule: " in str(error) else str(error)
        result = self.functional.run(program, product.inputs).outputs["c"]
        one, two = (device.run(program, product.inputs) for device in self.timed)
        wrong = result != product.expected
        if result.shape != product.expected.shape or wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            return f"c{list(at)} is {result[at]}, expected {product.expected[at]}; {wrong.sum()} of {wrong.size} are wrong"
        if any(other.outputs["c"].tobytes() != result.tobytes() for other in (one, two)):
            return "timed and functional differ"
        if one.cycles != two.cycles:
            return f"cycles: {one.cycles} on one thread, {two.cycles} on two"
        return ""


def cases(count, first, types):
    """(product, schedule), every field alone before random ones."""
    random = np.random.default_rng(7)
    for field, values in FIELDS.items():
        for value in values:
            end = "plain" if field == "split_add" else ENDS[len(field) % 5]
            also = ",split_k=3" if field == "split_add" else ""
            yield Product(random, 1, 200, 272, 300, "f16", trans_b=field < "e", end=end), f"{field}={value}{also}"
    for seed in range(first, first + count):
        random = np.random.default_rng([seed, 3])

        def choose(among):
            return among[random.integers(len(among))]
        product = Product(random, choose([1, 1, 1, 3]), choose(SIZES), choose(SIZES), choose(SIZES),
                          choose(types), bool(random.integers(2)), bool(random.integers(2)), choose(ENDS),
                          constant=random.integers(8) == 0)
        schedule = {field: choose(values) for field, values in FIELDS.items() if random.integers(3) == 0}
        if schedule.get("overlap") == 0:
            schedule.update(l1_buffers=1, l0_buffers=1)
        yield product, ",".join(f"{field}={value}" for field, value in schedule.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=120)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--machine", default="ascend-910b1")
    parser.add_argument("--types", default="f16,bf16,f32,i8", help="f8E4M3FN and f8E5M2 where the machine has them")
    arguments = parser.parse_args()
    devices, run, refused, bad = Devices(arguments.machine), 0, 0, 0
    for product, schedule in cases(arguments.random, arguments.first, arguments.types.split(",")):
        try:
            wrong = devices.check(product, schedule)
        except phalanx.Error as error:
            wrong = str(error)
        if wrong is None:
            refused += 1
        elif wrong:
            bad += 1
            print(f"{product.text_of} {schedule}: {wrong}", flush=True)
            devices = Devices(arguments.machine)
        else:
            run += 1
    print(f"{run} right, {bad} wrong, {refused} schedules refused")
    return 1 if bad or run < refused else 0


if __name__ == "__main__":
    sys.exit(main())
