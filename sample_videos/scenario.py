"""The scenario language: scene, cameras, zones, actors, events of a clip; checked on loading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sample_videos.errors import ScenarioError

Metres2 = tuple[float, float]
Metres3 = tuple[float, float, float]
Rgb = tuple[int, int, int]


class _Part(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Permit(_Part):
    """Hours, local to the scenario's start, in which a stall is lawful ("08:00" to "20:00")."""

    start: str = Field(pattern=r"^\d\d:\d\d$", alias="from")
    end: str = Field(pattern=r"^\d\d:\d\d$", alias="to")


class RuleTruth(_Part):
    """What makes an incident of this type in a zone.

    Attributes:
        dwell_s: How long the state must last before a patrol should raise it.
        permits: Hours in which a stall is lawful (street vending only).
        people: Number from which a crowd is a crowd (crowding only).
        ignore_queues: People in a line do not count (crowding only).
    """

    dwell_s: float = Field(default=10.0, ge=0)
    permits: tuple[Permit, ...] = ()
    people: int = Field(default=12, ge=2)
    ignore_queues: bool = False


RuleName = Literal["street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding"]


class ZoneSpec(_Part):
    """A polygon on the ground with the rules that hold in it."""

    id: str
    polygon_m: tuple[Metres2, ...] = Field(min_length=3)
    rules: dict[RuleName, RuleTruth]


class CameraSpec(_Part):
    """A fixed camera of the scene."""

    id: str
    position_m: Metres3
    look_at_m: Metres3
    hfov_deg: float = Field(default=60.0, gt=5, lt=150)
    size: tuple[int, int] = (960, 540)


class Conditions(_Part):
    """Light, weather and what the camera does to the picture.

    Attributes:
        light: "day", "overcast", "dusk" or "night".
        rain: 0..1.
        shake_px: Amplitude of the mast's movement.
        noise: Standard deviation of the sensor noise, grey levels.
        crf: Constant rate factor of x264; higher is worse.
        gop_s: Seconds between keyframes.
        bframes: Number of B-frames.
    """

    light: Literal["day", "overcast", "dusk", "night"] = "day"
    rain: float = Field(default=0.0, ge=0, le=1)
    shake_px: float = Field(default=0.0, ge=0, le=20)
    noise: float = Field(default=1.2, ge=0, le=30)
    crf: int = Field(default=27, ge=0, le=51)
    gop_s: float = Field(default=2.0, gt=0)
    bframes: int = Field(default=0, ge=0, le=4)


class Backdrop(_Part):
    """What the scene is made of.

    Attributes:
        kind: "street", "site" or "square"; or "picture" for a real picture or clip.
        picture: Path below the picture root when kind is "picture" (never committed).
    """

    kind: Literal["street", "site", "square", "picture"] = "street"
    picture: str | None = None


class Clothes(_Part):
    """What is fixed by hand; everything else is drawn from the seed."""

    head: Literal["bare", "helmet", "cap", "hood"] = "bare"
    hat: Rgb | None = None
    jacket: Rgb | None = None
    trousers: Rgb | None = None
    vest: Rgb | None = None
    height_m: float | None = Field(default=None, gt=1.0, lt=2.3)


Kind = Literal[
    "person", "bag", "heap", "bin", "stall", "blanket", "parasol", "tricycle", "car", "van",
    "carton", "tree", "post", "planter", "scaffold", "cutout",
]  # fmt: skip


class ActorSpec(_Part):
    """Somebody or something.

    Attributes:
        at_m: Where it is from the start; None when it enters by an event.
        heading_deg: 0 looks along x (right), 90 away from the camera.
        size_m: Side of a bag, height of a tree or a post; of a cut-out its height.
        level: Filling of a bin; above 1 it overflows.
        bags: Number of bags in a heap.
        in_hand_of: Who carries it from the start.
        picture: Cut-out, path below the picture root.
        label: Class of a cut-out.
    """

    id: str
    kind: Kind
    at_m: Metres2 | None = None
    heading_deg: float = 0.0
    clothes: Clothes = Clothes()
    colour: Rgb | None = None
    size_m: float | None = Field(default=None, gt=0)
    level: float = Field(default=0.3, ge=0, le=2)
    bags: int = Field(default=5, ge=1, le=30)
    in_hand_of: str | None = None
    picture: str | None = None
    label: str | None = None


Action = Literal[
    "enter",
    "leave",
    "walk",
    "stand",
    "bend",
    "serve",
    "sit",
    "take",
    "drop",
    "wear",
    "fill",
    "push",
]


