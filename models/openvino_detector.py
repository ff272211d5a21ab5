"""The detector on OpenVINO: the default on CPUs, fed by many cameras at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.card import Card
from models.decode_head import HeadSettings, decode_head, decode_raw
from models.detections import Detections, FloatArray
from models.detector import ImageArray
from models.head_output import check_classes, check_head, in_picture
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

    def _read(self, outputs: list[FloatArray], letterbox: Letterbox) -> Detections:
        if self._network.head_is_cut:
            half = len(outputs) // 2
            check_classes(outputs[0].shape[2], self._card)
            height = self.input_size[0]
            found = decode_raw(outputs[:half], outputs[half:], height, self._head)
        else:
            check_head(outputs[0].shape, self._card)
            found = decode_head(outputs[0], self._head)
        return in_picture(found, letterbox)
