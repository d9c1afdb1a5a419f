"""Writes 11_attention_block.onnx: one transformer block (pre-norm, 4 heads, GELU) with seeded weights, opset 17.

    python3 make_11_attention_block.py [FILE]

Input 'x' (96, 64) f32, output 'y' (96, 64). Needs python3-onnx.
"""
import pathlib
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

TOKENS, WIDTH, HEADS, INNER = 96, 64, 4, 256
HEAD = WIDTH // HEADS


def weights():
    random = np.random.RandomState(11)

    def matrix(rows, cols):
        return (random.randn(rows, cols) / np.sqrt(rows)).astype(np.float32)
    made = {f"w_{name}": matrix(WIDTH, WIDTH) for name in ("q", "k", "v", "o")}
    made |= {"w_up": matrix(WIDTH, INNER), "w_down": matrix(INNER, WIDTH)}
    made |= {"b_up": random.randn(INNER).astype(np.float32) * 0.1, "b_down": random.randn(WIDTH).astype(np.float32) * 0.1}
    for norm in ("norm1", "norm2"):
        made[f"{norm}_scale"] = (1 + 0.1 * random.randn(WIDTH)).astype(np.float32)
        made[f"{norm}_bias"] = (0.1 * random.randn(WIDTH)).astype(np.float32)
    made["root"] = np.float32(1 / np.sqrt(HEAD))
    made["half"], made["one"], made["root_half"] = np.float32(0.5), np.float32(1), np.float32(np.sqrt(0.5))
    made["split"] = np.array([TOKENS, HEADS, HEAD], np.int64)
    made["joined"] = np.array([TOKENS, WIDTH], np.int64)
    return made


def nodes():
    node = helper.make_node
    yield node("LayerNormalization", ["x", "norm1_scale", "norm1_bias"], ["n1"], "norm1", axis=-1)
    for name in ("q", "k", "v"):
        yield node("MatMul", ["n1", f"w_{name}"], [f"{name}0"], f"project_{name}")
        yield node("Reshape", [f"{name}0", "split"], [f"{name}1"], f"split_{name}")
        order = [1, 2, 0] if name == "k" else [1, 0, 2]
        yield node("Transpose", [f"{name}1"], [name], f"heads_{name}", perm=order)
    yield node("MatMul", ["q", "k"], ["scores0"], "scores")
    yield node("Mul", ["scores0", "root"], ["scores"], "scale")
    yield node("Softmax", ["scores"], ["shares"], "softmax", axis=-1)
    yield node("MatMul", ["shares", "v"], ["mixed0"], "mix")
    yield node("Transpose", ["mixed0"], ["mixed1"], "tokens", perm=[1, 0, 2])
    yield node("Reshape", ["mixed1", "joined"], ["mixed"], "join")
    yield node("MatMul", ["mixed", "w_o"], ["attended"], "project_o")
    yield node("Add", ["x", "attended"], ["r1"], "residual1")
    yield node("LayerNormalization", ["r1", "norm2_scale", "norm2_bias"], ["n2"], "norm2", axis=-1)
    yield node("MatMul", ["n2", "w_up"], ["up0"], "up")
    yield node("Add", ["up0", "b_up"], ["up"], "up_bias")
    yield node("Mul", ["up", "root_half"], ["g0"], "gelu_in")
    yield node("Erf", ["g0"], ["g1"], "gelu_erf")
    yield node("Add", ["g1", "one"], ["g2"], "gelu_one")
    yield node("Mul", ["up", "g2"], ["g3"], "gelu_gate")
    yield node("Mul", ["g3", "half"], ["gelu"], "gelu_half")
    yield node("MatMul", ["gelu", "w_down"], ["down0"], "down")
    yield node("Add", ["down0", "b_down"], ["down"], "down_bias")
    yield node("Add", ["r1", "down"], ["y"], "residual2")


def main():
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights().items()]
    shape = [TOKENS, WIDTH]
    graph = helper.make_graph(list(nodes()), "attention_block", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="phalanx samples")
    model.ir_version = 8
    checker.check_model(model)
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "11_attention_block.onnx"
    target.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
