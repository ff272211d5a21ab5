"""Turns a trained network into the files that ship: OpenVINO (float and INT8), ONNX, and .pt."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.torch_compat import ensure_torchvision

Pixels = npt.NDArray[np.uint8]
"""(1, H, W, 3) uint8 BGR, letterboxed: what an exported graph takes."""

FLOAT_SCOPES: tuple[tuple[str, ...], ...] = (
    (r".*model\.23/(?!.*conv).*", r".*model\.23\.dfl.*"),
    (
        r".*model\.23/(?!.*conv).*",
        r".*model\.23\.dfl.*",
        r".*model\.(0|1)/.*",
        r".*model\.(0|1)\..*",
    ),
    (r".*model\.23/(?!.*conv).*", r".*model\.23\.dfl.*", r".*model\.23\.cv[23]\.\d\.2/.*"),
    (r".*model\.23.*",),
    (r".*model\.23.*", r".*model\.(0|1|2)/.*", r".*model\.(0|1|2)\..*"),
)
"""What stays float, from least to most: the head's decoding; the first two layers too (an inference
costs 5 % more); instead of them the head's last layers; the whole head; the first three layers too
(23 % more). The first that loses little enough is taken."""


def raw_network(network: Any) -> Any:
    """A copy for export: batch-norm fused, head returning (1, 4 + C, A) with boxes in pixels."""
    exported = copy.deepcopy(network).float().eval().fuse(verbose=False)
    for parameter in exported.parameters():
        parameter.requires_grad_(False)
    head = exported.model[-1]
    head.export, head.format, head.dynamic = True, "openvino", False
    return exported


def openvino_model(network: Any, height: int, width: int) -> Any:
    """An OpenVINO graph of a network: input "image" (1, H, W, 3) uint8 BGR letterboxed, output
    (1, 4 + C, A) float32. Normalisation and the swap to RGB are inside the graph."""
    ensure_torchvision()
    import openvino as ov
    import torch

    example = torch.zeros(1, 3, height, width)
    exported = raw_network(network)
    exported(example)
    graph = ov.convert_model(exported, example_input=example, input=[1, 3, height, width])
    return from_pixels(graph)


def from_pixels(graph: Any) -> Any:
    """The graph with input "image" (1, H, W, 3) uint8 BGR before one of (1, 3, H, W) RGB 0..1."""
    import openvino as ov
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().tensor().set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32)
    steps.input().preprocess().convert_color(ColorFormat.RGB).scale(255.0)
    graph = steps.build()
    graph.inputs[0].get_tensor().set_names({"image"})
    return graph


def quantised(
    graph: Any, pictures: Sequence[Pixels], float_scope: Iterable[str], *, clip: bool = True
) -> Any:
    """The graph in INT8, calibrated on pictures.

    Args:
        pictures: a few hundred, from the training split.
        float_scope: regular expressions of node names that stay float; those that match nothing
            are allowed.
        clip: ranges are those of an average picture; False takes the widest of all pictures.
    """
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    ranges = None if clip else RangeEstimatorParametersSet.MINMAX
    scope = nncf.IgnoredScope(patterns=list(float_scope), validate=False)
    return nncf.quantize(
        graph,
        nncf.Dataset(list(pictures)),
        subset_size=len(pictures),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=scope,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=ranges
        )
        if ranges
        else None,
    )


def save_openvino(graph: Any, path: Path) -> None:
    """Write a graph as .xml and .bin, float weights halved."""
    import openvino as ov

    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(graph, str(path), compress_to_fp16=True)


def save_onnx(network: Any, path: Path, height: int = 640, width: int = 640) -> None:
    """Write an ONNX file: input "images" (1, 3, H, W) float32 RGB in 0..1, output "output0"
    (1, 4 + C, A). Weights are stored in half precision and cast to float32 when loaded."""
    ensure_torchvision()
    import onnx
    import torch

    exported = raw_network(network)
    exported.model[-1].format = "onnx"
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            exported,
            (torch.zeros(1, 3, height, width),),
            str(raw),
            input_names=["images"],
            output_names=["output0"],
            opset_version=17,
            dynamo=False,
        )
        onnx.save(_halved(onnx.load(str(raw))), str(path))


def _halved(model: Any) -> Any:
    """Large float32 constants as float16 with a cast in front of their users."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < 256:
            continue
        graph.initializer.remove(tensor)
        half = numpy_helper.from_array(value.astype(np.float16), tensor.name + "_half")
        graph.initializer.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def calibration_pictures(
    images: Iterable[npt.NDArray[np.uint8]], size: tuple[int, int]
) -> list[Pixels]:
    """Letterboxed inputs of (height, width) from (H, W, 3) uint8 BGR pictures."""
    from models.letterbox import PAD_VALUE, Letterbox

    result = []
    for image in images:
        canvas = np.full((*size, 3), PAD_VALUE, np.uint8)
        Letterbox.fit((image.shape[0], image.shape[1]), size).draw(image, canvas)
        result.append(canvas[None])
    return result
