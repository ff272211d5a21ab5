"""Detection loss that ignores, place by place, classes which nobody looked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.torch_compat import ensure_torchvision

ensure_torchvision()

from ultralytics.utils.loss import v8DetectionLoss  # noqa: E402 (torchvision must load first)


def known_per_anchor(known: Tensor, levels: int = 3) -> Tensor:
    """Spread a map of what is known over the anchors of every level.

    Args:
        known: (B, C, H, W) of 0 or 1 at the finest stride; H and W divisible by 2**(levels-1).
        levels: feature levels, each half as fine as the one before.

    Returns:
        (B, A, C) float32, anchors level by level and row by row as the head lists them.
    """
    parts = []
    for level in range(levels):
        step = 2**level
        half = step // 2
        parts.append(known[:, :, half::step, half::step].flatten(2))
    return torch.cat(parts, 2).permute(0, 2, 1).float()


class MaskedDetectionLoss(v8DetectionLoss):
    """Ultralytics' YOLO loss; the classification part counts only where a class is known.

    A picture's source labelled some classes; a mosaic holds several pictures; a teacher is unsure
    about some objects. So "known" is a map per class. An anchor that carries a label counts for
    that label's class in any case. Boxes are learned from labelled objects alone by construction.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__(model)
        self._known: Tensor | None = None
        plain: Any = self.bce

        def masked(scores: Tensor, target: Tensor) -> Tensor:
            value: Tensor = plain(scores, target)
            if self._known is None:
                return value
            return value * torch.maximum(self._known.to(value), (target > 0).to(value))

        self.bce: Any = masked

    def loss(
        self, preds: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Box, class and distribution loss; batch["known"] as for known_per_anchor."""
        known = batch.get("known")
        self._known = None if known is None else known_per_anchor(known.to(self.device))
        result: tuple[Tensor, dict[str, Tensor]] = super().loss(preds, batch)
        return result
