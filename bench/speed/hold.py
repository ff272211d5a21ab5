"""How many cameras a patrol holds without a late glance: tries from the hoped for number down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.speed.child import Measured

MOST_WAIT = 1.5
"""In glance periods; a glance that waited longer is late."""

STEPS = (1.0, 0.85, 0.7, 0.55, 0.4)
"""Shares of the hoped for number that are tried, until one holds."""

UP = 1.15
"""So many times as many are tried while the first number holds."""


@dataclass(frozen=True, slots=True)
class Held:
    """One try.

    Attributes:
        cameras: Watched at once.
        holds: No glance was late and no connection broke.
        wait: The longest that a glance waited, in periods.
        stretch: The largest factor on all periods.
        broken: Connections that broke.
    """

    cameras: int
    holds: bool
    wait: float
    stretch: float
    broken: int

    @classmethod
    def of(cls, cameras: int, measured: Measured) -> Held:
        """What a window says."""
        wait, stretch = measured.levels["wait_now"], measured.levels["stretch_now"]
        broken = int(measured.counters.get("failures", 0))
        holds = wait <= MOST_WAIT and stretch <= 1.0 and not broken
        return cls(cameras, holds, round(wait, 2), round(stretch, 2), broken)


def most_held(hope: int, try_with: Callable[[int], Held]) -> list[Held]:
    """Tries from the hoped for number of cameras down until one holds; up from it if it holds."""
    tries: list[Held] = []
    for share in STEPS:
        tries.append(try_with(max(1, round(hope * share))))
        if tries[-1].holds:
            break
    while len(tries) == 1 or (tries[-1].holds and tries[-1].cameras > tries[0].cameras):
        tries.append(try_with(round(tries[-1].cameras * UP)))
    return tries
