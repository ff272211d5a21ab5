"""Verdicts as training data: COCO and YOLO agree with the store, hard negatives are clean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.export import ExportError, ExportOptions, export_verdicts, jpeg_size

LABELS = ("person", "helmet", "bare_head", "garbage", "overflowing_bin", "bin", "stall")


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
    options = ExportOptions(labels=LABELS)
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
    with pytest.raises(ExportError, match="new or empty"):
        export_verdicts(house.services.engine, root, out, options)


def test_jpeg_size_of_what_is_no_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    for content in (b"", b"GIF89a", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8" + b"\x00" * 40):
        path.write_bytes(content)
        assert jpeg_size(path) is None
