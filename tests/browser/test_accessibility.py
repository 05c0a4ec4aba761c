"""axe on every tab, light and dark, wide and narrow: nothing serious or critical."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
SERIOUS = {"serious", "critical"}
STILL = "* { transition: none !important; animation-duration: 0s !important; }"


def findings(page):
    """What axe finds once nothing is dimmed by waiting for an answer: light and dark, wide and
    narrow. Of the dark page only what has to do with colours."""
    page.wait_for_function("!document.querySelector('.pending')")
    serious = []
    for scheme, width in (("dark", 1280), ("dark", 390), ("light", 390), ("light", 1280)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"document.body.classList.contains('dark') == {json.dumps(scheme == 'dark')}")
        options = {"runOnly": ["color-contrast", "link-in-text-block"]} if scheme == "dark" else {}
        serious += [
            (scheme, width, rule["id"], node["html"][:160], node["any"][:1] and node["any"][0].get("message"))
            for rule in Axe().run(page, options=options).response["violations"]
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
        ]
    return serious


def test_every_tab_is_free_of_serious_findings(visit):
    visitor = visit(reduced_motion="reduce")
    page = visitor.page
    page.add_style_tag(content=STILL)
    assert findings(page) == []
    visitor.tokens()
    page.locator("#nudge").click()
    expect(page.locator("#stack li")).to_have_count(1)
    expect(page.locator("#written mark").first).to_be_visible()
    assert findings(page) == []
    visitor.tab("Weights")
    expect(page.locator("#number-line svg")).to_be_visible()
    for name in ("Which weights", "Number formats compared", "Text to measure on"):
        page.get_by_role("button", name=name).click()
    page.get_by_label("Quantize", exact=True).check()
    page.locator("#sweep").click()
    expect(page.locator("#swept .pg-dot").nth(1)).to_be_visible(timeout=180_000)
    page.locator("#stop-measuring").click()
    expect(page.locator("#swept")).to_contain_text("Stopped", timeout=180_000)
    assert findings(page) == []
    visitor.tab("Adapters")
    expect(page.locator("#adapter-look table")).to_be_visible()
    expect(page.locator("#train-estimate table")).to_be_visible(timeout=180_000)
    for name in ("Upload an adapter", "Mix several", "Extract a LoRA", "Settings", "Memory calc"):
        page.get_by_role("button", name=name).click()
    assert findings(page) == []
    visitor.tab("Merge")
    expect(page.locator("#merge-hint")).to_contain_text("average")
    for name in ("What merging needs", "What the walk measures", "As mergekit's YAML"):
        page.get_by_role("button", name=name).click()
    assert findings(page) == []
    visitor.tab("Documents")
    page.locator("#search").click()
    expect(page.locator("#hybrid-hits li").first).to_be_visible()
    page.locator("#bm25-hits summary").first.click()
    for name in (
        "How to search",
        "How well does it find",
        "Your own documents",
        "Look at the passages",
        "Ask your own questions",
    ):
        page.locator("button.label-wrap", has_text=name).click()
    page.locator("#evaluate").click()
    expect(page.locator("#evaluated table")).to_be_visible(timeout=180_000)
    page.locator("#evaluated summary").first.click()
    page.locator("#corpus-copy").click()
    page.locator("#passages [data-do]").first.click(timeout=180_000)
    expect(page.locator("#passage-text textarea")).to_be_visible()
    assert findings(page) == []
    visitor.tab("Compare")
    page.locator("#example-retrieve").click()
    expect(page.locator("#answers .pg-asked")).to_have_count(0, timeout=180_000)  # the example has gone
    expect(page.locator("#answers .pg-answer")).to_have_count(3, timeout=180_000)
    expect(page.locator("#answers .pg-cursor")).to_have_count(0, timeout=180_000)
    for name in ("How passages go into", "What is a poisoned", "Many questions at once", "How many questions"):
        page.locator("button.label-wrap", has_text=name).click()
    page.locator("#sources-table").get_by_role("button", name="Base · BM25").click()
    expect(page.locator("#sources-opened table")).to_be_visible()
    for summary in page.locator("#answers summary").all():
        summary.click()
    page.locator("#answers button", has_text="Take it away").first.click()
    expect(page.locator(".pg-taken .pg-answer")).to_have_count(2, timeout=180_000)
    expect(page.locator(".pg-taken .pg-cursor")).to_have_count(0, timeout=180_000)
    assert findings(page) == []
    visitor.tab("Fact lab")
    page.locator("#lab-famous").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=180_000)
    for box in page.locator("#lab-ways input[type=checkbox]").all():
        box.set_checked(box.get_attribute("name") in ("in_context", "nudge"))
    page.locator("#lab-teach").click()
    expect(page.locator("#lab-status")).to_contain_text("Ways tried: 2", timeout=180_000)
    page.locator("#lab-table [data-column=locality]").nth(1).click()
    expect(page.locator("#lab-cell tbody tr")).to_have_count(3)
    for name in ("Where is the fact?", "Facts in a row", "What else changed?"):
        page.locator("button.label-wrap", has_text=name).click()
    page.locator("#lab-trace-go").click()
    expect(page.locator("#lab-trace svg.pg-chart")).to_be_visible(timeout=180_000)
    expect(page.locator("#lab-trace-use")).to_be_visible()
    expect(page.locator("#lab-trace .wrap:not(.hide)")).to_have_count(0, timeout=180_000)
    page.locator("#lab-collateral-go").click()
    expect(page.locator("#lab-collateral table")).to_be_visible(timeout=180_000)
    assert findings(page) == []
    visitor.tab("Learn")
    expect(page.locator("#guide h2").first).to_be_visible()
    assert findings(page) == []


def test_cards_and_their_verdict_are_free_of_serious_findings(visit):
    page = visit(reduced_motion="reduce").page
    page.add_style_tag(content=STILL)
    page.locator("#ask-try").click()
    verdict = page.locator("#ask-cards .pg-final")
    expect(verdict).to_contain_text("(so far)", timeout=180_000)  # until then the example stands there
    expect(verdict).not_to_contain_text("(so far)", timeout=300_000)
    page.locator("#ask-new textarea, #ask-new input").fill("at 8:00")
    page.locator("#ask-change-go").click()
    expect(page.locator("#ask-cards .pg-then .pg-card h4").last).to_have_text("Trained (LoRA)", timeout=180_000)
    expect(page.locator("#ask-stop")).to_be_hidden()
    for summary in page.locator("#ask-cards summary").all():
        summary.click()
    for name in ("A file, or documents", "How it is tried"):
        page.locator("button.label-wrap", has_text=name).click()
    page.locator("#ask-answer textarea, #ask-answer input").fill("at 8:00")  # greys what was answered before
    expect(page.locator("#ask-cards.pg-stale")).to_have_count(1)
    assert findings(page) == []
