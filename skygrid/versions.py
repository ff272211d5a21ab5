"""Versions of SkyGrid and of the libraries that decide what it sees, without importing them."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PARTS = ("skygrid", "openvino", "av", "opencv-python", "numpy", "redis", "ultralytics", "torch")


def versions() -> dict[str, str]:
    """Name and version of each part; "not installed" for what a lean install leaves out."""
    found = {"python": platform.python_version()}
    for name in _PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
