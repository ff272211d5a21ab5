"""Which exceptions are the user's business (one clear message) and which are bugs (a traceback)."""

from __future__ import annotations

_OURS = ("streams", "models", "pipeline", "dispatch", "api", "bench", "sample_videos", "skygrid")


def is_expected(error: BaseException) -> bool:
    """True for errors of a folder's own tree: each is defined in a module named `errors`."""
    return any(
        cls.__module__.rpartition(".")[2] == "errors" and cls.__module__.split(".")[0] in _OURS
        for cls in type(error).__mro__
    )
