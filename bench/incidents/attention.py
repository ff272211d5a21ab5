"""When the patrol looks at the next picture: glances at a period, and full attention on a wish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.confirm import LookWant
from pipeline.confirm.looks import worth


@dataclass(slots=True)
class Attention:
    """The pace of one view, without a worker's other views that might be more urgent.

    Glances keep to multiples of their period whatever looks come between, so that other rules look
    at the same pictures.

    Attributes:
        period_s: Seconds between glances.
        looks: Wishes for looks are followed.
        next_s: Second at which the next picture is due.
        look_until_s: Second at which the look under way, or the last one, ends.
        look_fps: Pictures per second of it.
    """

    period_s: float
    looks: bool
    next_s: float = 0.0
    look_until_s: float = -1.0
    look_fps: float = 1.0

    def is_due(self, t_s: float) -> bool:
        """Whether a picture of this second would be looked at."""
        return t_s >= self.next_s - 1e-6

    def is_looking(self, t_s: float) -> bool:
        """Whether a look is under way."""
        return t_s < self.look_until_s

    def took(self, t_s: float, wants: Sequence[LookWant]) -> None:
        """A picture was judged, and these looks are wished for."""
        wants = worth(wants, self.period_s)
        if self.looks and wants:
            self.look_fps = max(wants[0].look_fps, self.look_fps if self.is_looking(t_s) else 0.0)
            self.look_until_s = max(self.look_until_s, t_s + wants[0].look_s)
        glance_s = (math.floor(t_s / self.period_s + 1e-6) + 1) * self.period_s
        self.next_s = t_s + 1 / self.look_fps if self.is_looking(t_s) else glance_s
