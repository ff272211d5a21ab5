"""Finds real things in annotated pictures: heaps, people, bins, stalls (file input).

Only pictures of the validation split are used: the shipped detector learned from the others. (Its
thresholds were chosen on that split, and a counted twin of a picture may teach a density weight.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from sample_videos.errors import SampleError
from sample_videos.pictures import cutout_name

_T = TypeVar("_T")
_GARBAGE, _HELMET, _BARE, _PERSON = 3, 1, 2, 0
_LEAST_HEAP_PX = 110
_LEAST_PERSON_PX = 230

CLOSED_BINS = tuple(
    f"garbage/images/{name}"
    for name in (
        "cdcm_00149.webp#230,123,438,348", "cdcm_00194.webp#92,138,323,363",
        "cdcm_00203.webp#145,219,434,507", "neg_0091.webp#253,215,403,381",
        "neg_0102.webp#92,158,253,306", "neg_0301.webp#190,149,403,358",
    )
)  # fmt: skip
"""Closed bins of the set garbage that come out whole, judged by eye."""
OVERFLOWING_BINS = (
    "garbage/images/cdcm_00009.webp#323,87,536,283",
    "garbage/images/cdcm_00171.webp#138,115,346,311",
)
"""The two overflowing bins of the set that come out whole, judged by eye."""
STALLS = (
    ("vending/images/hand_a14_2.webp#151,159,500,403", 2.3),
    ("vending-street/images/pn_train_28.webp#811,312,1024,480", 2.0),
    ("vending-street/images/shtB_train_170.webp#205,127,485,273", 2.8),
    ("vending-street/images/shtB_train_174.webp#336,138,593,266", 2.8),
)
"""Stalls seen from the front, and their height in metres: clothes, fruit, two tents with people."""
VANS = (
    ("vending/images/neg_0162.webp#28,95,152,214", "car"),
    ("helmet/images/panly_00165.webp#198,91,413,250", "truck_bus"),
    ("garbage/images/neg_0157.webp#208,253,317,375", "car"),
)
"""Vehicles at the kerb that come out whole, judged by eye, and what they are labelled as."""
BYSTANDERS = tuple(
    f"helmet/images/{name}"
    for name in (
        "rf100cs_00044.webp#221,125,294,358", "rf100cs_00702.webp#164,86,279,391",
        "rf100cs_00702.webp#279,9,427,391", "rf100cs_00702.webp#518,24,614,391",
        "rf100cs_00702.webp#56,48,189,391", "rf100cs_00068.webp#462,85,541,365",
        "rf100cs_00108.webp#154,15,248,281", "rf100cs_00108.webp#248,19,337,281",
        "rf100cs_00244.webp#25,5,221,640", "rf100cs_00505.webp#149,151,266,403",
        "rf100cs_00596.webp#263,83,351,360", "rf100cs_00620.webp#356,133,438,400",
        "rf100cs_00739.webp#191,76,286,324", "rf100cs_00797.webp#87,153,217,532",
        "rf100cs_00902.webp#218,65,321,352", "rf100cs_00902.webp#335,84,427,362",
    )
)  # fmt: skip
"""Standing people who come out whole, but for three (`HELMETED`), judged by eye."""
BARE = BYSTANDERS[:5]
"""Those of them without a helmet."""


SPOILT_HEAPS = frozenset({
    "cdcm_00012.webp#161,111,495,285", "cdcm_00055.webp#11,346,372,564",
    "cdcm_00062.webp#92,216,380,354", "cdcm_00113.webp#204,392,440,553",
    "cdcm_00132.webp#38,403,203,564", "cdcm_00158.webp#125,449,318,564",
    "cdcm_00194.webp#120,415,277,564", "cdcm_00200.webp#138,269,564,448",
    "cdcm_00227.webp#265,103,564,371", "cdcm_00241.webp#127,164,518,345",
    "amsterdam_00610.webp#115,251,276,380", "amsterdam_00649.webp#23,78,449,253",
    "amsterdam_00665.webp#58,135,380,386",
})  # fmt: skip
"""13 of 27 heaps: they bring the street of their own picture along, or are a dark patch alone.
Judged by eye, from the cut-outs alone."""
SPOILT_PEOPLE = frozenset({
    "rf100cs_00068.webp#462,85,541,365", "rf100cs_00171.webp#251,49,415,399",
    "rf100cs_00204.webp#335,82,449,333",
    "rf100cs_00244.webp#25,5,221,640", "rf100cs_00244.webp#358,47,548,604",
    "rf100cs_00245.webp#392,61,600,594", "rf100cs_00245.webp#61,87,278,597",
    "rf100cs_00279.webp#202,40,300,328", "rf100cs_00309.webp#67,60,328,640",
    "rf100cs_00494.webp#147,34,339,480", "rf100cs_00733.webp#322,91,408,337",
    "rf100cs_00739.webp#191,76,286,324", "rf100cs_00744.webp#164,120,259,364",
    "rf100cs_00759.webp#245,44,438,515", "rf100cs_00764.webp#102,60,204,298",
    "rf100cs_00824.webp#27,188,136,455", "rf100cs_00902.webp#438,86,523,367",
    "syook_00006.webp#268,153,395,555",
})  # fmt: skip
"""18 of 74 people: the cut loses helmet, head or body. Judged by eye, from the cut-outs alone, but
for rf100cs_00204, whose lost helmet was only seen when it gave an alarm."""


def _file(cutout: str) -> str:
    return cutout.rpartition("/")[2]


HELMETED = tuple(name for name in BYSTANDERS[5:] if _file(name) not in SPOILT_PEOPLE)
"""Those of `BYSTANDERS` with a helmet that the cut keeps."""


def heap_cutouts(data: Path) -> list[tuple[str, float]]:
    """Names of cut-outs of heaps, for `Pictures`, and their width by height.

    Raises:
        SampleError: there are none.
    """
    return _some([h for h in _heaps(data) if _file(h[0]) not in SPOILT_HEAPS], data / "garbage")


def head_cutouts(data: Path) -> list[tuple[str, str]]:
    """Names of cut-outs of whole standing people, and "helmet" or "bare".

    Raises:
        SampleError: there are none.
    """
    return _some([p for p in _people(data) if _file(p[0]) not in SPOILT_PEOPLE], data / "helmet")


def _some(found: list[_T], folder: Path) -> list[_T]:
    if not found:
        raise SampleError(f"pictures must be in {folder.parent.name}/{folder.name}, found none")
    return found


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["split"] == "val":
                yield row


def _boxes(folder: Path, row: dict[str, Any]) -> list[tuple[int, float, float, float, float]]:
    """(class, left, top, right, bottom) in pixels."""
    label = folder / "labels" / (Path(row["file"]).stem + ".txt")
    out = []
    for line in label.read_text(encoding="utf-8").split("\n") if label.is_file() else ():
        if not line.strip():
            continue
        kind, cx, cy, w, h = (float(v) for v in line.split()[:5])
        width, height = row["width"], row["height"]
        out.append((int(kind), (cx - w / 2) * width, (cy - h / 2) * height,
                    (cx + w / 2) * width, (cy + h / 2) * height))  # fmt: skip
    return out


def _heaps(data: Path) -> Iterator[tuple[str, float]]:
    folder = data / "garbage"
    for row in _rows(folder):
        if row.get("negative") or row.get("granularity") != "heap":
            continue
        boxes = [b for b in _boxes(folder, row) if b[0] == _GARBAGE]
        for _, left, top, right, bottom in boxes:
            wide, high = right - left, bottom - top
            inside = left > 4 and right < row["width"] - 4
            if min(wide, high) >= _LEAST_HEAP_PX and inside and wide < 2.5 * high:
                yield cutout_name(f"garbage/{row['file']}", (left, top, right, bottom)), wide / high


def _people(data: Path) -> Iterator[tuple[str, str]]:
    """Whole standing people of whom exactly one head is labelled."""
    folder = data / "helmet"
    for row in _rows(folder):
        boxes = _boxes(folder, row)
        for _, left, top, right, bottom in (b for b in boxes if b[0] == _PERSON):
            wide, high = right - left, bottom - top
            heads = [
                b for b in boxes
                if b[0] in (_HELMET, _BARE) and left <= (b[1] + b[3]) / 2 <= right
                and top - 5 <= (b[2] + b[4]) / 2 <= top + high
            ]  # fmt: skip
            if high < _LEAST_PERSON_PX or not 2.0 < high / max(wide, 1) < 4.0 or len(heads) != 1:
                continue
            head = "helmet" if heads[0][0] == _HELMET else "bare"
            box = (left, max(top, 0), right, bottom)
            yield cutout_name(f"helmet/{row['file']}", box), head
