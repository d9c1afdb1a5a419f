"""Devices: times, modes, reports, traces; several at once, and several Python threads."""
import json
import pathlib
import tempfile
import threading
import unittest

import numpy as np
import phalanx
import texts

SIZE = 192


class Devices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = phalanx.compile(texts.product(SIZE, SIZE, SIZE), texts.MACHINE)
        random = np.random.RandomState(6)
        cls.a, cls.b = (random.randn(SIZE, SIZE).astype(np.float16) for _ in range(2))
        cls.expected = cls.once()

    @classmethod
    def once(cls, **options):
        with phalanx.open(texts.MACHINE, **options) as device:
            return device.run(cls.program, cls.a, cls.b)

    def test_times_repeat_and_do_not_depend_on_host_threads(self):
        self.assertGreater(self.expected.seconds, self.expected.kernel_seconds)
        self.assertGreater(self.expected.kernel_seconds, 0)
        for threads in (1, 2):
            result = self.once(threads=threads)
            self.assertEqual((result.seconds, result.cycles), (self.expected.seconds, self.expected.cycles))
            self.assertEqual(result.c.tobytes(), self.expected.c.tobytes())

    def test_functional_values_are_the_timed_ones(self):
        result = self.once(mode="functional")
        self.assertEqual(result.c.tobytes(), self.expected.c.tobytes())
        self.assertEqual((result.seconds, result.cycles), (0, 0))
        self.assertIn("values only", repr(result))

    def test_timing_only_has_the_same_cycles(self):
        result = self.once(mode="timing-only")
        self.assertEqual(result.cycles, self.expected.cycles)
        self.assertEqual(result.outputs, {})
        with self.assertRaisesRegex(AttributeError, "no values in timing-only mode"):
            result.c

    def test_report(self):
        with phalanx.open(texts.MACHINE) as device:
            device.run(self.program, self.a, self.b)
            device.run(self.program, self.a, self.b)
            report = device.report()
        self.assertEqual((report["version"], report["machine"], report["mode"]), (1, "ascend-910b1", "timed"))
        self.assertEqual(report["clock_hz"], phalanx.Machine(texts.MACHINE)["chip.clock"].value)
        self.assertEqual(sum(kernel["launches"] for kernel in report["kernels"]), 2 * len(self.program.kernels))
        self.assertGreater(sum(kernel["busy"].get("m", 0) for kernel in report["kernels"]), 0)
        self.assertGreaterEqual(sum(kernel["counters"].get("macs", 0) for kernel in report["kernels"]), 2 * SIZE ** 3)
        self.assertEqual(report["faults"], [])

    def test_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace.json"
            self.once(trace=trace)
            self.assertTrue(json.loads(trace.read_text()))

    def test_two_machines_at_once(self):
        machines = [texts.MACHINE, "ascend-910c"]
        programs = [phalanx.compile(texts.product(SIZE, SIZE, SIZE), machine) for machine in machines]
        with phalanx.open(machines[0]) as one, phalanx.open(machines[1]) as other:
            results = [device.run(program, self.a, self.b) for device, program in ((one, programs[0]), (other, programs[1]))]
            with self.assertRaisesRegex(phalanx.Error, "'<text>' is for ascend-910b1, this device is of ascend-910c"):
                other.run(programs[0], self.a, self.b)
            np.testing.assert_array_equal(results[0].c, results[1].c)
            self.assertEqual(one.run(programs[0], self.a, self.b).c.tobytes(), self.expected.c.tobytes())
            self.assertEqual(other.report()["machine"], "ascend-910c")

    def test_overrides(self):
        slow = phalanx.Machine(texts.MACHINE, overrides={"chip.clock": "0.5GHz"})
        program = phalanx.compile(texts.product(SIZE, SIZE, SIZE), slow)
        result = phalanx.run(program, self.a, self.b)  # on the program's machine, overrides included
        np.testing.assert_array_equal(result.c, self.expected.c)
        self.assertGreater(result.kernel_seconds, self.expected.kernel_seconds)
        with phalanx.open(texts.MACHINE, overrides={"chip.clock": "0.5GHz"}) as device:
            self.assertEqual(device.machine, slow)
            self.assertEqual(device.run(program, self.a, self.b).cycles, result.cycles)

    def test_python_threads(self):
        """Two threads a device and two devices: everybody gets the same values."""
        answers, failures = [], []

        def work(device):
            try:
                for _ in range(4):
                    answers.append(device.run(self.program, self.a, self.b).c.tobytes())
            except BaseException as error:  # shown by the main thread
                failures.append(error)
        with phalanx.open(texts.MACHINE) as one, phalanx.open(texts.MACHINE) as other:
            threads = [threading.Thread(target=work, args=(device,)) for device in (one, other, one, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(answers, [self.expected.c.tobytes()] * 16)

    def test_python_threads_compile(self):
        made = [None] * 3

        def work(index):
            made[index] = phalanx.compile(texts.product(SIZE, SIZE, SIZE), texts.MACHINE).executable
        threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(made, [self.program.executable] * 3)

    def test_settings_and_closing(self):
        with self.assertRaisesRegex(phalanx.Error, "timed, functional or timing-only"):
            phalanx.open(texts.MACHINE, mode="fast")
        with self.assertRaisesRegex(phalanx.Error, "colour"):
            phalanx.open(texts.MACHINE, colour="red")
        with self.assertRaisesRegex(phalanx.Error, "no-such-chip"):
            phalanx.open("no-such-chip")
        device = phalanx.open(texts.MACHINE)
        device.close()
        device.close()
        self.assertTrue(device.closed)
        with self.assertRaisesRegex(ValueError, "closed"):
            device.run(self.program, self.a, self.b)
        self.assertIn("closed", repr(device))


unittest.main()
