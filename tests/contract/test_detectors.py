"""What every detector backend must do, tried on each of them."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest
from builders.colour_graph import COLOURS, write_colour_weight
from builders.fake_detector import ColourDetector

from models.card import WEIGHTS_HOME, Card, describe_file, write_card
from models.detections import Detections
from models.detector import Detector, ImageArray
from models.errors import DetectionError, DetectorClosed
from models.load import load_detector
from models.settings import DetectorSettings

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None, reason="ultralytics is not installed"
)


@pytest.fixture(scope="module")
def fake() -> Detector:
    return ColourDetector(COLOURS)


@pytest.fixture(scope="module")
def openvino(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    directory = tmp_path_factory.mktemp("weights") / "colours"
    write_colour_weight(directory, (192, 320))
    settings = DetectorSettings(weights=str(directory), input_size=(192, 320), threads=2)
    return load_detector(settings)


@pytest.fixture(scope="module")
def shipped() -> Detector:
    if not (WEIGHTS_HOME / "patrol11n" / "card.json").is_file():
        pytest.skip("no weight is shipped in this checkout")
    return load_detector(DetectorSettings(threads=2))


@pytest.fixture(scope="module")
def ultralytics(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    directory = tmp_path_factory.mktemp("weights") / "untrained"
    write_untrained_checkpoint(directory)
    settings = DetectorSettings(
        weights=str(directory), backend="ultralytics", device="cpu", input_size=(64, 96)
    )
    return load_detector(settings)


def write_untrained_checkpoint(directory: Path) -> None:
    """A real YOLO11n checkpoint with random weights, as Ultralytics saves it."""
    from models.torch_compat import ensure_torchvision

    ensure_torchvision()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    directory.mkdir()
    torch.manual_seed(0)
    network = DetectionModel("yolo11n.yaml", nc=len(COLOURS), verbose=False)
    torch.save({"model": network, "ema": None}, directory / "untrained.pt")
    card = Card(
        name="untrained",
        labels=tuple(COLOURS),
        input_sizes=((64, 96),),
        files={"untrained.pt": describe_file(directory / "untrained.pt")},
        licence="AGPL-3.0",
    )
    write_card(directory, card)


@pytest.fixture(
    params=["fake", "openvino", "shipped", pytest.param("ultralytics", marks=needs_torch)]
)
def detector(request: pytest.FixtureRequest) -> Detector:
    made: Detector = request.getfixturevalue(request.param)
    return made


def street(size: tuple[int, int] = (480, 640), seed: int = 0) -> ImageArray:
    """A grey picture of (height, width) with a little noise."""
    noise = np.random.default_rng(seed).integers(100, 130, size, dtype=np.uint8)
    return np.repeat(noise[..., None], 3, axis=2)


def painted(box: tuple[int, int, int, int], label: str, size: tuple[int, int]) -> ImageArray:
    image = street(size)
    left, top, right, bottom = box
    image[top:bottom, left:right] = COLOURS[label]
    return image


def hull(found: Detections) -> list[float]:
    return [*found.xyxy[:, :2].min(axis=0), *found.xyxy[:, 2:].max(axis=0)]


def same(a: Detections, b: Detections) -> bool:
    return (
        np.allclose(a.xyxy, b.xyxy, atol=0.01)
        and np.allclose(a.confidence, b.confidence, atol=1e-4)
        and np.array_equal(a.class_id, b.class_id)
    )


class TestDetector:
    def test_says_what_it_is(self, detector: Detector) -> None:
        name, digest = detector.model_id.split("@")
        assert name
        assert len(digest) == 6
        assert int(digest, 16) >= 0
        assert len(set(detector.labels)) == len(detector.labels) > 0
        assert set(detector.thresholds) <= set(detector.labels)
        assert all(side % 32 == 0 for side in detector.input_size)

    def test_answers_one_result_per_picture(self, detector: Detector) -> None:
        pictures = [street(seed=i) for i in range(5)]
        assert len(detector.detect(pictures)) == 5
        assert detector.detect([]) == []

    def test_batch_equals_one_by_one(self, detector: Detector) -> None:
        sizes = [(480, 640), (72, 1280), (640, 48), (33, 47)]
        pictures = [painted((10, 5, 40, 30), "red", size) for size in sizes]
        together = detector.detect(pictures)
        alone = [detector.detect([picture])[0] for picture in pictures]
        assert all(same(a, b) for a, b in zip(together, alone, strict=True))

    def test_boxes_lie_in_the_picture_best_first(self, detector: Detector) -> None:
        picture = painted((500, 300, 640, 480), "green", (480, 640))
        found = detector.detect([picture])[0]
        assert (found.xyxy >= 0).all()
        assert (found.xyxy[:, 2:] <= [640, 480]).all()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
        assert (np.diff(found.confidence) <= 1e-6).all()
        assert ((found.confidence > 0) & (found.confidence <= 1)).all()
        assert set(found.class_id.tolist()) <= set(range(len(detector.labels)))

    @pytest.mark.parametrize("detector", ["fake", "openvino"], indirect=True)
    @pytest.mark.parametrize("label", list(COLOURS))
    @pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (700, 300)], ids=str)
    def test_finds_what_is_there_where_it_is(
        self, detector: Detector, label: str, size: tuple[int, int]
    ) -> None:
        height, width = size
        box = (width // 4, height // 3, width // 4 + width // 3, height // 3 + height // 4)
        found = detector.detect([painted(box, label, size)])[0]
        sure = found.where(found.confidence > 0.5)
        assert {detector.labels[i] for i in sure.class_id} == {label}
        scale = max(height / 192, width / 320)
        assert np.allclose(hull(sure), box, atol=8 * scale)

    def test_nothing_in_an_empty_street(self, detector: Detector) -> None:
        found = detector.detect([street()])[0]
        assert not (found.confidence > 0.5).any()

    def test_does_not_write_to_pictures_and_takes_any_strides(self, detector: Detector) -> None:
        large = painted((100, 100, 300, 200), "blue", (480, 640))
        large.flags.writeable = False
        view = large[50:300, 20:400]
        before = view.copy()
        found = detector.detect([view])[0]
        assert np.array_equal(view, before)
        assert same(found, detector.detect([np.ascontiguousarray(view)])[0])

    def test_every_thread_gets_its_own_answers(self, detector: Detector) -> None:
        pictures = [painted((20 * i, 40, 20 * i + 60, 200), "red", (240, 320)) for i in range(4)]
        expected = [detector.detect([picture])[0] for picture in pictures]
        wrong: list[str] = []

        def camera(index: int) -> None:
            order = [(index + k) % 4 for k in range(4)]
            for _ in range(2):
                found = detector.detect([pictures[i] for i in order])
                if not all(same(f, expected[i]) for f, i in zip(found, order, strict=True)):
                    wrong.append(f"camera {index}")

        threads = [threading.Thread(target=camera, args=(i,), daemon=True) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in threads)
        assert wrong == []

    @pytest.mark.parametrize(
        "picture",
        [
            pytest.param(np.zeros((10, 10), np.uint8), id="grey"),
            pytest.param(np.zeros((10, 10, 4), np.uint8), id="four channels"),
            pytest.param(np.zeros((10, 10, 3), np.float32), id="float"),
            pytest.param(np.zeros((0, 10, 3), np.uint8), id="empty"),
            pytest.param(None, id="none"),
        ],
    )
    def test_refuses_what_is_no_picture_and_goes_on(
        self, detector: Detector, picture: ImageArray
    ) -> None:
        with pytest.raises(DetectionError, match="picture 1 must be"):
            detector.detect([street(), picture])
        assert len(detector.detect([street()])) == 1


def test_closed_fake_refuses() -> None:
    refuses_after_close(ColourDetector(COLOURS))


def test_closed_openvino_refuses(tmp_path: Path) -> None:
    write_colour_weight(tmp_path, (64, 96))
    refuses_after_close(load_detector(DetectorSettings(weights=str(tmp_path), input_size=(64, 96))))


@needs_torch
def test_closed_ultralytics_refuses(tmp_path: Path) -> None:
    write_untrained_checkpoint(tmp_path / "w")
    refuses_after_close(
        load_detector(DetectorSettings(weights=str(tmp_path / "w"), input_size=(64, 96)))
    )


def refuses_after_close(detector: Detector) -> None:
    detector.close()
    detector.close()
    with pytest.raises(DetectorClosed):
        detector.detect([street()])
