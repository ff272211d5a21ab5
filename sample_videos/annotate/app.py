"""Serves one clip, its truth file and the page to this machine only (HTTP, file output)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from sample_videos.annotate.draft import edited
from sample_videos.errors import TruthError
from sample_videos.truth import Truth, load_truth, save_truth

HERE = Path(__file__).parent
_PARTS = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_HOSTS = ["127.0.0.1", "localhost"]
_MOST_BYTES = 5_000_000


def annotate_app(clip: Path, target: Path, draft: Truth) -> FastAPI:
    """The page's server.

    Args:
        clip: The clip that is watched.
        target: The truth file; it is read anew for every page and written only when it is valid.
        draft: What is true when there is no file yet.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # A page from elsewhere could reach a local port by a name of its own that points here.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)
    writing = threading.Lock()

    def current() -> Truth:
        return load_truth(target) if target.is_file() else draft

    for url, name in _PARTS.items():
        app.add_api_route(url, _part(name), methods=["GET"], response_class=FileResponse)

    @app.get("/clip", response_class=FileResponse)
    def get_clip() -> FileResponse:
        return FileResponse(clip, media_type="video/mp4")

    @app.get("/truth")
    def get_truth() -> Response:
        try:
            content = current().model_dump(mode="json")
        except TruthError as error:
            return JSONResponse({"error": str(error)}, 409, headers=_HEADERS)
        about = {"target": target.name, "exists": target.is_file()}
        return JSONResponse({**content, "about": about}, headers=_HEADERS)

    @app.put("/truth")
    async def put_truth(request: Request) -> Response:
        # Only a form-free content type forces other sites' pages through a preflight.
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return JSONResponse({"error": "content must be application/json"}, 415)
        body = await request.body()
        if len(body) > _MOST_BYTES:
            return JSONResponse({"error": "content must be below 5 MB"}, 413)
        try:
            changes: Any = await request.json()
            if not isinstance(changes, dict):
                raise TruthError("changes must be an object")
            with writing:
                truth = edited(current(), changes)
                save_truth(truth, target)
        except ValueError as error:
            return JSONResponse({"error": f"content must be JSON: {error}"}, 400)
        except TruthError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"saved": target.name, "incidents": len(truth.incidents)})

    return app


def _part(name: str) -> Any:
    def get() -> FileResponse:
        return FileResponse(HERE / name, headers=_HEADERS)

    return get


def serve_annotate(app: FastAPI, port: int) -> None:
    """Serve until interrupted, to this machine only."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
