"""What Lighthouse would look at: stable layout, sound documents, a phone's width and fingers."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser
PAGES = ("review", "live", "zones", "statistics", "audit", "people", "account", "signin")
GOOD_SHIFT = 0.1
"""Cumulative layout shift that Web Vitals calls good (web.dev/articles/cls)."""
FINGER_PX = 24
"""Least target size of WCAG 2.2, success criterion 2.5.8."""

SHIFT = """() => new Promise(done => {
    let sum = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
    setTimeout(() => done(sum), 1200);
})"""
DOCUMENT = """() => ({
    standards: document.compatMode === 'CSS1Compat',
    charset: document.characterSet === 'UTF-8',
    lang: document.documentElement.lang !== '',
    title: document.title.trim() !== '',
    viewport: document.querySelector('meta[name=viewport]')?.content.includes('width=') ?? false,
    zoomable: !/user-scalable=no|maximum-scale=1/.test(
        document.querySelector('meta[name=viewport]')?.content ?? ''),
    main: document.querySelectorAll('main').length === 1,
    heading: document.querySelectorAll('h1, h2').length > 0,
    uniqueIds: (ids => new Set(ids).size === ids.length)(
        [...document.querySelectorAll('[id]')].map(e => e.id)),
})"""
SMALL = """least => [...document.querySelectorAll('button, select, input, nav a')]
    .filter(e => e.checkVisibility())
    .map(e => [e.outerHTML.slice(0, 90), (e.closest('label') ?? e).getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < least || box.height < least))
    .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""


def test_pages_do_not_jump_and_are_sound(house: Any, desk: Any) -> None:
    with desk() as boss:
        failed: list[str] = []
        boss.page.on(
            "response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None
        )
        boss.sign_in(house.url, "administrator")
        for name in PAGES:
            boss.page.goto(f"{house.url}/{name}")
            boss.page.wait_for_load_state("load")
            shift = boss.page.evaluate(SHIFT)
            assert shift <= GOOD_SHIFT, f"{name} jumps by {shift:.2f}"
            unsound = [key for key, good in boss.page.evaluate(DOCUMENT).items() if not good]
            assert unsound == [], name
        assert failed == []


def test_a_phone_shows_pages_whole_and_fingers_hit(house: Any, desk: Any) -> None:
    phone = {"width": 390, "height": 844}
    with desk(viewport=phone, has_touch=True, is_mobile=True) as boss:
        boss.sign_in(house.url, "administrator")
        for name in PAGES:
            boss.page.goto(f"{house.url}/{name}")
            boss.page.wait_for_load_state("load")
            boss.page.wait_for_timeout(500)
            wide = boss.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= phone["width"], f"{name} is {wide} px wide"
            assert boss.page.evaluate(SMALL, FINGER_PX) == [], name
