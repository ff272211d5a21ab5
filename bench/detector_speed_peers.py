"""Ultralytics' predict on OpenVINO files, written as favourably for it as its own defaults are."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from models.card import Card, find_weight, read_card
from models.settings import DetectorSettings
from models.weight_files import choose_file


def ultralytics_same_file(
    settings: DetectorSettings, folder: Path
) -> Callable[[Sequence[Any]], int]:
    """Predict with the file that our port chose, its preprocessing taken off if it has any."""
    model, fixed = ultralytics_model(settings, folder)
    return _predicting(model, fixed)


def ultralytics_model(settings: DetectorSettings, folder: Path) -> tuple[Any, dict[str, Any]]:
    """An Ultralytics model of the file that our port chose, and the options of its calls."""
    import openvino as ov

    directory = find_weight(settings.weights)
    card = read_card(directory)
    graph = ov.Core().read_model(directory / choose_file(card, ".xml", settings).name)
    height, width = settings.input_size
    graph = plain_input(graph, height, width)
    target = folder / "same_openvino_model"
    target.mkdir()
    ov.save_model(graph, target / "same.xml", compress_to_fp16=True)
    about = {
        "task": "detect",
        "batch": 1,
        "imgsz": [height, width],
        "stride": 32,
        "names": dict(enumerate(card.labels)),
        "channels": 3,
        "dynamic": False,
        "args": {},
    }
    (target / "metadata.yaml").write_text(json.dumps(about), "utf-8")
    return _model(target, settings)


def ultralytics_own_export(
    settings: DetectorSettings, folder: Path
) -> Callable[[Sequence[Any]], int] | None:
    """Predict with what Ultralytics exports of the weight's `.pt`; None without a `.pt`."""
    directory = find_weight(settings.weights)
    card: Card = read_card(directory)
    checkpoint = next((name for name in card.files if name.endswith(".pt")), None)
    if checkpoint is None:
        return None
    copy = folder / "own.pt"
    shutil.copy(directory / checkpoint, copy)
    made = (
        _ultralytics()
        .YOLO(copy)
        .export(format="openvino", imgsz=list(settings.input_size), verbose=False)
    )
    return _predicting(*_model(Path(made), settings))


def plain_input(graph: Any, height: int, width: int) -> Any:
    """The graph from (1, 3, H, W) float32 RGB in 0..1 on, as Ultralytics feeds it."""
    import numpy as np
    import openvino as ov

    if graph.input(0).get_element_type() != ov.Type.u8:
        graph.reshape([1, 3, height, width])
        return graph
    chain, first = _preprocessing(graph.get_parameters()[0])
    pixels = ov.opset13.parameter([1, 3, height, width], np.float32, name="x")
    planes = ov.PartialShape([1, 3, height, width])
    turned = [output for output in chain if output.get_partial_shape() == planes]
    end, begin = chain[-1], pixels.output(0)
    if turned:
        end = turned[-1]
    else:
        begin = ov.opset13.transpose(pixels, np.array([0, 2, 3, 1])).output(0)
    if not any(output.get_node().get_type_name() in _SWAPS for output in chain):
        _swap_colours(first)
    for consumer in end.get_target_inputs():
        consumer.replace_source_output(begin)
    return ov.Model([result.input_value(0) for result in graph.get_results()], [pixels], "plain")


_SWAPS = ("Gather", "Concat", "Reverse", "StridedSlice")
"""One of these turns BGR to RGB; without any, the first convolution's weights were swapped."""


def _preprocessing(parameter: Any) -> tuple[list[Any], Any]:
    """Outputs from the picture to where the network or its quantisation begins, and the first
    convolution."""
    chain = [parameter.output(0)]
    while (node := _consumer(chain[-1])).get_type_name() not in ("FakeQuantize", "Convolution"):
        chain.append(node.output(0))
    while node.get_type_name() != "Convolution":
        node = _consumer(node.output(0))
    return chain, node


def _consumer(output: Any) -> Any:
    return next(iter(output.get_target_inputs())).get_node()


def _swap_colours(convolution: Any) -> None:
    """Turn weights for BGR into weights for RGB."""
    import numpy as np
    import openvino as ov

    node = convolution.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    swapped = ov.opset13.constant(np.ascontiguousarray(node.data[:, ::-1]), node.get_element_type())
    for consumer in node.output(0).get_target_inputs():
        consumer.replace_source_output(swapped.output(0))


def _model(target: Path, settings: DetectorSettings) -> tuple[Any, dict[str, Any]]:
    model = _ultralytics().YOLO(str(target), task="detect")
    fixed: dict[str, Any] = {
        "imgsz": list(settings.input_size),
        "conf": settings.confidence_floor,
        "iou": settings.nms_iou,
        "max_det": settings.max_detections,
        "device": "cpu",
        "verbose": False,
    }
    return model, fixed


def _predicting(model: Any, fixed: dict[str, Any]) -> Callable[[Sequence[Any]], int]:
    return lambda some: sum(len(model.predict(image, **fixed)[0]) for image in some)


def _ultralytics() -> Any:
    """Import it with one torch thread, and a compiled NMS where torchvision's does not load."""
    from models.torch_compat import ensure_torchvision

    ensure_torchvision()
    import torch
    import torchvision

    torch.set_num_threads(1)
    try:
        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except RuntimeError:
        torchvision.ops.nms = _compiled_nms
    return importlib.import_module("ultralytics")


def _compiled_nms(boxes: Any, scores: Any, threshold: float) -> Any:
    """OpenCV's compiled loop in place of torchvision's, so that Ultralytics is not slowed down."""
    import cv2
    import numpy as np
    import torch

    corners = boxes.numpy()
    sizes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, threshold)
    return torch.as_tensor(np.asarray(kept, dtype=np.int64).reshape(-1))
