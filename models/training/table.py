"""Progress of a run as one line of a table every few seconds."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO


class Standing(Protocol):
    """What the table shows of a run."""

    step: int
    elapsed_s: float
    pictures: int
    losses: dict[str, float]


class Table:
    """Writes a header once and a row per report: time, epochs, speed, loss parts."""

    def __init__(self, epoch_pictures: int, out: TextIO = sys.stdout) -> None:
        self.epoch_pictures = epoch_pictures
        self.out = out
        self._last: tuple[float, int] | None = None

    def show(self, run: Standing, progress: float) -> None:
        """One row; the speed is that since the row before."""
        if self._last is None:
            self.out.write(
                f"{'min':>6} {'done':>5} {'epoch':>6} {'step':>6} {'img/s':>6}  losses\n"
            )
        then, before = self._last or (0.0, 0)
        speed = (run.pictures - before) / max(run.elapsed_s - then, 1e-9)
        self._last = (run.elapsed_s, run.pictures)
        losses = "  ".join(f"{k.removesuffix('_loss')} {v:.3f}" for k, v in run.losses.items())
        self.out.write(
            f"{run.elapsed_s / 60:6.1f} {progress:5.0%} {run.pictures / self.epoch_pictures:6.2f} "
            f"{run.step:6d} {speed:6.2f}  {losses}  {time.strftime('%H:%M:%S')}\n"
        )
        self.out.flush()
