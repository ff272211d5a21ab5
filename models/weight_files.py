"""Chooses the file of a weight that serves given settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.card import Card, CardFile
from models.errors import UnsupportedSetting
from models.settings import DetectorSettings

PREFERENCE = ("int8", "fp16", "fp32")
"""Fastest first on a CPU."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One loadable file of a weight: .xml stands for itself and its .bin.

    Attributes:
        name: File name.
        precision: int8, fp16 or fp32.
        input_size: (height, width) it is fixed to, None when it takes any.
    """

    name: str
    precision: str
    input_size: tuple[int, int] | None

    @property
    def parts(self) -> tuple[str, ...]:
        """All files that must be verified and read to load this one."""
        if self.name.endswith(".xml"):
            return self.name, self.name.removesuffix(".xml") + ".bin"
        return (self.name,)


def choose_file(card: Card, suffix: str, settings: DetectorSettings) -> WeightFile:
    """The file with this suffix that fits precision and input size, the fastest of several.

    Raises:
        UnsupportedSetting: none fits; the message lists what there is.
    """
    there = [_weight_file(name, file) for name, file in card.files.items() if name.endswith(suffix)]
    fits = [
        file
        for file in there
        if settings.precision in ("auto", file.precision)
        and file.input_size in (None, settings.input_size)
    ]
    if not fits:
        height, width = settings.input_size
        have = ", ".join(f"{f.name} ({f.precision}, {_size(f)})" for f in there) or "none"
        raise UnsupportedSetting(
            f"weight {card.name} must have a {suffix} file of precision {settings.precision} "
            f"for input size {height}x{width}; it has: {have}"
        )
    return min(fits, key=lambda f: (PREFERENCE.index(f.precision), f.input_size is None))


def _weight_file(name: str, file: CardFile) -> WeightFile:
    size = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", name)
    named = (int(size[1]), int(size[2])) if size else None
    precision = next((p for p in PREFERENCE if p in name.lower()), "fp32")
    return WeightFile(name, file.precision or precision, file.input_size or named)


def _size(file: WeightFile) -> str:
    return "any size" if file.input_size is None else "{}x{}".format(*file.input_size)
