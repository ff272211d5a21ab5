"""How sightings become one incident, as written in the site file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.types import IncidentType, ViewKey

GATE_CHI2 = 11.83
"""Squared Mahalanobis distance that 99.73 % of equal places stay under (chi², 2 degrees)."""


@dataclass(frozen=True, slots=True)
class TypeGate:
    """How far apart two sightings of one happening of a type can be.

    Attributes:
        wander_m: Standard deviation by which the happening itself moves or spreads.
        reach_m: Never joined when further apart than this, however doubtful the places are.
        follow_s: A sighting that starts this long after the last picture still follows it.
    """

    wander_m: float
    reach_m: float
    follow_s: float


GATES: Mapping[IncidentType, TypeGate] = MappingProxyType(
    {
        "street_vending": TypeGate(wander_m=0.3, reach_m=12.0, follow_s=300.0),
        "garbage": TypeGate(wander_m=0.2, reach_m=10.0, follow_s=900.0),
        "overflowing_bin": TypeGate(wander_m=0.2, reach_m=10.0, follow_s=900.0),
        "missing_helmet": TypeGate(wander_m=1.5, reach_m=12.0, follow_s=60.0),
        "crowding": TypeGate(wander_m=3.0, reach_m=40.0, follow_s=300.0),
    }
)

_GATES_BY_NAME: Mapping[str, TypeGate] = {str(name): gate for name, gate in GATES.items()}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Overlap(_Section):
    """Views without calibration that look at the same spot."""

    views: tuple[str, ...] = Field(
        min_length=2, max_length=20, description='Views as "camera" or "camera/view".'
    )
    types: tuple[IncidentType, ...] = Field(default=(), description="Which types; all if empty.")

    @field_validator("views")
    @classmethod
    def _are_different(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(views)) != len(views):
            raise ValueError(f"views must differ, got {', '.join(views)}")
        return views

    @property
    def keys(self) -> frozenset[ViewKey]:
        """The views as keys."""
        return frozenset(view_key(name) for name in self.views)


class FusionSettings(_Section):
    """When sightings of one type are one incident."""

    gate_chi2: float = Field(
        default=GATE_CHI2,
        gt=0,
        le=100,
        description="Largest squared distance in standard deviations.",
    )
    ground_per_happening_m2: float = Field(
        default=1000.0, gt=0, description="Ground per happening, where dense."
    )
    follow_s: float | None = Field(
        default=None,
        ge=0,
        le=86_400,
        description="Overrides how late a sighting may follow.",
    )
    open_s: float = Field(
        default=86_400.0,
        gt=0,
        le=604_800,
        description="How long an open sighting lasts unseen.",
    )
    recurrence_s: float = Field(
        default=86_400.0,
        ge=0,
        le=2_592_000,
        description="How lately a repeated one ended.",
    )
    min_iou: float = Field(
        default=0.3, gt=0, le=1, description="Overlap of the boxes of one happening in one view."
    )
    clock_slack_s: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="Clock error that is always allowed.",
    )
    overlaps: tuple[Overlap, ...] = Field(default=(), max_length=2000)

    @model_validator(mode="after")
    def _one_overlap_per_pair(self) -> FusionSettings:
        seen: set[frozenset[str]] = set()
        for overlap in self.overlaps:
            if (names := frozenset(overlap.views)) in seen:
                raise ValueError(f"overlap must be given once, got twice {sorted(names)}")
            seen.add(names)
        return self

    def gate(self, incident_type: str) -> TypeGate:
        """The gate of a type; unknown types get that of garbage."""
        known = _GATES_BY_NAME.get(incident_type, GATES["garbage"])
        if self.follow_s is None:
            return known
        return TypeGate(known.wander_m, known.reach_m, self.follow_s)


def view_key(name: str) -> ViewKey:
    """The key of a view written as "camera" or "camera/view"."""
    camera, _, view = name.partition("/")
    return ViewKey(camera, view or "main")
