"""Settings of the rules, as the site configuration gives them; imports no rule and no picture code.

Every duration is in seconds of the camera's clock. Weights and bars are shares of 0..1.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.types import IncidentType

Share = Annotated[float, Field(ge=0.0, le=1.0)]

DwellS = Annotated[
    float, Field(ge=0, le=86_400, description="How long it must hold before it is ripe.")
]
GlancePeriodS = Annotated[
    float, Field(gt=0, le=3_600, description="Time between two cheap looks at the view.")
]
LookFps = Annotated[
    float, Field(gt=0, le=60, description="Pictures per second while the rule is suspicious.")
]
LookS = Annotated[
    float, Field(ge=0, le=600, description="How long one look lasts; 0: never asks for one.")
]
LookRestS = Annotated[
    float,
    Field(
        ge=0,
        le=3_600,
        description="Rest after a look that decided nothing. It doubles with each, up to 16-fold, "
        "while the claim has not grown; not for missing helmets, whose subjects leave.",
    ),
]
Severity = Annotated[int, Field(ge=1, le=4, description="1 (low) to 4 (urgent).")]
ConfirmS = Annotated[
    float,
    Field(
        ge=0,
        le=3_600,
        description="A claim must be supported for this long; may lie within the dwell.",
    ),
]
MinLooks = Annotated[
    int, Field(ge=1, le=1_000, description="Pictures that must support a claim to confirm it.")
]
SupportShare = Annotated[
    float,
    Field(gt=0, le=1, description="Share of the pictures, hidden ones apart, that must support."),
]
OpenAt = Annotated[
    float, Field(ge=0, le=1, description="Mean strength from which a claim is confirmed.")
]
KeepAt = Annotated[
    float, Field(ge=0, le=1, description="Strength from which a picture keeps an incident open.")
]
ClearS = Annotated[
    float,
    Field(ge=0, le=86_400, description="The place must be seen clear this long to end it."),
]
ReopenS = Annotated[
    float,
    Field(ge=0, le=604_800, description="The same place again within this time: same incident."),
]
UpdateEveryS = Annotated[
    float, Field(ge=0, le=86_400, description="Shortest time between two updates; 0: no limit.")
]
MaxGapS = Annotated[
    float,
    Field(gt=0, le=3_600, description="Longer without a picture: nobody looked, nothing counts."),
]
MergeDistance = Annotated[
    float,
    Field(ge=0, le=10, description="Gap, in sizes of the thing, up to which places are one."),
]


class RuleBase(BaseModel):
    """What all rules have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    required_classes: ClassVar[tuple[str, ...]] = ()
    """The detector must know these; a model without one of them is a configuration error."""
    optional_classes: ClassVar[tuple[str, ...]] = ()
    """Used when the detector knows them."""
    zone_wide: ClassVar[bool] = False
    """The whole zone is one place: there is at most one open incident of the type in it."""
    looks_when_unripe: ClassVar[bool] = False
    """A first hint is worth a look: what is to be seen will soon be gone."""
    close_classes: ClassVar[tuple[str, ...]] = ()
    """A close look that shows one of these speaks for the claim; without any it says nothing."""
    close_refutes: ClassVar[bool] = True
    """A close look that shows none of them speaks against the claim."""
    detects_twice: ClassVar[bool] = True
    """The place of an undecided claim is detected once more, enlarged."""

    type: IncidentType
    dwell_s: DwellS = 60.0
    glance_period_s: GlancePeriodS = 10.0
    look_fps: LookFps = 5.0
    look_s: LookS = 6.0
    look_rest_s: LookRestS = 60.0
    severity: Severity = 2
    confirm_s: ConfirmS = 4.0
    min_looks: MinLooks = 3
    share: SupportShare = 0.6
    open_at: OpenAt = 0.5
    keep_at: KeepAt = 0.3
    clear_s: ClearS = 30.0
    reopen_s: ReopenS = 600.0
    update_every_s: UpdateEveryS = 300.0
    max_gap_s: MaxGapS = 60.0
    merge_distance: MergeDistance = 1.0

    @model_validator(mode="after")
    def _hysteresis(self) -> RuleBase:
        if self.keep_at > self.open_at:
            raise ValueError(
                f"keep_at must be at most open_at ({self.open_at}), got {self.keep_at}"
            )
        return self

    def missing_classes(self, labels: Collection[str]) -> tuple[str, ...]:
        """What the rule needs and a detector with these labels does not know, in words."""
        return tuple(name for name in self.required_classes if name not in labels)


