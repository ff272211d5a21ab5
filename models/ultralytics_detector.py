"""The detector on torch: an Ultralytics `.pt`, on a GPU or on the CPU.

Only this module's class imports torch, when one is made. The network is run directly, with our
letterbox and our decoding, so that it answers like the other backend and none of Ultralytics' own
pre- and post-processing, settings files or reports home take part.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card
from models.decode_head import HeadSettings, decode_head
from models.detections import Detections, FloatArray
from models.detector import ImageArray, check_images
from models.errors import BackendUnavailable, CardError, DetectionError, DetectorClosed
from models.head_output import check_head, in_picture
from models.letterbox import Letterbox
from models.torch_compat import ensure_torchvision

MAX_BATCH = 32
"""Pictures in one pass; more are cut into several, so that memory has a bound."""


@dataclass(frozen=True, slots=True)
class TorchOptions:
    """How to run a `.pt`; fields as in `settings.DetectorSettings`."""

    input_size: tuple[int, int]
    device: str = "auto"
    threads: int = 0
    timeout_s: float = 30.0


class UltralyticsDetector:
    """Implements `detector.Detector` with torch. Safe to call from many threads, one at a time."""

    def __init__(
        self, weights: bytes, card: Card, model_id: str, head: HeadSettings, options: TorchOptions
    ) -> None:
        """Load a network from the bytes of a checkpoint, allowing only known classes in it.

        Raises:
            BackendUnavailable: torch or ultralytics is missing, or the device is.
            CardError: the bytes hold no detection network.
        """
        self._torch = _import_torch()
        self._device = _device(self._torch, options)
        self._network = _load_network(weights, card).to(self._device)
        self._half = self._device.type == "cuda"
        if self._half:
            self._network = self._network.half()
        self._card = card
        self._model_id = model_id
        self._head = head
        self._options = options
        self._one_at_a_time = threading.Lock()
        self._closed = False

    @property
    def labels(self) -> tuple[str, ...]:
        return self._card.labels

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def input_size(self) -> tuple[int, int]:
        return self._options.input_size

    @property
    def thresholds(self) -> Mapping[str, float]:
        return self._card.thresholds

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        """See `Detector.detect`."""
        if self._closed:
            raise DetectorClosed("a detector must be open to detect, it was closed")
        check_images(images)
        return [
            found
            for start in range(0, len(images), MAX_BATCH)
            for found in self._batch(images[start : start + MAX_BATCH])
        ]

    def close(self) -> None:
        """See `Detector.close`."""
        self._closed = True

    def _batch(self, images: Sequence[ImageArray]) -> list[Detections]:
        boxes = [Letterbox.fit(image.shape[:2], self.input_size) for image in images]
        canvases = np.empty((len(images), *self.input_size, 3), np.uint8)
        for image, letterbox, canvas in zip(images, boxes, canvases, strict=True):
            letterbox.pad(canvas)
            letterbox.draw(image, canvas)
        outputs = self._forward(canvases)
        check_head(outputs.shape[1:], self._card)
        return [
            in_picture(decode_head(output, self._head), letterbox)
            for output, letterbox in zip(outputs, boxes, strict=True)
        ]

    def _forward(self, canvases: ImageArray) -> FloatArray:
        """(B, 4 + C, N) float32 of (B, H, W, 3) uint8 BGR."""
        torch = self._torch
        if not self._one_at_a_time.acquire(timeout=self._options.timeout_s):
            raise DetectionError(f"the network must be free within {self._options.timeout_s:g} s")
        try:
            with torch.inference_mode():
                pixels = torch.from_numpy(canvases).to(self._device).permute(0, 3, 1, 2).flip(1)
                pixels = pixels.half() if self._half else pixels.float()
                output = self._network(pixels / self._card.preprocess.scale)
                output = output[0] if isinstance(output, tuple | list) else output
                answer: FloatArray = output.float().cpu().numpy()
                return answer
        except RuntimeError as error:
            raise DetectionError(f"inference failed on {self._device}: {error}") from error
        finally:
            self._one_at_a_time.release()


def _import_torch() -> Any:
    os.environ.setdefault("YOLO_OFFLINE", "true")  # ultralytics resolves public hosts at import
    try:
        ensure_torchvision()
        import torch
        import ultralytics  # noqa: F401  (only to know that it is there)
    except (ImportError, RuntimeError) as error:
        raise BackendUnavailable(
            f"backend ultralytics needs the packages torch and ultralytics: {error}"
        ) from error
    return torch


def _device(torch: Any, options: TorchOptions) -> Any:
    name = options.device.lower()
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BackendUnavailable(
            f"device must be one that torch can use, got {options.device!r}: {error}"
        ) from error
    if device.type == "cpu" and options.threads:
        torch.set_num_threads(options.threads)
    return device


def _load_network(weights: bytes, card: Card) -> Any:
    """The fused network in a checkpoint, built from the verified bytes and from known classes."""
    from ultralytics.nn.tasks import torch_safe_load

    with tempfile.TemporaryDirectory(prefix="skygrid-") as folder:
        path = Path(folder) / "weight.pt"
        path.write_bytes(weights)
        try:
            checkpoint, _ = torch_safe_load(str(path), safe_only=True)  # type: ignore[no-untyped-call]
        except Exception as error:  # ultralytics and pickle raise whatever they meet
            raise CardError(
                f"the .pt of {card.name} must be an Ultralytics checkpoint, got {error}"
            ) from error
    network = checkpoint.get("ema") or checkpoint.get("model")
    if not hasattr(network, "fuse"):
        raise CardError(f"the .pt of {card.name} must hold a detection network, it holds none")
    return network.float().fuse(verbose=False).eval().requires_grad_(False)
