"""Check built pages in a browser: links, anchors, markup, and widths on a desktop and a phone.

It needs playwright and Chromium or Chrome, and says so and ends where they are missing.

    python docs/check_pages.py docs/_build/pages
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

WIDTHS = (1400, 390)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOOK = """() => ({
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
    links: [...document.querySelectorAll("a[href], img[src], script[src], link[href]")]
        .map((e) => e.href || e.src).filter((link) => link.startsWith("file:")),
    markup: [...document.querySelectorAll(".bd-article p, .bd-article li")]
        .map((e) => e.textContent.match(/\\.\\. [a-z-]+::?|:[a-z]+:`/)).filter((found) => found)
        .map((found) => found[0]),
})"""
WIDE = """() => {
    const found = [];
    const page = document.documentElement;
    if (page.scrollWidth > innerWidth) found.push(`the page is ${page.scrollWidth} pixels wide`);
    for (const table of document.querySelectorAll(".bd-article table")) {
        const column = table.closest(".bd-article").clientWidth;
        const width = Math.max(table.scrollWidth, table.getBoundingClientRect().width);
        if (width > column + 1) {
            const head = table.innerText.slice(0, 30).replaceAll(/\\s+/g, " ");
            found.push(`a table (${head}...) is ${Math.round(width)} wide in ${column}`);
        }
    }
    return found;
}"""


def look_at(browser, paths):
    """What is wrong with widths, and the ids and links of each page."""
    complaints, ids, links = [], {}, {}
    page = browser.new_page()
    for path in paths:
        page.goto(path.as_uri(), wait_until="load")
        seen = page.evaluate(LOOK)
        complaints += [f"{path}: markup on the page, {text!r}" for text in seen["markup"]]
        ids[path], links[path] = set(seen["ids"]), sorted(set(seen["links"]))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 1000})
            complaints += [f"{path} at {width} pixels: {wide}" for wide in page.evaluate(WIDE)]
    return complaints, ids, links


def broken(ids, links):
    """Links to files and to anchors that are not there."""
    complaints = []
    for path, targets in links.items():
        for target in targets:
            parts = urlsplit(target)
            file, anchor = Path(unquote(parts.path)), unquote(parts.fragment)
            if not file.exists():
                complaints.append(f"{path}: no file {file}")
            elif anchor and file in ids and anchor not in ids[file]:
                complaints.append(f"{path}: no anchor #{anchor} in {file}")
    return complaints


def main(folder):
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return print("The pages are not checked: that needs the package playwright.")
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        return print(f"The pages are not checked: none of {', '.join(BROWSERS)} is installed.")
    paths = sorted(
        path for path in Path(folder).resolve().rglob("*.html") if "_static" not in path.parts
    )
    if not paths:
        sys.exit(f"There are no pages in {folder}. Build them with make pages.")
    with sync_playwright() as started:
        # The sandbox does not work for root, who runs containers.
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        complaints, ids, links = look_at(browser, paths)
        browser.close()
    complaints += broken(ids, links)
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{len(paths)} pages: links, anchors, widths and markup are in order.")


if __name__ == "__main__":
    main(*sys.argv[1:])
