"""Reads a site file: YAML, overrides, environment, and errors that name the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase, CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.site.errors import Problem, SiteInvalid, SiteUnreadable
from pipeline.site.settings import CameraSettings, Site
from pipeline.tour.settings import TourSettings

_MAX_BYTES = 16 << 20
_ENV_PREFIX = "SKYGRID_"


def load_site(
    path: Path, overrides: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Site:
    """The validated site of a YAML file.

    Args:
        path: The file; relative paths inside it are resolved against its folder.
        overrides: "key.path=value" strings, as `--set` takes them; numbers index lists.
        environment: Variables such as SKYGRID_QUEUE__REDIS (= queue.redis); overrides win.

    Raises:
        SiteUnreadable: Missing, not YAML, not a mapping.
        SiteInvalid: Every problem with its line.
    """
    tree = _read_tree(path)
    for key, value in [*_from_environment(environment or {}), *map(_split_override, overrides)]:
        _assign(tree, key, value, str(path))
    try:
        site = Site.model_validate(tree)
    except ValidationError as error:
        raise SiteInvalid(str(path), _problems(error, tree)) from None
    return _resolved(site, path.resolve().parent)


def _read_tree(path: Path) -> CommentedMap:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SiteUnreadable(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise SiteUnreadable(f"{path}: must be at most {_MAX_BYTES} bytes, got {len(raw)}")
    try:
        tree = YAML(typ="rt", pure=True).load(StringIO(raw.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise SiteUnreadable(f"{path}: must be UTF-8, byte {error.start} is not") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "-"
        raise SiteUnreadable(f"{path}:{line}: must be YAML: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError, NotImplementedError) as error:
        raise SiteUnreadable(f"{path}: must be YAML: {error}") from error
    if not isinstance(tree, CommentedMap):
        raise SiteUnreadable(f"{path}: must be a mapping with site and cameras at its top")
    return tree


def _from_environment(environment: Mapping[str, str]) -> list[tuple[list[str], str]]:
    found = []
    for name, value in sorted(environment.items()):
        if not name.startswith(_ENV_PREFIX):
            continue
        keys = name.removeprefix(_ENV_PREFIX).lower().split("__")
        if keys[0] in Site.model_fields:
            found.append((keys, value))
    return found


def _split_override(text: str) -> tuple[list[str], str]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise SiteInvalid("--set", [Problem(None, text, "must be key.path=value")])
    return key.strip().split("."), value


def _assign(tree: CommentedMap, keys: list[str], value: str, source: str) -> None:
    node: Any = tree
    try:
        for key, following in pairwise(keys):
            node = _child(node, key, create_list=following.isdigit())
        if isinstance(node, list):
            node[int(keys[-1])] = _scalar(value)
        else:
            node[keys[-1]] = _scalar(value)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        where = ".".join(keys)
        problem = Problem(None, where, f"there is no such place to set: {error}")
        raise SiteInvalid(source, [problem]) from error


def _child(node: Any, key: str, *, create_list: bool) -> Any:
    if isinstance(node, list):
        return node[int(key)]
    if key not in node and not create_list:
        node[key] = CommentedMap()
    return node[key]


def _scalar(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return text


def _problems(error: ValidationError, tree: CommentedMap) -> list[Problem]:
    return [
        Problem(_line_of(tree, e["loc"]), _readable(e["loc"]), _message(e["type"], e["msg"]))
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _readable(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(top)"


def _message(kind: str, text: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key; see `skygrid schema` for what can stand here"
    return text.removeprefix("Value error, ")


def _line_of(tree: CommentedBase, location: tuple[int | str, ...]) -> int | None:
    """The 1-based line of the deepest part of `location` that stands in the file."""
    line: int | None = None
    node: Any = tree
    for part in location:
        try:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
                node = node[part]
            elif isinstance(node, CommentedSeq) and isinstance(part, int):
                line = node.lc.item(part)[0] + 1
                node = node[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            return line
    return line if line is not None else 1


def _resolved(site: Site, folder: Path) -> Site:
    """The same site with paths made absolute against the site file's folder."""
    return site.model_copy(
        update={
            "data_dir": folder / site.data_dir,
            "grid": site.grid and site.grid.model_copy(update={"path": folder / site.grid.path}),
            "cameras": tuple(_resolved_camera(camera, folder) for camera in site.cameras),
        }
    )


def _resolved_camera(camera: CameraSettings, folder: Path) -> CameraSettings:
    changes: dict[str, Any] = {}
    url = camera.url.get_secret_value()
    if "://" not in url:
        changes["url"] = SecretStr(str(folder / url))
    if camera.tour is not None:
        changes["tour"] = _resolved_tour(camera.tour, folder)
    return camera.model_copy(update=changes)


def _resolved_tour(tour: TourSettings, folder: Path) -> TourSettings:
    stops = tuple(
        stop.model_copy(update={"reference": str(folder / stop.reference)})
        if stop.reference
        else stop
        for stop in tour.stops
    )
    return tour.model_copy(update={"stops": stops})
