"""Machines by name, their numbers, overrides, and what is wrong with wrong ones."""
import unittest

import phalanx


class Machines(unittest.TestCase):
    def test_list(self):
        found = {info.name: info for info in phalanx.machines()}
        self.assertIn("ascend-910b1", found)
        self.assertIn("ascend-910b", found["ascend-910b1"].aliases)
        self.assertIn(phalanx.default_machine, found)
        for name in found:
            self.assertEqual(phalanx.Machine(name).name, name)

    def test_numbers_carry_their_evidence(self):
        machine = phalanx.Machine("ascend-910b1")
        self.assertEqual(machine.devices, 8)
        clock = machine["chip.clock"]
        self.assertEqual((clock.value, clock.unit, clock.tag), (1.85e9, "Hz", "vendor"))
        self.assertTrue(clock.source)
        self.assertRegex(clock.origin, r"ascend-910b1\.toml:\d+")
        self.assertEqual(machine.values_by_key["chip.aic"], 24)
        self.assertEqual(len(list(machine)), len(machine))
        self.assertIn("24 AIC + 48 AIV", repr(machine))

    def test_alias_is_the_same_machine(self):
        self.assertEqual(phalanx.Machine("ascend-910b"), phalanx.Machine("ascend-910b1"))

    def test_overrides(self):
        slow = phalanx.Machine("ascend-910b1", overrides={"chip.clock": "1.5GHz"})
        self.assertEqual(slow["chip.clock"].value, 1.5e9)
        self.assertEqual(slow["chip.clock"].origin, "override")
        self.assertEqual(slow.overrides, ("chip.clock=1.5GHz",))
        self.assertNotEqual(slow, phalanx.Machine("ascend-910b1"))

    def test_errors(self):
        with self.assertRaisesRegex(phalanx.Error, "no-such-chip"):
            phalanx.Machine("no-such-chip")
        with self.assertRaisesRegex(phalanx.Error, "chip.colour"):
            phalanx.Machine("ascend-910b1", overrides={"chip.colour": "red"})
        with self.assertRaises(KeyError):
            phalanx.Machine("ascend-910b1")["chip.colour"]


unittest.main()