class StreetVendingSettings(RuleBase):
    """An attended occupation of the pavement, outside the permitted hours."""

    required_classes: ClassVar[tuple[str, ...]] = ("person",)
    optional_classes: ClassVar[tuple[str, ...]] = (
        "stall",
        "parasol",
        "tricycle",
        "garbage",
        "bin",
        "overflowing_bin",
        "two_wheeler",
        "car",
        "truck_bus",
    )

    close_classes: ClassVar[tuple[str, ...]] = ("stall", "parasol", "tricycle")
    close_refutes: ClassVar[bool] = False  # what pixels found may have no name

    type: Literal["street_vending"] = "street_vending"
    open_at: OpenAt = 0.6
    glance_period_s: GlancePeriodS = 5.0
    merge_distance: MergeDistance = 0.5
    clear_s: ClearS = 60.0
    stall_weight: Share = Field(0.40, description="Strength from a stall standing still.")
    parasol_weight: Share = Field(0.30, description="Strength from a parasol standing still.")
    tricycle_weight: Share = Field(0.25, description="Strength from a tricycle standing still.")
    novel_weight: Share = Field(
        0.30, description="Strength from something new and still that the background did not have."
    )
    novel_size: float = Field(
        0.7,
        gt=0,
        le=10,
        description="Size from which that counts whole, in areas of the box of who stays with it.",
    )
    attended_weight: Share = Field(0.30, description="Strength from a person who stays with it.")
    passers_by_weight: Share = Field(
        0.10, description="Strength from each passer-by who stops there, for at most two."
    )
    vehicle_penalty: Share = Field(
        0.15, description="Taken off when a car or lorry stands at it: a delivery, perhaps."
    )
    attended_share: Share = Field(
        0.5, description="Share of the pictures with a person at it that makes it attended."
    )
    pause_s: float = Field(
        3.0, ge=0, le=600, description="A passer-by who is at it for this long has stopped."
    )
    reach: float = Field(
        0.6, gt=0, le=5, description="How near a person must be, in heights of that person."
    )
    use_novelty: bool = Field(
        True, description="Use pixels to find occupations that no detector class names."
    )
    look_back: bool = Field(True, description="Search the packets in memory for who set it up.")

    def missing_classes(self, labels: Collection[str]) -> tuple[str, ...]:
        """Without pixels, an occupation must have a name: one of three classes is enough."""
        missing = super().missing_classes(labels)
        if self.use_novelty or not {"stall", "parasol", "tricycle"}.isdisjoint(labels):
            return missing
        return (*missing, "stall, parasol or tricycle")


class GarbageSettings(RuleBase):
    """Garbage lying in the zone; `dumping` when somebody was seen leaving it."""

    required_classes: ClassVar[tuple[str, ...]] = ("garbage",)
    optional_classes: ClassVar[tuple[str, ...]] = (
        "person",
        "car",
        "truck_bus",
        "two_wheeler",
        "tricycle",
        "bin",
        "overflowing_bin",
    )

    close_classes: ClassVar[tuple[str, ...]] = ("garbage",)

    type: Literal["garbage"] = "garbage"
    open_at: OpenAt = 0.65
    dumping_dwell_s: DwellS = 20.0
    near_s: float = Field(
        3.0, ge=0, le=60, description="Whoever was there this long before it appeared may be it."
    )
    reach: float = Field(
        0.6, gt=0, le=5, description="How near, in sizes of the person or vehicle, is at it."
    )
    watched_before_s: float = Field(
        2.0, ge=0, le=600, description="The place must have been seen empty this long before."
    )
    look_back: bool = Field(True, description="Search the packets in memory for who put it there.")
    ignore_at_bins: bool = Field(
        True,
        description="Garbage in or on a bin is left to it; on the ground before it, it counts.",
    )


