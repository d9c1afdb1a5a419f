"""Devices: simulated machines that run programs."""
from __future__ import annotations

import atexit
import json
import os
import weakref
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

import numpy as np

from . import _phalanx
from ._phalanx import Error
from .machine import Machine, machine_of
from .program import Program, Source, compile
from .tensor import TensorType, as_input, raw


class Result:
    """What a run gave and what it took.

    Outputs are NumPy arrays: result["y"], result[0], result.y, `y, = result`, or the dict result.outputs.
    """
    outputs: dict[str, np.ndarray]  # empty in timing-only mode
    mode: str  # of the device
    seconds: float  # simulated, from the first byte copied to the device to the last one back; 0 in functional mode
    kernel_seconds: float  # of them, inside kernels
    cycles: int  # of the core clock, inside kernels
    host_seconds: float  # real time of the simulation

    def __init__(self, outputs: dict[str, np.ndarray], mode: str, took: tuple[float, float, int, float]) -> None:
        self.outputs = outputs
        self.mode = mode
        self.seconds, self.kernel_seconds, self.cycles, self.host_seconds = took

    def __getitem__(self, key: Union[str, int]) -> np.ndarray:
        return self.outputs[key] if isinstance(key, str) else list(self.outputs.values())[key]

    def __getattr__(self, name: str) -> np.ndarray:
        try:
            return self.__dict__["outputs"][name]
        except KeyError:
            timing = self.__dict__.get("mode") == "timing-only"
            raise AttributeError("no values in timing-only mode" if timing else f"no output is named '{name}'") from None

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.outputs.values())

    def __len__(self) -> int:
        return len(self.outputs)

    def __repr__(self) -> str:
        outputs = ", ".join(f"{name}: {a.dtype.name}{list(a.shape)}" for name, a in self.outputs.items())
        time = f"{self.seconds * 1e6:.2f} us, {self.cycles} cycles in kernels"
        return f"<Result {outputs or 'times only'}; {time if self.mode != 'functional' else 'values only'}>"


class Device:
    """The first device of a simulated machine; a context manager.

    Several can be open at a time, on different machines too. One device runs one program at a time: threads that share
    it wait for each other. While it simulates, other Python threads go on, and Ctrl-C raises KeyboardInterrupt, after
    which the device can be used further.

    machine   name, .toml file or Machine; phalanx.default_machine if not given
    mode      "timed"; "functional": values without times; "timing-only": times without values
    check     extra checks of device code, as in "initcheck,racecheck,synccheck" or "all" (docs/checks.md)
    threads   host threads of the simulation; only host time depends on it
    trace     file for https://ui.perfetto.dev, complete after close()
    overrides numbers of the machine to change: {"chip.clock": "1.5GHz"}
    options   further settings of the simulator, docs/report.md: watchdog="30s"

    Raises phalanx.Error for an unknown machine or a setting that it does not take.
    """

    def __init__(self, machine: Union[str, os.PathLike, Machine, None] = None, *, mode: str = "timed",
                 check: Union[str, Sequence[str], None] = None, threads: Optional[int] = None,
                 trace: Union[str, os.PathLike, None] = None, overrides: Mapping[str, object] = {},
                 **options: object) -> None:
        self.machine = machine_of(machine)
        if overrides:
            before = dict(one.split("=", 1) for one in self.machine.overrides)
            self.machine = Machine(self.machine._asked, {**before, **overrides})
        self.mode = mode
        settings = {"mode": mode, **{key: str(value) for key, value in options.items()}}
        if check:
            settings["check"] = check if isinstance(check, str) else ",".join(check)
        if threads is not None:
            settings["threads"] = str(threads)
        if trace is not None:
            settings["trace"] = os.fspath(trace)
        if self.machine.overrides:
            settings["override"] = ";".join(self.machine.overrides)
        self._session: Optional[_phalanx.Session] = _phalanx.Session(self.machine._asked, settings)
        _open_devices.add(self)
        self._models: weakref.WeakKeyDictionary[Program, _phalanx.Model] = weakref.WeakKeyDictionary()

    def run(self, program: Program, *arrays: Any, **named: Any) -> Result:
        """Runs a program: copies the inputs to the device, launches its kernels, copies the outputs back.

        Inputs by position, by name, or as one dict (for names that are no Python names). The first run of a program
        loads it; it stays loaded, with its memory, as long as the Program lives. Later runs find a warm L2.

        TypeError and ValueError say which input is missing, unknown or of the wrong type or shape. phalanx.Error: the
        program is for another machine, or the device stopped on a fault.
        """
        session = self._open()
        inputs = _inputs(program, arrays, named)
        model = self._models.get(program)
        if model is None:
            if program.machine is not None and program.machine != self.machine:
                raise Error(f"'{program.name}' is for {program.machine.label}, this device is of {self.machine.label}")
            model = session.load(program._runnable(), program.name)
            self._models[program] = model
        outputs = {one.name: np.empty(one.shape, one.dtype) for one in program.outputs}
        took = model.run([raw(array) for array in inputs], [raw(array) for array in outputs.values()])
        return Result({} if self.mode == "timing-only" else outputs, self.mode, took)

    def report(self) -> dict[str, Any]:
        """Everything this device has run: kernels with cycles, busy time per pipe, bytes per path (docs/report.md)."""
        return json.loads(self._open().report())

    def cancel(self) -> None:
        """Ends the run that another thread has under way: its run() raises phalanx.Error. Else nothing happens."""
        self._open().cancel()

    def close(self) -> None:
        """Gives the machine back; a trace is complete then. Closing twice is fine."""
        self._models.clear()
        self._session = None

    @property
    def closed(self) -> bool:
        return self._session is None

    def _open(self) -> _phalanx.Session:
        if self._session is None:
            raise ValueError("the device is closed")
        return self._session

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Device of {self.machine.name}, {self.mode}{', closed' if self.closed else ''}>"


