"""Machines: what is simulated, and every number of it with its source."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Iterator, Mapping, NamedTuple, Union

from . import _phalanx


class MachineInfo(NamedTuple):
    """A machine that is found by name."""
    name: str
    title: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Quantity:
    """One number of a machine description and its evidence."""
    value: Union[float, str]  # in `unit`; some are words ("virtual")
    unit: str  # "Hz", "B", "B/s", "B/cycle", "cycle", "ns", "W", ...; "" for counts, ratios and words
    tag: str  # published, vendor, measured, fitted, projected or guessed
    source: str  # citation
    origin: str  # file:line, or "override"

    def __str__(self) -> str:
        value = f"{self.value:g}" if isinstance(self.value, float) else str(self.value)
        return f"{value} {self.unit}".rstrip() + f" ({self.tag}: {self.source})"


def machines() -> list[MachineInfo]:
    """The machines that can be opened by name; files of your own can be opened too (docs/machine_schema.md)."""
    return [MachineInfo(name, title, tuple(aliases)) for name, title, aliases in _phalanx.machines()]


class Machine(Mapping[str, Quantity]):
    """A machine description, by name or .toml file, with numbers changed by `overrides`.

        Machine("ascend-910b1", overrides={"chip.clock": "1.5GHz"})["chip.clock"].value  # 1.5e9

    A mapping from keys ("memory.hbm.bandwidth") to Quantity. Raises phalanx.Error for unknown machines, keys and units.
    """

    def __init__(self, machine: Union[str, os.PathLike[str]] = _phalanx.default_machine,
                 overrides: Mapping[str, object] = {}) -> None:
        self._asked = os.fspath(machine)
        self._overrides = tuple(f"{key}={value}" for key, value in overrides.items())
        described = json.loads(_phalanx.machine_json(self._asked, self._overrides))
        self.name: str = described["name"]
        self.title: str = described["title"]
        self.file: str = described["file"]
        self.digest: str = described["digest"]  # machines with the same digest simulate alike
        self.devices: int = described["devices"]
        self.packages: int = described["packages"]
        self.simt: str = described["simt"]  # "native", "virtual" (not in the real chip) or "none"
        self.weakest_tag: str = described["weakest_tag"]
        self._values = {key: Quantity(one["v"], one["unit"], one["tag"], one["src"], one["origin"])
                        for key, one in described["values"].items()}

    @property
    def overrides(self) -> tuple[str, ...]:
        """What was changed, as "key=value"."""
        return self._overrides

    @property
    def label(self) -> str:
        """The name with what was changed: "ascend-910b1, chip.clock=1.5GHz"."""
        return ", ".join((self.name, *self._overrides))

    @property
    def values_by_key(self) -> dict[str, Union[float, str]]:
        """The bare numbers, for computing with."""
        return {key: one.value for key, one in self._values.items()}

    def __getitem__(self, key: str) -> Quantity:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Machine) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        get = self.values_by_key.get
        devices = f"{self.devices} device{'s' if self.devices != 1 else ''}"
        return (f"<Machine {self.label}: {devices} of {get('chip.aic', 0):g} AIC + {get('chip.aiv', 0):g} AIV "
                f"at {float(get('chip.clock', 0)) * 1e-9:.2f} GHz, "
                f"HBM {float(get('memory.hbm.bandwidth', 0)) * 1e-12:.2f} TB/s>")


def machine_of(machine: Union[str, os.PathLike[str], Machine, None]) -> Machine:
    """What users name a machine with, as a Machine."""
    if isinstance(machine, Machine):
        return machine
    return Machine(_phalanx.default_machine if machine is None else machine)
