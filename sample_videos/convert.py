"""Truth files from and to MOTChallenge, COCO and CVAT (pure but for the given texts)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from pydantic import ValidationError

from sample_videos.errors import TruthError
from sample_videos.truth import Clip, Truth, TruthObject

Row = tuple[int, float, float, float, float, int]
_MOT_PERSON = 1


def to_mot(truth: Truth, label: str = "person") -> str:
    """MOTChallenge `gt.txt` of one class: frame, id, left, top, width, height, 1, 1, visibility.

    Frames and ids count from 1 (MOT16, Milan et al. 2016).
    """
    ids = {thing.id: n for n, thing in enumerate(truth.objects, start=1)}
    lines = []
    for frame in range(truth.clip.frames):
        for thing, (left, top, right, bottom, percent) in truth.boxes_at(frame):
            if thing.label == label:
                lines.append(
                    f"{frame + 1},{ids[thing.id]},{left:.2f},{top:.2f},{right - left:.2f},"
                    f"{bottom - top:.2f},1,{_MOT_PERSON},{percent / 100:.2f}"
                )
    return "\n".join(lines) + ("\n" if lines else "")


def from_mot(text: str, clip: Clip, label: str = "person") -> Truth:
    """A truth file's objects from a MOTChallenge `gt.txt`; lines with flag 0 are left out.

    Raises:
        TruthError: a line that is not one.
    """
    boxes: dict[str, dict[int, tuple[float, float, float, float, int]]] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not row:
            continue
        try:
            frame, name = int(float(row[0])) - 1, str(int(float(row[1])))
            left, top, width, height = (float(v) for v in row[2:6])
            kept = len(row) < 7 or float(row[6]) != 0
            percent = round(100 * float(row[8])) if len(row) > 8 else 100
        except (ValueError, IndexError) as error:
            raise TruthError(f"line {number} must be a MOT line, got {row}") from error
        if kept:
            box = (left, top, left + width, top + height, max(percent, 1))
            boxes.setdefault(name, {})[frame] = box
    return _truth(clip, {name: (label, rows) for name, rows in boxes.items()})


def to_coco(truth: Truth, every: int = 1) -> dict[str, Any]:
    """COCO detection JSON; one image per `every` frames, named `frame-000123`."""
    labels = sorted({thing.label for thing in truth.objects})
    ids = {label: n for n, label in enumerate(labels, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame in range(0, truth.clip.frames, every):
        images.append(
            {"id": frame + 1, "file_name": f"frame-{frame:06d}.png", "width": truth.clip.size[0],
             "height": truth.clip.size[1], "frame": frame}
        )  # fmt: skip
        for thing, (left, top, right, bottom, percent) in truth.boxes_at(frame):
            width, height = right - left, bottom - top
            annotations.append(
                {"id": len(annotations) + 1, "image_id": frame + 1, "category_id": ids[thing.label],
                 "bbox": [left, top, width, height], "area": width * height, "iscrowd": 0,
                 "track_id": thing.id, "visibility": percent / 100}
            )  # fmt: skip
    categories = [{"id": n, "name": label} for label, n in ids.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def from_coco(content: Mapping[str, Any], clip: Clip) -> Truth:
    """A truth file's objects from COCO JSON; `frame` of an image, else its place in the list.

    Annotations with a `track_id` are joined over frames; others are objects of one frame.

    Raises:
        TruthError: something that COCO requires is missing.
    """
    boxes: dict[str, tuple[str, dict[int, tuple[float, float, float, float, int]]]] = {}
    try:
        names = {c["id"]: str(c["name"]) for c in content["categories"]}
        frames = {im["id"]: int(im.get("frame", n)) for n, im in enumerate(content["images"])}
        for a in content["annotations"]:
            left, top, width, height = (float(v) for v in a["bbox"])
            name = str(a.get("track_id", f"a{a['id']}"))
            percent = max(1, round(100 * float(a.get("visibility", 1.0))))
            _, rows = boxes.setdefault(name, (names[a["category_id"]], {}))
            rows[frames[a["image_id"]]] = (left, top, left + width, top + height, percent)
    except (KeyError, TypeError, ValueError) as error:
        raise TruthError(f"COCO file is not valid: {error!r}") from error
    return _truth(clip, boxes)


def to_cvat(truth: Truth) -> str:
    """CVAT for video 1.1 XML: a track per object, keyframes where its box changes.

    CVAT moves a box linearly from one keyframe to the next. Ours stand until they change, so the
    old box has a keyframe just before the new one.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    for number, thing in enumerate(truth.objects):
        track = ElementTree.SubElement(root, "track", id=str(number), label=thing.label)
        track.set("source", thing.id)
        for frame, left, top, right, bottom, percent in _standing(thing.rows, truth.clip.frames):
            ElementTree.SubElement(
                track, "box", frame=str(frame), outside="1" if percent == 0 else "0",
                occluded="1" if 0 < percent < 50 else "0", keyframe="1", xtl=f"{left:.2f}",
                ytl=f"{top:.2f}", xbr=f"{right:.2f}", ybr=f"{bottom:.2f}", z_order="0",
            )  # fmt: skip
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def from_cvat(text: str, clip: Clip) -> Truth:
    """A truth file's objects from CVAT for video XML; between keyframes boxes move linearly.

    Raises:
        TruthError: no such XML, or a document type definition in it (never needed, often hostile).
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TruthError("CVAT file must not have a document type definition")
    try:
        root = ElementTree.fromstring(text)
        things = []
        for track in root.iter("track"):
            rows: list[Row] = []
            for box in track.iter("box"):
                corners = [float(box.attrib[k]) for k in ("xtl", "ytl", "xbr", "ybr")]
                hidden = box.get("occluded") == "1"
                percent = 0 if box.get("outside") == "1" else 40 if hidden else 100
                rows.append(
                    (int(box.attrib["frame"]), corners[0], corners[1], corners[2], corners[3],
                     percent)
                )  # fmt: skip
            name = track.get("source") or f"t{track.attrib['id']}"
            label = track.attrib["label"]
            things.append(_object(name, label, _moving(sorted(rows))))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise TruthError(f"CVAT file is not valid: {error!r}") from error
    names = [thing.id for thing in things]
    unique = len(set(names)) == len(names)
    objects = things if unique else [
        t.model_copy(update={"id": f"t{n}"}) for n, t in enumerate(things)
    ]  # fmt: skip
    return _annotated(clip, objects)


def _truth(
    clip: Clip,
    boxes: Mapping[str, tuple[str, Mapping[int, tuple[float, float, float, float, int]]]],
) -> Truth:
    return _annotated(
        clip, [_object(name, label, _runs(rows)) for name, (label, rows) in boxes.items()]
    )


def _annotated(clip: Clip, objects: Sequence[TruthObject]) -> Truth:
    frames = sorted({row[0] for thing in objects for row in thing.rows if row[5] > 0})
    if frames and not 0 <= frames[0] <= frames[-1] < clip.frames:
        raise TruthError(
            f"boxes must be in the {clip.frames} frames of {clip.file}, "
            f"got frames {frames[0]} to {frames[-1]} (the first is 0)"
        )
    try:
        return Truth(clip=clip, origin="annotated", objects=tuple(objects))
    except ValidationError as error:
        reasons = "; ".join(e["msg"] for e in error.errors())
        raise TruthError(f"boxes contradict each other: {reasons}") from error


def _object(name: str, label: str, rows: Sequence[Row]) -> TruthObject:
    return TruthObject(id=name, label=label, actor=name, rows=tuple(rows))


def _standing(rows: Sequence[Row], frames: int) -> Iterator[Row]:
    """The rows of a clip for a tool that moves boxes between rows: the old box once more."""
    last: Row | None = None
    for row in rows:
        if row[0] >= frames:
            return
        if last is not None and last[5] > 0 and row[1:5] != last[1:5] and row[0] > last[0] + 1:
            yield (row[0] - 1, *last[1:])
        yield row
        last = row


def _moving(rows: Sequence[Row]) -> list[Row]:
    """Rows that hold, from keyframes between which a visible box moves linearly."""
    out = list(rows[:1])
    for last, row in pairwise(rows):
        steps = row[0] - last[0] if last[5] > 0 and row[1:5] != last[1:5] else 0
        for step in range(1, steps):
            left, top, right, bottom = (
                a + (b - a) * step / steps for a, b in zip(last[1:5], row[1:5], strict=True)
            )
            out.append((last[0] + step, left, top, right, bottom, last[5]))
        out.append(row)
    return out


def _runs(boxes: Mapping[int, tuple[float, float, float, float, int]]) -> list[Row]:
    """Rows that hold until the next one, with an end after every gap."""
    rows: list[Row] = []
    last: int | None = None
    for frame in sorted(boxes):
        if last is not None and frame > last + 1:
            rows.append((last + 1, *boxes[last][:4], 0))
        rows.append((frame, *boxes[frame]))
        last = frame
    if last is not None:
        rows.append((last + 1, *boxes[last][:4], 0))
    return rows
