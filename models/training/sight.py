"""What a checkpoint sees in whole pictures, in floating point, while a run is prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.decode_head import HeadSettings, decode_head
from models.detections import Detections
from models.detector import ImageArray
from models.letterbox import PAD_VALUE, Letterbox

SIDE_PX = 640


class Sight:
    """A network that looks at one picture at a time, letterboxed to 640×640."""

    def __init__(self, network: Path) -> None:
        """Load an Ultralytics checkpoint."""
        import openvino as ov

        from models.export import openvino_model
        from models.training.network import load_network

        graph = openvino_model(load_network(network), SIDE_PX, SIDE_PX)
        self._compiled: Any = ov.compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY"})

    def detect(self, image: ImageArray, confidence: float) -> Detections:
        """Boxes in pixels of a (H, W, 3) uint8 BGR picture, of the network's own classes."""
        letterbox = Letterbox.fit((image.shape[0], image.shape[1]), (SIDE_PX, SIDE_PX))
        canvas = np.full((SIDE_PX, SIDE_PX, 3), PAD_VALUE, np.uint8)
        letterbox.draw(image, canvas)
        found = decode_head(
            self._compiled([canvas[None]])[0][0], HeadSettings(confidence, 0.6, 300)
        )
        return Detections(letterbox.to_image(found.xyxy), found.confidence, found.class_id)
