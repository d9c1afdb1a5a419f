"""Trains the two digit networks of this sample with NumPy alone and writes them as ONNX files.

    python3 train.py [DIRECTORY]

mlp_f32.onnx, mlp_f16.onnx  64 -> 128 -> 10, Gemm and Relu
cnn_f32.onnx, cnn_f16.onnx  two 3 x 3 convolutions with pooling, then a dense layer
Input 'image': (450, 64) or (450, 1, 8, 8); output 'scores': (450, 10). The weights follow from fixed seeds.
Writing needs python3-onnx.
"""
import pathlib
import sys

import numpy as np

import digits

BATCH = digits.HELD_OUT  # of the exported networks


def shifted(images, random, share):
    """A share of the images moved by up to one pixel in each direction: more to learn from."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    moved = random.rand(len(images)) < share
    dy, dx = np.where(moved, random.randint(0, 3, (2, len(images))), 1)
    rows = np.arange(8)[None, :, None] + dy[:, None, None]
    cols = np.arange(8)[None, None, :] + dx[:, None, None]
    return padded[np.arange(len(images))[:, None, None], rows, cols]


def patches(x):
    """(n, c, h, w) -> (n, h, w, c * 9): the 3 x 3 neighbourhood of every pixel, zeros outside."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2], x.shape[3], -1)


