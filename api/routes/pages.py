"""Server-rendered pages: sign-in, queue, live, zones, statistics, audit, people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi import Path as InPath
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import (
    Client,
    SignedIn,
    Wired,
    client_of,
    cookie_name,
    find_principal,
    language_of,
    refuse_cross_site,
    services_of,
)
from api.errors import ApiError, CsrfRefused, SignInRequired, TooMany
from api.routes.cameras import find_cameras
from api.security.principal import ROLES, SCOPES, Principal
from api.services import Services
from api.settings import REJECT_REASONS
from api.shapes.base import Name
from api.texts import LANGUAGES, Language
from api.tuning import rule_fields

router = APIRouter(include_in_schema=False)
TEMPLATES = Path(__file__).parent.parent / "pages" / "templates"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TYPES = ("street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding")
Secret = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{8,100}$")]
Field = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page to render: its template, its place in the navigation, what its script gets."""

    template: str
    nav: str
    scope: str | None = None


_PAGES = {
    "review": PageOf("review.html", "review", "incidents:read"),
    "live": PageOf("live.html", "live", "cameras:read"),
    "zones": PageOf("zones.html", "zones", "cameras:read"),
    "statistics": PageOf("statistics.html", "statistics", "statistics:read"),
    "audit": PageOf("audit.html", "audit", "audit:read"),
    "people": PageOf("people.html", "people", "people:admin"),
    "account": PageOf("account.html", "account"),
}


@router.get("/")
def home() -> Response:
    """The queue is home."""
    return RedirectResponse("/review", 303)


@router.get("/review")
@router.get("/incidents/{incident_id}")
def review_page(
    request: Request, principal: SignedIn, wired: Wired, incident_id: UUID | None = None
) -> Response:
    """The review queue, at one incident when the address names it."""
    first = {"incident_id": str(incident_id) if incident_id else None}
    data = {**first, "cameras": _camera_names(wired, principal), **_common(wired)}
    return _signed_in_page(request, principal, "review", data)


@router.get("/live")
def live_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """Camera wall and map."""
    return _signed_in_page(
        request, principal, "live", {"grid": wired.grid.geojson, **_common(wired)}
    )


@router.get("/zones")
def zones_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """The zone editor; the view is in the address's fragment."""
    data = {
        "views": _camera_names(wired, principal),
        "grid": wired.grid.geojson,
        "rule_fields": rule_fields(),
        **_common(wired),
    }
    return _signed_in_page(request, principal, "zones", data)


@router.get("/statistics")
def statistics_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """Counts and charts."""
    data = {"grid": wired.grid.geojson, **_common(wired)}
    return _signed_in_page(request, principal, "statistics", data)


@router.get("/audit")
def audit_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """The audit log."""
    return _signed_in_page(request, principal, "audit", _common(wired))


@router.get("/people")
def people_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """Users and tokens."""
    cells = [camera["grid_cell"] for camera in find_cameras(wired, principal)]
    areas = wired.grid.areas(cells)
    data = {"roles": ROLES, "scopes": SCOPES, "areas": areas, **_common(wired)}
    return _signed_in_page(request, principal, "people", data)


@router.get("/account")
def account_page(request: Request, principal: SignedIn, wired: Wired) -> Response:
    """One's own account."""
    return _signed_in_page(request, principal, "account", _common(wired))


@router.get("/signin")
async def sign_in_page(request: Request, wired: Wired) -> Response:
    """The form to sign in."""
    return _sign_in(request, "")


@router.post("/signin")
def sign_in(
    request: Request,
    wired: Wired,
    client: Client,
    username: Field,
    password: Field,
    next_page: Annotated[str, Form(alias="next", max_length=300)] = "/review",
) -> Response:
    """Sign in and go on to where one wanted to go."""
    refuse_cross_site(request)
    try:
        secret = wired.gate.sign_in(username, password, client)
    except SignInRequired:
        return _sign_in(request, "sign_in.wrong", 401)
    except TooMany as error:
        answer = _sign_in(request, "sign_in.locked", 429)
        answer.headers["Retry-After"] = str(int(error.retry_after_s) + 1)
        return answer
    return enter(wired, secret, next_page)


@router.post("/signout")
async def sign_out(
    request: Request, wired: Wired, csrf: Annotated[str, Form(max_length=100)]
) -> Response:
    """Sign out."""
    refuse_cross_site(request)
    principal = await find_principal(request)
    if principal is not None:
        if principal.csrf != csrf:
            raise CsrfRefused("the form is of another session")
        wired.gate.sign_out(principal, client_of(request))
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(cookie_name(wired), path="/", httponly=True, samesite="lax")
    return answer


