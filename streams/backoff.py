"""How long to wait before a camera is tried again."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential waiting with full jitter between half and all of the step.

    Jitter keeps hundreds of cameras behind one switch from returning in the same instant
    (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Attributes:
        first_s: Step before the second attempt.
        most_s: Longest step.
        factor: Growth of the step.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    factor: float = 2.0

    def wait_s(self, failures: int, rng: random.Random) -> float:
        """Return the wait after so many failures in a row (1 is the first)."""
        step_s = min(self.most_s, self.first_s * self.factor ** min(failures - 1, 30))
        return step_s * rng.uniform(0.5, 1.0)
