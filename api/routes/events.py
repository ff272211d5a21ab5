"""Server-sent events: incidents, verdicts, camera health, zones; resumable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.dependencies import Listener, Wired
from api.live import LiveEvent, Mark
from api.routes.cameras import find_cameras
from api.security.principal import Principal
from api.services import Services

router = APIRouter(prefix="/api/v1", tags=["events"])
HEARTBEAT_S = 10.0


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Changes, live."}},
)
async def get_events(
    request: Request,
    wired: Wired,
    principal: Listener,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Changes in the caller's areas. `Last-Event-ID` resumes; `reset` says: load afresh.

    A `signed_out` event ends the stream when the session ends.
    """
    body = _stream(request, wired, principal, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


async def _stream(
    request: Request, wired: Services, principal: Principal, last: str | None
) -> AsyncIterator[str]:
    after = Mark.parse(last)
    start = after or await wired.live.newest()
    cells = await run_in_threadpool(_cells, wired, principal)
    yield f"retry: 2000\nid: {start}\nevent: hello\ndata: {{}}\n\n"
    if last is not None and after is None:
        yield "event: reset\ndata: {}\n\n"
    events = wired.live.stream(after)
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_S)
            if not await run_in_threadpool(_still_in, wired, principal):
                yield "event: signed_out\ndata: {}\n\n"
                return
            if not done:
                yield ": alive\n\n"
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            yield _text(event, principal, cells)
            waiting = asyncio.ensure_future(anext(events))
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()


def _text(event: LiveEvent | None, principal: Principal, cells: dict[str, str | None]) -> str:
    if event is None:
        return "event: reset\ndata: {}\n\n"
    change = event.change
    cell = change.grid_cell or cells.get(change.camera_id)
    if not principal.may_see(cell):
        return f"id: {event.mark}\n: not yours\n\n"
    return event.text()


def _cells(wired: Services, principal: Principal) -> dict[str, str | None]:
    return {c["camera_id"]: c["grid_cell"] for c in find_cameras(wired, principal)}


def _still_in(wired: Services, principal: Principal) -> bool:
    return wired.gate.still_valid(principal)
