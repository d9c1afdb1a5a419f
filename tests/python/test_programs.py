"""Compiling from every kind of source; what a program tells about itself; files; messages."""
import pathlib
import tempfile
import unittest

import numpy as np
import phalanx
import texts

try:
    import onnx
    from onnx import helper
except ImportError:
    onnx = None

DIGITS = texts.SAMPLES / "08_digits" / "mlp_f32.onnx"


class Sources(unittest.TestCase):
    def test_text_path_and_bytes_are_the_same_program(self):
        text = texts.double(100)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "double.mlir"
            path.write_text(text)
            programs = [phalanx.compile(source, texts.MACHINE) for source in (text, text.encode(), path, str(path))]
        x = np.arange(100, dtype=np.float32)
        for program in programs:
            np.testing.assert_array_equal(phalanx.run(program, x)[0], 2 * x)
        self.assertEqual(programs[2].name, "double")

    def test_onnx_path_and_bytes(self):
        x = np.random.RandomState(1).rand(450, 64).astype(np.float32)
        results = [phalanx.run(source, image=x, machine=texts.MACHINE) for source in (DIGITS, DIGITS.read_bytes())]
        np.testing.assert_array_equal(results[0].scores, results[1].scores)

    @unittest.skipUnless(onnx, "needs python3-onnx")
    def test_onnx_model_with_open_dimensions(self):
        value = helper.make_tensor_value_info
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu",
                                  [value("x", onnx.TensorProto.FLOAT, ["batch", 7])],
                                  [value("y", onnx.TensorProto.FLOAT, ["batch", 7])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        x = np.random.RandomState(2).randn(5, 7).astype(np.float32)
        for sizes in ({"dims": {"batch": 5}}, {"shapes": {"x": (5, 7)}}):
            program = phalanx.compile(model, texts.MACHINE, **sizes)
            np.testing.assert_array_equal(phalanx.run(program, x).y, np.maximum(x, 0))

    @unittest.skipUnless(onnx, "needs python3-onnx")
    def test_onnx_model_whose_shapes_depend_on_an_input(self):
        value = helper.make_tensor_value_info
        graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["r"]), helper.make_node("Relu", ["r"], ["y"])],
                                  "reshape", [value("x", onnx.TensorProto.FLOAT, [6, 4]), value("shape", onnx.TensorProto.INT64, [2])],
                                  [value("y", onnx.TensorProto.FLOAT, None)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        program = phalanx.compile(model, texts.MACHINE, known={"shape": [8, 3]})
        x = np.random.RandomState(3).randn(6, 4).astype(np.float32)
        self.assertEqual([one.name for one in program.inputs], ["x"])
        np.testing.assert_array_equal(phalanx.run(program, x).y, np.maximum(x, 0).reshape(8, 3))
        with self.assertRaisesRegex(TypeError, "given for 'shape'"):
            phalanx.compile(model, texts.MACHINE, known={"shape": "8x3"})

    def test_no_program(self):
        with self.assertRaisesRegex(TypeError, "int"):
            phalanx.compile(3)
        with self.assertRaisesRegex(phalanx.Error, "no/such/file.onnx: cannot be read"):
            phalanx.compile("no/such/file.onnx")
        with self.assertRaises(phalanx.Error):
            phalanx.compile(b"\x00\x01nothing that anybody knows", texts.MACHINE)

    def test_messages_have_their_place(self):
        with self.assertRaisesRegex(phalanx.Error, r"<text>:2:"):
            phalanx.compile("func.func @main() {\n  nonsense\n}\n", texts.MACHINE)
        with self.assertRaisesRegex(phalanx.Error, "base_x"):
            phalanx.compile(texts.product(16, 16, 16), texts.MACHINE, schedule="base_x=3")
        with self.assertRaisesRegex(phalanx.Error, "no-such-chip"):
            phalanx.compile(texts.double(8), "no-such-chip")


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = phalanx.compile(texts.product(40, 64, 24), texts.MACHINE)
        random = np.random.RandomState(3)
        cls.a, cls.b = random.randn(40, 64).astype(np.float16), random.randn(64, 24).astype(np.float16)

    def test_interface(self):
        a, b = self.program.inputs
        self.assertEqual((a.name, a.dtype, a.shape), ("a", np.float16, (40, 64)))
        self.assertEqual(b.shape, (64, 24))
        self.assertEqual([str(one) for one in self.program.outputs], ["c: float32[40, 24]"])
        self.assertEqual(self.program.machine, phalanx.Machine(texts.MACHINE))
        self.assertEqual(repr(self.program),
                         "<Program <text> for ascend-910b1: (a: float16[40, 64], b: float16[64, 24]) -> (c: float32[40, 24])>")
        self.assertTrue(any(kernel.core == "aic" and kernel.instructions for kernel in self.program.kernels))

    def test_values(self):
        expected = self.a.astype(np.float64) @ self.b.astype(np.float64)
        np.testing.assert_allclose(phalanx.run(self.program, self.a, self.b).c, expected, atol=1e-4)

    def test_saved_and_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "product.phx"
            self.program.save(path)
            loaded = phalanx.Program.load(path)
        self.assertEqual(loaded.inputs, self.program.inputs)
        self.assertEqual(loaded.machine, self.program.machine)
        np.testing.assert_array_equal(phalanx.run(loaded, self.a, self.b).c, phalanx.run(self.program, self.a, self.b).c)
        with self.assertRaisesRegex(phalanx.Error, "was not compiled in this process"):
            loaded.ir("graph")

    def test_ir_after_every_phase(self):
        for phase in phalanx.phases[:-1]:
            self.assertIn("@main", self.program.ir(phase), phase)
        self.assertIn("npu.group", self.program.ir("graph"))
        with self.assertRaisesRegex(phalanx.Error, "graph"):
            self.program.ir("no-such-phase")

    def test_assembly_is_the_program(self):
        text = self.program.assembly()
        self.assertIn("mmad", text)
        again = phalanx.assemble(text)
        self.assertEqual(again.inputs, self.program.inputs)
        np.testing.assert_array_equal(phalanx.run(again, self.a, self.b, machine=texts.MACHINE).c,
                                      phalanx.run(self.program, self.a, self.b).c)

    def test_stopped_and_started_again(self):
        stopped = phalanx.compile(texts.product(40, 64, 24), texts.MACHINE, stop_after="tile")
        self.assertIn("IR only", repr(stopped))
        with self.assertRaisesRegex(phalanx.Error, "stop_after"):
            stopped.assembly()
        further = phalanx.compile(stopped.text, texts.MACHINE, start_after="tile")
        np.testing.assert_array_equal(phalanx.run(further, self.a, self.b).c,
                                      phalanx.run(self.program, self.a, self.b).c)

    def test_a_schedule_changes_times_and_not_values(self):
        random = np.random.RandomState(4)
        a, b = random.randn(320, 64).astype(np.float16), random.randn(64, 256).astype(np.float16)
        programs = [phalanx.compile(texts.product(320, 64, 256), texts.MACHINE, schedule=schedule)
                    for schedule in ("", "base_m=16,base_n=32")]
        one, two = (phalanx.run(program, a, b) for program in programs)
        np.testing.assert_array_equal(one.c, two.c)
        self.assertNotEqual(one.cycles, two.cycles)

    def test_flags_left_out_are_found(self):
        careless = phalanx.compile(texts.double(4096), texts.MACHINE, sync=False)
        with self.assertRaisesRegex(phalanx.Error, "nothing orders"):
            phalanx.run(careless, np.ones(4096, np.float32), check="synccheck")


unittest.main()
