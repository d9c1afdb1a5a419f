"""Large matrix products: values against NumPy, and cycles against what the machine file implies."""
import unittest

import numpy as np
import phalanx
import texts

CLOCK, CORES, MACS = 1.85e9, 24, 4096   # ascend-910b1: chip.clock, chip.aic, cube.rate.f16
HEAD, IDLE_START = 9, 52                # cube.head, cube.idle_start


def product(m, k, n):
    random = np.random.RandomState(m + k + n)
    a, b = random.randn(m, k).astype(np.float16), random.randn(k, n).astype(np.float16)
    with phalanx.open("ascend-910b1") as device:
        result = device.run(phalanx.compile(texts.product(m, k, n), "ascend-910b1"), a, b)
        kernels = device.report()["kernels"]
    return result, kernels, a.astype(np.float32) @ b.astype(np.float32)


class Matmul(unittest.TestCase):
    def check_values(self, result, reference):
        # f32 accumulation in another order than NumPy's: sqrt(k) roundings of the largest partial sums.
        np.testing.assert_allclose(result.c.astype(np.float32), reference, rtol=2e-3, atol=2e-5 * np.abs(reference).max())

    def test_2048_cubed_with_a_cold_l2(self):
        result, (kernel,), reference = product(2048, 2048, 2048)
        self.check_values(result, reference)
        ideal = 2048 ** 3 / (CORES * MACS * CLOCK)
        self.assertGreaterEqual(kernel["seconds"], ideal)
        self.assertGreater(kernel["bytes"]["hbm_read"], 2 * 2048 * 2048 * 2 - 1)  # cold: both operands come from HBM
        self.assertGreaterEqual(kernel["busy"]["m"] / CORES, 0.55 * kernel["cycles"])
        # Every dimension is a multiple of 16, so the blocks of all mmads are the products over 4096.
        count = kernel["instructions"]["m"]
        starts = kernel["busy"]["m"] - 2048 ** 3 // MACS - HEAD * count
        self.assertEqual(starts % IDLE_START, 0)
        self.assertTrue(CORES <= starts // IDLE_START <= count)

    def test_ragged(self):
        result, _, reference = product(2047, 1999, 2051)
        self.check_values(result, reference)

    def test_one_row(self):
        result, _, reference = product(1, 4096, 4096)
        self.check_values(result, reference)


if __name__ == "__main__":
    unittest.main()
