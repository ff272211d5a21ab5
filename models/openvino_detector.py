"""The detector on OpenVINO: the default on CPUs, fed by many cameras at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.card import Card
from models.decode_head import HeadSettings, decode_head
from models.detections import Detections, FloatArray
from models.detector import ImageArray
from models.errors import UnsupportedSetting
from models.letterbox import Letterbox
from models.openvino_network import OpenVinoNetwork


class OpenVinoDetector:
    """Implements `detector.Detector` with an OpenVINO graph. Safe to call from many threads."""

    def __init__(
        self, network: OpenVinoNetwork, card: Card, model_id: str, head: HeadSettings
    ) -> None:
        self._network = network
        self._card = card
        self._model_id = model_id
        self._head = head

    @property
    def labels(self) -> tuple[str, ...]:
        return self._card.labels

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def input_size(self) -> tuple[int, int]:
        return self._network.options.input_size

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._card.thresholds

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        """See `Detector.detect`."""
        return self._network.map(images, self._read)

    def close(self) -> None:
        """See `Detector.close`."""
        self._network.close()

    def _read(self, output: FloatArray, letterbox: Letterbox) -> Detections:
        check_head(output.shape, self._card)
        return in_picture(decode_head(output, self._head), letterbox)


def check_head(shape: tuple[int, ...], card: Card) -> None:
    """Refuse an output that is not the raw head of a network with the card's labels.

    Raises:
        UnsupportedSetting: says what the card promises and what came.
    """
    if len(shape) != 2 or shape[0] != 4 + len(card.labels):
        raise UnsupportedSetting(
            f"output of {card.name} must be (4 + {len(card.labels)} labels, boxes), got {shape}: "
            "the file and the card's labels do not belong together"
        )


def in_picture(found: Detections, letterbox: Letterbox) -> Detections:
    """Boxes from input pixels to picture pixels, without those that lay in the padding."""
    xyxy = letterbox.to_image(found.xyxy)
    inside = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    mapped = Detections(xyxy, found.confidence, found.class_id)
    return mapped if bool(np.all(inside)) else mapped.where(inside)
