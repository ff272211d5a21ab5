"""Clips with their truth, and their pictures at the pace that is asked for (file input)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from bench.incidents.decoding import Decoded
from bench.incidents.errors import BenchError
from pipeline.zones import Zone
from sample_videos.truth import Truth, TruthZone, load_truth
from streams.types import ImageArray

END_KNOWN_S = 120.0
"""A place counts as clear once it was clear for 30 to 60 s, at glances up to 10 s apart."""


@dataclass(frozen=True, slots=True, eq=False)
class TrueClip:
    """A clip on disk with its truth.

    Attributes:
        clip_id: Short name in reports.
        path: The file.
        truth: What is true of it.
        origin: Group of the report: "rendered", "composite", "real", "real, last picture held" or
            "real, quiet" (no incident).
    """

    clip_id: str
    path: Path
    truth: Truth
    origin: str

    @property
    def start_s(self) -> float:
        """Media time of the first picture: its Unix time."""
        return self.truth.clip.start.timestamp()

    @property
    def sha256(self) -> str:
        """Of the file, lower-case hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def clips_in(truths: Path, clips: Path) -> list[TrueClip]:
    """Every truth file of a folder whose clip is there.

    Args:
        truths: Folder of `*.truth.json`.
        clips: Folder below which the files lie that truth files name.
    """
    found = []
    for path in sorted(truths.glob("*.truth.json")):
        truth = load_truth(path)
        clip = clips / truth.clip.file
        if clip.is_file():
            name = path.name.removesuffix(".truth.json")
            found.append(TrueClip(name, clip, truth, _group(truth)))
    return found


def _group(truth: Truth) -> str:
    if truth.origin != "annotated":
        return truth.origin
    if truth.clip.hold_s:
        return "real, last picture held"
    return "real" if truth.incidents else "real, quiet"


def held_to_the_end(clip: TrueClip) -> TrueClip:
    """A drawn clip whose last picture is held until the end of each incident can be known.

    Only ends are judged there: alarms are no longer counted, nor is the time watched. Clips in
    which something goes on, and those of no incident, stay as they are.
    """
    about, ends = clip.truth.clip, [incident.end_s for incident in clip.truth.incidents]
    if clip.truth.origin == "annotated" or not ends or None in ends:
        return clip
    known_s = max(end for end in ends if end is not None) + END_KNOWN_S
    more_s = max(0.0, known_s - about.duration_s)
    held = about.model_copy(
        update={
            "hold_s": about.hold_s + more_s,
            "usable_s": about.usable_s or (0.0, about.duration_s),
        }
    )
    return replace(clip, truth=clip.truth.model_copy(update={"clip": held}))


def check_bytes(clip: TrueClip) -> None:
    """Refuse a clip that is not the one its truth is about.

    Raises:
        BenchError: the hashes differ.
    """
    wanted = clip.truth.clip.sha256
    if wanted is not None and clip.sha256 != wanted:
        raise BenchError(f"clip {clip.path.name} must have SHA-256 {wanted[:12]}…, it has changed")


def pictures(
    path: Path,
    hold_s: float = 0.0,
    due: Callable[[float], bool] | None = None,
    decoded: Callable[[Decoded], None] | None = None,
) -> Iterator[tuple[int, float, ImageArray]]:
    """(index, second, picture) of the pictures of a clip; times start at 0.

    Args:
        path: The clip.
        hold_s: The last picture is given again for so long, at the clip's own pace.
        due: Says of a second whether its picture is wanted; others are decoded, not converted.
        decoded: Is told what every packet took, on the container's clock.
    """
    index, t_s, last = -1, 0.0, None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # as a patrol decodes, so that costs are comparable
        step_s = 1 / float(stream.average_rate or 25)
        first_s: float | None = None
        for index, last in enumerate(_frames(container, stream, decoded)):
            now_s = float(last.time) if last.time is not None else index * step_s
            first_s = now_s if first_s is None else first_s
            t_s = now_s - first_s
            if due is None or due(t_s):
                yield index, t_s, _bgr(last)
    if last is None:
        return
    held: ImageArray | None = None
    for n in range(1, round(hold_s / step_s) + 1):
        if due is None or due(t_s + n * step_s):
            held = _bgr(last) if held is None else held
            yield index, t_s + n * step_s, held


def _frames(
    container: InputContainer, stream: VideoStream, decoded: Callable[[Decoded], None] | None
) -> Iterator[av.VideoFrame]:
    t_s = 0.0
    for packet in container.demux(stream):
        began_s = time.process_time()
        frames = packet.decode()
        took_s = time.process_time() - began_s
        stamp = packet.dts if packet.pts is None else packet.pts
        t_s = t_s if stamp is None else float(stamp * packet.time_base)
        if decoded is not None:
            decoded(Decoded(t_s, packet.is_keyframe, took_s))
        yield from frames


def _bgr(frame: av.VideoFrame) -> ImageArray:
    return np.ascontiguousarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)


def zones_of(
    truth: Truth, overrides: dict[str, dict[str, object]] | None = None
) -> tuple[Zone, ...]:
    """The zones of a truth file as a site would have them.

    Args:
        truth: Zones with dwell, permits and crowd limit per rule.
        overrides: Rule settings by incident type, "*" for all, laid over the truth's.
    """
    return tuple(Zone.model_validate(zone_config(z, overrides)) for z in truth.zones)


def zone_config(
    zone: TruthZone, overrides: dict[str, dict[str, object]] | None = None
) -> dict[str, object]:
    """One zone as it stands in a site file."""
    rules, permits = [], []
    for kind, values in zone.rules.items():
        own: dict[str, object] = {"type": kind, "dwell_s": values.get("dwell_s", 10.0)}
        if kind == "garbage":
            own["dumping_dwell_s"] = own["dwell_s"]
        if kind == "crowding":
            own["people"] = values.get("people", 20)
            own["ignore_queues"] = bool(values.get("ignore_queues", False))
        hours = values.get("permits", ())
        permits += [{"types": [kind], "hours": [h]} for h in hours]  # type: ignore[union-attr]
        for name in ("*", kind):
            own.update((overrides or {}).get(name, {}))
        rules.append(own)
    return {
        "id": zone.id,
        "polygon": [list(corner) for corner in zone.polygon_norm],
        "rules": rules,
        "permits": permits,
    }


def total_s(clips: Iterable[TrueClip]) -> float:
    """Media seconds of several clips."""
    return sum(clip.truth.clip.duration_s for clip in clips)
