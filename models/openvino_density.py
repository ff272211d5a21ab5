"""The density network on OpenVINO: people per part of a picture, for crowds where boxes merge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from models.card import Card
from models.detections import FloatArray
from models.detector import ImageArray
from models.errors import CardError
from models.letterbox import Letterbox
from models.openvino_network import OpenVinoNetwork


class OpenVinoDensity:
    """Implements `crowd.DensityMap`. Safe to call from many threads."""

    def __init__(self, networks: Sequence[OpenVinoNetwork], card: Card) -> None:
        """`networks`: one per input size; a picture goes to the one that shows it largest, of
        equals to the smallest. `card.density` may hold `factor`: people are the map's sum times
        it."""
        self._networks = tuple(networks)
        self._card = card
        self._factor = float((card.density or {}).get("factor", 1.0))

    def people_per_cell(self, image: ImageArray) -> FloatArray:
        """See `DensityMap.people_per_cell`.

        Raises:
            CardError: the network does not answer a map.
            DetectionError: the picture is none, or the inference failed or hung.
        """
        network = self._suited(image)
        return network.map([image], partial(self._read, network.options.input_size))[0]

    def close(self) -> None:
        """Give the networks back."""
        for network in self._networks:
            network.close()

    def _suited(self, image: ImageArray) -> OpenVinoNetwork:
        def fit(network: OpenVinoNetwork) -> tuple[float, int]:
            height, width = network.options.input_size
            scale = min(height / max(1, image.shape[0]), width / max(1, image.shape[1]))
            return -round(scale, 3), height * width

        return min(self._networks, key=fit)

    def _read(
        self, input_size: tuple[int, int], outputs: list[FloatArray], letterbox: Letterbox
    ) -> FloatArray:
        density = outputs[0]
        if density.ndim != 3 or density.shape[0] != 1:
            raise CardError(
                f"{self._card.name} must answer a density map (1, h, w), got {density.shape}"
            )
        return self._of_picture(np.maximum(density[0], 0), input_size, letterbox)

    def _of_picture(
        self, density: FloatArray, input_size: tuple[int, int], letterbox: Letterbox
    ) -> FloatArray:
        """The map without the padding, resampled so that its cells share the picture evenly."""
        rows, columns = density.shape
        height, width = input_size
        top, left, placed_height, placed_width = letterbox.placed
        scale_y, scale_x = rows / height, columns / width
        to_rows = max(1, round(placed_height * scale_y))
        to_columns = max(1, round(placed_width * scale_x))
        step_x = placed_width * scale_x / to_columns
        step_y = placed_height * scale_y / to_rows
        shift = np.array(
            [
                [step_x, 0, left * scale_x + 0.5 * step_x - 0.5],
                [0, step_y, top * scale_y + 0.5 * step_y - 0.5],
            ]
        )
        inside = cv2.warpAffine(
            density,
            shift,
            (to_columns, to_rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        answer: FloatArray = (inside * (self._factor * step_x * step_y)).astype(np.float32)
        return answer
