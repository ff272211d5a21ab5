"""The builders of `tests/builders/ledger.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def build() -> ModuleType:
    path = Path(__file__).parents[2] / "builders" / "ledger.py"
    spec = importlib.util.spec_from_file_location("ledger_builders", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ledger_builders"] = module
    spec.loader.exec_module(module)
    return module
