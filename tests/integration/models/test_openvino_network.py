"""The OpenVINO backend on real graphs: pixel formats, sizes, sharing, refusal, density maps."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from builders.colour_graph import colour_graph
from openvino import opset13 as ops

from models.card import Card, Preprocess, describe_file, write_card
from models.crowd import people_inside
from models.errors import DetectionError, DetectorClosed
from models.load import load_density
from models.openvino_network import NetworkOptions, OpenVinoNetwork
from models.settings import CrowdSettings

SIZE = (64, 96)


def serialized(model: ov.Model, directory: Path) -> tuple[bytes, bytes]:
    ov.save_model(model, directory / "graph.xml", compress_to_fp16=False)
    return (directory / "graph.xml").read_bytes(), (directory / "graph.bin").read_bytes()


def mean_graph(divide: bool = False) -> ov.Model:
    """Answers the mean of each input channel as it arrives: (1, 3, H, W) to (1, 3, 1)."""
    pixels = ops.parameter([1, 3, *SIZE], np.float32)
    mean = ops.reduce_mean(pixels, ops.constant([2, 3]), keep_dims=False)
    return ov.Model([ops.unsqueeze(mean, ops.constant([2]))], [pixels], "mean")


def pixel_graph() -> ov.Model:
    """Takes (1, H, W, 3) uint8 itself and answers the channel means: (1, 3, 1)."""
    pixels = ops.parameter([1, *SIZE, 3], np.uint8)
    mean = ops.reduce_mean(ops.convert(pixels, np.float32), ops.constant([1, 2]), keep_dims=False)
    return ov.Model([ops.unsqueeze(mean, ops.constant([2]))], [pixels], "pixels")


def means(network: OpenVinoNetwork, image: np.ndarray) -> list[float]:
    return network.map([image], lambda outputs, _: outputs[0][:, 0].tolist())[0]


BGR = np.full((*SIZE, 3), (10, 20, 30), np.uint8)


def test_pixels_arrive_as_rgb_divided_by_the_scale(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(mean_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    assert means(network, BGR) == pytest.approx([30 / 255, 20 / 255, 10 / 255], abs=1e-4)


def test_mean_and_deviation_of_the_card_are_folded_in(tmp_path: Path) -> None:
    preprocess = Preprocess(scale=255, mean=(0.1, 0.0, 0.0), std=(1.0, 0.5, 1.0))
    options = NetworkOptions(SIZE, preprocess, threads=1)
    network = OpenVinoNetwork(*serialized(mean_graph(), tmp_path), options)
    expected = [30 / 255 - 0.1, 20 / 255 / 0.5, 10 / 255]
    assert means(network, BGR) == pytest.approx(expected, abs=1e-4)


def test_a_graph_that_takes_pixels_gets_pixels(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    assert means(network, BGR) == pytest.approx([10, 20, 30], abs=1e-3)


def test_padding_is_renewed_when_pictures_change_shape(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    wide, tall = np.zeros((10, 60, 3), np.uint8), np.zeros((64, 8, 3), np.uint8)
    white = np.full((*SIZE, 3), 255, np.uint8)
    first = means(network, wide), means(network, tall)
    means(network, white)
    assert (means(network, wide), means(network, tall)) == first
    assert first[0] == pytest.approx([114 * 48 / 64] * 3, abs=0.01)


def test_a_waiting_caller_gets_an_error_in_time(tmp_path: Path) -> None:
    options = NetworkOptions(SIZE, threads=1, timeout_s=0.2)
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), options)
    entered, leave = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        entered.set()
        leave.wait(10)

    count = network._free.qsize()
    threads = [
        threading.Thread(target=network.map, args=([BGR], hold), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    entered.wait(5)
    while network._free.qsize():
        entered.wait(0.01)
    with pytest.raises(DetectionError, match=r"free within 0\.2 s"):
        means(network, BGR)
    leave.set()
    for thread in threads:
        thread.join(5)
    assert means(network, BGR) == pytest.approx([10, 20, 30], abs=1e-3)


def test_a_reader_that_fails_takes_no_request_with_it(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    before = network._free.qsize()

    def fail(*_: object) -> None:
        raise ValueError("reader")

    for _ in range(3):
        with pytest.raises(ValueError, match="reader"):
            network.map([BGR] * 5, fail)
    assert network._free.qsize() == before
    assert means(network, BGR) == pytest.approx([10, 20, 30], abs=1e-3)


def test_more_pictures_than_requests(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    pictures = [np.full((*SIZE, 3), value, np.uint8) for value in range(50)]
    answers = network.map(pictures, lambda outputs, _: float(outputs[0].mean()))
    assert answers == pytest.approx(list(range(50)), abs=1e-3)


def test_closed(tmp_path: Path) -> None:
    network = OpenVinoNetwork(*serialized(pixel_graph(), tmp_path), NetworkOptions(SIZE, threads=1))
    network.close()
    with pytest.raises(DetectorClosed):
        means(network, BGR)


def test_a_colour_graph_has_no_head_to_cut_and_says_so(tmp_path: Path) -> None:
    options = NetworkOptions(SIZE, threads=1, cut_head=True)
    network = OpenVinoNetwork(*serialized(colour_graph(SIZE), tmp_path), options)
    assert not network.head_is_cut


def write_density_weight(directory: Path, size: tuple[int, int]) -> None:
    """A "density" network: one person per cell of 8 x 8 pixels that is red all over."""
    pixels = ops.parameter([1, 3, *size], np.float32)
    pooled = ops.avg_pool(pixels, [8, 8], [0, 0], [0, 0], [8, 8], exclude_pad=True)
    kernel = np.array([1, -1, -1], np.float32).reshape(1, 3, 1, 1)
    red = ops.convolution(pooled, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    model = ov.Model([ops.clamp(red, 0.0, 1.0)], [pixels], "density")
    ov.save_model(model, directory / "crowd.xml", compress_to_fp16=False)
    names = ["crowd.xml", "crowd.bin"]
    card = Card(
        name="crowd-test",
        kind="density",
        labels=("person",),
        input_sizes=(size,),
        files={name: describe_file(directory / name) for name in names},
        licence="AGPL-3.0-or-later",
        density={"factor": 2.0},
    )
    write_card(directory, card)


@pytest.mark.parametrize("size", [(64, 96), (128, 192), (64, 150), (90, 60)], ids=str)
def test_density_maps_keep_their_sum_and_place(tmp_path: Path, size: tuple[int, int]) -> None:
    write_density_weight(tmp_path, (64, 96))
    density = load_density(CrowdSettings(density_weights=str(tmp_path)))
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (0, 0, 255)
    scale = min(64 / height, 96 / width)
    expected = 2.0 * (height * scale / 8) * (width // 2 * scale / 8)
    cells = density.people_per_cell(image)
    assert cells.sum() == pytest.approx(expected, rel=0.15)
    left = np.array([[0, 0], [0.6 * width, 0], [0.6 * width, height], [0, height]], np.float32)
    right = np.array(
        [[0.7 * width, 0], [width, 0], [width, height], [0.7 * width, height]], np.float32
    )
    assert people_inside(cells, left, (width, height)) == pytest.approx(expected, rel=0.2)
    assert people_inside(cells, right, (width, height)) < 0.1 * expected
