"""The ledger's port, and the in-memory stub that tests use in its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from pipeline.ledger.fusion import Combine, FusionPolicy, SameViewPolicy, combine
from pipeline.ledger.types import Incident
from pipeline.types import EvidenceFile, Place, Sighting, ViewKey

Clock = Callable[[], datetime]
"""Wall clock, aware UTC."""


METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km; good enough to preselect candidates."""


def utc_now() -> datetime:
    """The real wall clock."""
    return datetime.now(UTC)


def _no_views(_view: ViewKey) -> Sequence[ViewKey]:
    return ()


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """How a ledger fuses and signs.

    Attributes:
        site: Name in the events' source, "/skygrid/<site>".
        at_once: Types that go to dispatch before a person accepted them.
        policy: Decides which incident a new sighting joins.
        combine: How an incident follows from its sightings.
        join_window: How long after its last picture an incident is still a candidate.
        join_radius_m: Placed incidents further away than this are no candidates.
        overlapping: Other views of which incidents are candidates too, place or no place.
        max_candidates: Bound on the candidates that the policy sees, newest first.
        clock: Wall clock for book-keeping columns; events take their time from sightings.
    """

    site: str = "local"
    at_once: frozenset[str] = frozenset()
    policy: FusionPolicy = field(default_factory=SameViewPolicy)
    combine: Combine = combine
    join_window: timedelta = timedelta(minutes=30)
    join_radius_m: float = 150.0
    overlapping: Callable[[ViewKey], Sequence[ViewKey]] = _no_views
    max_candidates: int = 200
    clock: Clock = utc_now

    @property
    def source(self) -> str:
        """CloudEvents source of this site's events."""
        return f"/skygrid/{self.site}"


class Ledger(Protocol):
    """Where sightings become incidents, together with the events that tell of them."""

    def record(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile] = (), place: Place | None = None
    ) -> Incident:
        """Write a sighting's message, the incident that results and its events, all or nothing.

        A message that came before, or that is older than what is known, changes nothing but
        the history and causes no event.

        Raises:
            LedgerUnavailable: Nothing was written; spool the message.
            SightingRefused: The sighting breaks its own rules.
        """
        ...

    def attach_evidence(self, sighting_id: UUID, files: Sequence[EvidenceFile]) -> Incident:
        """Add files to the sighting's incident and announce them; known paths are skipped.

        Raises:
            UnknownSighting: The sighting was never recorded.
            LedgerUnavailable: Nothing was written.
        """
        ...

    def evidence_removed(self, paths: Collection[str], at: datetime) -> int:
        """Note that retention took these files; returns how many were known and there."""
        ...

    def incident(self, incident_id: UUID) -> Incident:
        """One incident with sightings and evidence; UnknownIncident when there is none."""
        ...

    def incident_of(self, sighting_id: UUID) -> Incident:
        """The incident that a sighting belongs to; UnknownSighting when never recorded."""
        ...

    def recent(self, limit: int = 50) -> tuple[Incident, ...]:
        """Incidents by newest picture first."""
        ...

    def open_sightings(
        self, view: ViewKey, *, ended_since: datetime | None = None
    ) -> tuple[Sighting, ...]:
        """Newest message of each sighting of the view that has not ended, by start: what
        confirmation restores after a restart.

        Args:
            view: The view.
            ended_since: Also those that ended at this time or later, and may reopen.
        """
        ...
