"""The truth of a clip as JSON: objects with boxes, incidents, near misses, calibration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sample_videos.errors import TruthError

FORMAT: Literal["skygrid-truth/1"] = "skygrid-truth/1"
BoxNorm = tuple[float, float, float, float]
IncidentKind = Literal["street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clip(_Part):
    """The clip a truth file is about.

    Attributes:
        file: File name, or path below the footage root for clips that are not ours.
        sha256: Of the clip's bytes; None for a clip that is rendered when needed.
        fps: Nominal pictures per second.
        frames: Number of pictures.
        size: (width, height) in pixels.
        start: Wall clock of the first picture, aware; it decides about permits.
        usable_s: Seconds that are annotated; None for the whole clip.
        hold_s: The last picture is shown this much longer. Public clips of littering stop a second
            or two after the act, before any dwell can be over; the held picture stands for the
            scene that went on. Scores of such clips are reported apart.
    """

    file: str
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    fps: float = Field(gt=0)
    frames: int = Field(gt=0)
    size: tuple[int, int]
    start: AwareDatetime
    usable_s: tuple[float, float] | None = None
    hold_s: float = Field(default=0.0, ge=0)

    @property
    def duration_s(self) -> float:
        """Seconds from the first picture to the end of the last, the hold included."""
        return self.frames / self.fps + self.hold_s


class Calibration(_Part):
    """Where the camera stands: ground metres to pixels.

    Attributes:
        ground_to_px: Row-major 3x3 homography from (x, y, 1) in metres to pixels.
        position_m: Camera centre.
        hfov_deg: Horizontal angle of view.
    """

    ground_to_px: tuple[float, ...] = Field(min_length=9, max_length=9)
    position_m: tuple[float, float, float]
    hfov_deg: float


class TruthZone(_Part):
    """A zone in the view with the rule and the dwell that its incidents presuppose.

    Attributes:
        polygon_norm: Corners, 0..1 of width and height.
        rules: Incident type to its parameters (`dwell_s`, `people`, `permits`).
    """

    id: str
    polygon_norm: tuple[tuple[float, float], ...] = Field(min_length=3)
    rules: dict[IncidentKind, dict[str, bool | float | int | list[dict[str, str]]]]


class TruthObject(_Part):
    """One thing through the clip.

    Attributes:
        id: Unique in the file.
        label: Class of `models.labels`, or "carried_bag".
        actor: Who or what it belongs to, the same in every view of a scene.
        rows: (frame, left, top, right, bottom, visible percent) in pixels; a row holds until the
            next one, a row with 0 percent ends it.
    """

    id: str
    label: str
    actor: str
    rows: tuple[tuple[int, float, float, float, float, int], ...]

    def at(self, frame: int) -> tuple[float, float, float, float, int] | None:
        """Box and visible percent in a frame, None when it is not there."""
        found = None
        for row in self.rows:
            if row[0] > frame:
                break
            found = row
        return None if found is None or found[5] == 0 else found[1:]


class TruthIncident(_Part):
    """One incident that a patrol should raise exactly once.

    Attributes:
        id: Unique in the file.
        type: What it is.
        subtype: "dumping" when the act itself is in the clip.
        begin_s: First second of the unlawful state, from the clip's start.
        act_s: Second of the act (release of a bag), if seen.
        end_s: First second at which the place is clear; None when it lasts beyond the clip.
        dwell_s: After which a patrol should raise it; delay counts from `due_s`.
        shown_s: First second from which this view shows it, None where that is its begin: nobody
            sees bags through the van that brought them.
        zone: Zone in which it happens.
        box_norm: Place in the view, 0..1: the union over the incident's time.
        ground_m: Place on the ground in metres, if calibrated.
        actors: Who did it.
        certain: False where annotators disagreed or a reasonable person may.
        note: What is seen.
    """

    id: str
    type: IncidentKind
    subtype: str | None = None
    begin_s: float = Field(ge=0)
    act_s: float | None = None
    end_s: float | None = None
    dwell_s: float = Field(default=0.0, ge=0)
    shown_s: float | None = Field(default=None, ge=0)
    zone: str | None = None
    box_norm: BoxNorm
    ground_m: tuple[float, float] | None = None
    actors: tuple[str, ...] = ()
    certain: bool = True
    note: str = ""

    def _lasts_at(self, second: float) -> bool:
        return self.begin_s <= second and (self.end_s is None or second < self.end_s)

    @property
    def due_s(self) -> float:
        """Second at which it has lasted for its dwell before the eyes of this view."""
        return (self.begin_s if self.shown_s is None else self.shown_s) + self.dwell_s

    @model_validator(mode="after")
    def _in_order(self) -> TruthIncident:
        if self.end_s is not None and self.end_s <= self.begin_s:
            raise ValueError(f"incident {self.id}: end_s must be after begin_s")
        if self.shown_s is not None and not self._lasts_at(self.shown_s):
            raise ValueError(f"incident {self.id}: shown_s must be between begin_s and end_s")
        left, top, right, bottom = self.box_norm
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"incident {self.id}: box_norm must be 0..1 and not empty")
        return self


class NearMiss(_Part):
    """Something that looks like an incident and is none: an alarm there is a false one."""

    type: IncidentKind
    begin_s: float = Field(ge=0)
    end_s: float | None = None
    box_norm: BoxNorm
    why: str


class Review(_Part):
    """One pass of annotation."""

    by: str
    method: str
    findings: tuple[str, ...] = ()


class Truth(_Part):
    """Everything that is true about one clip of one view.

    Attributes:
        smallest_object_px: Side of the smallest object that matters, as a site file would say.
        origin: Rendered by us, put together from real pictures, or real and annotated.
        scenario: Name of the scenario it was made from.
        conditions: Light, weather and camera of a rendered clip.
    """

    format: Literal["skygrid-truth/1"] = FORMAT
    clip: Clip
    smallest_object_px: float | None = None
    view: str = "main"
    origin: Literal["rendered", "composite", "annotated"]
    scenario: str | None = None
    conditions: dict[str, float | int | str] = {}
    calibration: Calibration | None = None
    zones: tuple[TruthZone, ...] = ()
    objects: tuple[TruthObject, ...] = ()
    incidents: tuple[TruthIncident, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    reviews: tuple[Review, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Truth:
        for name, ids in (
            ("object", [o.id for o in self.objects]),
            ("incident", [i.id for i in self.incidents]),
            ("zone", [z.id for z in self.zones]),
        ):
            doubled = sorted({i for i in ids if ids.count(i) > 1})
            if doubled:
                raise ValueError(f"{name} ids must be unique, got {doubled} twice")
        zones = {z.id for z in self.zones}
        for incident in self.incidents:
            if incident.begin_s >= self.clip.duration_s:
                raise ValueError(f"incident {incident.id} must begin within the clip")
            if incident.zone is not None and incident.zone not in zones:
                raise ValueError(
                    f"incident {incident.id} names zone {incident.zone!r}, not in zones"
                )
        for thing in self.objects:
            frames = [row[0] for row in thing.rows]
            if frames != sorted(set(frames)):
                raise ValueError(f"object {thing.id}: rows must be in order of frames, each once")
        return self

    def boxes_at(
        self, frame: int
    ) -> Iterator[tuple[TruthObject, tuple[float, float, float, float, int]]]:
        """Every object with its box in a frame."""
        for thing in self.objects:
            box = thing.at(frame)
            if box is not None:
                yield thing, box

    def wall_clock(self, t_s: float) -> datetime:
        """Wall clock of a second of the clip."""
        return self.clip.start + timedelta(seconds=t_s)


def load_truth(path: Path) -> Truth:
    """Read and validate a truth file.

    Raises:
        TruthError: with every fault and where it is.
    """
    try:
        return Truth.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TruthError(f"truth file {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise TruthError(f"truth file {path.name} is not valid:\n" + "\n".join(lines)) from error


def save_truth(truth: Truth, path: Path) -> None:
    """Write a truth file: readable head, one line per object and incident."""
    content = truth.model_dump(mode="json", exclude_none=True)
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(
                json.dumps(v, separators=(",", ":"), ensure_ascii=False) for v in value
            )
            lines.append(f'"{key}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    path.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")
