"""Phalanx: a virtual Ascend-class accelerator for NumPy programs.

    import numpy as np
    import phalanx

    program = phalanx.compile("model.onnx", machine="ascend-910b1")
    with phalanx.open("ascend-910b1") as device:
        result = device.run(program, x=np.zeros((96, 64), np.float32))
        print(result["y"], result.seconds)

Values come from a functional simulation, times from a timing model of the machine; both are the same in every run.
docs/python.md has the whole interface.
"""
from ._phalanx import Error, default_machine, phases
from .device import Device, Result, open, run
from .machine import Machine, MachineInfo, Quantity, machines
from .program import Kernel, Program, assemble, compile
from .tensor import TensorType

__all__ = ["Device", "Error", "Kernel", "Machine", "MachineInfo", "Program", "Quantity", "Result", "TensorType",
           "assemble", "compile", "default_machine", "machines", "open", "phases", "run"]
