"""What can be wrong with a site file.

SiteError
├── SiteUnreadable   the file is missing, not YAML, or not a mapping
└── SiteInvalid      it reads, but says something that cannot be: one line per problem
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SiteError(Exception):
    """Base of everything that a site file can raise."""


class SiteUnreadable(SiteError):
    """The file is missing, is not YAML, or is not a mapping."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the file.

    Attributes:
        line: 1-based line in the file, None for values that came from elsewhere.
        where: Path of keys, e.g. "cameras.0.zones.1.polygon".
        message: What must be and what was found.
    """

    line: int | None
    where: str
    message: str


class SiteInvalid(SiteError):
    """The file reads, but says something that cannot be."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        return [
            f"{self.source}:{p.line if p.line is not None else '-'}: {p.where}: {p.message}"
            for p in self.problems
        ]
