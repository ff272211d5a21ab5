"""Passwords, limits, signatures, rights, marks: values in, values out."""

from __future__ import annotations

import base64
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from api.errors import Forbidden, Refused, TooMany
from api.live import Mark
from api.security.limits import LockOut, RateLimit
from api.security.oidc import Oidc
from api.security.passwords import Passwords
from api.security.principal import ROLES, SCOPES_OF_ROLE, Principal, Role
from api.security.signing import Signer, fingerprint, load_secret
from api.settings import ApiSettings, OidcSettings

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class Clock:
    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def principal(role: Role = "operator", areas: tuple[str, ...] = ()) -> Principal:
    return Principal(1, "wang", role, areas, SCOPES_OF_ROLE[role], "csrf", None, "key", 2000.0)


def test_passwords_are_checked_and_salted() -> None:
    passwords = Passwords(CHEAP)
    one, two = (passwords.hash("a long enough phrase", "wang") for _ in range(2))
    assert one != two
    assert one.startswith("$argon2id$")
    assert passwords.verify(one, "a long enough phrase")
    assert not passwords.verify(one, "a long enough phrasE")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("not a hash", "a long enough phrase")


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaa", "wangwang12345", "x" * 201])
def test_weak_passwords_are_refused(weak: str) -> None:
    with pytest.raises(Refused):
        Passwords(CHEAP).hash(weak, "wang")


def test_rate_limit_fills_again() -> None:
    clock = Clock()
    limit = RateLimit(60, 3, clock)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.retry_after_s == pytest.approx(1.0)
    limit.take("b")
    clock.at += 1.0
    limit.take("a")


def test_rate_limit_survives_a_clock_that_goes_back() -> None:
    clock = Clock()
    limit = RateLimit(60, 3, clock)
    limit.take("a")
    clock.at -= 3600.0
    limit.take("a")


def test_lock_out_doubles_and_is_forgotten() -> None:
    clock = Clock()
    lock = LockOut(clock)
    assert [lock.failed("a") for _ in range(5)] == [False] * 4 + [True]
    for expected in (30.0, 60.0, 120.0):
        with pytest.raises(TooMany) as refused:
            lock.check("a")
        assert refused.value.retry_after_s == pytest.approx(expected)
        clock.at += expected
        lock.check("a")
        lock.failed("a")
    lock.succeeded("a")
    lock.check("a")
    lock.check("b")


def test_a_signature_fits_one_purpose_and_its_fields() -> None:
    signer = Signer(b"k" * 32)
    made = signer.sign("evidence", 1, 2, 3)
    assert signer.fits(made, "evidence", 1, 2, 3)
    assert not signer.fits(made, "evidence", 12, 3)
    assert not signer.fits(made, "oidc", 1, 2, 3)
    assert not Signer(b"l" * 32).fits(made, "evidence", 1, 2, 3)
    assert not signer.fits("é", "evidence", 1, 2, 3)


def test_the_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "api.secret"
    assert load_secret(path) == load_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("00")
    with pytest.raises(ValueError, match="at least 32 bytes"):
        load_secret(path)
    assert fingerprint("a") != fingerprint("b")


def test_roles_only_add_rights() -> None:
    for lower, higher in itertools.pairwise(ROLES):
        assert SCOPES_OF_ROLE[lower] < SCOPES_OF_ROLE[higher]
    with pytest.raises(Forbidden, match="zones:write"):
        principal("operator").require("zones:write")


@pytest.mark.parametrize(
    ("areas", "cell", "may"),
    [
        ((), None, True),
        ((), "4403", True),
        (("4403", "4404"), "440399", True),
        (("4403",), "4404", False),
        (("4403",), None, False),
        (("440304",), "4403", False),
    ],
)
def test_areas_are_prefixes(areas: tuple[str, ...], cell: str | None, may: bool) -> None:
    assert principal(areas=areas).may_see(cell) is may


