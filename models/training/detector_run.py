"""A detector's training run: masked loss, frozen first layers, an Ultralytics file at each save."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.training.batches import Batches
from models.training.distil import Elder
from models.training.loop import Cost, Progress, Schedule, TrainingRun, decayed
from models.training.loss import MaskedDetectionLoss
from models.training.network import RESEARCH_KEY, fix_batch_norm, freeze_first


class DetectorRun(TrainingRun):
    """A run that also keeps average.pt, the averaged network as a file that Ultralytics loads.

    Args:
        elder: whose answers count beside the labels.
        research: some pictures forbid a default weight; what the run saves says so.
        compiled: let torch compile the networks, which takes minutes and a C++ compiler: 1.5 times
            the pictures a second on an older CPU (Ice Lake), no more on a newer one.
        bfloat16: compute in bfloat16 on a CPU, too, as GPUs do in any case: up to twice the
            pictures a second where the CPU is made for it (Zen 4 and 5), fewer elsewhere
            (Emerald Rapids).
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        directory: Path,
        device: str = "cpu",
        identity: Mapping[str, Any] | None = None,
        *,
        elder: Elder | None = None,
        research: bool = False,
        compiled: bool = False,
        bfloat16: bool = False,
    ) -> None:
        groups = decayed(network.parameters(), schedule.weight_decay)
        super().__init__(network, groups, schedule, directory, device, identity)
        self.criterion = MaskedDetectionLoss(self.network)
        self.elder = elder
        self.research = research
        self.bfloat16 = bfloat16 or self.device.type == "cuda"
        if elder is not None:
            memory = torch.channels_last
            elder.network.to(self.device, memory_format=memory)
        if compiled:
            for one in [self.network, *([elder.network] if elder else [])]:
                one.compile(dynamic=False)

    def train(self, batches: Batches, report: Callable[[Progress, float], None]) -> None:
        """Learn until the schedule ends; `report` is called every 20 steps."""
        batches.progress.value = self.schedule.progress(self.state.step, self.state.elapsed_s)
        stream = batches.stream(self.state.step)

        def take(progress: float) -> dict[str, Any]:
            batches.progress.value = progress
            return next(stream)

        self.learn(take, self._loss, report)

    def _loss(self, batch: Any, progress: float) -> Cost:
        """A `Loss`; `batch` as `collate` makes it."""
        self.network.train()
        freeze_first(self.network, self.schedule.frozen_at(progress))
        if progress >= self.schedule.fixed_norm_from:
            fix_batch_norm(self.network)
        image = batch["img"].to(self.device).float().div_(255)
        image = image.contiguous(memory_format=torch.channels_last)
        half = torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)
        with half:
            predictions = self.network(image)
        predictions = {k: v.float() if isinstance(v, Tensor) else v for k, v in predictions.items()}
        loss, parts = self.criterion(predictions, batch)
        if self.elder is None:
            return loss.sum(), parts, len(image)
        with half:
            answer = self.elder.answer(image)
        apart, more = self.elder.cost(predictions, answer, batch["unasked"].to(self.device))
        return loss.sum() + apart, {**parts, **more}, len(image)

    def save(self) -> None:
        """Also write average.pt."""
        super().save()
        save_weights(self.average, self.directory / "average.pt", self.research)


def save_weights(network: Any, path: Path, research: bool = False) -> None:
    """Write a network in half precision as a file that Ultralytics loads.

    Args:
        research: it learned from pictures that forbid a default weight.
    """
    plain = copy.deepcopy(network).cpu().half()
    plain.criterion = None
    plain.args = vars(plain.args) if not isinstance(plain.args, dict) else plain.args
    part = path.with_suffix(".part")
    args = dict(plain.args)
    torch.save({"model": plain, "train_args": args, RESEARCH_KEY: research}, part)
    part.replace(path)
