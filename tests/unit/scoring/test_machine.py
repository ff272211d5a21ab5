"""The machine is named so that figures of two runs can be held against each other."""

from __future__ import annotations

import pytest

from bench.machine import cpu_model, machine, memory_gib

INTEL = "processor\t: 0\nmodel\t\t: 207\nmodel name\t: Intel(R)  Xeon(R) 8481C\nflags : a b\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(INTEL, "Intel(R) Xeon(R) 8481C", id="x86"),
        pytest.param(ARM, None, id="without a name"),
        pytest.param(f"{ARM}\nModel : Raspberry Pi 5\n", "Raspberry Pi 5", id="the board's name"),
        pytest.param("", None, id="no such file"),
    ],
)
def test_processor(text, name):
    assert cpu_model(text) == name


def test_memory():
    assert memory_gib("MemTotal:       16777216 kB\nMemFree: 1 kB\n") == 16.0
    assert memory_gib("") is None


def test_machine_says_processor_cores_memory_and_system(monkeypatch):
    texts = {"/proc/cpuinfo": INTEL, "/proc/meminfo": "MemTotal: 8388608 kB\n"}
    monkeypatch.setattr("bench.machine._text", texts.__getitem__)
    monkeypatch.setattr("bench.machine.os.sched_getaffinity", lambda _: {0, 3}, raising=False)
    monkeypatch.setattr("bench.machine.platform.machine", lambda: "x86_64")
    monkeypatch.setattr(
        "bench.machine.platform.freedesktop_os_release", lambda: {"PRETTY_NAME": "Debian 12"}
    )
    monkeypatch.setattr("bench.machine.platform.system", lambda: "Linux")
    monkeypatch.setattr("bench.machine.platform.release", lambda: "6.1")
    assert machine() == (
        "Intel(R) Xeon(R) 8481C (x86_64), 2 cores usable, 8.0 GiB of memory, Debian 12, Linux 6.1"
    )
