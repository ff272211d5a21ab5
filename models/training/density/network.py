"""The density network: a detector's backbone and neck down to stride 8, and a light map head."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.training.network import load_network

STRIDE = 8
"""Pixels of the input per cell of the map, each way."""

TRUNK_LAYERS = 17
"""YOLO11's layers up to the neck's finest output (64 channels at stride 8 in the nano size)."""

START_PEOPLE = 0.02
"""People per cell that an untrained head answers: about what street pictures hold."""


class DensityNetwork(nn.Module):
    """(N, 3, H, W) float RGB in 0..1 to (N, 1, H/8, W/8) people per cell; H, W multiples of 32."""

    def __init__(self, trunk: nn.ModuleList, channels: int) -> None:
        """`trunk` as `ultralytics` builds it: each layer's `f` says whose output it takes."""
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(
            nn.Conv2d(channels, 64, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(64, 64, 3, padding=2, dilation=2),
            nn.SiLU(),
            nn.Conv2d(64, 1, 1),
        )
        last: Any = self.head[-1]
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, math.log(math.expm1(START_PEOPLE)))

    def forward(self, image: Tensor, frozen: int = 0) -> Tensor:
        """The map; no gradient flows into the first `frozen` layers of the trunk."""
        outputs: list[Tensor] = []
        value: Any = image
        for index, layer in enumerate(self.trunk):
            source: Any = layer.f
            if isinstance(source, list):
                value = [value if i == -1 else outputs[i] for i in source]
            elif source != -1:
                value = outputs[source]
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= frozen):
                value = layer(value)
            outputs.append(value)
        return F.softplus(self.head(value))


def density_network(start: Path) -> DensityNetwork:
    """On the trunk of an Ultralytics YOLO11 checkpoint, batch-norm folded into its convolutions."""
    trunk = load_network(start).fuse(verbose=False).model[:TRUNK_LAYERS]
    for parameter in trunk.parameters():
        parameter.requires_grad_(True)
    channels = trunk[-1].cv2.conv.out_channels
    return DensityNetwork(nn.ModuleList(trunk), channels)
