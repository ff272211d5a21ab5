"""What machine a benchmark ran on, in words (reads /proc and the system's name)."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores this process may use, memory and system, as reports print them."""
    model = cpu_model(_text("/proc/cpuinfo")) or platform.processor() or "unknown processor"
    cores = len(os.sched_getaffinity(0))
    parts = [f"{model} ({platform.machine()})", f"{cores} core{'s' if cores > 1 else ''} usable"]
    memory = memory_gib(_text("/proc/meminfo"))
    if memory is not None:
        parts.append(f"{memory:.1f} GiB of memory")
    return ", ".join([*parts, _system()])


def cpu_model(cpuinfo: str) -> str | None:
    """The processor's name in the text of /proc/cpuinfo; None where it has none, as on ARM."""
    return _value(cpuinfo, "model name") or _value(cpuinfo, "Model")


def memory_gib(meminfo: str) -> float | None:
    """All memory by the text of /proc/meminfo, in GiB."""
    total = _value(meminfo, "MemTotal")
    return int(total.removesuffix("kB")) / 2**20 if total else None


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
    return f"{name}, {platform.system()} {platform.release()}"


def _value(text: str, key: str) -> str | None:
    """What stands behind the first `key:` of a table in /proc."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == key:
            return " ".join(value.split()) or None
    return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
