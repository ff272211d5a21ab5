"""The evidence store on a disk: write once, listed before it is there, lost to nobody unnoticed."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

import structlog

from pipeline.evidence.disk import Disk, digest, is_disk_trouble
from pipeline.evidence.errors import CutFailed, EvidenceRefused, EvidenceUnavailable
from pipeline.evidence.manifest import Body, Manifest, load_key
from pipeline.evidence.staging import Staging
from pipeline.types import EvidenceFile

_log = structlog.get_logger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_RECENT_LINES = 256
"""How far back a crash can have left a listed file in staging: one per process that writes."""

Cut = Callable[[Path], None]
"""Writes a file at the path that it is given, e.g. a muxer."""


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """Where an incident's files go: `YYYY/MM/DD/<camera>/<incident>`.

    Attributes:
        day: UTC day of the incident's start.
        camera_id: The camera.
        incident_id: The incident.
        incident_type: Decides how long the files are kept.
    """

    day: date
    camera_id: str
    incident_id: UUID
    incident_type: str

    @property
    def path(self) -> str:
        """Relative to the evidence root, forward slashes."""
        camera = _safe(self.camera_id)
        return f"{self.day:%Y/%m/%d}/{camera}/{self.incident_id}"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One file to write.

    Attributes:
        name: File name, e.g. "clip.mp4"; letters, digits, dot, dash, underscore.
        kind: See `pipeline.types.EvidenceFile`.
        media_type: E.g. "video/mp4".
        start_s: Media time of its first picture, None if it has no time.
    """

    name: str
    kind: str
    media_type: str
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """Whether the disk takes evidence, why not, and since when it is so."""

    available: bool
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """How the store treats its disk.

    Attributes:
        min_free_bytes: Below this much free space nothing is written: the database and Redis
            share the disk, and they come first.
        key_path: Signing key of the manifest, outside of the evidence folder; None for
            `evidence.key` beside it.
        clock: Wall clock, aware UTC.
        on_change: Called with the new state when it changes, in the thread that noticed.
    """

    min_free_bytes: int = 512 * 1024 * 1024
    key_path: Path | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    on_change: Callable[[EvidenceState], None] | None = None


