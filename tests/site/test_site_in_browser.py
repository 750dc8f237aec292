"""The committed evidence's site in a real browser: what a reader clicks, tabs to, sees on a phone and in the dark."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.site.conftest import SLUGS

pytestmark = pytest.mark.slow

PAGES = ["index.html", *(f"{slug}.html" for slug in SLUGS)]
OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"

# Whatever Tab should stop at, in the order of the page: not what a closed <details> hides.
STOPS = """[...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
    .filter(e => e.checkVisibility()).map(e => e.outerHTML)"""

# Every visible piece of text with its size, its place, and its colours as they are painted.
TEXTS = """() => {
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const background = e => {
        for (; e; e = e.parentElement) {
            const colour = rgb(getComputedStyle(e).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
            if (colour[3] > 0) throw new Error(`half a background: ${e.outerHTML.slice(0, 80)}`);
        }
        throw new Error('no background');
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (!text || !e.checkVisibility() || e.closest('.skip')) continue;
        const style = getComputedStyle(e), range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        const box = range.getBoundingClientRect();
        const [a, b] = [light(rgb(style.color)), light(background(e))].sort((x, y) => y - x);
        found.push({text: text.slice(0, 60), size: parseFloat(style.fontSize), contrast: (a + 0.05) / (b + 0.05),
            left: box.left, right: box.right, scrolls: !!e.closest('.wide, .picture, pre')});
    }
    return found;
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *told: Any) -> None:
        """A test's output is the test's."""


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The site behind a web server of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(params=["file", "http"])
def base(request: pytest.FixtureRequest, site: Path, served: str) -> str:
    """Where the site begins: a folder, or a server."""
    return served if request.param == "http" else f"{site.as_uri()}/"


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A window of its own; a test parametrises it with what it wants of it."""
    opened = browser.new_context(**getattr(request, "param", {}))
    yield opened
    opened.close()


def visit(context: BrowserContext, address: str) -> Page:
    """Open a page and wait for all it shows."""
    page = context.new_page()
    page.goto(address)
    return page


def test_nothing_fails_nothing_is_said_and_nothing_comes_from_elsewhere(context: BrowserContext, base: str):
    troubles: list[str] = []
    asked: list[str] = []
    context.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    context.on("request", lambda request: asked.append(request.url))
    context.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    context.on("response", lambda answer: troubles.append(answer.url) if answer.status >= 400 else None)
    for name in PAGES:
        page = visit(context, base + name)
        page.wait_for_load_state("networkidle")
        pictures = page.evaluate("[...document.images].map(i => [i.src, i.complete, i.naturalWidth])")
        assert all(complete and width > 0 for _, complete, width in pictures), pictures
        assert bool(pictures) == (name != "index.html")
        page.close()
    assert troubles == []
    assert {f"{base}{name}" for name in PAGES} | {f"{base}style.css"} <= set(asked)
    assert [url for url in asked if not url.startswith((base, "data:"))] == []


def test_every_link_leads_to_something(context: BrowserContext, base: str):
    ids: dict[str, set[str]] = {}
    links: dict[str, list[str]] = {}
    for name in PAGES:
        page = visit(context, base + name)
        ids[base + name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        links[base + name] = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
        page.close()
    reached = set()
    for page_links in links.values():
        for link in page_links:
            target, _, part = link.partition("#")
            if not target.startswith(base):
                assert target.startswith("https://"), link  # a paper, its code
            elif target in ids:
                assert not part or part in ids[target], link
                reached.add(target)
            else:
                assert context.request.get(target).ok if base.startswith("http") else Path(target[7:]).is_file(), link
    assert reached == set(ids)
    assert all(len(page_links) > 10 for page_links in links.values())


@pytest.mark.parametrize("name", PAGES)
def test_tab_stops_at_all_there_is_in_order_and_shows_where_it_is(context: BrowserContext, site: Path, name: str):
    page = visit(context, f"{site.as_uri()}/{name}")
    expected = page.evaluate(STOPS)
    found = []
    for _ in expected:
        page.keyboard.press("Tab")
        stop = page.evaluate("""() => {
            const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
            return {html: e.outerHTML, outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
                seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth};
        }""")
        assert stop["seen"], stop["html"]
        assert stop["outline"] != "none", stop["html"]
        assert stop["width"] >= 2, stop["html"]
        found.append(stop["html"])
    assert found == expected
    assert 'class="skip"' in found[0]


def test_the_skip_link_leads_past_the_navigation(context: BrowserContext, site: Path):
    page = visit(context, f"{site.as_uri()}/{PAGES[1]}")
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_details_open_and_close_and_tables_scroll_by_keyboard(context: BrowserContext, site: Path):
    page = visit(context, f"{site.as_uri()}/{PAGES[1]}")
    page.set_viewport_size({"width": 500, "height": 800})
    summary = page.locator("details:not([open]) > summary").first
    details = summary.locator("xpath=..").element_handle()
    summary.focus()
    for key, wanted in (("Enter", True), ("Space", False), ("Space", True)):
        page.keyboard.press(key)
        assert details.evaluate("d => d.open") is wanted
    page.evaluate(OPEN)
    scrolling = page.evaluate("""[...document.querySelectorAll('main *')].filter(e =>
        e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === 'auto')
        .map(e => [e.tabIndex, e.getAttribute('role'), e.getAttribute('aria-label')])""")
    assert scrolling
    assert all(stop == 0 and role == "region" and label for stop, role, label in scrolling), scrolling
    region = page.get_by_role("region", name="Runs")
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("e => e.scrollLeft > 0", arg=region.element_handle())


def test_an_arms_name_leads_to_its_runs(context: BrowserContext, site: Path):
    page = visit(context, f"{site.as_uri()}/{PAGES[1]}")
    link = page.locator("#results ~ details[open] th a").first
    row = page.locator(f"[id='{link.get_attribute('href')[1:]}']")  # type: ignore[index]
    assert not row.is_visible()
    link.focus()
    page.keyboard.press("Enter")
    row.wait_for(state="visible")
    assert row.locator("th").inner_text().startswith(link.inner_text())
    box = row.bounding_box()
    assert box
    assert 0 <= box["y"] < 600


@pytest.mark.parametrize("context", [{"viewport": {"width": w, "height": 700}} for w in (320, 375)], indirect=True)
def test_a_phone_shows_all_without_scrolling_sideways(context: BrowserContext, site: Path):
    for name in PAGES:
        page = visit(context, f"{site.as_uri()}/{name}")
        page.evaluate(OPEN)
        wide, inner = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert wide <= inner, name
        for text in page.evaluate(TEXTS):
            assert text["size"] >= 12, (name, text)
            assert text["scrolls"] or (text["left"] >= 0 and text["right"] <= inner), (name, text)
        page.close()


@pytest.mark.parametrize("context", [{"color_scheme": scheme} for scheme in ("light", "dark")], indirect=True)
def test_text_stands_out_by_day_and_by_night(context: BrowserContext, site: Path, request: pytest.FixtureRequest):
    for name in PAGES:
        page = visit(context, f"{site.as_uri()}/{name}")
        page.evaluate(OPEN)
        texts = page.evaluate(TEXTS)
        assert len(texts) > 50
        assert [text for text in texts if text["contrast"] < 4.5] == [], name
        night = request.node.callspec.params["context"]["color_scheme"] == "dark"
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(paper) < 60) == night
        page.close()


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_without_javascript_nothing_is_missing(context: BrowserContext, browser: Browser, site: Path):
    with_script = browser.new_context()
    for name in PAGES:
        bare, full = (visit(one, f"{site.as_uri()}/{name}") for one in (context, with_script))
        for page in (bare, full):
            assert page.locator("script").count() == 0
            assert page.locator("img").count() == page.evaluate(
                "[...document.images].filter(i => i.naturalWidth).length"
            )
        assert bare.locator("main").inner_text() == full.locator("main").inner_text()
        details = bare.locator("summary").last
        if name != "index.html":
            details.click()
            assert bare.locator("pre").is_visible()
    with_script.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_in_order_for_those_who_hear_it(context: BrowserContext, site: Path, name: str):
    page = visit(context, f"{site.as_uri()}/{name}")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    assert page.locator("html").get_attribute("lang") == "en"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("[...document.images].every(i => i.alt.trim().length > 10)")
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark
    assert page.locator("nav [aria-current=page]").count() == (name != "index.html")
    assert page.evaluate("[...document.querySelectorAll('th')].every(h => h.scope)")
    labels = page.evaluate("[...document.querySelectorAll('[role=region]')].map(e => e.getAttribute('aria-label'))")
    assert all(labels)
    assert (site / name).stat().st_size < 1_000_000
