"""Hand-written tile kernels: values, the checker of flags, faults, messages."""
import unittest

import numpy as np
import phalanx
import texts

TEXT = (texts.SAMPLES / "10_hand_written.asm").read_text()
INPUTS = [np.random.RandomState(seed).randn(262144).astype(np.float32) for seed in (7, 8, 9)]


class HandWritten(unittest.TestCase):
    def test_sample(self):
        program = phalanx.assemble(texts.SAMPLES / "10_hand_written.asm")
        self.assertEqual([one.name for one in program.inputs], ["x", "w", "b"])
        x, w, b = INPUTS
        np.testing.assert_array_equal(phalanx.run(program, *INPUTS, check="synccheck").y, np.maximum(x * w + b, 0))

    def test_a_missing_flag_is_found(self):
        for flag in ("wait_flag.mte2.v", "wait_flag.v.mte3"):
            lines = [line for line in TEXT.splitlines() if not line.strip().startswith(flag + " ")]
            with self.subTest(flag), self.assertRaises(phalanx.Error):
                phalanx.run(phalanx.assemble("\n".join(lines)), *INPUTS, check="synccheck")

    def test_a_fault_names_its_kernel_and_buffer(self):
        beyond = phalanx.assemble(TEXT.replace("setp.lt.u32       p0, s4, 64", "setp.lt.u32       p0, s4, 65"))
        with phalanx.open(texts.MACHINE) as device:
            with self.assertRaisesRegex(phalanx.Error, "(?s)out of bounds.*multiply_add_relu"):
                device.run(beyond, *INPUTS)
            self.assertEqual(len(device.report()["faults"]), 1)

    def test_messages_have_line_and_column(self):
        with self.assertRaisesRegex(phalanx.Error, r"<text>:\d+:\d+: .*vmultiply"):
            phalanx.assemble(TEXT.replace("vmul.f32", "vmultiply.f32"))

    def test_the_machine_is_the_one_that_the_text_names(self):
        fast = phalanx.Machine(texts.MACHINE, overrides={"chip.clock": "3GHz"})
        result = phalanx.run(phalanx.assemble(TEXT, machine=fast), *INPUTS)
        self.assertLess(result.kernel_seconds, phalanx.run(phalanx.assemble(TEXT), *INPUTS).kernel_seconds)
        with self.assertRaisesRegex(phalanx.Error, "'ascend-910b1', not for 'ascend-910c'"):
            phalanx.assemble(TEXT, machine="ascend-910c")


unittest.main()
