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
