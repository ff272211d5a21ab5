"""Evidence stores, folders and items for tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from pipeline.evidence.disk import Disk
from pipeline.evidence.store import (
    EvidenceConfig,
    EvidenceFolder,
    EvidenceItem,
    EvidenceStore,
)
from pipeline.evidence.verify import verify

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLIP = EvidenceItem("clip.mp4", "clip", "video/mp4", 1.5)
STILL = EvidenceItem("still.jpg", "snapshot", "image/jpeg")


def folder(
    name: str = "a", incident_type: str = "garbage", camera: str = "gate-3"
) -> EvidenceFolder:
    """A folder of 1 June 2026, the same for the same name."""
    return EvidenceFolder(date(2026, 6, 1), camera, uuid5(NAMESPACE_URL, name), incident_type)


def new_store(root: Path, disk: Disk | None = None, **settings: object) -> EvidenceStore:
    """A store that minds no free space, at NOW; `settings` replace fields of EvidenceConfig."""
    values: dict[str, object] = {"min_free_bytes": 0, "clock": lambda: NOW}
    return EvidenceStore(root, EvidenceConfig(**{**values, **settings}), disk)


def kinds(store: EvidenceStore) -> list[str]:
    """Kinds of the problems that verification finds."""
    return [problem.kind for problem in verify(store).problems]
