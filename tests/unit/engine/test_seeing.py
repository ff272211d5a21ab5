"""The sight of the worker: boxes of crops come back in pixels of the full picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench.incidents.kept import KeptDetections
from models.detections import Detections
from pipeline.boxes import to_pixels
from pipeline.engine.observations import Observation
from pipeline.engine.seeing import Sight
from pipeline.tour.values import CloseView
from pipeline.types import Box, ViewKey
from streams.types import Frame, ImageArray


class RedThing:
    """A detector that sees whatever is red as one garbage."""

    labels = ("garbage",)
    model_id = "red@0"
    input_size = (384, 640)
    thresholds: dict[str, float] = {}  # noqa: RUF012  (a port's attribute, never written)

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        boxes = []
        for image in images:
            ys, xs = np.nonzero(image[..., 2] > image[..., 1].astype(int) + 60)
            boxes.append([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]])
        one, zero = np.ones(1, np.float32), np.zeros(1, np.int32)
        return [Detections(np.array(box, np.float32), one, zero) for box in boxes]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    "region", [(0, 0, 1920, 1080), (400, 300, 1100, 700), (1000, 400, 1300, 560)]
)
def test_a_box_is_where_it_is_in_the_full_picture(region: tuple[int, int, int, int]) -> None:
    image = np.full((1080, 1920, 3), 110, np.uint8)
    image[460:520, 1010:1090] = (20, 20, 230)
    shot = Frame("cam", 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
    found = Sight(RedThing(), {}).see([(shot, [region])])[0]
    assert found.xyxy[0] == pytest.approx([1010, 460, 1090, 520], abs=4)


class View:
    """A view without zones, in which something is doubted."""

    key, zones = ViewKey("cam"), ()

    def __init__(self, *doubtful: Box) -> None:
        self.doubtful_places = doubtful


class Unsure(RedThing):
    """Sees red things, and surely only those that are 30 pixels wide at the network's input."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        self.shown += [image.shape[:2] for image in images]
        return [
            Detections(d.xyxy, np.array([self._sure(d, image)], np.float32), d.class_id)
            for d, image in zip(super().detect(images), images, strict=True)
        ]

    def _sure(self, found: Detections, image: ImageArray) -> float:
        width = (found.xyxy[0, 2] - found.xyxy[0, 0]) * self.input_size[1] / image.shape[1]
        return 0.9 if width >= 30 else 0.5


class Blind(Unsure):
    """Must not be asked: what is kept on disk is not detected again."""

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        raise AssertionError("asked for what is kept")


def test_a_doubtful_place_is_looked_at_once_more_enlarged() -> None:
    image = np.full((1080, 1920, 3), 110, np.uint8)
    image[460:520, 1010:1074] = (20, 20, 230)
    shot = Frame("cam", 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
    picture = Observation(ViewKey("cam"), shot, looking=False, asked_s=0.0)
    place = (1000 / 1920, 450 / 1080, 1084 / 1920, 530 / 1080)
    sure = []
    for doubtful in ((), (place,)):
        detector = Unsure()
        sight = Sight(detector, {})
        sight.watch([View(*doubtful)])  # type: ignore[list-item]
        found = sight([picture])[0]
        assert len(detector.shown) == 1 + len(doubtful)
        assert found.xyxy[0] == pytest.approx([1010, 460, 1074, 520], abs=4)
        sure.append(float(found.confidence[0]))
    assert sure == pytest.approx([0.5, 0.7])


def test_pictures_of_several_views_keep_their_own_second_looks() -> None:
    images = [np.full((720, 1280, 3), 110, np.uint8) for _ in range(3)]
    pictures, views = [], []
    for number, image in enumerate(images):
        left = 200 + 300 * number
        image[300:330, left : left + 50] = (20, 20, 230)
        shot = Frame(str(number), 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
        pictures.append(Observation(ViewKey(str(number)), shot, looking=True, asked_s=0.0))
        place = (left / 1280, 300 / 720, (left + 50) / 1280, 330 / 720)
        view = View(*([] if number == 1 else [place]))
        view.key = ViewKey(str(number))
        views.append(view)
    sight = Sight(Unsure(), {})
    sight.watch(views)  # type: ignore[arg-type]
    found = sight(pictures)
    assert [round(float(f.xyxy[0, 0]) / 10) * 10 for f in found] == [200, 500, 800]
    assert [float(f.confidence[0]) for f in found] == pytest.approx([0.7, 0.5, 0.7])


def test_every_picture_of_a_view_is_asked_twice_and_a_close_up_once() -> None:
    image = np.full((720, 1280, 3), 110, np.uint8)
    image[300:330, 200:250] = (20, 20, 230)
    view = View((200 / 1280, 300 / 720, 250 / 1280, 330 / 720))
    shots = [Frame("cam", t, datetime(2026, 3, 2, tzinfo=UTC), image) for t in (0.0, 0.5, 1.0)]
    close = CloseView((0.1, 0.3, 0.3, 0.5), (0.1, 0.3, 0.3, 0.5))
    pictures = [
        Observation(view.key, shot, looking=True, asked_s=0.0, close=close if i == 2 else None)
        for i, shot in enumerate(shots)
    ]
    sight = Sight(Unsure(), {})
    sight.watch([view])  # type: ignore[list-item]
    assert [float(f.confidence[0]) for f in sight(pictures)] == pytest.approx([0.7, 0.7, 0.5])


def test_the_incident_benchmark_asks_as_the_patrol_does(tmp_path: Path) -> None:
    image = np.full((720, 1280, 3), 110, np.uint8)
    image[300:330, 200:250] = (20, 20, 230)
    place = (200 / 1280, 300 / 720, 250 / 1280, 330 / 720)
    shot = Frame("cam", 0.0, datetime(2026, 3, 2, tzinfo=UTC), image)
    sight = Sight(Unsure(), {})
    sight.watch([View(place)])  # type: ignore[list-item]
    patrol = sight([Observation(ViewKey("cam"), shot, looking=False, asked_s=0.0)])[0]
    for detector in (Unsure(), Blind()):  # the second time from disk
        kept = KeptDetections(detector, tmp_path, "clip", [(0, 0, 1280, 720)])
        once, _ = kept.see("0", image)
        doubts = kept.enlarged([to_pixels(place, shot.size)], shot.size)
        bench, _ = kept.ask_again("0", image, once, doubts)
        kept.save()
        assert bench.xyxy == pytest.approx(patrol.xyxy, abs=1.5)
        assert bench.confidence == pytest.approx(patrol.confidence)
