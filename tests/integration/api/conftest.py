"""A review server for every test file."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from builders.house import House, new_database, open_house


@pytest.fixture(scope="module")
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One server per test file, on SQLite; the parameter "postgres" asks for the other store."""
    url = ""
    if getattr(request, "param", "sqlite") == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"))
    yield from open_house(tmp_path_factory.mktemp("house"), database_url=url)


@pytest.fixture(scope="module")
def operator(house: House) -> httpx.Client:
    """An operator of the whole city."""
    return house.sign_in("operator")
