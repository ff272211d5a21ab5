"""The training loop: wall-clock cosine, moving average, checkpoints that survive a kill."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import TrainingRefused

Cost = tuple[Tensor, Mapping[str, Tensor], int]
"""What to minimise, its parts by name, and the number of pictures in the batch."""

Loss = Callable[[Any, float], Cost]
"""What a batch costs at a progress of 0..1."""

CHECKPOINT = "last.pt"

BACKBONE_LAYERS = 11
"""YOLO11's backbone: layers 0 to 10; what follows is neck and head."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        hours: training time; the rate falls to zero over it. Ignored if steps is given.
        steps: number of batches instead, for a run that can be repeated exactly.
        rate: peak learning rate (AdamW).
        weight_decay: on weights of two and more dimensions.
        warmup_steps: linear warm-up of the rate.
        frozen_layers: first layers that stay as they are.
        head_first: share of the run in which the whole backbone stays, so that new classes do
            not tear at it while their rows are still noise.
        fixed_norm_from: progress from which batch-norm statistics stay as they are.
        average: decay of the exponential moving average of the weights, per step.
        checkpoint_s: seconds between checkpoints.
        threads: torch threads; 0 leaves torch's choice.
    """

    hours: float = 1.5
    steps: int | None = None
    rate: float = 1e-3
    weight_decay: float = 5e-4
    warmup_steps: int = 100
    frozen_layers: int = 5
    head_first: float = 0.3
    fixed_norm_from: float = 0.0
    average: float = 0.996
    checkpoint_s: float = 300.0
    threads: int = 2

    def progress(self, step: int, elapsed_s: float) -> float:
        """Share of the run that is over, 0..1."""
        done = step / self.steps if self.steps else elapsed_s / (self.hours * 3600)
        return min(1.0, done)

    def frozen_at(self, progress: float) -> int:
        """How many of the first layers stay as they are at a progress of 0..1."""
        return (
            max(BACKBONE_LAYERS, self.frozen_layers)
            if progress < self.head_first
            else self.frozen_layers
        )

    def rate_at(self, step: int, progress: float) -> float:
        """Learning rate: linear warm-up, then half a cosine to 1 % of the peak."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        return self.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass(slots=True)
class Progress:
    """Where a run stands: steps done, training seconds, pictures seen, smoothed loss parts."""

    step: int = 0
    elapsed_s: float = 0.0
    pictures: int = 0
    losses: dict[str, float] = field(default_factory=dict)


class TrainingRun:
    """One training run in a directory, which holds last.pt and history.jsonl.

    It goes on from `directory`/last.pt where there is one.

    Args:
        network: what learns; all of its parameters may get a gradient.
        groups: parameter groups of AdamW; "share" scales a group's rate.
        schedule: how long and how fast.
        directory: of the run.
        device: "cpu" or "cuda:0".
        identity: what makes it this run and no other, JSON values; a checkpoint of another is
            refused. How long and how fast may change.

    Raises:
        TrainingRefused: the directory holds another run.
    """

    clip_norm = 10.0

    def __init__(
        self,
        network: nn.Module,
        groups: Sequence[dict[str, Any]],
        schedule: Schedule,
        directory: Path,
        device: str = "cpu",
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        if schedule.threads and device == "cpu":
            torch.set_num_threads(schedule.threads)
        self.directory = directory
        self.schedule = schedule
        self.device = torch.device(device)
        memory = torch.channels_last
        self.network: Any = network.to(self.device, memory_format=memory)  # type: ignore[call-overload]
        self.average: Any = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(list(groups), lr=schedule.rate, betas=(0.9, 0.999))
        self.state = Progress()
        self.identity = dict(identity or {})
        directory.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.directory / CHECKPOINT

    def learn(
        self,
        take: Callable[[float], Any],
        loss: Loss,
        report: Callable[[Progress, float], None],
    ) -> None:
        """Learn until the schedule ends.

        Args:
            take: the next batch, given the progress of 0..1.
            loss: what that batch costs.
            report: called every 20 steps.
        """
        began = self.state.step
        start = time.monotonic() - self.state.elapsed_s
        saved_s = self.state.elapsed_s
        while (progress := self.schedule.progress(self.state.step, self.state.elapsed_s)) < 1:
            self._step(loss(take(progress), progress), progress)
            self.state.elapsed_s = time.monotonic() - start
            if self.state.step % 20 == 0:
                report(self.state, progress)
                self._note(progress)
            if self.state.elapsed_s - saved_s >= self.schedule.checkpoint_s:
                self.save()
                saved_s = self.state.elapsed_s
        if self.state.step > began and self.state.step % 20:
            self._note(progress)
        self.save()

    def _step(self, cost: Cost, progress: float) -> None:
        rate = self.schedule.rate_at(self.state.step, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        loss, parts, pictures = cost
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
        self._follow()
        self.state.step += 1
        self.state.pictures += pictures
        for name, value in parts.items():
            old = self.state.losses.get(name, float(value.detach()))
            self.state.losses[name] = 0.98 * old + 0.02 * float(value.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        decay = self.schedule.average * (1 - math.exp(-(self.state.step + 1) / 100))
        followed = self.average.state_dict()
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                followed[name].mul_(decay).add_(value, alpha=1 - decay)
            else:
                followed[name].copy_(value)

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
                "identity": self.identity,
            },
            part,
        )
        part.replace(self.checkpoint)

    def _resume(self) -> None:
        check_checkpoint(self.directory, self.identity)
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.state = Progress(**saved["state"])


def check_checkpoint(directory: Path, identity: Mapping[str, Any]) -> None:
    """Make sure that a directory holds no run, or the one of this identity.

    Raises:
        TrainingRefused: it holds another run; the message says what differs.
    """
    path = directory / CHECKPOINT
    if not path.exists():
        return
    known = torch.load(path, map_location="cpu", weights_only=True).get("identity")
    if known is None:
        raise TrainingRefused(
            f"{directory} holds a run of an earlier version: name a new directory"
        )
    other = [key for key in {**known, **identity} if known.get(key) != identity.get(key)]
    if other:
        raise TrainingRefused(
            f"{directory} holds a run with another {', '.join(other)}: "
            "go on as it was begun, or name a new directory"
        )


def decayed(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Two parameter groups: weights of two and more dimensions decay, biases and norms do not."""
    learning = list(parameters)
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
