"""Knowledge distillation: learning from what an elder detector answers, not from labels alone.

The elder sees the same cut of a picture and says for every anchor how sure it is of a class and
where the edges of a box lie. Both say more than a label: how much something resembles a helmet,
and how far an edge may be doubted. Method after Hinton, Vinyals and Dean, arXiv:1503.02531, and
for edges Zheng et al., "Localization Distillation", CVPR 2022, arXiv:2102.12252.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.labels import LABELS
from models.training.loss import known_per_anchor

CLASS_GAIN = 0.5
"""Weight of the classes' part: as much as Ultralytics gives to labels."""

EDGE_GAIN = 1.5
"""Weight of the edges' part: as much as Ultralytics gives to the distribution loss."""

Predictions = Mapping[str, Tensor]
"""What a YOLO head in training returns: `scores` (B, C, A) logits and `boxes` (B, 4·R, A) logits
of the four edges' distances, R bins each."""


class Elder:
    """A trained detector with the patrol's labels, asked about every training picture.

    Args:
        network: Ultralytics detection network with LABELS; it is put in its inference form.
        classes: labels of which it is believed.
    """

    def __init__(self, network: Any, classes: Sequence[str]) -> None:
        self.network: Any = network.eval().requires_grad_(False)
        self.network.model[-1].training = True
        self.rows = [LABELS.index(label) for label in classes]

    @torch.no_grad()
    def answer(self, image: Tensor) -> dict[str, Tensor]:
        """What the elder's head says of (B, 3, S, S) pictures in 0..1."""
        said = self.network(image)
        return {name: said[name].float() for name in ("scores", "boxes")}

    def cost(
        self, mine: Predictions, answer: Predictions, unasked: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """How far predictions are from the elder's, see `distance`.

        Args:
            mine: predictions for some pictures.
            answer: the elder's for the same.
            unasked: (B, 1, S/8, S/8), 1 where the elder's word counts nothing: drawn
                things, which it has never seen, and views in which its silence proves nothing.
        """
        asked = 1 - known_per_anchor(unasked).permute(0, 2, 1)
        return distance(mine, answer, self.rows, asked)


def distance(
    mine: Predictions, elders: Predictions, rows: Sequence[int], asked: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Distance from predictions to an elder's, zero where both are alike.

    Classes: cross-entropy of the sigmoids in the given rows less the elder's own entropy. Edges:
    Kullback-Leibler divergence of the distributions, each anchor weighted by how sure the elder
    is of an object there. Both are divided by the sum of what the elder is sure of, as the loss of
    labels is by the sum of its targets.

    Args:
        mine, elders: predictions for the same pictures.
        rows: class ids that count.
        asked: (B, 1, A), 1 where the elder counts, else 0.

    Returns:
        The weighted sum times the number of pictures; the parts "like_cls" and "like_dfl".
    """
    sure = elders["scores"][:, rows].sigmoid()
    entropy = functional.binary_cross_entropy(sure, sure, reduction="none")
    apart = functional.binary_cross_entropy_with_logits(
        mine["scores"][:, rows], sure, reduction="none"
    )
    apart = ((apart - entropy) * asked).sum()
    total = (sure * asked).sum().clamp(min=1.0)
    weight = sure.amax(1) * asked[:, 0]
    edges = functional.kl_div(
        _edges(mine["boxes"]), _edges(elders["boxes"]), reduction="none", log_target=True
    )
    shifted = (edges.sum(2).mean(1) * weight).sum()
    parts = {
        "like_cls": CLASS_GAIN * apart / total,
        "like_dfl": EDGE_GAIN * shifted / weight.sum().clamp(min=1.0),
    }
    pictures = len(mine["scores"])
    return (parts["like_cls"] + parts["like_dfl"]) * pictures, parts


def _edges(boxes: Tensor) -> Tensor:
    """(B, 4·R, A) → (B, 4, R, A) logarithms of probability."""
    batch, channels, anchors = boxes.shape
    return boxes.view(batch, 4, channels // 4, anchors).log_softmax(2)
