"""All cameras of one process: added while the others go on, and stopped together."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from streams.camera import CLOSE_TIMEOUT_S, Camera, CameraOptions
from streams.health import Health


class CameraFleet:
    """Cameras by id; a context manager that stops them all. Safe for many threads."""

    def __init__(self) -> None:
        self._cameras: dict[str, Camera] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __getitem__(self, camera_id: str) -> Camera:
        with self._lock:
            return self._cameras[camera_id]

    @property
    def cameras(self) -> dict[str, Camera]:
        """The cameras at this moment."""
        with self._lock:
            return dict(self._cameras)

    def add(
        self,
        camera_id: str,
        url: str,
        options: CameraOptions | None = None,
        *,
        start: bool = True,
    ) -> Camera:
        """Take a camera in, and start it unless told not to; the id must be new."""
        camera = Camera(camera_id, url, options)
        with self._lock:
            if camera_id in self._cameras:
                raise ValueError(f"a camera id must be new, got {camera_id!r} again")
            self._cameras[camera_id] = camera
        if start:
            camera.start()
        return camera

    def health(self) -> dict[str, Health]:
        """Return the health of every camera; also restarts readers that hang. Call it regularly."""
        return {camera_id: camera.health for camera_id, camera in self.cameras.items()}

    def start(self) -> None:
        """Start those that do not read yet."""
        for camera in self.cameras.values():
            camera.start()

    def request_stop(self) -> None:
        """Tell all readers to end, without waiting for them."""
        for camera in self.cameras.values():
            camera.request_stop()

    def stop(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Stop all cameras together within `timeout_s`."""
        with self._lock:
            cameras = list(self._cameras.values())
            self._cameras.clear()
        for camera in cameras:
            camera.request_stop()
        deadline_s = time.monotonic() + timeout_s
        for camera in cameras:
            camera.stop(max(0.0, deadline_s - time.monotonic()))