_open_devices: weakref.WeakSet[Device] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Python ends daemon threads wherever they are, which must not be inside the simulator."""
    for device in list(_open_devices):
        session, device._session = device._session, None
        if session is not None:
            session.stop()


def _inputs(program: Program, arrays: Sequence[Any], named: Mapping[str, Any]) -> list[np.ndarray]:
    wanted = program.inputs
    if len(arrays) == 1 and isinstance(arrays[0], Mapping):
        named, arrays = {**arrays[0], **named}, ()
    if len(arrays) > len(wanted):
        raise TypeError(f"'{program.name}' takes {len(wanted)} inputs ({_names(wanted)}), got {len(arrays)}")
    given = {one.name: array for one, array in zip(wanted, arrays)}
    known = {one.name for one in wanted}
    for name, array in named.items():
        if name not in known:
            raise TypeError(f"'{program.name}' has no input '{name}'; it has {_names(wanted) or 'none'}")
        if name in given:
            raise TypeError(f"input '{name}' is given twice, by position and by name")
        given[name] = array
    for one in wanted:
        if one.name not in given:
            raise TypeError(f"input '{one.name}' is missing; '{program.name}' takes {_names(wanted)}")
    return [as_input(given[one.name], one) for one in wanted]


def _names(tensors: Sequence[TensorType]) -> str:
    return ", ".join(map(str, tensors))


def open(machine: Union[str, os.PathLike, Machine, None] = None, **options: Any) -> Device:
    """A Device, whose constructor lists the options: `with phalanx.open("ascend-910b1", check="synccheck") as device`."""
    return Device(machine, **options)


def run(source: Union[Program, Source], *arrays: Any, machine: Union[str, os.PathLike, Machine, None] = None,
        mode: str = "timed", check: Union[str, Sequence[str], None] = None, **named: Any) -> Result:
    """Compiles (if need be), opens a device, runs once. `machine` defaults to the program's own."""
    if not isinstance(source, Program):
        source = compile(source, machine)
    with Device(machine if machine is not None else source.machine, mode=mode, check=check) as device:
        return device.run(source, *arrays, **named)
