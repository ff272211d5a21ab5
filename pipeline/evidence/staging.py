"""Where files are made before they are evidence: one folder per process, crash or not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Lock


class Staging:
    """A folder of this process below `root/.staging`, locked while the process lives."""

    def __init__(self, root: Path) -> None:
        self._all = root / ".staging"
        self._fd: int | None = None
        self._mine = self._all / secrets.token_hex(8)
        self._opening = Lock()

    def new_path(self, name: str) -> Path:
        """A path for a new file that ends in `name`, whose suffix muxers go by."""
        with self._opening:
            if self._fd is None or not self._mine.exists():
                self._open()
        return self._mine / f"{secrets.token_hex(4)}-{name}"

    def _open(self) -> None:
        self.close()
        self._mine.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._mine / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def finish_dead(self, finish: Callable[[list[Path]], None]) -> None:
        """Hand over the files of each process that died, then delete what is left of them."""
        for folder in sorted(self._all.iterdir()) if self._all.is_dir() else []:
            if folder == self._mine or not folder.is_dir():
                continue
            fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                finish([path for path in sorted(folder.iterdir()) if path.name != "lock"])
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue  # its process lives
            finally:
                os.close(fd)

    def close(self) -> None:
        """Remove this process's folder; idempotent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            with contextlib.suppress(OSError):
                shutil.rmtree(self._mine)
