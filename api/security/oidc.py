"""Sign-in by an OpenID Connect provider: authorization code with PKCE, standard library and httpx.

The ID token comes over TLS straight from the token endpoint, so its signature need not be checked
(OpenID Connect Core 1.0, 3.1.3.7, point 6); issuer, audience, expiry and nonce are.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import httpx

from api.errors import Forbidden, Refused
from api.security.principal import ROLES, Role
from api.security.signing import Signer
from api.settings import OidcSettings

_TIMEOUT_S = 10.0
_FLOW_S = 600.0
_SKEW_S = 120.0
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says has come.

    Attributes:
        subject: "issuer#sub", stable for ever.
        username: Preferred name.
        role: From the role claim; a viewer when it says nothing known.
        areas: From the areas claim.
    """

    subject: str
    username: str
    role: Role
    areas: tuple[str, ...]


class Oidc:
    """One provider. The state of a sign-in under way lives in a signed cookie, not here."""

    def __init__(
        self,
        settings: OidcSettings,
        redirect_url: str,
        signer: Signer,
        clock: Callable[[], float],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._redirect_url = redirect_url
        self._signer = signer
        self._clock = clock
        self._client = httpx.Client(timeout=_TIMEOUT_S, transport=transport)
        self._endpoints: Json | None = None

    def start(self) -> tuple[str, str]:
        """(address of the provider to go to, value of the flow cookie)."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        until = int(self._clock() + _FLOW_S)
        fields = (state, nonce, verifier, str(until))
        cookie = ".".join((*fields, self._signer.sign("oidc", *fields)))
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_url,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{self._discover()['authorization_endpoint']}?{urlencode(query)}", cookie

    def finish(self, cookie: str, state: str, code: str) -> Identity:
        """Who came back.

        Raises:
            Forbidden: The answer does not belong to this browser's sign-in, or its token does not
                hold.
            Refused: The provider does not answer as it should.
        """
        *fields, signature = cookie.split(".")
        if len(fields) != 4 or not self._signer.fits(signature, "oidc", *fields):
            raise Forbidden("the sign-in was not started in this browser")
        known, nonce, verifier, until = fields
        if not secrets.compare_digest(known, state) or self._clock() > int(until):
            raise Forbidden("the sign-in took too long or is another one; start again")
        claims = self._claims(self._exchange(code, verifier), nonce)
        return self._identity(claims)

    def _discover(self) -> Json:
        if self._endpoints is None:
            issuer = self._settings.issuer.rstrip("/")
            found = self._json(self._get(f"{issuer}/.well-known/openid-configuration"))
            if str(found.get("issuer", "")).rstrip("/") != issuer:
                raise Refused("the provider names another issuer than the configured one")
            self._endpoints = found
        return self._endpoints

    def _get(self, url: str) -> httpx.Response:
        try:
            return self._client.get(url)
        except httpx.HTTPError as error:
            raise Refused(f"the provider does not answer: {type(error).__name__}") from error

    def _exchange(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_url,
            "client_id": self._settings.client_id,
            "code_verifier": verifier,
        }
        if self._settings.client_secret is not None:
            form["client_secret"] = self._settings.client_secret.get_secret_value()
        try:
            answer = self._client.post(self._discover()["token_endpoint"], data=form)
        except httpx.HTTPError as error:
            raise Refused(f"the provider does not answer: {type(error).__name__}") from error
        return str(self._json(answer).get("id_token", ""))

    def _json(self, answer: httpx.Response) -> Json:
        if answer.status_code != 200:
            raise Forbidden(f"the provider refused the sign-in ({answer.status_code})")
        try:
            return cast(Json, answer.json())
        except ValueError:
            raise Refused("the provider's answer is not JSON") from None

    def _claims(self, token: str, nonce: str) -> Json:
        try:
            payload = token.split(".")[1]
            padded = payload + "=" * (-len(payload) % 4)
            claims = cast(Json, json.loads(base64.urlsafe_b64decode(padded)))
            expires = float(claims["exp"])
        except (IndexError, KeyError, TypeError, ValueError):
            raise Forbidden("the provider's token is not one") from None
        audience = claims.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        holds = (
            str(claims.get("iss", "")).rstrip("/") == self._settings.issuer.rstrip("/")
            and self._settings.client_id in meant
            and claims.get("nonce") == nonce
            and expires > self._clock() - _SKEW_S
            and isinstance(claims.get("sub"), str)
        )
        if not holds:
            raise Forbidden("the provider's token is for another place, person or time")
        return claims

    def _identity(self, claims: Json) -> Identity:
        role = claims.get(self._settings.role_claim)
        areas = claims.get(self._settings.areas_claim) or []
        name = str(claims.get("preferred_username") or claims["sub"])
        return Identity(
            subject=f"{self._settings.issuer.rstrip('/')}#{claims['sub']}"[:255],
            username="".join(c for c in name if c.isalnum() or c in "_.@-")[:60] or "user",
            role=cast(Role, role) if role in ROLES else "viewer",
            areas=tuple(str(a) for a in areas if str(a).isalnum()),
        )


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
