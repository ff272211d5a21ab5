"""Sign-in by an OpenID Connect provider, when one is configured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.dependencies import Client, Wired
from api.errors import Forbidden, NotFound
from api.routes.pages import enter
from api.security.oidc import Identity, Oidc
from api.services import Services
from api.store.audit import Act
from api.store.people import NewUser, User

router = APIRouter(include_in_schema=False)
_COOKIE = "skygrid_oidc"


@router.get("/oidc/start")
def start(wired: Wired) -> Response:
    """Off to the provider."""
    address, cookie = _provider(wired).start()
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        _COOKIE,
        cookie,
        max_age=600,
        path="/oidc",
        httponly=True,
        secure=wired.settings.secure_cookies,
        samesite="lax",
    )
    return answer


@router.get("/oidc/return")
def come_back(
    request: Request,
    wired: Wired,
    client: Client,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str, Query(max_length=2000)],
) -> Response:
    """Back from the provider; a new person is added with the role that the provider names."""
    identity = _provider(wired).finish(request.cookies.get(_COOKIE, ""), state, code)
    user = _user_of(wired, identity, client)
    if user.disabled:
        raise Forbidden("the user may not sign in any more")
    answer = enter(wired, wired.gate.open(user, client, "oidc"), "/review")
    answer.delete_cookie(_COOKIE, path="/oidc")
    return answer


def _provider(wired: Services) -> Oidc:
    if wired.oidc is None:
        raise NotFound("no provider is configured")
    return wired.oidc


def _user_of(wired: Services, identity: Identity, client: str) -> User:
    """The person, with role and areas as the provider names them today."""
    known = wired.people.by_subject(identity.subject)
    if known is None:
        name = identity.username
        if wired.people.by_name(name) is not None:
            name = f"{name[:50]}-{identity.subject.rpartition('#')[2][:12]}"
        new = NewUser(name, identity.role, identity.areas, oidc_subject=identity.subject)
        user = wired.people.add(new, wired.clock())
        told = {"role": user.role, "areas": list(user.areas), "by": "oidc"}
        wired.audit.append(Act(user.username, "users.add", user.username, told, client))
        return user
    if (known.role, known.areas) != (identity.role, identity.areas):
        changed = wired.people.change(known.id, role=identity.role, areas=list(identity.areas))
        wired.gate.forget_all()
        told = {"role": changed.role, "areas": list(changed.areas), "by": "oidc"}
        wired.audit.append(Act(changed.username, "users.change", changed.username, told, client))
        return changed
    return known
