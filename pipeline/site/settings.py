"""The site file's shape: cameras, views, zones, store, queue and evidence of one installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from models.settings import CrowdSettings, DetectorSettings
from pipeline.fusion.settings import FusionSettings
from pipeline.geometry.settings import CalibrationSettings, GridSettings, PositionSettings
from pipeline.ledger.database import sqlite_url
from pipeline.tour.settings import TourSettings
from pipeline.types import IncidentType
from pipeline.zones import Zone

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RingSettings(Settings):
    """How much compressed video a camera keeps in memory."""

    seconds: float = Field(30.0, gt=0, le=600, description="Longest time kept, in seconds.")
    mebibytes: float = Field(32.0, gt=0, le=4096, description="Most memory kept, in MiB.")


class Framing(Settings):
    """What is watched in one framing: a fixed camera has one, an eagle-eye one per preset."""

    glance_period_s: float | None = Field(
        None, gt=0, le=3600, description="Overrides the shortest period its rules ask for."
    )
    zones: tuple[Zone, ...] = Field((), description="Polygons with rules; none: only health.")
    calibration: CalibrationSettings | None = Field(
        None, description="Ground points (pixel and lon/lat) that put sightings on the map."
    )
    smallest_object_px: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Side of the smallest object wanted, in pixels of the full picture: the zones "
        "are tiled until it is large enough to be detected. None: one look at the zones. For "
        "people seen from high up say a third of their size: they need more pixels than others.",
    )
    smallest_object_m: float | None = Field(
        None,
        gt=0,
        le=20,
        description="The same in metres, for calibrated views: far zones are tiled, near ones not.",
    )

    @model_validator(mode="after")
    def _zones_are_unique(self) -> Framing:
        _refuse_twins("zone", [zone.id for zone in self.zones])
        return self

    @model_validator(mode="after")
    def _metres_are_known(self) -> Framing:
        if self.smallest_object_m is not None:
            if self.smallest_object_px is not None:
                raise ValueError("smallest_object must be given in px or in m, got both")
            if self.calibration is None:
                raise ValueError("smallest_object_m must come with a calibration, got none")
        for zone in self.zones:
            for rule in zone.rules:
                if self.calibration is None and getattr(rule, "needs_area", False):
                    raise ValueError(
                        f"area_m2 must be given with density_per_m2 alone where the view is not "
                        f"calibrated, got none in zone {zone.id}"
                    )
        return self


class ViewSettings(Framing):
    """One preset of an eagle-eye: its own zones, rules and calibration."""

    id: Identifier = Field(description="Stable; the tour's stops name it.")
    name: str = Field("", max_length=200, description="What people call it.")


class CameraSettings(Framing):
    """One camera: where its stream is, and what is watched in it."""

    id: Identifier
    name: str = Field("", max_length=200, description="What people call it.")
    url: SecretStr = Field(description="rtsp://…, or a file's path relative to the site file.")
    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries the packets.")
    read_timeout_s: float = Field(5.0, gt=0, le=120)
    burst_s: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Over TCP: packets are read together so often. 0 reads each as it comes, for "
        "a camera that drops pictures when it cannot send at once.",
    )
    pace: Literal["realtime", "fast"] = Field("realtime", description="For files only.")
    loop: bool = Field(False, description="For files only: start again at the end.")
    ring: RingSettings = RingSettings()
    views: tuple[ViewSettings, ...] = Field(
        (), max_length=300, description="Of an eagle-eye: what is watched at each of its presets."
    )
    position: PositionSettings | None = Field(
        None, description="Where it stands, for the map and for who may see it."
    )
    tour: TourSettings | None = Field(None, description="Makes the camera an eagle-eye.")

    @model_validator(mode="after")
    def _views_fit_the_tour(self) -> CameraSettings:
        if self.tour is None:
            if self.views:
                raise ValueError("views must come with a tour that visits them, got no tour")
            return self
        if self.zones or self.calibration:
            raise ValueError("zones and calibration of an eagle-eye must stand in its views")
        if self.tour.driver == "device" and not all(s.reference for s in self.tour.stops):
            raise ValueError("each stop must have a reference picture when the device drives")
        ids = [view.id for view in self.views]
        _refuse_twins("view", ids)
        visited = {stop.view for stop in self.tour.stops}
        strangers = sorted(visited.symmetric_difference(ids))
        if strangers:
            raise ValueError(
                f"each view must have one stop of the tour, differs for: {', '.join(strangers)}"
            )
        return self

    @property
    def watched(self) -> tuple[ViewSettings, ...]:
        """The views of an eagle-eye; of a fixed camera its one view, "main"."""
        if self.tour is not None:
            return self.views
        framing = {name: getattr(self, name) for name in Framing.model_fields}
        return (ViewSettings.model_construct(id="main", name=self.name, **framing),)


class EvidenceSettings(Settings):
    """Clips and pictures kept for each incident."""

    pre_roll_s: float = Field(8.0, ge=0, le=120)
    post_roll_s: float = Field(4.0, ge=0, le=60)
    h264_copy: bool = Field(True, description="Make an H.264 copy of H.265 clips for browsers.")
    min_free_mebibytes: int = Field(512, ge=0, description="Below this no clips are written.")
    retention_days: dict[IncidentType, Annotated[int, Field(ge=1, le=3650)]] = Field(
        default_factory=dict,
        description="Days kept, by incident type; others 30. Open incidents keep theirs.",
    )


class QueueSettings(Settings):
    """Where confirmed incidents go."""

    redis: SecretStr = Field(
        SecretStr("embedded"), description="redis://…, or embedded: a private server."
    )
    port: int = Field(
        0, ge=0, le=65535, description="TCP port of the embedded server on 127.0.0.1; 0: none."
    )
    stream: str = Field("skygrid:incidents", min_length=1, max_length=200)
    maxlen: int = Field(1_000_000, ge=1000, description="Entries kept in the stream, about.")


class DispatchSettings(Settings):
    """When an incident may be sent out to the people who clear it."""

    at_once: tuple[IncidentType, ...] = Field(
        (),
        description="Types that go to dispatch as soon as they are confirmed; the others wait "
        "until a person accepted them.",
    )


class StoreSettings(Settings):
    """Where incidents are kept."""

    database: SecretStr | None = Field(
        None, description="SQLAlchemy URL; none: SQLite in the data directory."
    )


class WorkerSettings(Settings):
    """How much one worker process takes on at once."""

    decode_threads: int = Field(2, ge=1, le=64)
    batch: int = Field(8, ge=1, le=256, description="Most pictures detected together.")
    max_looks: int = Field(2, ge=0, le=64, description="Views under full attention at once.")
    unchanged_s: float = Field(
        30.0,
        ge=0,
        le=300,
        description="A view whose picture stays the same is detected at least this often; "
        "0: at every glance.",
    )


class ReviewSettings(Settings):
    """The review page and its API, served by `skygrid serve`."""

    host: str = "127.0.0.1"
    port: int = Field(8330, ge=0, le=65535)
    public_url: str = Field("http://localhost:8330", description="As browsers see it.")


class MonitorSettings(Settings):
    """The patrol's own /metrics and /healthz."""

    host: str = "127.0.0.1"
    port: int = Field(9108, ge=0, le=65535, description="0: any free port.")


