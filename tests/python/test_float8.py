"""Products of 8-bit floats against NumPy, every bit pattern among them."""
import unittest

import numpy as np
import phalanx

MACHINE = "ascend-950dt"
TYPES = {"f8E4M3FN": (3, 7), "f8E5M2": (2, 15)}  # bits of the fraction, bias


def value_table(type):
    """The 256 numbers of a type, as f32."""
    digits, bias = TYPES[type]
    bits = np.arange(256)
    exponent, fraction = (bits & 0x7f) >> digits, bits & (1 << digits) - 1
    one = 1 << digits
    values = np.where(exponent > 0, one + fraction, fraction) * 2.0 ** (np.maximum(exponent, 1) - bias - digits)
    if type == "f8E4M3FN":
        values[(bits & 0x7f) == 0x7f] = np.nan
    else:
        values[exponent == 31] = np.where(fraction[exponent == 31] == 0, np.inf, np.nan)
    return np.where(bits & 0x80, -values, values).astype(np.float32)


def product(type, m, k, n, batch=0, trans_a=False, trans_b=False, out="f32"):
    """c[b, m, n], rounded to `out` at the end."""
    lead = [batch] if batch else []

    def tensor(shape, element):
        return f"tensor<{'x'.join(map(str, lead + shape))}x{element}>"
    a, b = tensor([k, m] if trans_a else [m, k], type), tensor([n, k] if trans_b else [k, n], type)
    c, d = tensor([m, n], "f32"), tensor([m, n], out)
    head = "b, " if batch else ""
    maps = [head + ("k, m" if trans_a else "m, k"), head + ("n, k" if trans_b else "k, n"), head + "m, n"]
    maps = ", ".join(f"affine_map<({head}m, n, k) -> ({one})>" for one in maps)
    parallel = ", ".join(['"parallel"'] * (len(lead) + 2))
    identity = f"affine_map<({head}m, n) -> ({head}m, n)>"
    end = "" if out == "f32" else f"""
  %o = tensor.empty() : {d}
  %d = linalg.generic {{indexing_maps = [{identity}, {identity}], iterator_types = [{parallel}]}} ins(%c : {c}) outs(%o : {d}) {{
  ^bb0(%p: f32, %q: {out}):
    %r = arith.truncf %p : f32 to {out}
    linalg.yield %r : {out}
  }} -> {d}"""
    return f"""func.func @main(%a: {a} {{phx.name = "a"}}, %b: {b} {{phx.name = "b"}}) -> ({d} {{phx.name = "c"}}) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {c}
  %z = linalg.fill ins(%zero : f32) outs(%e : {c}) -> {c}
  %c = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{parallel}, "reduction"]}} ins(%a, %b : {a}, {b}) outs(%z : {c}) {{
  ^bb0(%p: {type}, %q: {type}, %s: f32):
    %x = arith.extf %p : {type} to f32
    %y = arith.extf %q : {type} to f32
    %t = arith.mulf %x, %y : f32
    %u = arith.addf %s, %t : f32
    linalg.yield %u : f32
  }} -> {c}{end}
  return %{'c' if out == 'f32' else 'd'} : {d}
}}
"""


class Float8(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.device = phalanx.open(MACHINE, check="synccheck")

    @classmethod
    def tearDownClass(cls):
        cls.device.close()

    def run_bits(self, text, a, b, **options):
        program = phalanx.compile(text, MACHINE, **options)
        return self.device.run(program, a=a.view(program.inputs[0].dtype), b=b.view(program.inputs[1].dtype))[0]

    def test_every_number_times_one(self):
        for type in TYPES:
            one = {"f8E4M3FN": 0x38, "f8E5M2": 0x3c}[type]
            got = self.run_bits(product(type, 256, 1, 1), np.arange(256, dtype=np.uint8).reshape(256, 1),
                                np.full((1, 1), one, np.uint8))
            np.testing.assert_array_equal(got[:, 0], value_table(type))

    def test_shapes_transposes_and_batches(self):
        random = np.random.default_rng(1)
        for type in TYPES:
            table = value_table(type)
            for m, k, n, batch, trans_a, trans_b, out in ((17, 33, 5, 0, False, False, "f32"), (129, 100, 65, 0, True, False, "f16"),
                                                          (64, 257, 48, 0, False, True, "f32"), (31, 65, 40, 3, True, True, "f16"),
                                                          (1, 300, 77, 2, False, True, "f32"), (200, 7, 300, 0, False, False, "f32")):
                # Numbers from -2 to 2 whose products and sums f32 holds without rounding, in any order.
                small = np.where(np.abs(table) <= 2, table, 0.001)
                exact = np.flatnonzero(small * 64 % 1 == 0).astype(np.uint8)
                a = random.choice(exact, ([batch] if batch else []) + ([k, m] if trans_a else [m, k]))
                b = random.choice(exact, ([batch] if batch else []) + ([n, k] if trans_b else [k, n]))
                left, right = table[a], table[b]
                left = np.swapaxes(left, -1, -2) if trans_a else left
                right = np.swapaxes(right, -1, -2) if trans_b else right
                want = np.matmul(left.astype(np.float64), right.astype(np.float64))
                text = product(type, m, k, n, batch, trans_a, trans_b, out)
                for schedule in ("", "nd2nz=0", "split_k=2" if k > 64 else "split_k=1"):
                    with self.subTest(type=type, m=m, k=k, n=n, batch=batch, schedule=schedule):
                        got = self.run_bits(text, a, b, **({"schedule": schedule} if schedule else {}))
                        np.testing.assert_array_equal(got, want.astype(got.dtype))

    def test_other_machines_refuse(self):
        with self.assertRaisesRegex(phalanx.Error, "the cube of ascend-910b1 does not multiply f8E4M3FN"):
            phalanx.compile(product("f8E4M3FN", 16, 16, 16), "ascend-910b1")

    def test_other_uses_are_refused(self):
        text = """func.func @main(%x: tensor<16xf8E5M2>) -> tensor<16xf32> {
  %e = tensor.empty() : tensor<16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
    ins(%x : tensor<16xf8E5M2>) outs(%e : tensor<16xf32>) {
  ^bb0(%p: f8E5M2, %q: f32):
    %r = arith.extf %p : f8E5M2 to f32
    linalg.yield %r : f32
  } -> tensor<16xf32>
  return %y : tensor<16xf32>
}
"""
        with self.assertRaisesRegex(phalanx.Error, "only products of matrices"):
            phalanx.compile(text, MACHINE)


if __name__ == "__main__":
    unittest.main()
