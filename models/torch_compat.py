"""Lets torchvision import beside a torch build that its compiled operators were not made for."""

from __future__ import annotations

import importlib
import sys
from typing import Any

_LIBRARY: list[Any] = []
"""Keeps the registered operators alive: torch drops them with their library object."""


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Greedy non-maximum suppression, the documented behaviour of ``torchvision.ops.nms``.

    Args:
        boxes: (N, 4) float tensor, left, top, right, bottom.
        scores: (N,) float tensor.
        iou_threshold: a box that overlaps a better one by more than this is dropped.

    Returns:
        (K,) int64 tensor, indices of the boxes kept, best first.
    """
    import torch

    order = torch.argsort(scores, descending=True, stable=True)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while order.numel():
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        side = (high - low).clamp(min=0)
        shared = side[:, 0] * side[:, 1]
        iou = shared / (area[best] + area[rest] - shared).clamp(min=1e-9)
        order = rest[iou <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)


def ensure_torchvision() -> None:
    """Import torchvision; where its compiled operators do not load, register the one we need.

    A CUDA build of torchvision beside a CPU build of torch fails at import with "operator
    torchvision::nms does not exist". Nothing is registered where the real operators load.
    Call before importing ultralytics.
    """
    if "torchvision" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
        return
    except (RuntimeError, OSError, ImportError):
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # schema only
    library.impl("nms", nms, "CPU")
    _LIBRARY.append(library)
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, OSError, ImportError) as error:
        raise RuntimeError(f"torchvision must load beside torch, got: {error}") from error
