"""The one call that turns a sighting into an incident: place it, record it, learn its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from pipeline.fusion.clocks import ClockReport, ClockWatch
from pipeline.fusion.combine import combine
from pipeline.fusion.policy import SkyGroundPolicy
from pipeline.fusion.settings import FusionSettings
from pipeline.ledger.port import Ledger, LedgerConfig
from pipeline.ledger.types import Incident
from pipeline.types import EvidenceFile, Place, Sighting

_LONGEST_REACH_M = 60.0


class Placer(Protocol):
    """Puts a sighting on the map: `pipeline.geometry.locator.Locator`."""

    def place(self, sighting: Sighting) -> Place | None:
        """Its place, None if its view is not calibrated."""
        ...


def fusing(config: LedgerConfig, settings: FusionSettings, clocks: ClockWatch) -> LedgerConfig:
    """The ledger's configuration with sky-ground fusion in place of its own policy."""
    policy = SkyGroundPolicy(settings, clocks)
    return replace(
        config,
        policy=policy,
        combine=combine,
        overlapping=policy.overlapping,
        join_radius_m=_LONGEST_REACH_M,
        join_window=max(config.join_window, timedelta(seconds=settings.recurrence_s)),
    )


@dataclass(slots=True)
class Fusion:
    """Records sightings with their places and keeps the cameras' clocks in view.

    One process owns one; several may share a database. Everything but the clocks lives in the
    ledger, and the clocks are learnt again from it by `rebuild`.

    Attributes:
        ledger: Configured by `fusing` with the same `clocks`.
        locator: Calibrations and grid.
        clocks: What is known about clocks.
    """

    ledger: Ledger
    locator: Placer
    clocks: ClockWatch = field(default_factory=ClockWatch)

    def record(self, sighting: Sighting, evidence: Sequence[EvidenceFile] = ()) -> Incident:
        """Place and record a sighting; errors as `Ledger.record`."""
        incident = self.ledger.record(sighting, evidence, self.locator.place(sighting))
        self.clocks.learn(incident)
        return incident

    def rebuild(self, limit: int = 2000) -> None:
        """Learn the clocks again from the ledger's newest incidents."""
        self.clocks.rebuild(self.ledger.recent(limit))

    def clock_reports(self) -> tuple[ClockReport, ...]:
        """All clocks known, the worst first."""
        return self.clocks.reports()
