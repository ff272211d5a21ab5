"""The density network's training run: people counted in crops, a slower pretrained trunk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from models.training.density.crops import Crops
from models.training.density.loss import density_loss
from models.training.density.network import DensityNetwork
from models.training.loop import Cost, Progress, Schedule, TrainingRun, decayed

TRUNK_RATE = 0.2
"""Learning rate of the pretrained trunk, as a share of the new head's."""


class DensityRun(TrainingRun):
    """A run on crops of counted pictures."""

    clip_norm = 5.0

    def __init__(self, network: DensityNetwork, schedule: Schedule, directory: Path) -> None:
        groups = [
            {**group, "share": share}
            for part, share in ((network.trunk, TRUNK_RATE), (network.head, 1.0))
            for group in decayed(part.parameters(), schedule.weight_decay)
        ]
        super().__init__(network, groups, schedule, directory)

    def train(self, crops: Crops, report: Callable[[Progress, float], None]) -> None:
        """Learn until the schedule ends; `report` is called every 20 steps."""
        self.learn(lambda _: crops.batch(self.state.step), self._loss, report)

    def _loss(self, batch: Any, progress: float) -> Cost:
        """A `Loss`; `batch` is pictures and their target maps."""
        image, target = batch
        people = self.network(image, self.schedule.frozen_at(progress))
        parts = density_loss(people, target)
        return torch.stack(list(parts.values())).sum(), parts, len(image)
