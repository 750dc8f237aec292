"""What a reader of MLflow's pages sees, in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.tracking.study import WIDTH

pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser, pages):
    """A page of a browser that may take its time; at the end, all it asked for has been asked of this machine."""
    asked = []
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.close()
    assert asked
    assert [url for url in asked if not re.match(rf"(blob:)?{pages.uri}/", url)] == []


def test_a_reader_goes_from_the_study_to_an_arm_to_a_seed_to_its_curve_and_to_the_figures(page, pages):
    expect.set_options(timeout=60_000)
    cells = page.locator("[role=gridcell][col-id='attributes.`Run Name`']")
    names = cells.get_by_role("link")

    def open_up(name):
        cells.filter(has=page.get_by_role("link", name=name, exact=True)).get_by_role("button").click()

    page.goto(f"{pages.uri}/#/experiments")
    page.get_by_text("Model training", exact=True).click()
    page.get_by_role("link", name="fedspeed/desk").first.click()
    expect(page.get_by_text("FedSpeed", exact=True).first).to_be_visible()
    expect(names).to_have_text(["study"])
    open_up("study")
    expect(names).to_have_count(3)
    open_up("fedavg / dirichlet")
    expect(names).to_have_count(5)
    seeds = [f"fedavg / dirichlet / seed {seed}" for seed in (1, 2)]
    assert set(names.all_inner_texts()) == {"study", "fedavg / dirichlet", "fedspeed / dirichlet", *seeds}

    page.get_by_role("link", name=seeds[1], exact=True).click()
    expect(page.get_by_text("Parent run", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="fedavg / dirichlet", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Model metrics").click()
    curve = page.locator(".js-plotly-plot .scatterlayer .trace").first
    expect(curve.locator(".point")).to_have_count(3)
    expect(page.get_by_text("accuracy", exact=True).first).to_be_visible()

    page.get_by_role("tab", name="Overview").click()
    page.get_by_role("link", name="fedavg / dirichlet", exact=True).click()
    page.get_by_role("link", name="study", exact=True).click()
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("figures", exact=True).click()
    page.get_by_text("curves.png").click()
    picture = page.get_by_role("img", name="figures/curves.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == WIDTH