class EventSpec(_Part):
    """One thing an actor begins to do.

    Attributes:
        at_s: When; None right after the actor's previous event is over.
        actor: Who.
        do: enter (at `to_m`), leave, walk (along `to_m` at `speed_m_s`), push (walk with `what`),
            stand, bend, serve and sit (for `for_s`), take or drop `what` (drop beside oneself or at
            `place_m`), wear `head`, fill (a bin, to `level`).
    """

    actor: str
    do: Action
    at_s: float | None = Field(default=None, ge=0)
    to_m: tuple[Metres2, ...] = ()
    speed_m_s: float = Field(default=1.2, gt=0, le=20)
    for_s: float = Field(default=1.5, ge=0)
    what: str | None = None
    place_m: Metres2 | None = None
    head: Literal["bare", "helmet", "cap", "hood"] | None = None
    level: float | None = None
    face_deg: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> EventSpec:
        needs = {"enter": "to_m", "walk": "to_m", "push": "to_m", "take": "what", "drop": "what",
                 "wear": "head", "fill": "level"}  # fmt: skip
        needed = needs.get(self.do)
        if needed and getattr(self, needed) in (None, ()):
            raise ValueError(f"`{self.do}` must have `{needed}` (actor {self.actor})")
        return self


class CrowdSpec(_Part):
    """People who come to an area, stay and go; drawn from the seed.

    Attributes:
        shape: "cluster" fills the area, "line" queues along its first edge.
    """

    id: str
    count: int = Field(ge=1, le=120)
    area_m: tuple[Metres2, Metres2]
    arrive_s: tuple[float, float]
    leave_s: tuple[float, float] | None = None
    doors_m: tuple[Metres2, ...] = Field(min_length=1)
    shape: Literal["cluster", "line"] = "cluster"


class PassersSpec(_Part):
    """People who walk through, some with a pause or a bag; drawn from the seed."""

    id: str
    per_minute: float = Field(gt=0, le=120)
    lanes_m: tuple[tuple[Metres2, Metres2], ...] = Field(min_length=1)
    between_s: tuple[float, float] | None = None
    pause_share: float = Field(default=0.0, ge=0, le=1)
    pause_s: tuple[float, float] = (3.0, 8.0)
    bag_share: float = Field(default=0.0, ge=0, le=1)
    head: Literal["bare", "helmet", "cap", "hood"] = "bare"


class Scenario(_Part):
    """One scene over time, seen by one or more cameras."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    about: str
    seed: int = 1
    duration_s: float = Field(gt=0, le=86_400)
    fps: float = Field(default=10.0, gt=0, le=60)
    start: datetime = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    backdrop: Backdrop = Backdrop()
    conditions: Conditions = Conditions()
    cameras: tuple[CameraSpec, ...] = Field(min_length=1)
    zones: tuple[ZoneSpec, ...] = ()
    actors: tuple[ActorSpec, ...] = ()
    crowds: tuple[CrowdSpec, ...] = ()
    passers: tuple[PassersSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()

    @model_validator(mode="after")
    def _names_agree(self) -> Scenario:
        names = [actor.id for actor in self.actors]
        doubled = {n for n in names if names.count(n) > 1}
        if doubled:
            raise ValueError(f"actor ids must be unique, got {sorted(doubled)} twice")
        for actor in self.actors:
            if actor.in_hand_of is not None and actor.in_hand_of not in names:
                raise ValueError(
                    f"{actor.id}.in_hand_of must be an actor, got {actor.in_hand_of!r}"
                )
        for event in self.events:
            for name in (event.actor, event.what):
                if name is not None and name not in names:
                    raise ValueError(
                        f"event `{event.do}` names actor {name!r}, must be one of {names}"
                    )
        if self.start.tzinfo is None:
            raise ValueError("start must have a time zone, e.g. 2026-03-02T09:30:00+08:00")
        return self

    def varied(self, suffix: str, changes: Mapping[str, Any]) -> Scenario:
        """A variant with other values, named `name-suffix`.

        Nested keys are merged, `actors` come in addition to those that are there.
        """
        base = self.model_dump(by_alias=True)
        more = [*base["actors"], *changes.get("actors", ())]
        merged = _merge(base, {**changes, "actors": more})
        return Scenario.model_validate({**merged, "name": f"{self.name}-{suffix}"})


Seconds = Annotated[float, Field(ge=0)]


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in changes.items():
        old = out.get(key)
        nested = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = _merge(old, value) if nested else value  # type: ignore[arg-type]
    return out


def load_scenario(path: Path) -> Scenario:
    """Read and check one scenario.

    Raises:
        ScenarioError: the file cannot be read, is no YAML or does not fit; names the place.
    """
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return Scenario.model_validate(raw)
    except (OSError, YAMLError) as error:
        raise ScenarioError(f"scenario {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, e['loc'])) or 'scenario'}: {e['msg']}" for e in error.errors()
        ]
        raise ScenarioError(f"scenario {path.name} is not valid:\n" + "\n".join(lines)) from error
