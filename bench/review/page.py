"""The review page in real Chromium: from the key to the next clip's first frame, and its weight."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from playwright.sync_api import Page, sync_playwright

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required")
_WATCH = """() => {
  window.shown = [];
  let pressed = null, before = null;
  document.addEventListener('keydown', () => {
    pressed = performance.now();
    before = document.querySelector('#player video');
  }, true);
  const look = () => {
    const video = document.querySelector('#player video');
    if (pressed !== null && video && video !== before) {
      const at = pressed;
      pressed = null;
      video.requestVideoFrameCallback((now) => window.shown.push(now - at));
    }
    requestAnimationFrame(look);
  };
  look();
}"""
"""A frame counts when the browser has presented it, not when it was decoded."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What was measured.

    Attributes:
        first_frame_s: From each key press to the next clip's first frame on the screen, sorted.
        bytes: Over the wire for the page, without evidence.
    """

    first_frame_s: tuple[float, ...]
    bytes: int


def measure_page(port: int, cookie: str, presses: int) -> PageFigures | None:
    """Accept clip after clip with the key; None without Chromium.

    Args:
        port: Of a server with more than `presses` incidents that have clips.
        cookie: An operator's session.
        presses: How many verdicts.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return None
    name, _, value = cookie.partition("=")
    url = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
        context.add_cookies([{"name": name, "value": value, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/review")
        page.wait_for_selector("#rows .row.current")
        weight = _weight(page)
        page.evaluate(_WATCH)
        for number in range(presses):
            page.wait_for_selector("#verdict .accept:not([disabled])")
            page.wait_for_timeout(1500)  # an operator looks at the clip before the next verdict
            page.keyboard.press("a")
            page.wait_for_function("n => window.shown.length > n", arg=number)
        shown = page.evaluate("window.shown")
        browser.close()
    return PageFigures(tuple(sorted(ms / 1000 for ms in shown)), weight)


def _weight(page: Page) -> int:
    entries = page.evaluate(
        "[performance.getEntriesByType('navigation')[0],"
        " ...performance.getEntriesByType('resource')].map(e => [e.name, e.transferSize])"
    )
    return sum(int(size) for name, size in entries if "/evidence/" not in name)
