"""The manifest: an append-only list of what was kept and removed, chained and signed.

One JSON object per line. `hash` is the SHA-256 of the line's other members in canonical form,
`prev` (the line before's hash) among them; `mac` is the HMAC-SHA256 of `hash` under a key that
lies outside the evidence folder. `manifest.head` holds the signed number and hash of the last
line, so that lines cut off at the end show too. Only a line that the head does not know yet can
be torn by a crash; such a line is cut off, any other damage is reported and never repaired.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

import structlog

from pipeline.evidence.disk import Disk
from pipeline.evidence.errors import EvidenceUnavailable

_log = structlog.get_logger(__name__)
FIRST = "0" * 64
"""What the first line names as the line before it."""

_KEY_BYTES = 32

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """How many lines there are, and the hash of the last."""

    count: int = 0
    hash: str = FIRST


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read: its number from 0, its members, and what is wrong with it, if anything."""

    number: int
    body: Mapping[str, Any]
    wrong: str | None = None


def load_key(path: Path) -> bytes:
    """The signing key in a file, made on first use; OSError when it cannot be.

    Raises:
        EvidenceUnavailable: What the file holds is no whole key.
    """
    with contextlib.suppress(FileNotFoundError):
        return _read_key(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(_KEY_BYTES)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(key.hex())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # fails when another process was first; then its key counts
    except FileExistsError:
        return _read_key(path)
    finally:
        part.unlink()
    return key


def _read_key(path: Path) -> bytes:
    content = path.read_bytes()
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(content.decode())
        if len(key) == _KEY_BYTES:
            return key
    raise EvidenceUnavailable(
        f"key {path.name} must be {2 * _KEY_BYTES} hex digits, got {len(content)} bytes that are "
        "not; put it back from a copy, or move it away together with the evidence it signed"
    )


class Manifest:
    """`manifest.jsonl` in a folder; safe from several threads and processes."""

    def __init__(self, folder: Path, key: bytes, disk: Disk | None = None) -> None:
        self.path = folder / "manifest.jsonl"
        self._head_path = folder / "manifest.head"
        self._lock_path = folder / "manifest.lock"
        self._key = key
        self._disk = disk or Disk()
        self._threads = RLock()
        self._tail = (-1, Head())

    def append(self, body: Mapping[str, Any]) -> Body:
        """Add a line and make it durable; returns it. OSError when the disk refuses."""
        with self._alone():
            head = self._at_end()
            line = {**body, "n": head.count, "prev": head.hash}
            line["hash"] = _hash(line)
            line["mac"] = self._mac(line["hash"])
            self._disk.append(self.path, _canonical(line) + b"\n")
            self._write_head(Head(head.count + 1, line["hash"]))
            return line

    def lines(self) -> Iterator[Line]:
        """Every line with what is wrong with it, oldest first."""
        prev = FIRST
        for number, raw in enumerate(self._raw_lines()):
            line = self._checked(number, raw, prev)
            yield line
            prev = str(line.body.get("hash", prev))

    def head(self) -> Head | None:
        """The signed head, None when it is missing or forged."""
        try:
            value = json.loads(self._head_path.read_text())
            head = Head(int(value["count"]), str(value["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return head if hmac.compare_digest(str(value.get("mac")), self._head_mac(head)) else None

    def _raw_lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from file
        except FileNotFoundError:
            return

    def _checked(self, number: int, raw: bytes, prev: str) -> Line:
        try:
            body = json.loads(raw) if raw.endswith(b"\n") else None
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return Line(number, {}, "is not a whole line")
        if body.get("hash") != _hash(body):
            return Line(number, body, "was altered")
        if body.get("n") != number or body.get("prev") != prev:
            return Line(number, body, "does not follow the line before")
        if not hmac.compare_digest(str(body.get("mac")), self._mac(body["hash"])):
            return Line(number, body, "has a forged signature")
        return Line(number, body)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                yield
            finally:
                os.close(fd)

    def _at_end(self) -> Head:
        """Where to append: the remembered end, or, after a crash or another process, the real."""
        size = self.path.stat().st_size if self.path.exists() else 0
        known_size, head = self._tail
        return head if size == known_size else self._find_end()

    def _find_end(self) -> Head:
        signed = self.head() or Head()
        head, whole = Head(), 0
        for number, raw in enumerate(self._raw_lines()):
            line = self._checked(number, raw, head.hash)
            if line.wrong == "is not a whole line" and number >= signed.count:
                _log.warning("evidence_manifest_torn", line=number)
                os.truncate(self.path, whole)
                break
            whole += len(raw)
            head = Head(number + 1, str(line.body.get("hash", head.hash)))
        self._tail = (whole, head)
        return head

    def _write_head(self, head: Head) -> None:
        value = {"count": head.count, "hash": head.hash, "mac": self._head_mac(head)}
        part = self._head_path.with_name(".manifest.head.part")
        self._disk.write(part, json.dumps(value).encode())
        self._disk.sync(part)
        self._disk.move(part, self._head_path)
        self._tail = (self.path.stat().st_size, head)

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _head_mac(self, head: Head) -> str:
        return self._mac(f"head {head.count} {head.hash}")


def _hash(line: Mapping[str, Any]) -> str:
    content = {key: value for key, value in line.items() if key not in ("hash", "mac")}
    return hashlib.sha256(_canonical(content)).hexdigest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
