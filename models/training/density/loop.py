"""The density network's training loop: moving average, checkpoints that survive a kill."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.training.density.crops import Crops
from models.training.density.loss import density_loss
from models.training.density.network import DensityNetwork
from models.training.loop import Progress, Schedule

TRUNK_RATE = 0.2
"""Learning rate of the pretrained trunk, as a share of the new head's."""


class DensityRun:
    """One run in a directory, which holds last.pt and history.jsonl."""

    def __init__(self, network: DensityNetwork, schedule: Schedule, directory: Path) -> None:
        """Goes on from `directory`/last.pt where there is one."""
        if schedule.threads:
            torch.set_num_threads(schedule.threads)
        self.schedule = schedule
        self.directory = directory
        memory = torch.channels_last
        self.network: Any = network.to(memory_format=memory)  # type: ignore[call-overload]
        self.average: Any = copy.deepcopy(self.network).eval()
        self.optimizer = _optimizer(network, schedule)
        self.state = Progress()
        directory.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.directory / "last.pt"

    def train(self, crops: Crops, report: Callable[[Progress, float], None]) -> None:
        """Learn until the schedule ends; `report` is called every 20 steps."""
        start = time.monotonic() - self.state.elapsed_s
        saved_s = self.state.elapsed_s
        while (progress := self.schedule.progress(self.state.step, self.state.elapsed_s)) < 1:
            self._step(*crops.batch(self.state.step), progress)
            self.state.elapsed_s = time.monotonic() - start
            if self.state.step % 20 == 0:
                report(self.state, progress)
                self._note(progress)
            if self.state.elapsed_s - saved_s >= self.schedule.checkpoint_s:
                self.save()
                saved_s = self.state.elapsed_s
        self.save()

    def _step(self, image: Tensor, target: Tensor, progress: float) -> None:
        rate = self.schedule.rate_at(self.state.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        people = self.network(image, self.schedule.frozen_at(progress))
        parts = density_loss(people, target)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self._follow()
        self.state.step += 1
        self.state.pictures += len(image)
        for name, value in parts.items():
            old = self.state.losses.get(name, float(value.detach()))
            self.state.losses[name] = 0.98 * old + 0.02 * float(value.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        decay = self.schedule.average * (1 - math.exp(-(self.state.step + 1) / 100))
        for kept, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)

    def _note(self, progress: float) -> None:
        rate = self.schedule.rate_at(self.state.step, progress)
        row = {**asdict(self.state), "progress": progress, "rate": rate}
        with (self.directory / "history.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")

    def save(self) -> None:
        """Write last.pt, all state, replaced atomically."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "state": asdict(self.state),
            },
            part,
        )
        part.replace(self.checkpoint)

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.state = Progress(**saved["state"])


def _optimizer(network: DensityNetwork, schedule: Schedule) -> torch.optim.Optimizer:
    groups = []
    for part, share in ((network.trunk, TRUNK_RATE), (network.head, 1.0)):
        for many in (True, False):
            chosen = [p for p in part.parameters() if (p.ndim > 1) == many]
            decay = schedule.weight_decay if many else 0.0
            groups.append({"params": chosen, "weight_decay": decay, "share": share})
    return torch.optim.AdamW(groups, lr=schedule.rate)
