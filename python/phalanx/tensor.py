"""Tensors of programs and NumPy arrays."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

try:
    import ml_dtypes
    BFLOAT16, FLOAT8_E4M3, FLOAT8_E5M2 = (np.dtype(type) for type in (
        ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2))
except ImportError:  # then their bits travel as unsigned integers
    BFLOAT16, FLOAT8_E4M3, FLOAT8_E5M2 = np.dtype(np.uint16), np.dtype(np.uint8), np.dtype(np.uint8)

_DTYPES = {name: np.dtype(dtype) for name, dtype in (
    ("f32", np.float32), ("f16", np.float16), ("bf16", BFLOAT16), ("f64", np.float64), ("s8", np.int8), ("u8", np.uint8),
    ("s16", np.int16), ("u16", np.uint16), ("s32", np.int32), ("u32", np.uint32), ("s64", np.int64), ("u64", np.uint64),
    ("bool", np.bool_), ("f8e4m3", FLOAT8_E4M3), ("f8e5m2", FLOAT8_E5M2))}
# Types that NumPy lacks, and the integers of their size.
_BITS = {"bf16": ("bfloat16", np.uint16), "f8e4m3": ("float8_e4m3fn", np.uint8), "f8e5m2": ("float8_e5m2", np.uint8)}


@dataclass(frozen=True)
class TensorType:
    """An input or output of a program."""
    name: str
    type: str  # as programs name it: f32 f16 bf16 s8 u8 s16 u16 s32 u32 s64 u64 bool f64 f8e4m3 f8e5m2
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type of arrays that hold it; bf16, f8e4m3 and f8e5m2 are bfloat16, float8_e4m3fn and float8_e5m2 of
        ml_dtypes or, without ml_dtypes, uint16 and uint8."""
        return _DTYPES[self.type]

    def __str__(self) -> str:
        return f"{self.name}: {_BITS[self.type][0] if self.type in _BITS else self.dtype.name}{list(self.shape)}"

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
    if wanted.type in _BITS and array.dtype == _BITS[wanted.type][1]:
        return array.view(wanted.dtype)
    raise TypeError(f"input '{wanted.name}' takes {wanted.dtype.name} arrays, got {array.dtype.name}")


def _converted(array: np.ndarray, wanted: TensorType) -> np.ndarray:
    floats = wanted.type in ("f32", "f16", "f64") or wanted.type in _BITS
    allowed = "biuf" if floats else "b" if wanted.type == "bool" else "biu"
    if array.size and array.dtype.kind not in allowed:
        raise TypeError(f"input '{wanted.name}' takes {wanted.dtype.name} values, got {array.dtype.name}")
    if wanted.type in _BITS and wanted.dtype == _BITS[wanted.type][1]:
        name, bits = _BITS[wanted.type]
        raise TypeError(f"input '{wanted.name}' takes {name}: give its bits as a {bits.__name__} array, or install ml_dtypes")
    converted = array.astype(wanted.dtype)
    if not floats and not np.array_equal(converted, array):
        raise ValueError(f"input '{wanted.name}' holds values that do not fit into {wanted.dtype.name}")
    return converted


def as_known(name: str, value: object) -> tuple[str, str, tuple[int, ...], bytes]:
    """A value that the compiler is told: (name, type as programs name it, shape, row-major bytes). TypeError for others."""
    array = np.asarray(value)
    for type, dtype in _DTYPES.items():
        if array.dtype == dtype and not (type in _BITS and dtype == _BITS[type][1]):
            return name, type, array.shape, array.tobytes()
    raise TypeError(f"no input can be of type {array.dtype.name}, which was given for '{name}'")


def raw(array: np.ndarray) -> np.ndarray:
    """The memory of a contiguous array as bytes, not copied."""
    return array.reshape(-1).view(np.uint8)
