"""Signing in and out: lock-out, CSRF, expiry, one-time links, disabled people."""

from __future__ import annotations

from typing import Any

import pytest

PASSWORD = "a long enough phrase"


def test_cookie_is_closed_to_scripts_and_other_sites(house: Any) -> None:
    answer = house.client().post("/signin", data={"username": "viewer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert answer.headers["location"] == "/review"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_sign_in_never_leads_to_another_site(house: Any, target: str) -> None:
    form = {"username": "viewer", "password": PASSWORD, "next": target}
    assert house.client().post("/signin", data=form).headers["location"] == "/review"


def test_wrong_password_and_unknown_name_look_the_same(house: Any) -> None:
    client = house.client(headers={"Accept-Language": "en"})
    known = client.post("/signin", data={"username": "viewer", "password": "wrong"})
    unknown = client.post("/signin", data={"username": "nobody-at-all", "password": "wrong"})
    assert known.status_code == unknown.status_code == 401
    assert known.text == unknown.text
    house.clock.ahead_s += 7200


def test_failures_in_a_row_lock_out_even_the_right_password(house: Any) -> None:
    house.add_user("locked", "viewer")
    client = house.client()
    wrong = {"username": "locked", "password": "wrong"}
    statuses = [client.post("/signin", data=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    right = {"username": "locked", "password": PASSWORD}
    answer = client.post("/signin", data=right)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    house.clock.ahead_s += 3700
    assert client.post("/signin", data=right).status_code == 303


def test_unsafe_requests_need_the_csrf_token(house: Any) -> None:
    client = house.sign_in("operator")
    token = client.headers.pop("X-CSRF-Token")
    for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": token, "Origin": "https://evil"}):
        answer = client.patch("/api/v1/me", json={"language": None}, headers=headers)
        assert answer.status_code == 403, headers
    cross = {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}
    assert client.patch("/api/v1/me", json={"language": None}, headers=cross).status_code == 403
    good = {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin", "Origin": house.url}
    assert client.patch("/api/v1/me", json={"language": None}, headers=good).status_code == 204


def test_sign_out_ends_the_session_for_good(house: Any) -> None:
    client = house.sign_in("viewer")
    secret = client.cookies["skygrid"]
    assert client.post("/signout", data={"csrf": "wrong"}).status_code == 403
    csrf = client.headers["X-CSRF-Token"]
    assert client.post("/signout", data={"csrf": csrf}).status_code == 303
    again = house.client(cookies={"skygrid": secret})
    assert again.get("/api/v1/me").status_code == 401


def test_sessions_end_by_silence_and_by_age(house: Any) -> None:
    quiet = house.sign_in("viewer")
    house.clock.ahead_s += 61 * 60
    assert quiet.get("/api/v1/me").status_code == 401
    busy = house.sign_in("viewer")
    for _ in range(14):
        house.clock.ahead_s += 50 * 60
        assert busy.get("/api/v1/me").status_code == 200
    house.clock.ahead_s += 50 * 60
    assert busy.get("/api/v1/me").status_code == 401


def test_first_administrator_link_works_once(house: Any) -> None:
    link = house.services.people.add_link(None, house.clock() + 60)
    client = house.client()
    assert client.get(f"/welcome/{link}").status_code == 200
    weak = {"username": "chief", "password": "short", "again": "short"}
    assert client.post(f"/welcome/{link}", data=weak).status_code == 422
    good = {
        "username": "chief",
        "password": "一个很长的密码短语呀",
        "again": "一个很长的密码短语呀",
    }
    assert client.post(f"/welcome/{link}", data={**good, "again": "other"}).status_code == 422
    assert client.post(f"/welcome/{link}", data=good).status_code == 303
    assert client.get("/api/v1/me").json()["role"] == "administrator"
    assert client.get(f"/welcome/{link}").status_code == 404
    assert house.client().post(f"/welcome/{link}", data=good).status_code == 404


def test_link_of_a_user_sets_the_password_and_ends_old_sessions(house: Any) -> None:
    boss = house.sign_in("administrator")
    made = boss.post("/api/v1/users", json={"username": "new-one", "role": "operator"}).json()
    path = made["link"].partition("/welcome/")[2]
    client = house.client()
    form = {"password": "entirely new words", "again": "entirely new words"}
    assert client.post(f"/welcome/{path}", data=form).status_code == 303
    assert client.get("/api/v1/me").json()["username"] == "new-one"
    fresh = boss.post(f"/api/v1/users/{made['id']}/link").json()["link"].partition("/welcome/")[2]
    other = {"password": "other words again", "again": "other words again"}
    assert house.client().post(f"/welcome/{fresh}", data=other).status_code == 303
    assert client.get("/api/v1/me").status_code == 401


def test_disabling_and_demoting_take_effect_at_once(house: Any) -> None:
    boss = house.sign_in("administrator")
    user_id = house.add_user("leaver", "supervisor")
    leaver = house.sign_in("leaver")
    assert leaver.get("/api/v1/audit").status_code == 200
    assert boss.patch(f"/api/v1/users/{user_id}", json={"role": "viewer"}).status_code == 200
    assert leaver.get("/api/v1/audit").status_code == 403
    assert boss.patch(f"/api/v1/users/{user_id}", json={"disabled": True}).status_code == 200
    assert leaver.get("/api/v1/me").status_code == 401


def test_own_password_needs_the_old_one(house: Any) -> None:
    house.add_user("changer", "viewer")
    client = house.sign_in("changer")
    wrong = {"old": "not it", "new": "a brand new phrase"}
    assert client.post("/api/v1/me/password", json=wrong).status_code == 401
    right = {"old": PASSWORD, "new": "a brand new phrase"}
    assert client.post("/api/v1/me/password", json=right).status_code == 204
    house.sign_in("changer", "a brand new phrase")
