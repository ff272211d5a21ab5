"""An eagle-eye's head in somebody's hand: taken, held for longer, given back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Client, HeadDriver, Wired
from api.errors import Conflict, Forbidden, Refused
from api.routes.cameras import Id, guard_camera
from api.security.principal import Principal
from api.shapes.cameras import HeadIn, HeadOut
from api.store.audit import Act
from pipeline.heads import HeadHeld, HeadHold, give_head_back, held_heads, take_head
from pipeline.ledger.database import writing
from pipeline.ledger.errors import LedgerRefused
from pipeline.status import append_feed

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])
Json = dict[str, Any]


@router.put("/{camera_id}/head", response_model=HeadOut)
def put_head(
    wired: Wired, principal: HeadDriver, client: Client, camera_id: Id, asked: HeadIn
) -> Json:
    """Take the head of an eagle-eye by hand, or hold it for longer; its tour waits meanwhile.

    The patrol obeys within seconds and judges nothing until the head is given back or the time is
    over. Move the head with whatever drives it. 409: somebody else holds it; the body says who.
    """
    camera = guard_camera(wired, principal, camera_id)
    if not camera["is_touring"]:
        raise Refused(f"camera {camera_id} has no tour that could wait")
    now = wired.clock()
    hold = HeadHold(camera_id, principal.username, now + asked.minutes * 60)
    told = _told(hold)
    act = Act(principal.username, "head.take", camera_id, {"minutes": asked.minutes}, client)
    try:
        with writing(wired.engine) as session:
            take_head(session, hold, now)
            append_feed(session, "camera.head", camera_id, told, now, camera["grid_cell"])
            wired.audit.append_in(session, act)
    except HeadHeld as error:
        raise Conflict(str(error), _told(error.hold)) from None
    except LedgerRefused:
        raise Conflict(f"somebody else has just taken the head of {camera_id}") from None
    return told


@router.delete("/{camera_id}/head", status_code=204)
def delete_head(wired: Wired, principal: HeadDriver, client: Client, camera_id: Id) -> Response:
    """Give the head back: its tour goes on within seconds. Supervisors may do it for others."""
    camera = guard_camera(wired, principal, camera_id)
    now = wired.clock()
    with writing(wired.engine) as session:
        hold = held_heads(session, now).get(camera_id)
        if hold is not None:
            _refuse_strangers(principal, hold)
            give_head_back(session, camera_id)
            told = {"by": None, "until": None}
            append_feed(session, "camera.head", camera_id, told, now, camera["grid_cell"])
            act = Act(principal.username, "head.give_back", camera_id, {"of": hold.held_by}, client)
            wired.audit.append_in(session, act)
    return Response(status_code=204)


def _told(hold: HeadHold) -> Json:
    until = datetime.fromtimestamp(hold.until, UTC)
    return {"by": hold.held_by, "until": until.isoformat()}


def _refuse_strangers(principal: Principal, hold: HeadHold) -> None:
    if hold.held_by != principal.username and principal.role not in ("supervisor", "administrator"):
        raise Forbidden(f"the head is in the hand of {hold.held_by}; a supervisor may end that")