class EvidenceStore:
    """Evidence below one folder; safe from several threads and processes.

    Nothing is touched before the first write, so a broken disk never stops the patrol.
    """

    def __init__(
        self, root: Path, config: EvidenceConfig | None = None, disk: Disk | None = None
    ) -> None:
        self.root = root
        self.config = config or EvidenceConfig()
        self.disk = disk or Disk()
        self._staging = Staging(root)
        self._manifest: Manifest | None = None
        self._state = EvidenceState(True, "", self.config.clock())
        self._lock = Lock()

    @property
    def state(self) -> EvidenceState:
        """Whether the disk took the last thing asked of it; any thread may ask."""
        return self._state

    def write(
        self, folder: EvidenceFolder, item: EvidenceItem, content: bytes | Cut
    ) -> EvidenceFile:
        """Keep a file; all of it or nothing. A path that is kept already is not written again.

        Args:
            folder: The incident.
            item: The file.
            content: Its bytes, or what writes it at a path that it is given.

        Raises:
            EvidenceUnavailable: The disk is full, read-only or broken.
            CutFailed: `content` raised, or wrote nothing.
            EvidenceRefused: The name is not acceptable.
        """
        if not _NAME.fullmatch(item.name):
            raise EvidenceRefused(f"evidence name must be a plain file name, got {item.name!r}")
        relative = f"{folder.path}/{item.name}"
        with self._noticing():
            manifest = self._opened()
            if (self.root / relative).exists() and (kept := self._listed(manifest, relative)):
                return kept
            return self._keep(manifest, folder, item, content)

    def _keep(
        self, manifest: Manifest, folder: EvidenceFolder, item: EvidenceItem, content: bytes | Cut
    ) -> EvidenceFile:
        part = self._staging.new_path(item.name)
        try:
            self._fill(part, content)
            self.disk.sync(part)
            sha256, size = digest(part)
            file = EvidenceFile(
                item.kind,
                f"{folder.path}/{item.name}",
                sha256,
                size,
                item.media_type,
                item.start_s,
            )
            self.disk.make_folder(self.root / folder.path)
            manifest.append(self._added(folder, file, part))
            self.disk.move(part, self.root / file.path)
            return file
        finally:
            with contextlib.suppress(OSError):
                self.disk.remove(part)

    def _fill(self, part: Path, content: bytes | Cut) -> None:
        if isinstance(content, bytes):
            self.disk.write(part, content)
            return
        try:
            content(part)
        except Exception as error:  # whatever a muxer raises, the incident goes on
            if is_disk_trouble(error):
                raise
            if self._too_full():
                raise EvidenceUnavailable(f"disk is full, and a file failed: {error}") from error
            raise CutFailed(f"evidence {part.name} could not be made: {error}") from error
        if not part.exists() or part.stat().st_size == 0:
            raise CutFailed(f"evidence {part.name} must have content, got an empty file")

    def _added(self, folder: EvidenceFolder, file: EvidenceFile, part: Path) -> Body:
        return {
            "op": "add",
            "at": self.config.clock().isoformat(),
            "path": file.path,
            "sha256": file.sha256,
            "bytes": file.bytes,
            "kind": file.kind,
            "media_type": file.media_type,
            "start_s": file.start_s,
            "incident_id": str(folder.incident_id),
            "incident_type": folder.incident_type,
            "staged": f"{part.parent.name}/{part.name}",
        }

    def _listed(self, manifest: Manifest, relative: str) -> EvidenceFile | None:
        found: EvidenceFile | None = None
        for line in manifest.lines():
            if line.body.get("path") == relative:
                found = _file_of(line.body) if line.body.get("op") == "add" else None
        return found

    def open_path(self, relative: str) -> Path:
        """Absolute path of a kept file, to serve it.

        Raises:
            EvidenceRefused: The path leaves the evidence folder, or there is no such file.
        """
        root = self.root.resolve()
        try:
            path = (root / relative).resolve()
        except (OSError, ValueError):
            path = root
        inside = path.is_relative_to(root) and not relative.startswith((".", "/", "manifest."))
        if not inside or not path.is_file():
            raise EvidenceRefused(f"evidence must be a kept file, got {relative[:200]!r}")
        return path

    def probe(self) -> EvidenceState:
        """Look whether the disk takes evidence now, for a health loop; never raises."""
        with contextlib.suppress(EvidenceUnavailable), self._noticing():
            self._opened()
            part = self._staging.new_path("probe")
            self.disk.write(part, b"probe")
            self.disk.sync(part)
            self.disk.remove(part)
        return self._state

    def manifest(self) -> Manifest:
        """The manifest, opened; EvidenceUnavailable when it cannot be."""
        with self._noticing():
            return self._opened()

    def _opened(self) -> Manifest:
        """The manifest, after the first look at the disk."""
        self.disk.make_folder(self.root)
        if self._too_full():
            free = self.disk.free_bytes(self.root)
            least = self.config.min_free_bytes
            raise EvidenceUnavailable(f"disk must have {least} bytes free, got {free}")
        with self._lock:
            if self._manifest is None:
                key = load_key(self.config.key_path or self.root.parent / "evidence.key")
                manifest = Manifest(self.root, key, self.disk)
                self._recover(manifest)
                self._manifest = manifest
            return self._manifest

    def _too_full(self) -> bool:
        return self.disk.free_bytes(self.root) < self.config.min_free_bytes

    def _recover(self, manifest: Manifest) -> None:
        """Finish what a crash interrupted: a file that is listed but still in staging."""

        def finish(left: list[Path]) -> None:
            recent = deque(manifest.lines(), _RECENT_LINES)
            listed = {str(line.body.get("staged")): line.body for line in recent if not line.wrong}
            for path in left:
                body = listed.get(f"{path.parent.name}/{path.name}")
                target = self.root / str(body["path"]) if body else None
                if body and target and not target.exists() and digest(path)[0] == body["sha256"]:
                    self.disk.make_folder(target.parent)
                    self.disk.move(path, target)
                    _log.info("evidence_recovered", path=body["path"])

        self._staging.finish_dead(finish)

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Turn what the disk says into EvidenceUnavailable, and keep the state."""
        try:
            yield
        except EvidenceUnavailable as error:
            self._change(False, str(error))
            raise
        except Exception as error:
            trouble = error if isinstance(error, OSError) else is_disk_trouble(error)
            if trouble is None:
                raise
            reason = f"disk must take evidence, got: {trouble.strerror or trouble}"
            self._change(False, reason)
            raise EvidenceUnavailable(reason) from error
        else:
            self._change(True, "")

    def _change(self, available: bool, reason: str) -> None:
        with self._lock:
            if self._state.available == available:
                return
            state = EvidenceState(available, reason, self.config.clock())
            self._state = state
        (_log.info if available else _log.error)("evidence_disk", ok=available, reason=reason)
        if self.config.on_change is not None:
            self.config.on_change(state)

    def close(self) -> None:
        """Leave staging clean; idempotent."""
        self._staging.close()


def _file_of(body: Mapping[str, Any]) -> EvidenceFile:
    return EvidenceFile(
        body["kind"],
        body["path"],
        body["sha256"],
        body["bytes"],
        body["media_type"],
        body.get("start_s"),
    )


def _safe(camera_id: str) -> str:
    """The camera's id as a folder name; ids that differ never share one."""
    kept = re.sub(r"[^\w.-]", "_", camera_id)[:60].lstrip(".") or "_"
    if kept == camera_id:
        return kept
    return f"{kept}-{hashlib.sha256(camera_id.encode()).hexdigest()[:8]}"
