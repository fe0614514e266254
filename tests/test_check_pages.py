"""The script that checks built pages finds what is broken in them."""

import runpy
from pathlib import Path

import pytest
from browser import open_browser

CHECK = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "check_pages.py"))
PAGE = '<article class="bd-article" style="width: 300px; overflow: auto">{}</article>'


@pytest.fixture(scope="module")
def browser():
    yield from open_browser()


def complaints_of(browser, folder, content):
    """What is said of a page with this content, beside another page."""
    (folder / "other.html").write_text('<p id="here">Text</p>', encoding="utf-8")
    (folder / "page.html").write_text(PAGE.format(content), encoding="utf-8")
    paths = [folder / "page.html", folder / "other.html"]
    complaints, ids, links = CHECK["look_at"](browser, paths)
    return complaints + CHECK["broken"](ids, links)


def test_a_page_in_order_has_no_complaints(browser, tmp_path):
    content = '<a href="other.html#here">x</a><table><tr><td>x</td></tr></table>'
    assert complaints_of(browser, tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<a href="missing.html">x</a>', "no file"),
        ('<img src="missing.png">', "no file"),
        ('<a href="other.html#there">x</a>', "no anchor #there"),
        ('</article><div style="width: 600px">x</div>', "at 390 pixels: the page is 6"),
        ("<p>The losses are .. math:: x</p>", "markup on the page, '.. math::'"),
        ("<p>See :doc:`other`</p>", "markup on the page, ':doc:`'"),
        ('<table style="width: 350px"><tr><td>x</td></tr></table>', "is 350 wide in 300"),
    ],
)
def test_what_is_broken_is_said(content, said, browser, tmp_path):
    found = complaints_of(browser, tmp_path, content)
    assert found
    assert all(said in complaint for complaint in found)
