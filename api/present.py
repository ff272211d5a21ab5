"""Rows of the store as bodies of answers: signed URLs, plain words, times with a zone."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from api.security.principal import Principal
from api.services import Services
from api.texts import Language
from pipeline.events.dispatch import dispatch_of
from pipeline.types import ViewKey

Json = dict[str, Any]
_PURPOSE = "evidence"


def at(seconds: float | None) -> datetime | None:
    """Unix seconds as aware UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def evidence_urls(services: Services, principal: Principal) -> Callable[[int, str], str]:
    """Makes URLs from (evidence id, file name) that open one file for one person until they expire.

    The end is rounded up to a whole period, so that a browser's cache finds the file again.
    """
    period = services.settings.evidence_url_minutes * 60.0
    until = int((services.clock() // period + 2) * period)
    user, sign = principal.user_id, services.signer.sign

    def url(evidence_id: int, name: str) -> str:
        signature = sign(_PURPOSE, evidence_id, user, until)
        query = f"user={user}&until={until}&signature={signature}"
        return f"/evidence/{evidence_id}/{quote(name)}?{query}"

    return url


def evidence_url_fits(
    services: Services, evidence_id: int, user: int, until: int, signature: str
) -> bool:
    """True when the URL was signed here and is not over."""
    fits = services.signer.fits(signature, _PURPOSE, evidence_id, user, until)
    return fits and services.clock() < until


def summaries(services: Services, principal: Principal, rows: Iterable[Json]) -> list[Json]:
    """Incidents in a list."""
    url = evidence_urls(services, principal)
    may_look = "evidence:read" in principal.scopes
    at_once = services.settings.dispatch_at_once
    return [_summary(row, at_once, url if may_look else None) for row in rows]


def _summary(row: Json, at_once: Collection[str], url: Callable[[int, str], str] | None) -> Json:
    place = None
    if row["lon"] is not None:
        place = {"lon": row["lon"], "lat": row["lat"], "sigma_m": row["sigma_major_m"]}
    files = row.get("files", {}) if url is not None else {}
    merged = row["merged_into"] is not None
    return {
        **{name: row[name] for name in _PLAIN},
        "version": row["review_version"],
        "dispatch": dispatch_of(row["type"], row["review"], at_once, merged=merged),
        "place": place,
        "decided_at": at(row["decided_at"]),
        "files": {kind: url(number, _NAMES[kind]) for kind, number in files.items() if url},
    }


_PLAIN = (
    "incident_id",
    "type",
    "subtype",
    "state",
    "review",
    "camera_id",
    "camera_name",
    "view_id",
    "zone_id",
    "grid_cell",
    "started_at",
    "updated_at",
    "ended_at",
    "confidence",
    "severity",
    "measures",
    "model",
    "recurrence_of",
    "merged_into",
    "assigned_to",
    "decided_by",
    "reason",
)
_NAMES = {
    "snapshot": "snapshot.jpg",
    "clip": "clip.mp4",
    "clip_h264": "clip.mp4",
    "boxes": "boxes.json",
}


def detail(services: Services, principal: Principal, row: Json, language: Language) -> Json:
    """One incident with all that belongs to it."""
    may_look = "evidence:read" in principal.scopes
    zones = services.zones.current(ViewKey(row["camera_id"], row["view_id"])).zones
    url = evidence_urls(services, principal)
    return {
        **summaries(services, principal, [row])[0],
        "reasons": [
            {**r, "words": services.texts.reason(language, r["code"], r["detail"])}
            for r in row["reasons"]
        ],
        "sightings": row["sightings"],
        "evidence": [
            {**file, "url": url(file["evidence_id"], _file(file))}
            for file in row["evidence"]
            if may_look
        ],
        "history": [{**action, "at": at(action["at"])} for action in row["history"]],
        "neighbours": summaries(services, principal, row["neighbours"]),
        "zone": next((zone for zone in zones if zone.get("id") == row["zone_id"]), None),
    }


def _file(file: Json) -> str:
    return str(file["path"]).rpartition("/")[2]


def audit_row(row: Json) -> Json:
    """A line of the audit log."""
    return {**row, "at": at(row["at"]), "detail": json.loads(row["detail"])}