@pytest.mark.parametrize("text", [None, "", "5", "5.", ".5", "-1.2", "1.2.3x", "9" * 30 + ".1"])
def test_only_own_marks_resume(text: str | None) -> None:
    assert Mark.parse(text) is None


def test_a_mark_reads_back() -> None:
    assert Mark.parse(str(Mark(12, 7))) == Mark(12, 7)


def test_cookies_are_secure_over_https_only() -> None:
    base = {"database_url": "sqlite:///x", "data_dir": Path("x")}
    assert ApiSettings(**base, public_url="https://patrol.example").secure_cookies
    assert not ApiSettings(**base).secure_cookies


# ---- OpenID Connect against a provider in memory

ISSUER = "https://id.example"


class Provider:
    """Answers like an OpenID provider; `claims` are what its next token says."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, list[str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(
                200,
                json={
                    "issuer": ISSUER,
                    "authorization_endpoint": f"{ISSUER}/authorize",
                    "token_endpoint": f"{ISSUER}/token",
                },
            )
        self.asked = parse_qs(request.content.decode())
        body = base64.urlsafe_b64encode(json.dumps(self.claims).encode()).decode().rstrip("=")
        return httpx.Response(200, json={"id_token": f"e30.{body}.sig"})


@pytest.fixture
def flow() -> tuple[Oidc, Provider, Clock]:
    provider, clock = Provider(), Clock()
    settings = OidcSettings(issuer=ISSUER, client_id="skygrid", client_secret=SecretStr("s"))
    back = "https://patrol.example/oidc/return"
    transport = httpx.MockTransport(provider)
    return Oidc(settings, back, Signer(b"k" * 32), clock, transport), provider, clock


def begin(flow: tuple[Oidc, Provider, Clock]) -> tuple[str, str]:
    oidc, provider, clock = flow
    address, cookie = oidc.start()
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"]
    provider.claims = {
        "iss": ISSUER,
        "aud": "skygrid",
        "sub": "u-17",
        "nonce": query["nonce"][0],
        "exp": clock.at + 300,
        "preferred_username": "王 wu",
        "skygrid_role": "operator",
        "skygrid_areas": ["4403", "../x"],
    }
    return query["state"][0], cookie


def test_oidc_brings_the_person_with_role_and_areas(flow: tuple[Oidc, Provider, Clock]) -> None:
    state, cookie = begin(flow)
    identity = flow[0].finish(cookie, state, "code-1")
    assert identity.subject == f"{ISSUER}#u-17"
    assert (identity.username, identity.role, identity.areas) == ("王wu", "operator", ("4403",))
    assert flow[1].asked["code"] == ["code-1"]
    assert len(flow[1].asked["code_verifier"][0]) >= 43


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"nonce": "another"},
        {"exp": 0},
        {"sub": None},
    ],
)
def test_oidc_refuses_a_token_that_does_not_hold(
    flow: tuple[Oidc, Provider, Clock], change: dict[str, Any]
) -> None:
    state, cookie = begin(flow)
    flow[1].claims.update(change)
    with pytest.raises(Forbidden):
        flow[0].finish(cookie, state, "code")


def test_oidc_refuses_another_browsers_flow(flow: tuple[Oidc, Provider, Clock]) -> None:
    state, cookie = begin(flow)
    other = cookie[:-8] + ("A" if cookie[-8] != "A" else "B") + cookie[-7:]
    for bad_cookie, bad_state in ((cookie, "x"), ("", state), (other, state)):
        with pytest.raises(Forbidden):
            flow[0].finish(bad_cookie, bad_state, "code")
    flow[2].at += 3600
    with pytest.raises(Forbidden):
        flow[0].finish(cookie, state, "code")


def test_an_office_behind_one_address_is_not_locked_out_by_one_typist() -> None:
    lock = LockOut(Clock(), free=30)
    assert not any(lock.failed("office") for _ in range(29))
    lock.check("office")
    assert lock.failed("office")
