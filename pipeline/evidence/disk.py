"""The few operations on files that evidence needs; tests put a full disk in this one's place."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

_UNAVAILABLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EFBIG,
    errno.ENODEV,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.EEXIST,
}


class Disk:
    """The real file system. Every method raises OSError as the system does."""

    def free_bytes(self, folder: Path) -> int:
        """Bytes that this process may still write below the folder."""
        return shutil.disk_usage(folder).free

    def make_folder(self, folder: Path) -> None:
        """Create a folder and its parents."""
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, content: bytes) -> None:
        """Write a new file."""
        path.write_bytes(content)

    def append(self, path: Path, line: bytes) -> None:
        """Append to a file and sync it; on failure the file is cut back to what it was."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        before = os.fstat(fd).st_size
        try:
            written = os.write(fd, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, before)
            raise
        finally:
            os.close(fd)

    def sync(self, path: Path) -> None:
        """Make a file's content, or a folder's names, survive a power cut."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def move(self, source: Path, target: Path) -> None:
        """Rename within one file system, and sync the target's folder."""
        source.replace(target)
        self.sync(target.parent)

    def remove(self, path: Path) -> None:
        """Delete a file; no error when it is gone already."""
        path.unlink(missing_ok=True)


def is_disk_trouble(error: BaseException | None) -> OSError | None:
    """The error, or one behind it, that says that the disk takes nothing; None if none does."""
    for _ in range(8):
        if error is None:
            return None
        if isinstance(error, OSError) and error.errno in _UNAVAILABLE:
            return error
        error = error.__cause__ or error.__context__
    return None


def digest(path: Path) -> tuple[str, int]:
    """(SHA-256 in hex, size in bytes) of a file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256, file.tell()
