"""Tensor programs under everything that must not change their results, through the Python package.

Each program runs five times on one device (cold, then warm) with 1, 2 and 4 host threads, once more, under 20 seeds of PHX_SHUFFLE,
and without reuse; outputs must be the same bytes, and times, cycles and the report the same but for host times and counts of reused launches.
timing-only mode must give the same cycles.
"""
import json
import pathlib
import sys

try:
    import numpy as np
    import phalanx
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
MACHINE = "ascend-910b1"
PRODUCT = """func.func @main(%a: tensor<200x300xf16> {phx.name = "a"}, %b: tensor<300x130xf16> {phx.name = "b"}) -> (tensor<200x130xf32> {phx.name = "c"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<200x130xf32>
  %acc = linalg.fill ins(%zero : f32) outs(%empty : tensor<200x130xf32>) -> tensor<200x130xf32>
  %c = linalg.matmul ins(%a, %b : tensor<200x300xf16>, tensor<300x130xf16>) outs(%acc : tensor<200x130xf32>) -> tensor<200x130xf32>
  return %c : tensor<200x130xf32>
}
"""


def settled(value):
    """Without what may differ between runs, or by PHX_REUSE."""
    if isinstance(value, dict):
        return {k: settled(v) for k, v in value.items() if not k.startswith("host_") and k not in ("reused", "mode", "warnings", "results_digest")}
    return [settled(v) for v in value] if isinstance(value, list) else value


def run(program, arrays, **options):
    with phalanx.Device(MACHINE, **options) as device:
        results = [device.run(program, *arrays) for _ in range(5)]
        report = device.report()
    values = [[array.tobytes() for array in result.outputs.values()] for result in results]
    return values, [(result.seconds, result.cycles) for result in results], settled(report), sum(k["reused"] for k in report["kernels"])


def main():
    random = np.random.default_rng(1)
    sources = {"product": PRODUCT, "09": SAMPLES / "09_linalg_matmul_softmax.mlir", "11": SAMPLES / "11_attention_block.onnx"}
    for name, source in sources.items():  # warm runs repeat each other from the third or fourth on
        program = phalanx.compile(source, machine=MACHINE)
        arrays = [random.standard_normal(one.shape).astype(one.dtype) for one in program.inputs]
        values, times, report, reused = run(program, arrays, threads=1)
        variants = [("again", {"threads": 1}), ("2 threads", {"threads": 2}), ("4 threads", {"threads": 4})]
        variants += [(f"shuffle {seed}", {"threads": 2, "shuffle": seed}) for seed in range(1, 21)]
        for what, options in variants:
            got = run(program, arrays, **options)
            if got != (values, times, report, reused):
                sys.exit(f"{name}: {what} differs: {got[1]} and {got[3]} reused, before {times} and {reused}")
        without = run(program, arrays, threads=1, reuse="off")
        if without[:3] != (values, times, report) or without[3]:
            sys.exit(f"{name}: without reuse {without[1]}, {without[3]} reused; with it {times}, {reused}\n"
                     f"{json.dumps(report)}\n{json.dumps(without[2])}")
        alone = run(program, arrays, threads=1, mode="timing-only")
        if alone[1] != times or alone[3] != reused:
            sys.exit(f"{name}: timing-only gives {alone[1]}, timed {times}")
        print(f"{name}: {len(variants) + 3} runs agree, cycles {[cycles for _, cycles in times]}, {reused} launches reused")


main()