@router.get("/welcome/{secret}")
def welcome_page(request: Request, wired: Wired, secret: Secret) -> Response:
    """Where a one-time link leads: set a password."""
    usable, user_id = wired.people.link_target(secret, wired.clock())
    return _welcome(request, usable=usable, first=user_id is None, problem="")


@router.post("/welcome/{secret}")
def welcome(
    request: Request,
    wired: Wired,
    client: Client,
    secret: Secret,
    password: Field,
    again: Field,
    username: Annotated[Name, Form()] = "admin",
) -> Response:
    """Set the password and sign in."""
    refuse_cross_site(request)
    usable, user_id = wired.people.link_target(secret, wired.clock())
    first = user_id is None
    if password != again:
        return _welcome(request, usable=usable, first=first, problem="welcome.differ")
    try:
        _, session = wired.gate.set_password_by_link(secret, username, password, client)
    except ApiError as error:
        return _welcome(request, usable=usable, first=first, problem=error.detail)
    return enter(wired, session, "/review")


def enter(wired: Services, secret: str, next_page: str) -> Response:
    """Set the session's cookie and go on, within this site only."""
    inside = next_page.startswith("/") and not next_page.startswith(("//", "/\\"))
    answer = RedirectResponse(next_page if inside else "/review", 303)
    answer.set_cookie(
        cookie_name(wired),
        secret,
        max_age=int(wired.settings.session_hours * 3600),
        path="/",
        httponly=True,
        secure=wired.settings.secure_cookies,
        samesite="lax",
    )
    return answer


def _common(wired: Services) -> dict[str, Any]:
    return {
        "timezone": wired.settings.timezone,
        "reject_reasons": REJECT_REASONS,
        "types": TYPES,
        "map_timeout_ms": 5000,
    }


def _camera_names(wired: Services, principal: Principal) -> list[dict[str, Any]]:
    return [
        {
            "camera_id": c["camera_id"],
            "name": c["name"] or c["camera_id"],
            "views": c["views"],
            "lon": c["lon"],
            "lat": c["lat"],
        }
        for c in find_cameras(wired, principal)
    ]


def _signed_in_page(
    request: Request, principal: Principal, name: str, data: dict[str, Any]
) -> Response:
    page = _PAGES[name]
    if page.scope is not None:
        principal.require(page.scope)
    nav = [
        key
        for key, other in _PAGES.items()
        if key != "account" and other.scope and other.scope in principal.scopes
    ]
    me = {
        "username": principal.username,
        "role": principal.role,
        "scopes": sorted(principal.scopes),
        "csrf": principal.csrf,
    }
    context = {"page": page, "nav": nav, "me": me, "data": data}
    return _render(request, page.template, language_of(request, principal), context)


def _sign_in(request: Request, problem: str, status: int = 200) -> Response:
    wired = services_of(request)
    language = _asked_language(request)
    oidc = wired.settings.oidc
    next_page = request.query_params.get("next", "/review")
    context = {"problem": problem, "next": next_page, "oidc": oidc.label if oidc else ""}
    answer = _render(request, "signin.html", language, {**_outside(language), **context}, status)
    if request.query_params.get("language"):
        answer.set_cookie("language", language, max_age=31_536_000, samesite="lax")
    return answer


def _welcome(request: Request, *, usable: bool, first: bool, problem: str) -> Response:
    language = _asked_language(request)
    status = 200 if usable and not problem else 404 if not usable else 422
    context = {"usable": usable, "first": first, "problem": problem}
    return _render(request, "welcome.html", language, {**_outside(language), **context}, status)


def _outside(language: Language) -> dict[str, Any]:
    return {"page": PageOf("", ""), "nav": [], "me": None, "data": {}}


def _asked_language(request: Request) -> Language:
    asked = request.query_params.get("language")
    chosen = [language for language in LANGUAGES if language == asked]
    return chosen[0] if chosen else language_of(request, None)


def _render(
    request: Request,
    template: str,
    language: Language,
    context: dict[str, Any],
    status: int = 200,
) -> Response:
    wired = services_of(request)
    theme = request.cookies.get("theme", "auto")
    words = wired.texts.of[language]

    def say(key: str, **values: object) -> str:
        return wired.texts.get(language, key, values)

    html = _ENVIRONMENT.get_template(template).render(
        say=say,
        language=language,
        other_language="en" if language == "zh" else "zh",
        theme=theme if theme in ("light", "dark") else "auto",
        site_name=wired.settings.site_name,
        words=_for_script(words),
        script_data=_for_script({**context["data"], "me": context["me"], "language": language}),
        types=TYPES,
        **context,
    )
    return HTMLResponse(html, status)


def _for_script(value: Any) -> Markup:
    """JSON for a data block: nothing in it can end the element or start another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for bad, good in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(bad, good)
    return Markup(text)
