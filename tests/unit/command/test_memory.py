"""Freed memory stays: the next picture faults no pages in. In a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PICTURES = """
import resource
from skygrid.memory import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
import numpy as np
def pictures(count):
    for _ in range(count):
        held = [np.zeros(3 << 20, np.uint8) + 1 for _ in range(4)]
        del held
pictures(5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
pictures(40)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    code = _PICTURES.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_pictures_that_come_and_go_fault_no_pages_in() -> None:
    assert faults(keep=True) < 0.05 * faults(keep=False)
