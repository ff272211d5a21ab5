"""Evidence: signed URLs that expire, ranges, rights of today, no way out of the folder."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from pipeline.ledger.database import writing
from pipeline.ledger.tables import EvidenceRow


@pytest.fixture
def clip_url(operator: httpx.Client) -> str:
    items = operator.get("/api/v1/incidents").json()["items"]
    return str(items[0]["files"]["clip"])


def test_whole_file_and_ranges(house: Any, clip_url: str) -> None:
    client = house.client()
    whole = client.get(clip_url)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(clip_url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = client.get(clip_url, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    assert "sandbox" in whole.headers["content-security-policy"]


def test_a_changed_or_old_url_is_refused(house: Any, clip_url: str) -> None:
    client = house.client()
    path, _query = clip_url.split("?")
    number = int(path.split("/")[2])
    other = clip_url.replace(f"/{number}/", f"/{number + 1}/")
    assert client.get(other).status_code == 403
    assert client.get(clip_url[:-4] + "0000").status_code == 403
    assert client.get(path).status_code == 422
    assert client.get(clip_url.replace("until=", "until=9")).status_code == 403
    house.clock.ahead_s += 31 * 60
    assert client.get(clip_url).status_code == 403
    house.clock.ahead_s = 0


def test_the_signature_does_not_outlive_the_right(house: Any) -> None:
    boss = house.sign_in("administrator")
    user_id = house.add_user("mover", "viewer", ("440304",))
    mover = house.sign_in("mover")
    url = mover.get("/api/v1/incidents").json()["items"][0]["files"]["clip"]
    assert mover.get(url).status_code == 200
    boss.patch(f"/api/v1/users/{user_id}", json={"areas": ["110101"]})
    assert mover.get(url).status_code == 404
    boss.patch(f"/api/v1/users/{user_id}", json={"areas": [], "disabled": True})
    assert house.client().get(url).status_code == 403


@pytest.mark.parametrize("path", ["../skygrid.db", "/etc/hostname", "a/../../api.secret"])
def test_no_record_leads_out_of_the_evidence_folder(
    house: Any, operator: httpx.Client, path: str
) -> None:
    item = operator.get("/api/v1/incidents").json()["items"][1]
    url = item["files"]["snapshot"]
    number = int(url.split("/")[2])
    with writing(house.services.engine) as session:
        known = session.execute(
            sa.select(EvidenceRow.path).where(EvidenceRow.evidence_id == number)
        ).scalar_one()
        change = sa.update(EvidenceRow).where(EvidenceRow.evidence_id == number)
        session.execute(change.values(path=path))
    try:
        assert operator.get(url).status_code == 404
    finally:
        with writing(house.services.engine) as session:
            session.execute(change.values(path=known))


def test_views_are_in_the_audit_log_once(house: Any, operator: httpx.Client) -> None:
    item = operator.get("/api/v1/incidents").json()["items"][2]
    for _ in range(3):
        operator.get(item["files"]["clip"], headers={"Range": "bytes=0-9"})
    auditor = house.sign_in("supervisor")
    query = {"action": "evidence.view", "subject": item["incident_id"]}
    rows = auditor.get("/api/v1/audit", params=query).json()["items"]
    assert [row["actor"] for row in rows if row["detail"]["kind"] == "clip"] == ["operator"]
