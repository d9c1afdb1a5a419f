"""Ctrl-C in a long simulation: promptly a KeyboardInterrupt, and the device goes on."""
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np
import phalanx
import texts

SPIN = """
.target aiv "ascend-910b1"
.kernel spin aiv
  .param y 8 ptr
    mov.b32      s0, 0
next:
    add.u32      s0, s0, 1
    setp.lt.u32  p0, s0, 4000000000
    bra          next, p0
    exit
.data string phx.program
  .ascii "{\\"version\\": 1, \\"machine\\": \\"ascend-910b1\\", \\"workspace_bytes\\": 0, \\"inputs\\": [],"
  .ascii " \\"outputs\\": [{\\"name\\": \\"y\\", \\"type\\": \\"f32\\", \\"shape\\": [8], \\"buffer\\": 0}],"
  .ascii " \\"buffers\\": [{\\"kind\\": \\"output\\", \\"bytes\\": 32}],"
  .ascii " \\"launches\\": [{\\"kernel\\": \\"spin\\", \\"grid\\": 1, \\"arguments\\": [0], \\"source\\": \\"spin\\"}]}"
"""
SIGNALS_AFTER = 0.3  # seconds


def soon(action):
    timer = threading.Timer(SIGNALS_AFTER, action)
    timer.start()
    return timer


class Interrupt(unittest.TestCase):
    def setUp(self):
        self.spin = phalanx.assemble(SPIN)
        self.device = phalanx.open(texts.MACHINE, watchdog="1000000000000")  # instructions: more than any test waits for
        self.addCleanup(self.device.close)

    def check_usable(self):
        double = phalanx.compile(texts.double(16), texts.MACHINE)
        x = np.arange(16, dtype=np.float32)
        np.testing.assert_array_equal(self.device.run(double, x)[0], 2 * x)

    def test_keyboard_interrupt(self):
        for _ in range(2):
            begin = time.monotonic()
            timer = soon(lambda: os.kill(os.getpid(), signal.SIGINT))
            with self.assertRaises(KeyboardInterrupt):
                self.device.run(self.spin)
            timer.join()
            self.assertLess(time.monotonic() - begin, 20)
            self.check_usable()

    def test_what_a_handler_raises(self):
        def handler(number, frame):
            raise ValueError("from the handler")
        before = signal.signal(signal.SIGUSR1, handler)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        timer = soon(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        with self.assertRaisesRegex(ValueError, "from the handler"):
            self.device.run(self.spin)
        timer.join()
        self.check_usable()

    def test_python_goes_on_meanwhile(self):
        """The simulator holds no lock of Python: another thread counts while it runs."""
        counted, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                counted[0] += 1
        counter = threading.Thread(target=count)
        counter.start()
        timer = soon(lambda: os.kill(os.getpid(), signal.SIGINT))
        before = counted[0]
        with self.assertRaises(KeyboardInterrupt):
            self.device.run(self.spin)
        self.assertGreater(counted[0], before + 100)
        stop.set()
        counter.join()
        timer.join()

    def test_waiting_for_a_busy_device(self):
        """Ctrl-C ends the wait of the main thread; cancel() ends the run of the other."""
        ended = []

        def work():
            try:
                self.device.run(self.spin)
            except phalanx.Error as error:
                ended.append(str(error))
        busy = threading.Thread(target=work)
        busy.start()
        timer = soon(lambda: os.kill(os.getpid(), signal.SIGINT))
        time.sleep(SIGNALS_AFTER / 3)
        with self.assertRaises(KeyboardInterrupt):
            self.device.run(self.spin)
        timer.join()
        self.assertEqual(ended, [])
        self.device.cancel()
        busy.join()
        self.assertIn("cancelled", ended[0])
        self.device.cancel()
        self.check_usable()

    def test_leaving_python_while_a_daemon_thread_runs(self):
        script = f"""if True:
            import phalanx, threading, time
            spin = phalanx.assemble({SPIN!r})
            device = phalanx.open({texts.MACHINE!r}, watchdog="60s")
            threading.Thread(target=lambda: device.run(spin), daemon=True).start()
            time.sleep({SIGNALS_AFTER})
            """
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_watchdog(self):
        with phalanx.open(texts.MACHINE, watchdog="1s") as device:
            with self.assertRaisesRegex(phalanx.Error, "more than 1 s of host time"):
                device.run(self.spin)


unittest.main()