class OverflowingBinSettings(RuleBase):
    """A bin that is too full to close."""

    required_classes: ClassVar[tuple[str, ...]] = ("overflowing_bin",)
    optional_classes: ClassVar[tuple[str, ...]] = ("bin", "person", "car", "truck_bus")

    close_classes: ClassVar[tuple[str, ...]] = ("overflowing_bin",)

    type: Literal["overflowing_bin"] = "overflowing_bin"
    dwell_s: DwellS = 120.0
    severity: Severity = 1
    open_at: OpenAt = 0.6
    merge_distance: MergeDistance = 0.25
    clear_s: ClearS = 60.0


class MissingHelmetSettings(RuleBase):
    """A person in a place of work whose head is bare in a clear share of the looks."""

    required_classes: ClassVar[tuple[str, ...]] = ("person", "helmet", "bare_head")
    zone_wide: ClassVar[bool] = True
    looks_when_unripe: ClassVar[bool] = True

    close_classes: ClassVar[tuple[str, ...]] = ("bare_head",)

    type: Literal["missing_helmet"] = "missing_helmet"
    dwell_s: DwellS = 2.0
    glance_period_s: GlancePeriodS = 2.0
    look_fps: LookFps = 8.0
    look_s: LookS = 5.0
    look_rest_s: LookRestS = 10.0
    severity: Severity = 3
    confirm_s: ConfirmS = 1.0
    min_looks: MinLooks = 2
    open_at: OpenAt = 0.8
    clear_s: ClearS = 60.0
    reopen_s: ReopenS = 300.0
    max_gap_s: MaxGapS = 20.0
    bare_share: Share = Field(
        0.7, description="Share of the looks at a person's head in which it must be bare."
    )
    head_looks: int = Field(
        3, ge=1, le=1_000, description="Looks at a person's head before anything is claimed."
    )
    memory_s: float = Field(
        8.0,
        gt=0,
        le=600,
        description="How far back looks at a head count; the newest `head_looks` always do.",
    )


class CrowdingSettings(RuleBase):
    """More people, or more people per square metre, than the zone is meant for."""

    required_classes: ClassVar[tuple[str, ...]] = ("person",)
    zone_wide: ClassVar[bool] = True
    detects_twice: ClassVar[bool] = False

    type: Literal["crowding"] = "crowding"
    dwell_s: DwellS = 10.0
    glance_period_s: GlancePeriodS = 5.0
    look_fps: LookFps = 2.0
    severity: Severity = 3
    keep_at: KeepAt = 0.4
    update_every_s: UpdateEveryS = 60.0
    people: int | None = Field(
        20, ge=2, le=100_000, description="People in the zone that make a crowd; null: no limit."
    )
    density_per_m2: float | None = Field(
        None, gt=0, le=20, description="People per square metre that make a crowd; null: no limit."
    )
    area_m2: float | None = Field(
        None, gt=0, description="Ground area of the zone where the view is not calibrated."
    )
    keep_ratio: Share = Field(
        0.8, description="A crowd ends below this share of the limit that began it."
    )
    ignore_queues: bool = Field(
        False, description="People standing in one line are no crowd, whatever their number."
    )
    queue_elongation: float = Field(
        5.0, gt=1, le=100, description="Length over width from which people make a queue."
    )

    @model_validator(mode="after")
    def _some_limit(self) -> CrowdingSettings:
        if self.people is None and self.density_per_m2 is None:
            raise ValueError("people or density_per_m2 must be given, got neither")
        return self

    @property
    def needs_area(self) -> bool:
        """Whether nothing can be judged without knowing how large the zone is."""
        return self.people is None and self.area_m2 is None


RuleSettings = Annotated[
    StreetVendingSettings
    | GarbageSettings
    | OverflowingBinSettings
    | MissingHelmetSettings
    | CrowdingSettings,
    Field(discriminator="type"),
]
"""Settings of one rule, told apart by `type`."""
