"""Takes the box arithmetic off a YOLOv8/11 graph, so that only boxes worth decoding are decoded.

An exported head decodes every anchor: soft-max over 4 x 16 distances, sigmoid over all classes,
then a transposed copy. At 384 x 640 that is 5,040 boxes of which a street has ten. The cut graph
ends at the head's last convolutions, in their own memory layout; `decode_raw` does the rest on
what passes the threshold.
"""

from __future__ import annotations

from typing import Any

import openvino as ov
from openvino.preprocess import PrePostProcessor

DISTANCE_CHANNELS = 64
"""Four sides times the 16 distance bins of Ultralytics' heads."""


def cut_head(model: Any) -> Any | None:
    """The graph ending at the head's convolutions, or None where the head has another form.

    Args:
        model: static shape, one output (1, 4 + C, N) as Ultralytics exports it.

    Returns:
        A graph with outputs scores and distances per scale, finest first:
        (1, h, w, C) x scales, then (1, h, w, 64) x scales, float32 before sigmoid and soft-max.
    """
    end = model.output(0).get_node().input_value(0).get_node()
    if end.get_type_name() != "Concat" or end.get_input_size() != 2:
        return None
    sigmoid = end.input_value(1).get_node()
    softmaxes = [op for op in model.get_ops() if op.get_type_name() == "Softmax"]
    softmaxes = [op for op in softmaxes if list(op.output(0).get_partial_shape())[1:2] == [16]]
    if sigmoid.get_type_name() != "Sigmoid" or len(softmaxes) != 1:
        return None
    scores, distances = _scales(sigmoid), _scales(softmaxes[0])
    if not scores or not _belong_together(scores, distances):
        return None
    return _ending_at(model, [*scores, *distances])


def _scales(node: Any) -> list[Any]:
    """Feature maps (1, channels, h, w) that are flattened and joined above a node."""
    joined = _first_above(node, "Concat")
    if joined is None:
        return []
    flattened = [value.get_node() for value in joined.input_values()]
    if any(flat.get_type_name() != "Reshape" for flat in flattened):
        return []
    return [flat.input_value(0) for flat in flattened]


def _first_above(node: Any, kind: str) -> Any | None:
    """The nearest ancestor of a type, along first inputs."""
    while node.get_input_size():
        node = node.input_value(0).get_node()
        if node.get_type_name() == kind:
            return node
    return None


def _belong_together(scores: list[Any], distances: list[Any]) -> bool:
    if len(scores) != len(distances):
        return False
    for score, distance in zip(scores, distances, strict=True):
        a, b = score.get_partial_shape(), distance.get_partial_shape()
        if a.is_dynamic or b.is_dynamic or len(a) != 4 or len(b) != 4:
            return False
        if list(a)[2:] != list(b)[2:] or b[1].get_length() != DISTANCE_CHANNELS:
            return False
    return True


def _ending_at(model: Any, ends: list[Any]) -> Any:
    cut = ov.Model([ov.opset13.result(end) for end in ends], model.get_parameters(), "cut")
    steps = PrePostProcessor(cut)
    for index in range(len(ends)):
        steps.output(index).model().set_layout(ov.Layout("NCHW"))
        steps.output(index).tensor().set_layout(ov.Layout("NHWC"))
    return steps.build()
