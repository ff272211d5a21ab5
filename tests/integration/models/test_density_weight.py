"""Density weights on real graphs: input sizes, refusal, and the shipped one on a drawn picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from models.card import WEIGHTS_HOME, Card, describe_file, read_card, write_card
from models.crowd import SaturationCounter
from models.errors import WeightAltered
from models.load import load_crowd_counter, load_density
from models.settings import CrowdSettings, DetectorSettings

SHIPPED = "crowd-research"


def write_red_counter(directory: Path, *sizes: tuple[int, int]) -> None:
    """One person per cell of 8 x 8 pixels that is red; takes any input size."""
    pixels = ops.parameter([1, 3, -1, -1], np.float32)
    pooled = ops.avg_pool(pixels, [8, 8], [0, 0], [0, 0], [8, 8], exclude_pad=True)
    kernel = np.array([1, -1, -1], np.float32).reshape(1, 3, 1, 1)
    red = ops.convolution(pooled, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    model = ov.Model([ops.clamp(red, 0.0, 1.0)], [pixels], "red")
    ov.save_model(model, directory / "red.xml", compress_to_fp16=False)
    files = {name: describe_file(directory / name) for name in ("red.xml", "red.bin")}
    card = Card(
        name="red-research",
        kind="density",
        labels=("person",),
        input_sizes=sizes,
        files=files,
        licence="AGPL-3.0-or-later",
        research=True,
    )
    write_card(directory, card)


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        pytest.param((64, 96), (8, 12), id="wide: the small input shows it as large"),
        pytest.param((192, 192), (12, 12), id="square: the tall input shows it larger"),
    ],
)
def test_a_picture_goes_to_the_input_size_that_shows_it_best(
    tmp_path: Path, size: tuple[int, int], cells: tuple[int, int]
) -> None:
    write_red_counter(tmp_path, (96, 96), (64, 96))
    density = load_density(CrowdSettings(density_weights=str(tmp_path)))
    answer = density.people_per_cell(np.full((*size, 3), (0, 0, 255), np.uint8))
    assert answer.shape == cells
    assert answer.sum() == pytest.approx(cells[0] * cells[1])


def test_a_changed_density_file_is_refused(tmp_path: Path) -> None:
    write_red_counter(tmp_path, (64, 96))
    binary = tmp_path / "red.bin"
    content = bytearray(binary.read_bytes())
    content[0] ^= 1
    binary.write_bytes(content)
    with pytest.raises(WeightAltered, match="SHA-256"):
        load_density(CrowdSettings(density_weights=str(tmp_path)))


def test_the_shipped_weight_is_for_research_small_and_off_by_default() -> None:
    card = read_card(WEIGHTS_HOME / SHIPPED)
    assert card.kind == "density"
    assert card.research
    assert sum(file.bytes for file in card.files.values()) < 4_000_000
    assert CrowdSettings().density_weights is None


def test_the_shipped_weight_is_switched_on_by_its_name_and_sees_nobody_on_a_blank_wall() -> None:
    settings = CrowdSettings(density_weights=SHIPPED)
    assert isinstance(load_crowd_counter(DetectorSettings(), settings), SaturationCounter)
    blank = load_density(settings).people_per_cell(np.full((270, 480, 3), 140, np.uint8))
    assert blank.shape == (68, 120)
    assert 0 <= blank.sum() < 3
