"""Who is signed in; users, tokens and saved filters."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Path as InPath

from api.dependencies import Administrator, Client, SignedIn, Wired
from api.errors import Conflict, Refused
from api.present import at
from api.services import Services
from api.shapes.people import (
    FilterIn,
    FilterList,
    LinkOut,
    Me,
    MeIn,
    PasswordIn,
    TokenIn,
    TokenList,
    TokenMade,
    UserChange,
    UserIn,
    UserList,
    UserMade,
    UserOut,
)
from api.store.audit import Act
from api.store.people import NewUser, User

router = APIRouter(prefix="/api/v1", tags=["people"])
Json = dict[str, Any]
LINK_S = 72 * 3600.0
Number = Annotated[int, InPath(ge=1, le=2**31 - 1)]


@router.get("/me", response_model=Me)
def get_me(principal: SignedIn) -> Json:
    """Who is signed in, and the CSRF token that unsafe requests must repeat."""
    return {
        "username": principal.username,
        "role": principal.role,
        "areas": list(principal.areas),
        "scopes": sorted(principal.scopes),
        "language": principal.language,
        "expires_at": at(principal.expires_at),
        "csrf": principal.csrf,
    }


@router.patch("/me", status_code=204)
def change_me(wired: Wired, principal: SignedIn, change: MeIn) -> Response:
    """Change one's own language; null follows the browser."""
    wired.people.change(principal.user_id, language=change.language)
    wired.gate.forget_all()
    return Response(status_code=204)


@router.post("/me/password", status_code=204)
def change_password(
    wired: Wired, principal: SignedIn, client: Client, change: PasswordIn
) -> Response:
    """Change one's own password; tokens cannot."""
    if principal.csrf is None:
        raise Refused("a token cannot change a password")
    wired.gate.change_password(principal, change.old, change.new, client)
    return Response(status_code=204)


@router.get("/me/filters", response_model=FilterList)
def list_filters(wired: Wired, principal: SignedIn) -> Json:
    """One's own saved filters."""
    return {"items": wired.people.filters(principal.user_id)}


@router.put("/me/filters", status_code=204)
def save_filter(wired: Wired, principal: SignedIn, kept: FilterIn) -> Response:
    """Keep a filter under a name."""
    if len(wired.people.filters(principal.user_id)) >= 50:
        raise Refused("at most 50 filters can be kept")
    wired.people.save_filter(principal.user_id, kept.name, dict(kept.query))
    return Response(status_code=204)


@router.delete("/me/filters/{filter_id}", status_code=204)
def drop_filter(wired: Wired, principal: SignedIn, filter_id: Number) -> Response:
    """Forget a filter."""
    wired.people.drop_filter(principal.user_id, filter_id)
    return Response(status_code=204)


@router.get("/users", response_model=UserList)
def list_users(wired: Wired, principal: Administrator) -> Json:
    """Everybody who may sign in."""
    return {"items": [_user(user) for user in wired.people.all()]}


@router.post("/users", response_model=UserMade, status_code=201)
def add_user(wired: Wired, principal: Administrator, client: Client, new: UserIn) -> Json:
    """Add a user; the answer holds the one-time link with which they set a password."""
    wanted = NewUser(new.username, new.role, new.areas, display_name=new.display_name)
    user = wired.people.add(wanted, wired.clock())
    told = {"role": user.role, "areas": list(user.areas)}
    wired.audit.append(Act(principal.username, "users.add", user.username, told, client))
    return {**_user(user), "link": _link(wired, user.id)}


@router.patch("/users/{user_id}", response_model=UserOut)
def change_user(
    wired: Wired, principal: Administrator, client: Client, user_id: Number, change: UserChange
) -> Json:
    """Change role, areas or name, or disable. Takes effect at once, open sessions included."""
    values = change.model_dump(exclude_none=True)
    before = wired.people.by_id(user_id)
    _keep_one_administrator(wired, before, values)
    if "areas" in values:
        values["areas"] = list(values["areas"])
    user = wired.people.change(user_id, **values) if values else before
    if user.disabled:
        wired.people.close_sessions_of(user_id)
    wired.gate.forget_all()
    wired.audit.append(Act(principal.username, "users.change", user.username, values, client))
    return _user(user)


@router.post("/users/{user_id}/link", response_model=LinkOut, status_code=201)
def make_link(wired: Wired, principal: Administrator, client: Client, user_id: Number) -> Json:
    """A fresh one-time link with which the user sets a password."""
    user = wired.people.by_id(user_id)
    wired.audit.append(Act(principal.username, "users.link", user.username, None, client))
    return {"link": _link(wired, user.id), "expires_at": at(wired.clock() + LINK_S)}


@router.get("/tokens", response_model=TokenList)
def list_tokens(wired: Wired, principal: Administrator) -> Json:
    """All machines' tokens, without their secrets."""
    return {
        "items": [
            {**row, "created_at": at(row["created_at"]), "expires_at": at(row["expires_at"])}
            for row in wired.people.tokens()
        ]
    }


@router.post("/tokens", response_model=TokenMade, status_code=201)
def add_token(wired: Wired, principal: Administrator, client: Client, new: TokenIn) -> Json:
    """A token for a machine; the secret is in this answer and nowhere else."""
    now = wired.clock()
    user = wired.people.by_id(principal.user_id)
    over = now + new.days * 86_400.0
    token_id, secret = wired.people.add_token(user, new.name, new.scopes, now, over)
    told = {"name": new.name, "scopes": sorted(new.scopes), "days": new.days}
    wired.audit.append(Act(principal.username, "tokens.add", str(token_id), told, client))
    return {"id": token_id, "secret": secret}


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(
    wired: Wired, principal: Administrator, client: Client, token_id: Number
) -> Response:
    """Make a token useless."""
    wired.people.revoke_token(token_id)
    wired.gate.forget_all()
    wired.audit.append(Act(principal.username, "tokens.revoke", str(token_id), None, client))
    return Response(status_code=204)


def _link(wired: Services, user_id: int) -> str:
    secret = wired.people.add_link(user_id, wired.clock() + LINK_S)
    return f"{wired.settings.public_url.rstrip('/')}/welcome/{secret}"


def _keep_one_administrator(wired: Services, user: User, values: Json) -> None:
    stays = values.get("role", user.role) == "administrator" and not values.get(
        "disabled", user.disabled
    )
    was = user.role == "administrator" and not user.disabled
    if was and not stays and wired.people.count_administrators() <= 1:
        raise Conflict("the last administrator cannot be taken away")


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "role": user.role,
        "areas": list(user.areas),
        "disabled": user.disabled,
        "created_at": at(user.created_at),
        "can_sign_in": bool(user.password_hash or user.oidc_subject) and not user.disabled,
    }
