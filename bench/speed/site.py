"""The site file of a measured patrol (writes a file)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def write_site(folder: Path, weights: str, cameras: Sequence[dict[str, Any]], **more: Any) -> Path:
    """A site in `folder` with one inference thread and its data beside the file.

    Args:
        folder: Where to write.
        weights: Name or directory of the weight.
        cameras: As in a site file.
        more: Other sections of the file.
    """
    path = folder / "site.yaml"
    site = {
        "site": "bench",
        "data_dir": "data",
        "detector": {"weights": weights, "threads": 1},
        "monitor": {"port": 0},
        **more,
        "cameras": list(cameras),
    }
    with path.open("w") as stream:
        YAML().dump(site, stream)
    return path
