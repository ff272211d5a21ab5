"""Cameras, their health and their stills."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import ValidationError
from starlette.responses import FileResponse, Response

from api.dependencies import CameraReader, Client, Wired
from api.errors import NotFound
from api.present import at
from api.security.principal import Principal
from api.services import Services
from api.shapes.cameras import (
    CameraList,
    CameraOut,
    StillOut,
)
from api.store.audit import Act
from pipeline.heads import HeadHold, held_heads
from pipeline.ledger.database import reading
from pipeline.ledger.tables import IncidentRow
from pipeline.status import cameras
from pipeline.stills import note_watched
from pipeline.types import ViewKey

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])
Json = dict[str, Any]
Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_MAX_BOXES = 1 << 20


@router.get("", response_model=CameraList)
def list_cameras(wired: Wired, principal: CameraReader) -> Json:
    """All cameras in the caller's areas with their health."""
    return {"items": find_cameras(wired, principal)}


@router.get("/{camera_id}", response_model=CameraOut)
def get_camera(wired: Wired, principal: CameraReader, camera_id: Id) -> Json:
    """One camera with its health."""
    return guard_camera(wired, principal, camera_id)


@router.get(
    "/{camera_id}/views/{view_id}/still.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The newest still."}},
)
def get_still(
    wired: Wired, principal: CameraReader, camera_id: Id, view_id: Id, client: Client
) -> Response:
    """The view's newest still."""
    path = _still(wired, principal, ViewKey(camera_id, view_id), ".jpg")
    wired.views.note(Act(principal.username, "still.view", f"{camera_id}/{view_id}", None, client))
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


@router.get(
    "/{camera_id}/views/{view_id}/fault/{picture}.jpg",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "One of the two pictures."}},
)
def get_fault_picture(
    wired: Wired,
    principal: CameraReader,
    camera_id: Id,
    view_id: Id,
    picture: Literal["seen", "reference"],
    client: Client,
) -> Response:
    """What was seen instead of a preset when it was last wrong, or what should have been seen."""
    path = _still(wired, principal, ViewKey(camera_id, view_id), f"~{picture}.jpg")
    wired.views.note(Act(principal.username, "still.view", f"{camera_id}/{view_id}", None, client))
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


@router.get("/{camera_id}/views/{view_id}/still.json", response_model=StillOut)
def get_still_boxes(wired: Wired, principal: CameraReader, camera_id: Id, view_id: Id) -> StillOut:
    """What the detector saw in the newest still, as the patrol wrote it."""
    path = _still(wired, principal, ViewKey(camera_id, view_id), ".json")
    boxes = _boxes(path)
    if boxes is None:
        raise NotFound(f"there are no boxes of {camera_id}/{view_id}")
    return boxes


def picture_size(wired: Services, view: ViewKey) -> tuple[int, int] | None:
    """(width, height) of the view's newest picture, None while there is none."""
    boxes = _boxes(_still_file(wired, view, ".json"))
    return boxes.size if boxes is not None else None


def _boxes(path: Path | None) -> StillOut | None:
    if path is None:
        return None
    try:
        return StillOut.model_validate_json(path.read_bytes()[: _MAX_BOXES + 1])
    except (OSError, ValidationError):
        return None


def find_cameras(wired: Services, principal: Principal) -> list[Json]:
    """Rows of all cameras in the caller's areas, by id."""
    table = IncidentRow.__table__
    opened = (
        sa.select(table.c.camera_id, sa.func.count())
        .where(table.c.review == "pending", table.c.merged_into.is_(None))
        .group_by(table.c.camera_id)
    )
    with reading(wired.engine) as session:
        counts = {row[0]: row[1] for row in session.execute(opened)}
        rows = session.execute(sa.select(cameras).order_by(cameras.c.camera_id)).all()
        held = held_heads(session, wired.clock())
    return [
        _camera(dict(row._mapping), counts.get(row.camera_id, 0), held.get(row.camera_id))
        for row in rows
        if principal.may_see(row.grid_cell)
    ]


def guard_camera(wired: Services, principal: Principal, camera_id: str) -> Json:
    """The camera; raises NotFound outside the caller's areas."""
    query = sa.select(cameras).where(cameras.c.camera_id == camera_id)
    table = IncidentRow.__table__
    pending = sa.select(sa.func.count()).where(
        table.c.camera_id == camera_id, table.c.review == "pending", table.c.merged_into.is_(None)
    )
    with reading(wired.engine) as session:
        row = session.execute(query).first()
        count = session.execute(pending).scalar_one()
        held = held_heads(session, wired.clock())
    if row is None or not principal.may_see(row.grid_cell):
        raise NotFound(f"there is no camera {camera_id}")
    return _camera(dict(row._mapping), count, held.get(camera_id))


def _camera(row: Json, open_incidents: int, hold: HeadHold | None) -> Json:
    return {
        **row,
        "faults": [{**fault, "since": at(fault["since"])} for fault in row["faults"] or ()],
        "head": {"by": hold.held_by, "until": at(hold.until)} if hold is not None else None,
        "since": at(row["since"]),
        "updated_at": at(row["updated_at"]),
        "open_incidents": open_incidents,
    }


def guard_view(wired: Services, principal: Principal, camera_id: str, view_id: str) -> ViewKey:
    """The view; raises NotFound outside the caller's areas."""
    if view_id not in guard_camera(wired, principal, camera_id)["views"]:
        raise NotFound(f"camera {camera_id} has no view {view_id}")
    return ViewKey(camera_id, view_id)


def _still(wired: Services, principal: Principal, view: ViewKey, suffix: str) -> Path:
    guard_view(wired, principal, view.camera_id, view.view_id)
    note_watched(wired.settings.stills_root)
    path = _still_file(wired, view, suffix)
    if path is None:
        raise NotFound(f"there is no still of {view} yet")
    return path


def _still_file(wired: Services, view: ViewKey, suffix: str) -> Path | None:
    root = wired.settings.stills_root.resolve()
    path = (root / view.camera_id / f"{view.view_id}{suffix}").resolve()
    return path if path.is_relative_to(root) and path.is_file() else None
