"""Programs: compiled, assembled, or loaded from a file."""
from __future__ import annotations

import os
import pathlib
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence, Union

from . import _phalanx
from ._phalanx import Error
from .machine import Machine, machine_of
from .tensor import TensorType, as_known

Source = Union[str, os.PathLike, bytes, Any]  # path, MLIR text, bytes of MLIR or ONNX, or an ONNX ModelProto


@dataclass(frozen=True)
class Kernel:
    """A kernel of a program."""
    name: str
    source: str  # the operations it computes ("MatMul_3 (MatMul)")
    core: str  # "aic" (cube core) or "aiv" (vector core)
    instructions: int  # in its code


@dataclass(frozen=True)
class _Compilation:
    """What compile() was asked, so that ir() can ask again."""
    data: bytes
    file: str
    machine: Machine
    schedule: str
    shapes: Mapping[str, list[int]]
    dims: Mapping[str, int]
    sync: bool
    start_after: str
    known: tuple[tuple[str, str, tuple[int, ...], bytes], ...]

    def run(self, stop_after: str, constants: bool) -> tuple[bytes, list[str], list[tuple[str, str, str, int]], str]:
        return _phalanx.compile(self.data, self.file, self.machine._asked, self.machine.overrides, self.schedule,
                                dict(self.shapes), dict(self.dims), self.sync, self.start_after, stop_after,
                                not constants, "", self.known)


@dataclass(eq=False, repr=False)
class Program:
    """An executable for one machine. compile(), assemble() and Program.load() make programs; Device.run() runs them."""
    name: str
    executable: bytes  # an ELF file (docs/executable.md)
    machine: Optional[Machine]  # None if the file names a machine that is not known here
    inputs: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    kernels: tuple[Kernel, ...] = ()  # of programs compiled in this process
    warnings: tuple[str, ...] = ()
    text: str = ""  # with stop_after: the IR, and no executable
    _compilation: Optional[_Compilation] = field(default=None)

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes the executable; `phx run` and Program.load() take it."""
        pathlib.Path(path).write_bytes(self._runnable())

    @classmethod
    def load(cls, path: Union[str, os.PathLike], machine: Union[str, os.PathLike, Machine, None] = None) -> Program:
        """Reads an executable. `machine` is needed only if it was compiled for a machine file or for overrides."""
        return cls._of(pathlib.Path(path).read_bytes(), os.fspath(path), machine)

    def ir(self, phase: str, constants: bool = False) -> str:
        """The IR after a phase (phalanx.phases) as MLIR text; large constants are left out unless asked for.

        Raises phalanx.Error for programs that were not compiled in this process, and for unknown phases.
        """
        if self._compilation is None:
            raise Error(f"'{self.name}' was not compiled in this process, so its IR is not known; assembly() lists its code")
        return self._compilation.run(phase, constants)[3]

    def assembly(self) -> str:
        """The executable as text from which assemble() makes the same executable again."""
        return _phalanx.listing(self._runnable(), self.name)

    def _runnable(self) -> bytes:
        if not self.executable:
            raise Error(f"'{self.name}' was compiled with stop_after and has IR only")
        return self.executable

    @classmethod
    def _of(cls, executable: bytes, name: str, machine: Union[str, os.PathLike, Machine, None] = None) -> Program:
        found = _phalanx.interface(executable, name)
        bound = None if machine is None else machine_of(machine)
        if found is None:
            return cls(name, executable, bound)
        if bound is None:
            try:
                bound = Machine(found[0])
            except Error:
                pass  # a machine of somebody else's; running it needs `machine`
        return cls(name, executable, bound, *(tuple(TensorType(*one) for one in tensors) for tensors in found[1:]))

    def __repr__(self) -> str:
        machine = self.machine.name if self.machine else "an unknown machine"
        if not self.executable:
            return f"<Program {self.name} for {machine}: IR only>"
        inputs, outputs = (", ".join(map(str, tensors)) for tensors in (self.inputs, self.outputs))
        return f"<Program {self.name} for {machine}: ({inputs}) -> ({outputs})>"


def compile(source: Source, machine: Union[str, os.PathLike, Machine, None] = None, *, schedule: str = "",
            shapes: Mapping[str, Sequence[int]] = {}, dims: Mapping[str, int] = {}, known: Mapping[str, object] = {},
            sync: bool = True, start_after: str = "", stop_after: Optional[str] = None, constants: bool = True) -> Program:
    """Compiles a tensor program for a machine.

    source      path of an .onnx or .mlir file; MLIR text (linalg on tensors); the bytes of either, or MLIR bytecode; or
                an ONNX ModelProto (anything with SerializeToString)
    machine     name, .toml file or Machine; phalanx.default_machine if not given
    schedule    replaces fields of what is chosen for matrix products: "base_m=128,split_k=2"
    shapes      of ONNX inputs with open dimensions, by name: {"x": (1, 3, 224, 224)}
    dims        sizes of named dimensions: {"batch": 1}
    known       values of ONNX inputs that shapes depend on: {"new_shape": [2, 3]}; they are inputs of the program no more.
                Of the others named here the shapes count.
    sync        False leaves out the flags between pipes, for experiments with check="synccheck"
    start_after the source is IR as it is after this phase
    stop_after  a phase (phalanx.phases): the result has its IR as `text` and cannot be run
    constants   False leaves large constants out of that text, which then cannot be compiled further

    Other Python threads go on meanwhile. Raises phalanx.Error with file, line and column or the ONNX node.
    """
    data, file = _read(source)
    asked = _Compilation(data, file, machine_of(machine), schedule, {k: [int(n) for n in v] for k, v in shapes.items()},
                         {k: int(v) for k, v in dims.items()}, sync, start_after,
                         tuple(as_known(name, value) for name, value in known.items()))
    executable, warnings, kernels, text = asked.run(stop_after or "", constants)
    name = pathlib.PurePath(file).stem if isinstance(source, (str, os.PathLike)) else file
    if stop_after:
        program = Program(name, b"", asked.machine, text=text)
    else:
        program = Program._of(executable, name, asked.machine)
    program.kernels = tuple(Kernel(*one) for one in kernels)
    program.warnings = tuple(warnings)
    program._compilation = asked
    return program


def assemble(source: Union[str, os.PathLike], machine: Union[str, os.PathLike, Machine, None] = None) -> Program:
    """A program from assembly: a path, or text (docs/executable.md). The object phx.program in it names the tensors.

    `.target aiv "ascend-910b1"` binds to that machine; `machine` can give it overrides. Raises phalanx.Error with line
    and column.
    """
    data, file = _read(source)
    named = None if machine is None else machine_of(machine)
    executable = _phalanx.assemble(data.decode(), file, named._asked if named else "", named.overrides if named else ())
    return Program._of(executable, pathlib.PurePath(file).stem, named)


def _read(source: Source) -> tuple[bytes, str]:
    """The bytes of a program and the name that messages give it."""
    if isinstance(source, str) and ("\n" in source or "{" in source):
        return source.encode(), "<text>"
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        try:
            return pathlib.Path(path).read_bytes(), path
        except OSError as error:
            raise Error(f"{path}: cannot be read: {error.strerror}") from error
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "<bytes>"
    if hasattr(source, "SerializeToString"):
        return source.SerializeToString(), "<model>"
    raise TypeError(f"a program is a path, text, bytes or an ONNX model, got {type(source).__name__}")

