"""Trackers on true boxes of real clips, at the rates of glances (reads MOTChallenge files).

`skygrid bench track` takes every clip of the footage that has a `gt.txt`,
`python -m bench.track FILE --clip-fps 10` any one; both print one row per tracker and rate. Boxes
are the annotators', as they are or damaged as a detector damages them (missed, shifted, false), so
that only the association is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bench.track_scores import ScoredFrame, TrackScore, score
from models.detections import Detections
from pipeline.track import Tracker
from pipeline.track.association import pairwise_iou

Boxes = npt.NDArray[np.float64]

RATES = (25.0, 10.0, 5.0, 2.0, 1.0, 0.5)
MISSED, SHIFTED, FALSE_PER_PICTURE = 0.15, 0.05, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class TruePicture:
    """The annotated boxes of one picture."""

    t_s: float
    ids: npt.NDArray[np.int64]
    boxes: Boxes


class AnyTracker(Protocol):
    """Boxes in, boxes with ids out: those seen in this very picture."""

    def see(self, boxes: Boxes, confidence: Boxes, t_s: float) -> tuple[list[int], Boxes]: ...


class Ours:
    """The patrol's tracker."""

    def __init__(self) -> None:
        self._tracker = Tracker(("person",))

    def see(self, boxes: Boxes, confidence: Boxes, t_s: float) -> tuple[list[int], Boxes]:
        found = Detections(
            boxes.astype(np.float32),
            confidence.astype(np.float32),
            np.zeros(len(boxes), np.int32),
        )
        seen = [t for t in self._tracker.update(found, t_s) if t.last_seen_s >= t_s]
        return [t.track_id for t in seen], np.array([t.xyxy for t in seen]).reshape(-1, 4)


class ByteTrack:
    """Ultralytics' ByteTrack with the settings that it ships."""

    def __init__(self) -> None:
        from ultralytics.trackers.byte_tracker import BYTETracker

        make: Any = BYTETracker
        self._tracker: Any = make(
            SimpleNamespace(
                track_high_thresh=0.25,
                track_low_thresh=0.1,
                new_track_thresh=0.25,
                track_buffer=30,
                match_thresh=0.8,
                fuse_score=True,
            )
        )

    def see(self, boxes: Boxes, confidence: Boxes, t_s: float) -> tuple[list[int], Boxes]:
        rows = np.asarray(self._tracker.update(_Results(boxes, confidence))).reshape(-1, 8)
        return [int(i) for i in rows[:, 4]], rows[:, :4]


class _Results:
    """What Ultralytics' trackers read of a detector's results."""

    def __init__(self, boxes: Boxes, confidence: Boxes) -> None:
        self.boxes, self.conf, self.cls = boxes, confidence, np.zeros(len(boxes))

    @property
    def xywh(self) -> Boxes:
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        return np.concatenate([(low + high) / 2, high - low], axis=1)

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Any) -> _Results:
        return _Results(self.boxes[rows], self.conf[rows])


TRACKERS: dict[str, Callable[[], AnyTracker]] = {"ours": Ours, "bytetrack": ByteTrack}


def read_mot(path: Path, clip_fps: float) -> list[TruePicture]:
    """Pictures of a MOTChallenge ground truth: frame, id, left, top, width, height, ..."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    out = []
    for number in np.unique(rows[:, 0]):
        own = rows[rows[:, 0] == number]
        boxes = np.concatenate([own[:, 2:4], own[:, 2:4] + own[:, 4:6]], axis=1)
        out.append(TruePicture((number - 1) / clip_fps, own[:, 1].astype(np.int64), boxes))
    return out


def thin(pictures: Sequence[TruePicture], fps: float) -> Iterator[TruePicture]:
    """The pictures that a camera of a lower rate would have sent."""
    due_s = float("-inf")
    for picture in pictures:
        if picture.t_s >= due_s - 1e-6:
            due_s = picture.t_s + 1 / fps
            yield picture


def damage(boxes: Boxes, rng: np.random.Generator) -> Boxes:
    """Boxes as a detector would give them: some missed, all shifted, some false."""
    kept = boxes[rng.random(len(boxes)) >= MISSED]
    sides = np.tile(kept[:, 2:] - kept[:, :2], (1, 2))
    shifted = kept + rng.normal(0, SHIFTED, kept.shape) * sides
    number = int(rng.poisson(FALSE_PER_PICTURE))
    corners = rng.uniform(boxes[:, :2].min(0), boxes[:, 2:].max(0), (number, 2))
    false = np.concatenate([corners, corners + np.median(boxes[:, 2:] - boxes[:, :2], 0)], axis=1)
    return np.concatenate([shifted, false])


def run(pictures: Sequence[TruePicture], tracker: AnyTracker, *, damaged: bool) -> TrackScore:
    """Scores of one tracker on one clip."""
    rng = np.random.default_rng(0)
    true_rows: dict[int, int] = {}
    track_rows: dict[int, int] = {}
    frames = []
    for picture in pictures:
        boxes = damage(picture.boxes, rng) if damaged else picture.boxes
        confidence = rng.uniform(0.3, 0.95, len(boxes))
        ids, tracked = tracker.see(boxes, confidence, picture.t_s)
        frames.append(
            ScoredFrame(
                np.array([true_rows.setdefault(int(i), len(true_rows)) for i in picture.ids]),
                np.array([track_rows.setdefault(i, len(track_rows)) for i in ids], np.int64),
                pairwise_iou(picture.boxes, tracked),
            )
        )
    return score(frames)


@dataclass(frozen=True, slots=True)
class MotClip:
    """A clip with true boxes.

    Attributes:
        name: For the table.
        truth: MOTChallenge `gt.txt`.
        fps: Pictures per second of the clip.
    """

    name: str
    truth: Path
    fps: float


def mot_clips(footage: Path) -> list[MotClip]:
    """Folders of `footage` with a `gt.txt` and a `meta.json` that gives the rate as `fps`."""
    out = []
    for truth in sorted(footage.glob("*/gt.txt")):
        about = json.loads((truth.parent / "meta.json").read_text(encoding="utf-8"))
        out.append(MotClip(truth.parent.name, truth, float(about["fps"])))
    return out


def measure(clips: Sequence[MotClip], rates: Sequence[float], trackers: Sequence[str]
            ) -> list[dict[str, Any]]:  # fmt: skip
    """One row per clip, kind of boxes, rate and tracker; a rate above the clip's is the clip's."""
    rows = []
    for clip in clips:
        pictures = read_mot(clip.truth, clip.fps)
        own = sorted({min(rate, clip.fps) for rate in rates}, reverse=True)
        rows += [
            {"clip": clip.name, "boxes": "damaged" if damaged else "true", "fps": rate,
             "tracker": name}
            | asdict(run(list(thin(pictures, rate)), TRACKERS[name](), damaged=damaged))
            for damaged in (False, True)
            for rate in own
            for name in trackers
        ]  # fmt: skip
    return rows


def main() -> None:
    """Print a table, or JSON with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", type=Path, help="MOTChallenge gt.txt")
    parser.add_argument("--clip-fps", type=float, required=True)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--trackers", nargs="+", choices=sorted(TRACKERS), default=["ours"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    clip = MotClip(options.truth.parent.name, options.truth, options.clip_fps)
    rows = measure([clip], options.rates, options.trackers)
    print(json.dumps(rows, indent=1) if options.json else table(rows))  # noqa: T201


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    head = list(rows[0])
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows]
    lines = [" | ".join(c) for c in (head, ["---"] * len(head), *cells)]
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    main()
