"""The speed benchmark pairs within rounds and compares what it says it compares."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detector_speed import OURS, summary


def test_ratio_is_the_median_of_pairs_not_the_ratio_of_medians() -> None:
    ours = [10.0, 100.0, 20.0]
    peer = [20.0, 210.0, 10.0]
    rows, ratios = summary({OURS: ours, "peer": peer}, {OURS: ours, "peer": peer})
    assert ratios == {"peer": 2.0}
    assert rows[OURS]["cpu_ms"] == 20
    assert rows["peer"]["per_core_s"] == 50


def test_a_slower_port_shows_below_one() -> None:
    _, ratios = summary({OURS: [2.0], "peer": [1.0]}, {OURS: [2.0], "peer": [1.0]})
    assert ratios["peer"] == pytest.approx(0.5)


def test_the_peer_gets_the_same_network_without_our_preprocessing() -> None:
    ov = pytest.importorskip("openvino")
    from builders.colour_graph import colour_graph

    from bench.detector_speed_peers import plain_input
    from models.card import Preprocess
    from models.openvino_network import _fold_preprocessing

    pixels = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), dtype=np.uint8)
    folded = _fold_preprocessing(colour_graph((64, 96)), Preprocess())
    expected = ov.compile_model(folded, "CPU")(pixels)[0].copy()
    plain = plain_input(folded, 64, 96)
    assert plain.input(0).get_element_type() == ov.Type.f32
    rgb = pixels[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
    answer = ov.compile_model(plain, "CPU")(np.ascontiguousarray(rgb))[0]
    assert np.allclose(answer, expected, atol=1e-3)


@pytest.mark.parametrize("size", [(384, 640), (640, 640)])
def test_the_shipped_file_gives_the_peer_the_same_answers(size: tuple[int, int]) -> None:
    ov = pytest.importorskip("openvino")
    from bench.detector_speed_peers import plain_input
    from models.card import find_weight, read_card
    from models.settings import DetectorSettings
    from models.weight_files import choose_file

    directory = find_weight("patrol11n")
    settings = DetectorSettings(input_size=size)
    path = directory / choose_file(read_card(directory), ".xml", settings).name
    coarse = np.random.default_rng(0).integers(0, 255, (1, 12, 20, 3), dtype=np.uint8)
    pixels = coarse.repeat(size[0] // 12, 1)[:, : size[0]].repeat(32, 2)
    pixels = np.ascontiguousarray(
        np.pad(pixels, ((0, 0), (0, size[0] - pixels.shape[1]), (0, 0), (0, 0)), mode="edge")
    )
    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # bfloat16 rounds the layers that stay float
    expected = ov.compile_model(ov.Core().read_model(path), "CPU", exact)(pixels)[0].copy()
    plain = plain_input(ov.Core().read_model(path), *size)
    rgb = np.ascontiguousarray(pixels[..., ::-1].transpose(0, 3, 1, 2)).astype(np.float32) / 255
    answer = ov.compile_model(plain, "CPU", exact)(rgb)[0]
    wrong = ov.compile_model(plain, "CPU", exact)(rgb[:, ::-1].copy())[0]
    apart, swapped = abs(answer - expected).mean(), abs(wrong - expected).mean()
    assert apart < 0.1 * swapped
