"""Tensors of programs and NumPy arrays."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

try:
    from ml_dtypes import bfloat16 as _bfloat16
    BFLOAT16 = np.dtype(_bfloat16)
except ImportError:  # then the 16 bits of a bfloat16 travel as uint16
    BFLOAT16 = np.dtype(np.uint16)

_DTYPES = {name: np.dtype(dtype) for name, dtype in (
    ("f32", np.float32), ("f16", np.float16), ("bf16", BFLOAT16), ("f64", np.float64), ("s8", np.int8), ("u8", np.uint8),
    ("s16", np.int16), ("u16", np.uint16), ("s32", np.int32), ("u32", np.uint32), ("s64", np.int64), ("u64", np.uint64),
    ("bool", np.bool_))}


@dataclass(frozen=True)
class TensorType:
    """An input or output of a program."""
    name: str
    type: str  # as programs name it: f32 f16 bf16 s8 u8 s16 u16 s32 u32 s64 u64 bool f64
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type of arrays that hold it; bf16 is ml_dtypes.bfloat16 or, without ml_dtypes, uint16."""
        return _DTYPES[self.type]

    def __str__(self) -> str:
        return f"{self.name}: {'bfloat16' if self.type == 'bf16' else self.dtype.name}{list(self.shape)}"

    def __repr__(self) -> str:
        return f"<{self}>"


def as_input(value: object, wanted: TensorType) -> np.ndarray:
    """`value` as a C-contiguous array of exactly the wanted type and shape.

    Arrays (NumPy's, and others that NumPy can take over) must have the type; Python numbers and lists are converted if
    no value changes but by rounding. Raises TypeError for types and ValueError for shapes, naming the input.
    """
    array = _array(value, wanted)
    if array.shape != wanted.shape:
        raise ValueError(f"input '{wanted.name}' takes shape {wanted.shape}, got {array.shape}")
    return np.require(array, requirements="C")


def _array(value: object, wanted: TensorType) -> np.ndarray:
    if isinstance(value, (bool, int, float, list, tuple)):
        return _converted(np.asarray(value), wanted)
    if not isinstance(value, np.ndarray) and not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        array = np.from_dlpack(value)
    else:
        array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == wanted.dtype:
        return array
    if wanted.type == "bf16" and array.dtype == np.uint16:
        return array.view(BFLOAT16)
    raise TypeError(f"input '{wanted.name}' takes {wanted.dtype.name} arrays, got {array.dtype.name}")


def _converted(array: np.ndarray, wanted: TensorType) -> np.ndarray:
    floats = wanted.type in ("f32", "f16", "bf16", "f64")
    allowed = "biuf" if floats else "b" if wanted.type == "bool" else "biu"
    if array.size and array.dtype.kind not in allowed:
        raise TypeError(f"input '{wanted.name}' takes {wanted.dtype.name} values, got {array.dtype.name}")
    if wanted.type == "bf16" and BFLOAT16 == np.uint16:
        raise TypeError(f"input '{wanted.name}' takes bfloat16: give its bits as a uint16 array, or install ml_dtypes")
    converted = array.astype(wanted.dtype)
    if not floats and not np.array_equal(converted, array):
        raise ValueError(f"input '{wanted.name}' holds values that do not fit into {wanted.dtype.name}")
    return converted


def as_known(name: str, value: object) -> tuple[str, str, tuple[int, ...], bytes]:
    """A value that the compiler is told: (name, type as programs name it, shape, row-major bytes). TypeError for others."""
    array = np.asarray(value)
    for type, dtype in _DTYPES.items():
        if array.dtype == dtype and not (type == "bf16" and dtype == np.uint16):
            return name, type, array.shape, array.tobytes()
    raise TypeError(f"no input can be of type {array.dtype.name}, which was given for '{name}'")


def raw(array: np.ndarray) -> np.ndarray:
    """The memory of a contiguous array as bytes, not copied."""
    return array.reshape(-1).view(np.uint8)
