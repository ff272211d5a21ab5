"""Evidence files by signed URL, whole or by range; every view is in the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from starlette.responses import FileResponse, Response

from api.dependencies import Client, Wired
from api.errors import Forbidden, NotFound
from api.present import evidence_url_fits
from api.security.principal import SCOPES_OF_ROLE, Principal
from api.services import Services
from api.store.audit import Act

router = APIRouter(tags=["evidence"])
BOXES_TYPE = "application/vnd.skygrid.boxes+json"
Number = Annotated[int, Query(ge=0, le=2**53)]


@router.get(
    "/evidence/{evidence_id}/{name}",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": {"application/octet-stream": {}}},
        206: {"description": "The range of the file that was asked for."},
    },
)
def get_evidence(
    wired: Wired,
    client: Client,
    evidence_id: Annotated[int, InPath(ge=0, le=2**53)],
    name: Annotated[str, InPath(max_length=200)],
    user: Number,
    until: Number,
    signature: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$")],
) -> Response:
    """One file of evidence. URLs come from the incident and expire.

    The signature is no free pass: the person behind it must still have the right, today.
    """
    if not evidence_url_fits(wired, evidence_id, user, until, signature):
        raise Forbidden("the URL is not signed here, or is over; ask for the incident again")
    file = wired.incidents.evidence_file(evidence_id)
    if file is None:
        raise NotFound("the file is gone")
    viewer = _viewer(wired, user)
    wired.incidents.guard(viewer, file["incident_id"])
    path = _inside(wired.settings.evidence_root, file["path"])
    told = {"evidence": evidence_id, "kind": file["kind"]}
    subject = f"{file['incident_id']}/{evidence_id}"
    wired.views.note(Act(viewer.username, "evidence.view", subject, told, client))
    left = max(0, int(until - wired.clock()))
    headers = {
        "Cache-Control": f"private, max-age={left}, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": f'inline; filename="{path.name}"',
    }
    return FileResponse(path, media_type=_safe_type(file["media_type"]), headers=headers)


def _viewer(wired: Services, user_id: int) -> Principal:
    user = wired.people.by_id(user_id)
    if user.disabled:
        raise Forbidden("the user may not sign in any more")
    scopes = SCOPES_OF_ROLE[user.role]
    return Principal(user.id, user.username, user.role, user.areas, scopes, None, None, "", 0.0)


def _inside(root: Path, relative: str) -> Path:
    """The file below the root; NotFound for anything that leads out of it."""
    base = root.resolve()
    path = (base / relative).resolve()
    if not path.is_relative_to(base) or not path.is_file():
        raise NotFound("the file is gone")
    return path


def _safe_type(media_type: str) -> str:
    """Only what the pages show; never a type that a browser would run."""
    known = ("video/mp4", "image/jpeg", "image/png", "image/webp", BOXES_TYPE)
    return media_type if media_type in known else "application/octet-stream"
