"""Writes a weight whose network finds flat colours: real files to test a backend on, untrained.

The network averages cells of 8 x 8 pixels and scores how much a cell is red, green or blue, in
the head format of Ultralytics. Wrong colour order, scaling, letterbox or mapping shows at once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from models.card import Card, describe_file, write_card

CELL_PX = 8
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (0, 0, 255),
    "green": (0, 255, 0),
    "blue": (255, 0, 0),
}
"""BGR by label."""


def write_colour_weight(directory: Path, input_size: tuple[int, int]) -> Card:
    """Make a weight directory with a card, fixed to one input size.

    Args:
        directory: made if it is not there.
        input_size: (height, width), multiples of 8.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stem = "colours-fp32-{}x{}".format(*input_size)
    ov.save_model(colour_graph(input_size), directory / f"{stem}.xml", compress_to_fp16=False)
    names = [f"{stem}.xml", f"{stem}.bin"]
    card = Card(
        name="colours",
        labels=tuple(COLOURS),
        input_sizes=(input_size,),
        files={name: describe_file(directory / name) for name in names},
        thresholds=dict.fromkeys(COLOURS, 0.5),
        licence="AGPL-3.0-or-later",
    )
    write_card(directory, card)
    return card


def colour_graph(input_size: tuple[int, int]) -> ov.Model:
    """(1, 3, H, W) float RGB in 0..1 to (1, 4 + 3, cells): boxes of the cells and their scores."""
    height, width = input_size
    pixels = ops.parameter([1, 3, height, width], np.float32, name="x")
    pooled = ops.avg_pool(
        pixels, [CELL_PX, CELL_PX], [0, 0], [0, 0], [CELL_PX, CELL_PX], exclude_pad=True
    )
    kernel = (np.eye(3) * 1.5 - 0.5).astype(np.float32).reshape(3, 3, 1, 1)
    score = ops.convolution(pooled, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    cells = (height // CELL_PX) * (width // CELL_PX)
    flat = ops.reshape(ops.clamp(score, 0.0, 1.0), ops.constant([1, 3, cells]), False)
    boxes = ops.constant(_cell_boxes(height, width))
    return ov.Model([ops.concat([boxes, flat], axis=1)], [pixels], "colours")


def _cell_boxes(height: int, width: int) -> np.typing.NDArray[np.float32]:
    y, x = np.mgrid[0 : height // CELL_PX, 0 : width // CELL_PX].astype(np.float32)
    side = np.full(x.size, CELL_PX, np.float32)
    centres = [(x.ravel() + 0.5) * CELL_PX, (y.ravel() + 0.5) * CELL_PX]
    return np.stack([*centres, side, side])[None]