class Site(Settings):
    """One installation."""

    site: Identifier = Field(description="Name of the site; part of every event's source.")
    timezone: str = Field("Asia/Shanghai", description="IANA name; schedules are in it.")
    data_dir: Path = Field(Path("data"), description="Relative to the site file.")
    grid: GridSettings | None = Field(None, description="The management grid.")
    fusion: FusionSettings = FusionSettings()
    detector: DetectorSettings = DetectorSettings()
    crowd: CrowdSettings = CrowdSettings()
    worker: WorkerSettings = WorkerSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    queue: QueueSettings = QueueSettings()
    dispatch: DispatchSettings = DispatchSettings()
    store: StoreSettings = StoreSettings()
    monitor: MonitorSettings = MonitorSettings()
    review: ReviewSettings = ReviewSettings()
    cameras: tuple[CameraSettings, ...] = Field(min_length=1)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"must be an IANA time zone such as Asia/Shanghai, got {name!r}"
            ) from error
        return name

    @model_validator(mode="after")
    def _cameras_are_unique(self) -> Site:
        _refuse_twins("camera", [camera.id for camera in self.cameras])
        return self

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store; holds credentials, never to be logged."""
        if self.store.database is not None:
            return self.store.database.get_secret_value()
        return sqlite_url(self.data_dir / "skygrid.db")

    @property
    def zone_info(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)


def _refuse_twins(what: str, ids: list[str]) -> None:
    twins = sorted({name for name in ids if ids.count(name) > 1})
    if twins:
        raise ValueError(f"{what} ids must be unique, got twice: {', '.join(twins)}")
