"""A running review server, and real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from builders.house import PASSWORD, House, open_house
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; missing: skip on a laptop, fail in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium must be installed in CI")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server per test file, with 30 incidents."""
    yield from open_house(tmp_path_factory.mktemp("house"), 30)


class Desk:
    """An operator's page, and everything that went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrong.append(f"console: {message.text}")

    def sign_in(self, url: str, username: str = "operator") -> None:
        """Sign in by the form and wait for the queue."""
        self.page.goto(f"{url}/signin")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_selector("#rows .row.current")

    def ids(self) -> list[str]:
        """Incidents in the list, top to bottom."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('#rows .row')].map(row => row.dataset.id)"
        )
        return found

    def current(self) -> str | None:
        """The incident on the stage."""
        script = "document.querySelector('#rows .row.current')?.dataset.id ?? null"
        found: str | None = self.page.evaluate(script)
        return found


@pytest.fixture
def desk(browser: Browser) -> Iterator[Callable[..., Any]]:
    """Makes desks: `with desk() as d`; each is a browser profile of its own."""

    @contextmanager
    def make(**options: Any) -> Iterator[Desk]:
        size = {"width": 1366, "height": 768}
        context = browser.new_context(**{"viewport": size, "locale": "en-GB", **options})
        context.set_default_timeout(45_000)
        made = Desk(context.new_page())
        try:
            yield made
            assert made.wrong == []
        finally:
            context.close()

    return make
