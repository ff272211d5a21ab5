"""From a network's output to boxes in the picture, the same for every backend."""

from __future__ import annotations

import numpy as np

from models.card import Card
from models.detections import Detections
from models.errors import UnsupportedSetting
from models.letterbox import Letterbox


def check_head(shape: tuple[int, ...], card: Card) -> None:
    """Refuse an output that is not the decoded head of a network with the card's labels.

    Raises:
        UnsupportedSetting: says what the card promises and what came.
    """
    if len(shape) != 2 or shape[0] <= 4:
        raise UnsupportedSetting(
            f"output of {card.name} must be (4 + labels, boxes) without NMS, got {shape}: "
            "export the network again with its raw head"
        )
    check_classes(shape[0] - 4, card)


def check_classes(count: int, card: Card) -> None:
    """Refuse a head whose number of classes is not that of the card's labels.

    Raises:
        UnsupportedSetting: the file and the card's labels do not belong together.
    """
    if count != len(card.labels):
        raise UnsupportedSetting(
            f"{card.name} must have {len(card.labels)} classes as its card's labels say, "
            f"got {count}: the file and the card do not belong together"
        )


def in_picture(found: Detections, letterbox: Letterbox) -> Detections:
    """Boxes from input pixels to picture pixels, without those that lay in the padding."""
    xyxy = letterbox.to_image(found.xyxy)
    inside = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    mapped = Detections(xyxy, found.confidence, found.class_id)
    return mapped if bool(np.all(inside)) else mapped.where(inside)
