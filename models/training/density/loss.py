"""How wrong a density map is: likelihood of the head points, and the error of the sum."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

LEVELS = (1, 2, 4, 8)
"""Windows, in cells, whose counts are judged: fine ones place people, coarse ones forgive a head
point that is some pixels off."""


def density_loss(people: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Poisson deviance of window counts per person, and relative error of each crop's sum.

    The finest level is the negative log-likelihood of an inhomogeneous Poisson process, whose
    maximum is the mean count, so that sums are unbiased; a squared error would let the densest
    windows rule, an absolute one would pull sparse windows to zero.

    Args:
        people, target: (N, 1, h, w) people per cell, h and w multiples of the widest window;
            `people` is positive.
    """
    persons = target.sum() + len(target)
    deviance = people.new_zeros(())
    for level in LEVELS:
        mean = F.avg_pool2d(people, level) * level**2
        there = F.avg_pool2d(target, level) * level**2
        floor = there.clamp(min=1e-6)
        deviance = deviance + (mean - there - there * (mean.clamp(min=1e-6) / floor).log()).sum()
    sums = (people.sum((1, 2, 3)) - target.sum((1, 2, 3))).abs().sum()
    return {"deviance": deviance / persons / len(LEVELS), "count": sums / persons}
