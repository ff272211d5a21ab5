"""What routes ask for: the services, who is calling, and refusal of what nobody asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.errors import CsrfRefused, Refused, SignInRequired
from api.security.principal import Principal
from api.services import Services
from api.texts import Language, choose

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def services_of(request: Request) -> Services:
    """The services of the application that got the request."""
    return cast(Services, request.app.state.services)


def client_of(request: Request) -> str:
    """Address of the caller."""
    return request.client.host if request.client else "-"


async def _services(request: Request) -> Services:
    """As a dependency; FastAPI would send a plain function to a thread for each request."""
    return services_of(request)


async def _client(request: Request) -> str:
    return client_of(request)


def cookie_name(services: Services) -> str:
    """`__Host-` binds the cookie to this host; browsers take it only over https."""
    return "__Host-skygrid" if services.settings.secure_cookies else "skygrid"


async def find_principal(request: Request) -> Principal | None:
    """Who is calling, None when nobody is signed in.

    Raises:
        SignInRequired: A token was given that is not valid.
    """
    services = services_of(request)
    header = request.headers.get("authorization", "")
    if header:
        kind, _, secret = header.partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise SignInRequired("the Authorization header must be: Bearer TOKEN")
        found = services.gate.recent(secret.strip())
        found = found or await run_in_threadpool(services.gate.by_token, secret.strip())
    elif cookie := request.cookies.get(cookie_name(services)):
        found = services.gate.recent(cookie)
        found = found or await run_in_threadpool(services.gate.by_cookie, cookie)
    else:
        return None
    if found is not None and (found.csrf is None) != bool(header):
        raise SignInRequired("a token goes into the Authorization header, a session into a cookie")
    if found is not None:
        request.state.username = found.username
    return found


async def signed_in(request: Request) -> Principal:
    """Who is calling; browsers must show the CSRF token on unsafe requests."""
    principal = await find_principal(request)
    if principal is None:
        raise SignInRequired("sign in first")
    if request.method not in SAFE_METHODS:
        refuse_cross_site(request)
        given = request.headers.get("x-csrf-token")
        services_of(request).gate.check_csrf(principal, given)
    return principal


def refuse_cross_site(request: Request) -> None:
    """Refuse an unsafe request that a page of another site sent."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise CsrfRefused("the request came from another site")
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        raise CsrfRefused("the request came from another origin")


def need(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets only holders of the scope in."""

    async def check(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
        principal.require(scope)
        return principal

    check.__name__ = f"need_{scope.replace(':', '_')}"
    return check


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the path does not have.

    A mistyped filter that is silently ignored would return the whole store.
    """
    if not request.query_params:
        return
    route = request.scope["route"]
    if not getattr(route, "include_in_schema", True):
        return  # pages: a link from elsewhere may carry anything
    known = request.app.state.query_names.get((request.method, route.path))
    unknown = sorted(set(request.query_params) - (known or set()))
    if unknown:
        allowed = ", ".join(sorted(known or ())) or "none"
        raise Refused(f"unknown query parameter {unknown[0]!r}; there are: {allowed}")


def language_of(request: Request, principal: Principal | None) -> Language:
    """Language of the answer: the user's, the cookie's, the site's, the browser's."""
    settings = services_of(request).settings
    wanted = (principal.language if principal else None) or request.cookies.get("language")
    return choose(wanted, request.headers.get("accept-language", ""), settings.language)


Wired = Annotated[Services, Depends(_services)]
Client = Annotated[str, Depends(_client)]
SignedIn = Annotated[Principal, Depends(signed_in)]
Reader = Annotated[Principal, Depends(need("incidents:read"))]
Judge = Annotated[Principal, Depends(need("incidents:judge"))]
CameraReader = Annotated[Principal, Depends(need("cameras:read"))]
HeadDriver = Annotated[Principal, Depends(need("heads:drive"))]
ZoneWriter = Annotated[Principal, Depends(need("zones:write"))]
Listener = Annotated[Principal, Depends(need("events:read"))]
Statistician = Annotated[Principal, Depends(need("statistics:read"))]
Exporter = Annotated[Principal, Depends(need("export:read"))]
Auditor = Annotated[Principal, Depends(need("audit:read"))]
Administrator = Annotated[Principal, Depends(need("people:admin"))]
