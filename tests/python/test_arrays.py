"""NumPy arrays in and out: types, layouts, lifetimes, and what is said about wrong ones."""
import gc
import sys
import unittest
import weakref

import numpy as np
import phalanx
import texts
from phalanx import tensor


class Types(unittest.TestCase):
    def check(self, mlir_type, dtype, phx_type=None):
        program = phalanx.compile(texts.transpose(6, 32, mlir_type, phx_type), texts.MACHINE)
        self.assertEqual(program.inputs[0].dtype, dtype)
        bits = np.random.RandomState(4).randint(0, 256, 6 * 32 * np.dtype(dtype).itemsize).astype(np.uint8)
        x = (bits % 2).astype(bool).reshape(6, 32) if dtype == np.bool_ else bits.view(dtype).reshape(6, 32)
        y = phalanx.run(program, x).y
        self.assertEqual(y.dtype, dtype)
        self.assertEqual(y.tobytes(), np.ascontiguousarray(x.T).tobytes())

    def test_every_type_keeps_its_bits(self):
        for mlir_type, dtype, phx_type in (
                ("f32", np.float32, None), ("f16", np.float16, None), ("bf16", tensor.BFLOAT16, None), ("i8", np.int8, None),
                ("i8", np.uint8, "u8"), ("i16", np.int16, None), ("i32", np.int32, None), ("i64", np.int64, None),
                ("i1", np.bool_, None)):
            with self.subTest(mlir_type + (phx_type or "")):
                self.check(mlir_type, dtype, phx_type)

    def test_bfloat16_bits_travel_as_uint16_too(self):
        program = phalanx.compile(texts.double(16, "bf16"), texts.MACHINE)
        ones = np.full(16, 0x3F80, np.uint16)  # 1.0
        np.testing.assert_array_equal(phalanx.run(program, ones).y.view(np.uint16), np.full(16, 0x4000, np.uint16))


class Arrays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = phalanx.compile(texts.transpose(6, 32, "f32"), texts.MACHINE)
        cls.device = phalanx.open(texts.MACHINE)

    @classmethod
    def tearDownClass(cls):
        cls.device.close()

    def run_on(self, *arrays, **named):
        return self.device.run(self.program, *arrays, **named)

    def test_any_layout(self):
        x = np.random.RandomState(5).randn(12, 64).astype(np.float32)
        for view in (x[::2, ::2], x[:6, 32:], np.asfortranarray(x[:6, :32]), x[:6, :32][::-1, ::-1], x[:6, :32].astype(">f4")):
            np.testing.assert_array_equal(self.run_on(view).y, view.T)

    def test_nothing(self):
        program = phalanx.compile(texts.double(0), texts.MACHINE)
        self.assertEqual(self.device.run(program, np.ones(0, np.float32)).y.shape, (0,))

    def test_lists_and_numbers(self):
        rows = [[float(r * c) for c in range(32)] for r in range(6)]
        np.testing.assert_array_equal(self.run_on(rows)[0], np.array(rows).T)

    def test_by_position_name_and_dict(self):
        x = np.ones((6, 32), np.float32)
        for result in (self.run_on(x), self.run_on(x=x), self.run_on({"x": x})):
            np.testing.assert_array_equal(result.outputs["y"], x.T)

    def test_ways_to_an_output(self):
        result = self.run_on(np.ones((6, 32), np.float32))
        y, = result
        self.assertIs(result["y"], y)
        self.assertIs(result[0], y)
        self.assertIs(result.y, y)
        self.assertEqual(len(result), 1)
        self.assertIn("y: float32[32, 6]", repr(result))
        with self.assertRaisesRegex(AttributeError, "no output is named 'z'"):
            result.z

    def test_wrong_inputs(self):
        x = np.ones((6, 32), np.float32)
        for error, said, arrays, named in (
                (TypeError, r"input 'x' is missing; '<text>' takes x: float32\[6, 32\]", (), {}),
                (TypeError, "takes 1 inputs", (x, x), {}),
                (TypeError, r"has no input 'z'; it has x: float32\[6, 32\]", (), {"z": x}),
                (TypeError, "input 'x' is given twice", (x,), {"x": x}),
                (TypeError, "input 'x' takes float32 arrays, got float64", (x.astype(float),), {}),
                (TypeError, "input 'x' takes float32 values, got str", (["no"],), {}),
                (ValueError, r"input 'x' takes shape \(6, 32\), got \(32, 6\)", (x.T,), {}),
                (ValueError, r"input 'x' takes shape \(6, 32\), got \(\)", (1.0,), {})):
            with self.subTest(said), self.assertRaisesRegex(error, said):
                self.run_on(*arrays, **named)

    def test_integers_that_do_not_fit(self):
        program = phalanx.compile(texts.double(16, "i8"), texts.MACHINE)
        np.testing.assert_array_equal(self.device.run(program, list(range(16)))[0], np.arange(0, 32, 2))
        with self.assertRaisesRegex(ValueError, "do not fit into int8"):
            self.device.run(program, [300] * 16)
        with self.assertRaisesRegex(TypeError, "takes int8 values, got float64"):
            self.device.run(program, [0.5] * 16)

    def test_inputs_are_neither_kept_nor_changed(self):
        x = np.ones((6, 32), np.float32)
        before = sys.getrefcount(x)
        for _ in range(3):
            self.run_on(x)
        self.assertEqual(sys.getrefcount(x), before)
        np.testing.assert_array_equal(x, 1)

    def test_outputs_outlive_the_device(self):
        with phalanx.open(texts.MACHINE) as device:
            y = device.run(self.program, np.ones((6, 32), np.float32)).y
        gc.collect()
        y += 1
        np.testing.assert_array_equal(y, 2)
        self.assertEqual(sys.getrefcount(y), 2)

    def test_a_program_is_not_kept(self):
        program = phalanx.compile(texts.double(64), texts.MACHINE)
        gone = weakref.ref(program)
        self.device.run(program, np.ones(64, np.float32))
        del program
        gc.collect()
        self.assertIsNone(gone())


unittest.main()
