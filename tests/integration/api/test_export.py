"""Verdicts as training data: COCO and YOLO agree with the store, hard negatives are clean."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from builders.house import open_house
from sqlalchemy.orm import Session

from api.errors import ExportError
from api.export import ExportOptions, export_verdicts, jpeg_size
from api.lessons import split_of
from models.labels import LABELS as ALL
from models.training.manifest import licence_allows, read_set
from pipeline.ledger.codec import box_of
from pipeline.ledger.tables import SightingRow

LABELS = ("person", "helmet", "bare_head", "garbage", "overflowing_bin", "bin", "stall")
STALL = ALL.index("stall")


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
        taught = image["verdict"] == "accepted" or image["hard_negative"]
        assert lines.exists() == taught
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
            assert set(picture.labelled) == {ALL.index(c) for c in ("stall", "parasol", "tricycle")}
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
    some = ExportOptions(LABELS, types=("garbage",))
    export_verdicts(engine, root, tmp_path / "some", some)
    splits = {picture.path.name: picture.split for picture in read_set(tmp_path / "all")}
    fewer = {picture.path.name: picture.split for picture in read_set(tmp_path / "some")}
    assert 0 < len(fewer) < len(splits)
    assert fewer.items() <= splits.items()
    assert everything.kept_back == list(splits.values()).count("val")


def test_the_claim_is_that_of_the_picture_and_what_else_was_claimed_there_is_open(
    tmp_path: Path,
) -> None:
    with contextmanager(open_house)(tmp_path / "house") as house:
        client, engine = house.sign_in("operator"), house.services.engine
        items = client.get("/api/v1/incidents", params={"type": "garbage"}).json()["items"]
        judge(client, items[0], action="accept")
        with Session(engine) as session:
            mine, other = (
                session.scalars(
                    sa.select(SightingRow).where(
                        SightingRow.incident_id == UUID(item["incident_id"])
                    )
                ).one()
                for item in items[:2]
            )
            claimed = box_of(mine.body["xyxy_norm"])
            mine.body = {**mine.body, "xyxy_norm": [0.0, 0.0, 0.1, 0.1]}  # it moved since
            other.body = {**other.body, "xyxy_norm": [0.7, 0.8, 0.9, 0.9]}
            for name in ("camera_id", "view_id", "started_at", "observed_at"):
                setattr(other, name, getattr(mine, name))
            session.commit()
        options = ExportOptions(labels=ALL, types=("garbage",), licence="CC0")
        out, root = tmp_path / "out", house.services.settings.evidence_root
        assert export_verdicts(engine, root, out, options).lessons == 1
        (picture,) = read_set(out)
    x, y = (claimed[0] + claimed[2]) / 2, (claimed[1] + claimed[3]) / 2
    np.testing.assert_allclose(picture.boxes[0][:2], (x, y), atol=1e-4)
    garbage = ALL.index("garbage")
    np.testing.assert_allclose(picture.doubts, [[garbage, 0.8, 0.85, 0.2, 0.1]], atol=1e-6)


def test_jpeg_size_of_what_is_no_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    for content in (b"", b"GIF89a", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8" + b"\x00" * 40):
        path.write_bytes(content)
        assert jpeg_size(path) is None