def scatter_patches(g, shape):
    """The transpose of patches()."""
    n, c, h, w = shape
    g = g.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), g.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i:i + h, j:j + w] += g[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def pool(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def unpool(g, x, y):
    """Gradient of pool(x) = y: to the places of the maximum."""
    spread = np.repeat(np.repeat(y, 2, 2), 2, 3) == x
    return np.repeat(np.repeat(g, 2, 2), 2, 3) * spread


class Mlp:
    name = "mlp"
    shift = 0.15

    def __init__(self, random):
        self.w = [random.randn(64, 128) * np.sqrt(2 / 64), np.zeros(128), random.randn(128, 10) * np.sqrt(2 / 128), np.zeros(10)]

    @staticmethod
    def shape(images):
        return images.reshape(len(images), 64)

    def forward(self, x, keep=None):
        w1, b1, w2, b2 = self.w
        hidden = np.maximum(x @ w1 + b1, 0)
        if keep is not None:
            keep.update(x=x, hidden=hidden)
        return hidden @ w2 + b2

    def gradients(self, g, kept):
        back = (g @ self.w[2].T) * (kept["hidden"] > 0)
        return [kept["x"].T @ back, back.sum(0), kept["hidden"].T @ g, g.sum(0)]


class Cnn:
    name = "cnn"
    shift = 0.3

    def __init__(self, random):
        def scaled(*shape):
            return random.randn(*shape) * np.sqrt(2 / np.prod(shape[:-1]))
        self.w = [scaled(9, 16), np.zeros(16), scaled(144, 32), np.zeros(32), scaled(128, 10), np.zeros(10)]

    @staticmethod
    def shape(images):
        return images[:, None]

    def forward(self, x, keep=None):
        w1, b1, w2, b2, w3, b3 = self.w
        p1 = patches(x)
        a1 = np.maximum(p1 @ w1 + b1, 0).transpose(0, 3, 1, 2)
        y1 = pool(a1)
        p2 = patches(y1)
        a2 = np.maximum(p2 @ w2 + b2, 0).transpose(0, 3, 1, 2)
        y2 = pool(a2)
        flat = y2.reshape(len(x), -1)
        if keep is not None:
            keep.update(p1=p1, a1=a1, y1=y1, p2=p2, a2=a2, y2=y2, flat=flat)
        return flat @ w3 + b3

    def gradients(self, g, k):
        g3 = [k["flat"].T @ g, g.sum(0)]
        back = unpool((g @ self.w[4].T).reshape(k["y2"].shape), k["a2"], k["y2"]) * (k["a2"] > 0)
        back = back.transpose(0, 2, 3, 1)
        g2 = [k["p2"].reshape(-1, 144).T @ back.reshape(-1, 32), back.sum((0, 1, 2))]
        back = scatter_patches(back @ self.w[2].T, k["y1"].shape)
        back = (unpool(back, k["a1"], k["y1"]) * (k["a1"] > 0)).transpose(0, 2, 3, 1)
        g1 = [k["p1"].reshape(-1, 9).T @ back.reshape(-1, 16), back.sum((0, 1, 2))]
        return g1 + g2 + g3


def train(network, epochs):
    random = np.random.RandomState(7)
    images, labels, _, _ = digits.load()
    model = network(random)
    m = [np.zeros_like(w) for w in model.w]
    v = [np.zeros_like(w) for w in model.w]
    step = 0
    for epoch in range(epochs):
        order = random.permutation(len(images))
        rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for begin in range(0, len(order), 64):
            chosen = order[begin:begin + 64]
            kept = {}
            scores = model.forward(model.shape(shifted(images[chosen], random, model.shift)), kept)
            chance = np.exp(scores - scores.max(1, keepdims=True))
            chance /= chance.sum(1, keepdims=True)
            chance[np.arange(len(chosen)), labels[chosen]] -= 1
            step += 1
            for i, gradient in enumerate(model.gradients(chance / len(chosen), kept)):
                gradient = gradient + 1e-4 * model.w[i]
                m[i] = 0.9 * m[i] + 0.1 * gradient
                v[i] = 0.999 * v[i] + 0.001 * gradient ** 2
                model.w[i] = model.w[i] - rate * (m[i] / (1 - 0.9 ** step)) / (np.sqrt(v[i] / (1 - 0.999 ** step)) + 1e-8)
    return model


def graph_of(model, dtype):
    """The network as ONNX nodes, weights and input shape."""
    from onnx import helper, numpy_helper
    node = helper.make_node
    w = [np.asarray(a, dtype) for a in model.w]
    if model.name == "mlp":
        weights = {"w1": w[0], "b1": w[1], "w2": w[2], "b2": w[3]}
        nodes = [node("Gemm", ["image", "w1", "b1"], ["h"], "dense1"), node("Relu", ["h"], ["a"], "relu1"),
                 node("Gemm", ["a", "w2", "b2"], ["scores"], "dense2")]
        shape = [BATCH, 64]
    else:
        weights = {"w1": w[0].T.reshape(16, 1, 3, 3), "b1": w[1], "w2": w[2].T.reshape(32, 16, 3, 3), "b2": w[3],
                   "w3": w[4], "b3": w[5]}
        around = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        halve = dict(kernel_shape=[2, 2], strides=[2, 2])
        nodes = [node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", **around), node("Relu", ["c1"], ["r1"], "relu1"),
                 node("MaxPool", ["r1"], ["p1"], "pool1", **halve),
                 node("Conv", ["p1", "w2", "b2"], ["c2"], "conv2", **around), node("Relu", ["c2"], ["r2"], "relu2"),
                 node("MaxPool", ["r2"], ["p2"], "pool2", **halve), node("Flatten", ["p2"], ["f"], "flatten"),
                 node("Gemm", ["f", "w3", "b3"], ["scores"], "dense")]
        shape = [BATCH, 1, 8, 8]
    return nodes, [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in weights.items()], shape


def save(model, dtype, path):
    from onnx import TensorProto, checker, helper
    nodes, weights, shape = graph_of(model, dtype)
    kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.FLOAT16
    graph = helper.make_graph(nodes, path.stem, [helper.make_tensor_value_info("image", kind, shape)],
                              [helper.make_tensor_value_info("scores", kind, [BATCH, 10])], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="phalanx samples")
    made.ir_version = 8
    checker.check_model(made)
    path.write_bytes(made.SerializeToString())


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    _, _, images, labels = digits.load()
    for network, epochs in ((Mlp, 150), (Cnn, 60)):
        model = train(network, epochs)
        right = (model.forward(model.shape(images)).argmax(1) == labels).mean()
        print(f"{model.name}: {100 * right:.2f} % of {len(labels)} held-out images")
        for dtype, suffix in ((np.float32, "f32"), (np.float16, "f16")):
            save(model, dtype, directory / f"{model.name}_{suffix}.onnx")


if __name__ == "__main__":
    main()
