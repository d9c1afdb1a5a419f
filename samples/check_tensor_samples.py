"""Runs samples 09, 10 and 11 on a simulated Ascend with the checker of flags, and compares them with NumPy.

    PYTHONPATH=build/dev/python /usr/bin/python3 samples/check_tensor_samples.py [--machine ascend-910b1] [09 10 11]

Each difference is held against an error bound from the arithmetic: sums of k products in float32, and the
approximations of exp, erf and division of the vector cores.
"""
import argparse
import importlib.util
import math
import pathlib
import sys

import numpy as np
import phalanx

HERE = pathlib.Path(__file__).parent


def softmax(x):
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def sample_09(machine):
    """softmax(a x b + bias), MLIR text."""
    random = np.random.RandomState(9)
    a = (random.randn(300, 192) / 8).astype(np.float16)
    b = (random.randn(192, 500) / 8).astype(np.float16)
    bias = random.randn(500).astype(np.float32)
    program = phalanx.compile(HERE / "09_linalg_matmul_softmax.mlir", machine)
    return program, {"a": a, "b": b, "bias": bias}, softmax(a.astype(float) @ b.astype(float) + bias), 1e-5


def sample_10(machine):
    """relu(x w + b), written in assembly: the very bits of float32 arithmetic."""
    x, w, b = (np.random.RandomState(seed).randn(262144).astype(np.float32) for seed in (1, 2, 3))
    program = phalanx.assemble(HERE / "10_hand_written.asm")
    return program, {"x": x, "w": w, "b": b}, np.maximum(x * w + b, 0), 0


def sample_11(machine):
    """A transformer block, ONNX; the weights are the ones that its script makes."""
    spec = importlib.util.spec_from_file_location("block", HERE / "make_11_attention_block.py")
    block = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(block)
    w = {name: value.astype(float) for name, value in block.weights().items()}
    x = np.random.RandomState(12).randn(block.TOKENS, block.WIDTH).astype(np.float32)

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * w[name + "_scale"] + w[name + "_bias"]

    def heads(x):
        return x.reshape(block.TOKENS, block.HEADS, block.HEAD).transpose(1, 0, 2)
    n = norm(x.astype(float), "norm1")
    q, k, v = (heads(n @ w[f"w_{name}"]) for name in "qkv")
    mixed = softmax(q @ k.transpose(0, 2, 1) * w["root"]) @ v
    r = x + mixed.transpose(1, 0, 2).reshape(x.shape) @ w["w_o"]
    up = norm(r, "norm2") @ w["w_up"] + w["b_up"]
    gelu = 0.5 * up * (1 + np.vectorize(math.erf)(up * math.sqrt(0.5)))
    program = phalanx.compile(HERE / "11_attention_block.onnx", machine)
    return program, {"x": x}, r + gelu @ w["w_down"] + w["b_down"], 1e-4


SAMPLES = {"09": sample_09, "10": sample_10, "11": sample_11}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--machine", default="ascend-910b1", help="name or .toml file; 10 is written for ascend-910b1")
    parser.add_argument("samples", nargs="*", metavar="SAMPLE", help="09, 10 or 11; all if none is named")
    options = parser.parse_args()
    failed = 0
    for name in options.samples or SAMPLES:
        program, inputs, expected, bound = SAMPLES[name](options.machine)
        result = phalanx.run(program, inputs, check="synccheck")
        error = np.abs(result[0] - expected).max()
        passed = bool(error <= bound)
        failed += not passed
        print(f"{name} {'PASSED' if passed else 'FAILED'}: largest difference {error:.1e} (at most {bound:.0e}), "
              f"simulated {result.seconds * 1e6:.2f} us")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
