"""Runs an OpenVINO graph on pictures from many threads, each drawn straight into an input tensor.

Every inference request owns its input tensor. A caller takes a free request, draws its picture
into the tensor, starts it and draws the next one meanwhile. A caller that finds no request free
lands its own oldest one first and waits only when it has none in flight, so callers cannot
lock each other out.
"""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import openvino as ov
from openvino.preprocess import ColorFormat, PrePostProcessor

from models.card import Preprocess
from models.detections import FloatArray
from models.detector import ImageArray, check_images
from models.errors import BackendUnavailable, DetectionError, DetectorClosed, UnsupportedSetting
from models.letterbox import Letterbox
from models.openvino_head import cut_head

T = TypeVar("T")
Reader = Callable[[list[FloatArray], Letterbox], T]
"""Gets one picture's outputs, valid only during the call, and where the picture lay."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How to run a graph.

    Attributes:
        input_size: (height, width) in pixels.
        preprocess: What the graph expects; folded into it where it does not take uint8 already.
        device: OpenVINO device.
        threads: Inference threads, one stream each; 0 = one per core the process may use.
        timeout_s: For a free request and for an inference.
        cut_head: End a detector's graph before its box arithmetic where `openvino_head` can.
    """

    input_size: tuple[int, int]
    preprocess: Preprocess = field(default_factory=Preprocess)
    device: str = "CPU"
    threads: int = 0
    timeout_s: float = 30.0
    cut_head: bool = False


class _Slot:
    """An inference request and the pixels of its input tensor."""

    __slots__ = ("canvas", "letterbox", "outputs", "request")

    def __init__(self, request: Any) -> None:
        self.request = request
        self.canvas: ImageArray = request.get_input_tensor().data[0]
        self.outputs: list[Any] = list(request.output_tensors)
        self.letterbox: Letterbox | None = None

    def start(self, image: ImageArray, input_size: tuple[int, int]) -> None:
        height, width = image.shape[:2]
        letterbox = Letterbox.fit((height, width), input_size)
        if self.letterbox is None or self.letterbox.placed != letterbox.placed:
            letterbox.pad(self.canvas)
        letterbox.draw(image, self.canvas)
        self.letterbox = letterbox
        self.request.start_async()


class OpenVinoNetwork:
    """A compiled graph with a bounded pool of inference requests."""

    def __init__(self, graph: bytes, weights: bytes, options: NetworkOptions) -> None:
        """Compile a graph given as the bytes of its .xml and .bin.

        Raises:
            BackendUnavailable: the device is not there.
            UnsupportedSetting: the graph cannot take this input size.
        """
        self.options = options
        model = _prepared(graph, weights, options)
        cut = cut_head(model) if options.cut_head else None
        self.head_is_cut = cut is not None
        model = cut or model
        try:
            self._compiled = ov.Core().compile_model(model, options.device, _tuning(options))
        except RuntimeError as error:
            raise BackendUnavailable(
                f"OpenVINO device must be one that compiles the graph, got {options.device!r}: "
                f"{_first_line(error)}"
            ) from error
        count = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()
        for _ in range(max(1, count)):
            self._free.put(self._new_slot())
        self._closed = False

    def map(self, images: Sequence[ImageArray], read: Reader[T]) -> list[T]:
        """Infer each picture and `read` its outputs; answers in the order of the pictures.

        Args:
            images: each (H, W, 3) uint8 BGR.
            read: gets one picture's outputs without the batch axis.

        Raises:
            DetectionError: a picture is none, or an inference failed or hung.
            DetectorClosed: after `close()`.
        """
        check_images(images)
        answers: dict[int, T] = {}
        flying: deque[tuple[int, _Slot]] = deque()
        try:
            for index, image in enumerate(images):
                slot = self._take(wait=not flying)
                if slot is None:
                    slot = self._land(flying, read, answers)
                flying.append((index, slot))
                slot.start(image, self.options.input_size)
            while flying:
                self._free.put(self._land(flying, read, answers))
        finally:
            for _, slot in flying:
                slot.request.cancel()
                self._free.put(self._new_slot())
        return [answers[index] for index in range(len(images))]

    def close(self) -> None:
        """Refuse further pictures; the graph is freed when the last caller is done."""
        self._closed = True

    def _take(self, wait: bool) -> _Slot | None:
        if self._closed:
            raise DetectorClosed("a detector must be open to detect, it was closed")
        try:
            return self._free.get(block=wait, timeout=self.options.timeout_s)
        except queue.Empty:
            if not wait:
                return None
            raise DetectionError(
                f"an inference request must become free within {self.options.timeout_s:g} s, "
                "all were busy"
            ) from None

    def _land(
        self,
        flying: deque[tuple[int, _Slot]],
        read: Reader[T],
        answers: dict[int, T],
    ) -> _Slot:
        """Wait for the oldest inference, read it; it leaves `flying` only when that went well."""
        index, slot = flying[0]
        try:
            done = slot.request.wait_for(int(self.options.timeout_s * 1000))
        except RuntimeError as error:
            raise DetectionError(f"inference failed: {_first_line(error)}") from error
        if not done:
            raise DetectionError(f"inference must end within {self.options.timeout_s:g} s")
        assert slot.letterbox is not None
        answers[index] = read([tensor.data[0] for tensor in slot.outputs], slot.letterbox)
        flying.popleft()
        return slot

    def _new_slot(self) -> _Slot:
        return _Slot(self._compiled.create_infer_request())


def _prepared(graph: bytes, weights: bytes, options: NetworkOptions) -> Any:
    """The graph for one picture of (1, H, W, 3) uint8 BGR."""
    height, width = options.input_size
    try:
        model = ov.Core().read_model(model=graph, weights=weights)
        takes_pixels = model.input(0).get_element_type() == ov.Type.u8
        wanted = [1, height, width, 3] if takes_pixels else [1, 3, height, width]
        if model.input(0).get_partial_shape() != ov.PartialShape(wanted):
            model.reshape(wanted)
    except RuntimeError as error:
        raise UnsupportedSetting(
            f"input_size must be one that the graph takes, got {height}x{width}: "
            f"{_first_line(error)}"
        ) from error
    return model if takes_pixels else _fold_preprocessing(model, options.preprocess)


def _fold_preprocessing(model: Any, preprocess: Preprocess) -> Any:
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    pixels = steps.input().preprocess().convert_element_type(ov.Type.f32)
    pixels.convert_color(ColorFormat.RGB).scale(preprocess.scale)
    if any(preprocess.mean):
        pixels.mean(list(preprocess.mean))
    if any(part != 1 for part in preprocess.std):
        pixels.scale(list(preprocess.std))
    return steps.build()


def _tuning(options: NetworkOptions) -> dict[str, Any]:
    if options.device.split(".")[0] != "CPU":
        return {"PERFORMANCE_HINT": "THROUGHPUT"}
    threads = options.threads or len(os.sched_getaffinity(0))
    return {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
