"""The pages' words: both languages say the same things, reasons read plainly, tables are safe."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest

from api.pages import __file__ as pages_file
from api.settings import REJECT_REASONS
from api.sheets import workbook
from api.texts import Texts, choose

TEXTS = Texts()
PAGES = Path(str(pages_file)).parent


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_places() -> None:
    chinese, english = TEXTS.of["zh"], TEXTS.of["en"]
    assert chinese.keys() == english.keys()
    for key in chinese:
        assert places(chinese[key]) == places(english[key]), key
        assert chinese[key].strip()
        assert english[key].strip()


def test_every_word_that_a_page_asks_for_is_there() -> None:
    asked = set()
    for path in [*PAGES.glob("static/*.js"), *PAGES.glob("templates/*.html")]:
        asked |= set(re.findall(r"""say\(['"]([a-z_.]+[a-z_])['"]""", path.read_text("utf-8")))
    assert len(asked) > 100
    assert asked - TEXTS.of["en"].keys() == set()
    for reason in REJECT_REASONS:
        assert f"reject.{reason}" in TEXTS.of["zh"]


@pytest.mark.parametrize(
    ("code", "detail", "words"),
    [
        ("stands_still", {"dwell_s": 131.0}, "It has lain there for 2 min 11 s"),
        ("attended", {"people": 2}, "2 at it"),
        (
            "attended",
            {"share": 0.87, "kept": 0.61},
            "Somebody stays with it: in 87% of the pictures",
        ),
        ("brand_new", {"x": 1.5}, "brand new (x 1.5)"),
        ("brand_new", {}, "brand new"),
        ("stands_still", {}, "stands still"),
    ],
)
def test_reasons_in_plain_words(code: str, detail: dict[str, float], words: str) -> None:
    assert TEXTS.reason("en", code, detail) == words


def test_values_cannot_reach_into_objects() -> None:
    assert TEXTS.get("en", "done.conflict", {"by": "{0.__class__}", "review": "x"}) == (
        "{0.__class__} was faster: x"
    )


@pytest.mark.parametrize(
    ("wanted", "accept", "default", "language"),
    [
        ("en", "zh-CN", None, "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", None, "zh"),
        (None, "de,en;q=0.5", None, "en"),
        (None, "de", None, "zh"),
        (None, "en", "zh", "zh"),
        ("xx", "en;q=garbled", None, "zh"),
    ],
)
def test_language_is_chosen(
    wanted: str | None, accept: str, default: str | None, language: str
) -> None:
    assert choose(wanted, accept, default) == language  # type: ignore[arg-type]


def test_a_workbook_holds_texts_and_numbers_and_no_formula() -> None:
    book = workbook(["a", "b"], [["=1+1", 2.5], ["<&>\x00", None]])
    with zipfile.ZipFile(BytesIO(book)) as archive:
        assert archive.testzip() is None
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert ">=1+1</t>" in sheet
    assert "<v>2.5</v>" in sheet
    assert "&lt;&amp;&gt;</t>" in sheet
    assert "<f>" not in sheet
