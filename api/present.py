"""Rows of the store as bodies of answers: signed URLs, plain words, times with a zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from api.security.principal import Principal
from api.services import Services
from api.texts import Language
from pipeline.types import ViewKey

Json = dict[str, Any]
_PURPOSE = "evidence"


def at(seconds: float | None) -> datetime | None:
    """Unix seconds as aware UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def evidence_url(services: Services, principal: Principal, evidence_id: int, name: str) -> str:
    """A URL that opens one file for one person until it expires.

    The end is rounded up to a whole period, so that a browser's cache finds the file again.
    """
    period = services.settings.evidence_url_minutes * 60.0
    until = int((services.clock() // period + 2) * period)
    fields = (evidence_id, principal.user_id, until)
    signature = services.signer.sign(_PURPOSE, *fields)
    query = urlencode({"user": principal.user_id, "until": until, "signature": signature})
    return f"/evidence/{evidence_id}/{quote(name)}?{query}"


def evidence_url_fits(
    services: Services, evidence_id: int, user: int, until: int, signature: str
) -> bool:
    """True when the URL was signed here and is not over."""
    fits = services.signer.fits(signature, _PURPOSE, evidence_id, user, until)
    return fits and services.clock() < until


def summary(services: Services, principal: Principal, row: Json) -> Json:
    """An incident in a list."""
    place = None
    if row["lon"] is not None:
        place = {"lon": row["lon"], "lat": row["lat"], "sigma_m": row["sigma_major_m"]}
    may_look = "evidence:read" in principal.scopes
    files = row.get("files", {}) if may_look else {}
    plain = {name: row[name] for name in _PLAIN}
    return {
        **plain,
        "version": row["review_version"],
        "place": place,
        "decided_at": at(row["decided_at"]),
        "files": {
            kind: evidence_url(services, principal, evidence_id, _NAMES[kind])
            for kind, evidence_id in files.items()
        },
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
    return {
        **summary(services, principal, row),
        "reasons": [
            {**r, "words": services.texts.reason(language, r["code"], r["detail"])}
            for r in row["reasons"]
        ],
        "sightings": row["sightings"],
        "evidence": [
            {**file, "url": evidence_url(services, principal, file["evidence_id"], _file(file))}
            for file in row["evidence"]
            if may_look
        ],
        "history": [{**action, "at": at(action["at"])} for action in row["history"]],
        "neighbours": [summary(services, principal, other) for other in row["neighbours"]],
        "zone": next((zone for zone in zones if zone.get("id") == row["zone_id"]), None),
    }


def _file(file: Json) -> str:
    return str(file["path"]).rpartition("/")[2]


def audit_row(row: Json) -> Json:
    """A line of the audit log."""
    return {**row, "at": at(row["at"]), "detail": json.loads(row["detail"])}
