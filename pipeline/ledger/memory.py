"""The ledger and its outbox in memory: the stub that stands in for a database in unit tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from uuid import UUID

from pipeline.events.build import Occurrence, event_fields
from pipeline.ledger.errors import LedgerUnavailable, UnknownIncident, UnknownSighting
from pipeline.ledger.fusion import Kept, check, events_between
from pipeline.ledger.outbox import Backlog, OutboxEvent, Recent
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.types import (
    EventKind,
    Incident,
    IncidentState,
    PlacedSighting,
    event_id_of,
)
from pipeline.types import EvidenceFile, Phase, Place, Sighting, ViewKey


class MemoryLedger:
    """`Ledger` and `Outbox` in dicts; `down` makes every call fail.

    Every placed incident of the type is a candidate, however far away: policies must look at
    the place anyway.
    """

    def __init__(self, config: LedgerConfig | None = None) -> None:
        self.config = config or LedgerConfig()
        self.down = False
        self._incidents: dict[UUID, Incident] = {}
        self._home: dict[UUID, UUID] = {}
        self._messages: set[tuple[UUID, int]] = set()
        self._events: list[OutboxEvent] = []
        self._written: list[datetime] = []
        self._published: dict[int, datetime] = {}
        self._lock = RLock()

    def _check(self) -> None:
        if self.down:
            raise LedgerUnavailable("memory ledger is down")

    def record(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile] = (), place: Place | None = None
    ) -> Incident:
        """See `Ledger.record`."""
        with self._lock:
            self._check()
            check(sighting)
            key = (sighting.sighting_id, sighting.sequence)
            known = self._placed(sighting.sighting_id)
            late = known is not None and known.sighting.sequence > sighting.sequence
            if key in self._messages or late:
                self._messages.add(key)
                return self.attach_evidence(sighting.sighting_id, evidence)
            return self._apply(sighting, evidence, place)

    def _apply(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile], place: Place | None
    ) -> Incident:
        before, kept = self._home_of(sighting, place)
        known = self._placed(sighting.sighting_id)
        place = place or (known.place if known else None)
        others = [
            p
            for p in (before.sightings if before else ())
            if p.sighting.sighting_id != sighting.sighting_id
        ]
        after = self.config.combine(kept, [*others, PlacedSighting(sighting, place)])
        after = replace(after, evidence=_joined(after.evidence, evidence))
        self._messages.add((sighting.sighting_id, sighting.sequence))
        self._home[sighting.sighting_id] = kept.incident_id
        cause = f"{sighting.sighting_id}/{sighting.sequence}"
        for kind in events_between(before, after):
            after = self._announce(after, Occurrence(kind, cause, sighting.observed_at))
        return after

    def _home_of(self, sighting: Sighting, place: Place | None) -> tuple[Incident | None, Kept]:
        home = self._home.get(sighting.sighting_id)
        if home is None:
            candidates = self._candidates(sighting, place)
            home = self.config.policy.decide(sighting, place, candidates)
            if home is None:
                policy = self.config.policy
                return None, Kept.founded_by(sighting, candidates, place, policy)
        before = self._incidents[home]
        return before, Kept.of(before)

    def _candidates(self, sighting: Sighting, place: Place | None) -> list[Incident]:
        since = sighting.started_at - self.config.join_window
        views = {sighting.view, *self.config.overlapping(sighting.view)}
        fitting = (
            i
            for i in self._incidents.values()
            if i.type == sighting.type
            and (i.state is IncidentState.OPEN or i.updated_at >= since)
            and (
                any(p.sighting.view in views for p in i.sightings)
                or (place is not None and i.place is not None)
            )
        )
        newest = sorted(fitting, key=lambda i: i.updated_at, reverse=True)
        return newest[: self.config.max_candidates]

    def _placed(self, sighting_id: UUID) -> PlacedSighting | None:
        home = self._home.get(sighting_id)
        known = self._incidents[home].sightings if home else ()
        return next((p for p in known if p.sighting.sighting_id == sighting_id), None)

    def _announce(self, incident: Incident, what: Occurrence) -> Incident:
        event_id = str(event_id_of(incident.incident_id, what.kind, what.cause))
        if all(event.event_id != event_id for event in self._events):
            incident = replace(incident, sequence=incident.sequence + 1)
            fields = event_fields(self.config.source, incident, what, self.config.at_once)
            self._events.append(OutboxEvent(len(self._events) + 1, event_id, fields))
            self._written.append(self.config.clock())
        self._incidents[incident.incident_id] = incident
        return incident

    def attach_evidence(self, sighting_id: UUID, files: Sequence[EvidenceFile]) -> Incident:
        """See `Ledger.attach_evidence`."""
        with self._lock:
            self._check()
            incident = self.incident_of(sighting_id)
            joined = _joined(incident.evidence, files)
            fresh = joined[len(incident.evidence) :]
            if not fresh:
                return incident
            cause = "evidence/" + ",".join(sorted(f.sha256 for f in fresh))
            what = Occurrence(EventKind.UPDATED, cause, self.config.clock())
            return self._announce(replace(incident, evidence=joined), what)

    def evidence_removed(self, paths: Collection[str], at: datetime) -> int:
        """See `Ledger.evidence_removed`."""
        with self._lock:
            self._check()
            gone = 0
            for key, incident in self._incidents.items():
                left = tuple(f for f in incident.evidence if f.path not in paths)
                gone += len(incident.evidence) - len(left)
                self._incidents[key] = replace(incident, evidence=left)
            return gone

    def incident(self, incident_id: UUID) -> Incident:
        """See `Ledger.incident`."""
        self._check()
        if incident_id not in self._incidents:
            raise UnknownIncident(f"incident must exist, got {incident_id}")
        return self._incidents[incident_id]

    def incident_of(self, sighting_id: UUID) -> Incident:
        """See `Ledger.incident_of`."""
        self._check()
        if sighting_id not in self._home:
            raise UnknownSighting(f"sighting must have been recorded, got {sighting_id}")
        return self._incidents[self._home[sighting_id]]

    def recent(self, limit: int = 50) -> tuple[Incident, ...]:
        """See `Ledger.recent`."""
        self._check()
        newest = sorted(self._incidents.values(), key=lambda i: i.updated_at, reverse=True)
        return tuple(newest[:limit])

    def open_sightings(
        self, view: ViewKey, *, ended_since: datetime | None = None
    ) -> tuple[Sighting, ...]:
        """See `Ledger.open_sightings`."""
        self._check()
        mine = [
            p.sighting
            for incident in self._incidents.values()
            for p in incident.sightings
            if p.sighting.view == view
        ]
        found = [
            s
            for s in mine
            if s.phase is not Phase.ENDED
            or (ended_since is not None and s.observed_at >= ended_since)
        ]
        return tuple(sorted(found, key=lambda s: (s.started_at, s.sighting_id)))

    def waiting(self, limit: int, after: int = 0) -> list[OutboxEvent]:
        """See `Outbox.waiting`."""
        self._check()
        found = [e for e in self._events if e.number not in self._published and e.number > after]
        return found[:limit]

    def lately_published(self, recent: Recent, limit: int, after: int = 0) -> list[OutboxEvent]:
        """See `Outbox.lately_published`."""
        self._check()
        if not self._published:
            return []
        newest = max(self._published.values())
        since = max(newest - recent.before_newest, self.config.clock() - recent.at_most)
        found = [e for e in self._events if e.number > after and e.number in self._published]
        return [e for e in found if self._published[e.number] >= since][:limit]

    def mark_published(self, numbers: Sequence[int]) -> None:
        """See `Outbox.mark_published`."""
        self._check()
        self._published.update(dict.fromkeys(numbers, self.config.clock()))

    def backlog(self) -> Backlog:
        """See `Outbox.backlog`."""
        waiting = self.waiting(len(self._events))
        return Backlog(len(waiting), self._written[waiting[0].number - 1] if waiting else None)

    def prune(self, keep: timedelta, limit: int = 5_000) -> int:
        """See `Outbox.prune`; here nothing grows for long."""
        return 0


def _joined(
    known: tuple[EvidenceFile, ...], files: Sequence[EvidenceFile]
) -> tuple[EvidenceFile, ...]:
    by_path = {f.path: f for f in (*files, *known)}
    fresh = [p for p in dict.fromkeys(f.path for f in files) if p not in {f.path for f in known}]
    return (*known, *(by_path[p] for p in fresh))
