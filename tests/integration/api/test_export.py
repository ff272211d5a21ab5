"""Verdicts as training data: COCO and YOLO agree with the store, hard negatives are clean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from builders.house import new_database, open_house
from sqlalchemy.orm import Session

from api.errors import ExportError
from api.export import ExportOptions, export_verdicts
from api.judged import Which, jpeg_size
from api.lessons import split_of
from models.labels import LABELS
from models.training.manifest import licence_allows, read_set
from pipeline.ledger.tables import SightingMessageRow, SightingRow

STALL = LABELS.index("stall")


def judge(client: httpx.Client, item: dict[str, Any], **verdict: Any) -> None:
    path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
    assert client.post(path, json={"version": item["version"], **verdict}).status_code == 200


def test_export(house: Any, operator: httpx.Client, tmp_path: Path) -> None:
    query = {"type": "street_vending"}
    first, second = operator.get("/api/v1/incidents", params=query).json()["items"][:2]
    third = operator.get("/api/v1/incidents", params={"type": "garbage"}).json()["items"][0]
    judge(operator, first, action="accept")
    judge(operator, second, action="reject", reason="wrong_object")
    judge(operator, third, action="reject", reason="lawful")
    out = tmp_path / "out"
    options = ExportOptions(labels=LABELS, licence="CC0")
    root = house.services.settings.evidence_root
    report = export_verdicts(house.services.engine, root, out, options)
    assert (report.images, report.accepted, report.rejected, report.hard_negatives) == (3, 1, 2, 1)
    coco = json.loads((out / "annotations.json").read_text())
    assert [c["name"] for c in coco["categories"]][: len(LABELS)] == list(LABELS)
    names = {c["id"]: c["name"] for c in coco["categories"]}
    verdicts = {image["id"]: image["verdict"] for image in coco["images"]}
    assert sorted(verdicts.values()) == ["accepted", "rejected", "rejected"]
    assert all(image["model"] == "patrol11n@1f2e3d" for image in coco["images"])
    claims = [a for a in coco["annotations"] if a["source"] == "claim"]
    assert {names[a["category_id"]] for a in claims} == {
        "incident:street_vending",
        "incident:garbage",
    }
    for image in coco["images"]:
        path = out / image["file_name"]
        assert jpeg_size(path) == (image["width"], image["height"]) == (640, 360)
        lines = (out / "labels" / path.name).with_suffix(".txt")
        listed = f"./{image['file_name']}" in (out / "train.txt").read_text().split() + (
            (out / "val.txt").read_text().split()
        )
        taught = image["verdict"] == "accepted" or image["hard_negative"]
        assert lines.exists() == listed == taught
    for claim in claims:
        x, y, width, height = claim["bbox"]
        assert 0 <= x <= x + width <= 640
        assert 0 <= y <= y + height <= 360
    check_lessons(out, coco, report.lessons)
    with pytest.raises(ExportError, match="new or empty"):
        export_verdicts(house.services.engine, root, out, options)


def check_lessons(out: Path, coco: dict[str, Any], count: int) -> None:
    """The folder is a picture set: the accepted claim is a label, the wrong one is known to be
    none, the lawful one teaches nothing."""
    pictures = {picture.path.name: picture for picture in read_set(out)}
    assert len(pictures) == count == 2
    claims = {a["image_id"]: a["bbox"] for a in coco["annotations"] if a["source"] == "claim"}
    for image in coco["images"]:
        name = Path(image["file_name"]).name
        if image["reason"] == "lawful":
            assert name not in pictures
            continue
        picture = pictures[name]
        assert licence_allows(picture.licence)
        assert picture.group == f"{image['camera_id']}/{image['date_captured'][:10]}"
        assert picture.split == split_of(picture.group)
        if image["hard_negative"]:
            assert set(picture.labelled) == {
                LABELS.index(c) for c in ("stall", "parasol", "tricycle")
            }
            assert len(picture.boxes) == 0
        else:
            x, y, width, height = claims[image["id"]]
            assert picture.labelled == {STALL}
            assert picture.class_id.tolist() == [STALL]
            centre = (x + width / 2) / 640, (y + height / 2) / 360, width / 640, height / 360
            np.testing.assert_allclose(picture.boxes[0], centre, atol=1e-4)


def test_a_camera_day_keeps_its_split_whatever_else_is_exported(
    house: Any, operator: httpx.Client, tmp_path: Path
) -> None:
    for item in operator.get("/api/v1/incidents", params={"limit": 60}).json()["items"]:
        if item["review"] == "pending":
            judge(operator, item, action="reject", reason="not_there")
    engine, root = house.services.engine, house.services.settings.evidence_root
    everything = export_verdicts(engine, root, tmp_path / "all", ExportOptions(LABELS))
    some = ExportOptions(LABELS, Which(types=("garbage",)))
    export_verdicts(engine, root, tmp_path / "some", some)
    splits = {picture.path.name: picture.split for picture in read_set(tmp_path / "all")}
    fewer = {picture.path.name: picture.split for picture in read_set(tmp_path / "some")}
    assert 0 < len(fewer) < len(splits)
    assert fewer.items() <= splits.items()
    assert everything.kept_back == list(splits.values()).count("val")


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def two_heaps(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Any, Any, tuple[float, ...]]]:
    """A house, an accepted heap, another claimed in the same picture, and where the first was."""
    url = ""
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"))
    with contextmanager(open_house)(tmp_path_factory.mktemp("heaps"), database_url=url) as house:
        client = house.sign_in("operator")
        items = client.get("/api/v1/incidents", params={"type": "garbage"}).json()["items"]
        judge(client, items[0], action="accept")
        with Session(house.services.engine) as session:
            mine, other = (sighting_of(session, item) for item in items[:2])
            claimed = tuple(mine.body["xyxy_norm"])
            mine.body = {**mine.body, "xyxy_norm": [0.0, 0.0, 0.1, 0.1]}  # it moved since
            for name in ("camera_id", "view_id", "started_at", "observed_at"):
                setattr(other, name, getattr(mine, name))
            message = session.get_one(SightingMessageRow, (other.sighting_id, 0))
            message.xyxy_norm, message.observed_at = [0.7, 0.8, 0.9, 0.9], mine.observed_at
            session.commit()
        yield house, items[0], items[1], claimed


def sighting_of(session: Session, item: dict[str, Any]) -> SightingRow:
    mine = SightingRow.incident_id == UUID(item["incident_id"])
    return session.scalars(sa.select(SightingRow).where(mine)).one()


def exported(house: Any, out: Path) -> Any:
    """The one picture that the accepted heap made."""
    options = ExportOptions(LABELS, Which(types=("garbage",)), licence="CC0")
    root = house.services.settings.evidence_root
    export_verdicts(house.services.engine, root, out, options)
    return next(p for p in read_set(out) if len(p.boxes))


def test_the_claim_is_that_of_the_pictures_own_moment(two_heaps: Any, tmp_path: Path) -> None:
    house, _, _, claimed = two_heaps
    picture = exported(house, tmp_path / "out")
    x, y = (claimed[0] + claimed[2]) / 2, (claimed[1] + claimed[3]) / 2
    np.testing.assert_allclose(picture.boxes[0][:2], (x, y), atol=1e-4)


def test_what_else_was_claimed_in_the_picture_is_open(two_heaps: Any, tmp_path: Path) -> None:
    house, _, _, _ = two_heaps
    picture = exported(house, tmp_path / "out")
    expected = [[LABELS.index("garbage"), 0.8, 0.85, 0.2, 0.1]]
    np.testing.assert_allclose(picture.doubts, expected, atol=1e-6)


@pytest.mark.parametrize("change", ["ended before", "another view", "began later", "another type"])
def test_claims_of_another_time_place_or_kind_are_not(
    two_heaps: Any, tmp_path: Path, change: str
) -> None:
    house, _, other, _ = two_heaps
    with Session(house.services.engine) as session:
        row = sighting_of(session, other)
        before = {name: getattr(row, name) for name in ("view_id", "type", "started_at", "phase")}
        before["observed_at"] = row.observed_at
        later = row.observed_at + timedelta(minutes=5)
        changed: dict[str, dict[str, Any]] = {
            "ended before": {"phase": "ended", "observed_at": row.observed_at - timedelta(hours=1)},
            "another view": {"view_id": "elsewhere"},
            "began later": {"started_at": later, "observed_at": later},
            "another type": {"type": "crowding"},
        }
        for name, value in changed[change].items():
            setattr(row, name, value)
        session.commit()
        try:
            assert len(exported(house, tmp_path / "out").doubts) == 0
        finally:
            for name, value in before.items():
                setattr(row, name, value)
            session.commit()


def test_a_claim_that_was_denied_is_not_open(two_heaps: Any, tmp_path: Path) -> None:
    house, _, other, _ = two_heaps
    judge(house.sign_in("operator"), other, action="reject", reason="not_there")
    assert len(exported(house, tmp_path / "out").doubts) == 0


def test_labels_of_which_verdicts_speak_must_be_known(house: Any, tmp_path: Path) -> None:
    root = house.services.settings.evidence_root
    options = ExportOptions(labels=("person", "garbage"))
    with pytest.raises(ExportError, match="bare_head"):
        export_verdicts(house.services.engine, root, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_jpeg_size_of_what_is_no_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    for content in (b"", b"GIF89a", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8" + b"\x00" * 40):
        path.write_bytes(content)
        assert jpeg_size(path) is None
