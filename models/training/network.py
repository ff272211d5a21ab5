"""Builds the patrol's network from a COCO network, so that persons and vehicles are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from models.labels import LABELS
from models.torch_compat import ensure_torchvision

COCO_ROWS: dict[str, tuple[int, ...]] = {
    "person": (0,),
    "two_wheeler": (1, 3),
    "car": (2,),
    "truck_bus": (5, 7),
    "parasol": (25,),
}
"""COCO class ids whose classifier rows start a patrol class (the mean of several)."""

LOSS_GAINS = {"box": 7.5, "cls": 0.5, "dfl": 1.5}
"""Ultralytics' default weights of the three loss parts."""


RESEARCH_KEY = "research"
"""Entry of a checkpoint: whether its network learned from pictures that forbid a default weight."""


def load_network(path: Path) -> Any:
    """The float32 network inside an Ultralytics checkpoint, unfused, all weights trainable."""
    ensure_torchvision()
    from ultralytics.models.yolo.model import YOLO

    network: Any = YOLO(str(path)).model
    network = network.float()
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    network.args = SimpleNamespace(**LOSS_GAINS)
    return network


def is_research(path: Path) -> bool:
    """Whether a checkpoint may not become a default weight: it says so itself, or by its name."""
    ensure_torchvision()
    saved = torch.load(path, map_location="cpu", weights_only=False)
    return path.stem.endswith("-research") or bool(saved.get(RESEARCH_KEY, False))


def starting_network(path: Path) -> nn.Module:
    """What training starts from: a checkpoint's network with the patrol's head and activation."""
    return with_hard_swish(with_patrol_head(load_network(path)))


def with_patrol_head(network: Any) -> nn.Module:
    """Replace the classifier rows of a COCO network by those of LABELS, in place.

    Classes that COCO knows start from their COCO rows; new ones from small noise and the usual
    prior. The hidden width of the classifier stays.
    """
    head = network.model[-1]
    if head.nc == len(LABELS):
        return network  # type: ignore[no-any-return]
    for branch, stride in zip(head.cv3, head.stride.tolist(), strict=True):
        branch[-1] = _patrol_rows(branch[-1], stride)
    head.nc = len(LABELS)
    head.no = head.nc + 4 * head.reg_max
    network.nc = head.nc
    network.names = dict(enumerate(LABELS))
    network.yaml["nc"] = head.nc
    return network  # type: ignore[no-any-return]


def _patrol_rows(old: nn.Conv2d, stride: float) -> nn.Conv2d:
    new = nn.Conv2d(old.in_channels, len(LABELS), 1)
    nn.init.normal_(new.weight, std=0.01)
    if new.bias is None or old.bias is None:
        raise ValueError("classifier must have a bias")
    nn.init.constant_(new.bias, math.log(5 / len(LABELS) / (640 / stride) ** 2))
    with torch.no_grad():
        for label, rows in COCO_ROWS.items():
            new.weight[LABELS.index(label)] = old.weight[list(rows)].mean(0)
            new.bias[LABELS.index(label)] = old.bias[list(rows)].mean()
    return new


def with_hard_swish(network: Any) -> nn.Module:
    """Replace every SiLU by a hard swish (Howard et al., arXiv:1905.02244), in place.

    An exponential for each of two million activations was a third of an INT8 inference on a CPU;
    the hard swish is a clip and two products, and differs by 0.14 at most.
    """
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.SiLU):
                setattr(module, name, nn.Hardswish())
    network.yaml["activation"] = "torch.nn.Hardswish()"
    return network  # type: ignore[no-any-return]


def soup(networks: Sequence[nn.Module]) -> nn.Module:
    """The mean of networks that began as one and learned apart: in place, in the first of them.

    Ends of one start lie in one basin, and its middle is better than they are (Wortsman et al.,
    "Model soups", arXiv:2203.05482).

    Raises:
        ValueError: the networks are not alike.
    """
    for number, other in enumerate(networks[1:], 2):
        between(other, networks[0], 1 / number)
    return networks[0]


def between(start: nn.Module, end: nn.Module, kept: float) -> nn.Module:
    """`end` with a share of `start`'s weights kept in every one of its own, in place.

    Weights that were fine-tuned lie in the same valley as those they came from; a point between
    keeps more of what the old ones knew than it gives up of what was learned (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", arXiv:2109.01903).

    Args:
        kept: 0 (all of `end`) to 1 (all of `start`).

    Raises:
        ValueError: the networks are not alike.
    """
    old, new = start.state_dict(), end.state_dict()
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        raise ValueError("weights can be kept only from a network of the same form")
    mixed = {
        name: torch.lerp(value, old[name].to(value), kept) if value.is_floating_point() else value
        for name, value in new.items()
    }
    end.load_state_dict(mixed)
    return end


def freeze_first(network: Any, layers: int) -> None:
    """Fix the first layers (weights without gradient, batch-norm in its inference form) and let
    all others learn."""
    for index, layer in enumerate(network.model):
        for parameter in layer.parameters():
            parameter.requires_grad_(index >= layers)
        if index < layers:
            layer.eval()


def fix_batch_norm(network: nn.Module) -> None:
    """Put every batch-norm in its inference form; scale and shift go on learning."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
