"""Coming back, coming from elsewhere, and not being alone."""

import re

import pytest
from playwright.sync_api import expect

from playground.ui import layout
from playground.ui.text import EN

pytestmark = [pytest.mark.browser, pytest.mark.weights]
PAGES = tuple(EN[f"tab_{own[0].id}"] for own in layout.PAGES.values() if len(own) == 1)
PARTS = tuple(EN[f"tab_{tab.id}"] for tab in layout.PAGES["change"])


def at_rest(page, stored):
    """What the browser keeps, once it has been the same for a second: fields of a tab are kept as it opens."""
    last = None
    while (now := page.evaluate(stored)) != last:
        last = now
        page.wait_for_timeout(1_000)
    return now


def test_a_reload_and_a_restart_of_the_server_lose_nothing(tiny_visit, tiny_server):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tokens()
    page.locator("#nudge").click()
    expect(page.locator("#stack li")).to_have_count(1)
    visitor.tab("Weights")
    page.locator("#apply").click()
    expect(page.locator("#stack li").nth(1)).to_contain_text("Tensors changed: 8")
    visitor.tab("Compare")
    stored = "localStorage.getItem('weights-playground-drafts')"
    before = at_rest(page, stored)
    page.locator("#prompt textarea").fill("Who lives in the lighthouse?")
    page.wait_for_function(f"before => {stored} !== before", arg=before)  # nobody reloads sooner
    at_rest(page, stored)
    visitor.open()
    expect(page.locator("#stack li").first).to_contain_text("Tensors changed")
    visitor.tab("Compare")
    expect(page.locator("#prompt textarea")).to_have_value("Who lives in the lighthouse?")
    tiny_server.stop()
    tiny_server.start()
    visitor.open()
    expect(page.locator("#stack li").first).to_contain_text("Tensors changed")
    expect(page.locator("#stack li").nth(1)).to_contain_text("Tensors changed: 8")
    page.locator("#undo").click()
    expect(page.locator("#stack li")).to_have_count(1)
    page.locator("#undo").click()
    expect(page.locator("#stack")).to_contain_text("No edits yet")


def test_the_page_follows_the_browsers_language_and_has_a_switch(tiny_visit):
    page = tiny_visit(locale="ko-KR").page
    expect(page.get_by_role("heading", level=1)).to_have_text("가중치 놀이터")
    expect(page.locator("#stack")).to_contain_text("아직 편집이 없습니다")
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.get_by_role("tab", name="비교").click()
    page.locator("#prompt textarea").fill("")
    page.locator("#compare").click()
    expect(page.get_by_text("질문이 비어 있습니다")).to_be_visible()
    page.locator("#language-switch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Weights Playground")
    expect(page.locator("#stack")).to_contain_text("No edits yet")


def test_ones_own_documents_are_found_by_oneself_alone(tiny_visit, tmp_path):
    note = tmp_path / "garden.md"
    note.write_text("# Garden\n\nThe walnut tree by the gate is called Barnaby.\n")
    visitor, other = tiny_visit(), tiny_visit()
    page = visitor.page
    visitor.tab("Documents")
    page.get_by_role("button", name="Your own documents").click()
    page.locator("#own-files input[type=file]").set_input_files(note)
    expect(page.locator("#own-list")).to_contain_text("garden.md")
    page.locator("#query textarea").fill("What is the walnut tree called?")
    page.locator("#search").click()
    for hits in ("#bm25-hits", "#dense-hits"):
        expect(page.locator(hits)).to_contain_text("Barnaby")
    expect(page.locator("#bm25-hits mark", has_text="walnut")).to_be_visible()
    other.tab("Documents")
    other.page.locator("#corpus input").click()
    other.page.get_by_role("option", name="My own documents").click()
    other.page.locator("#query textarea").fill("What is the walnut tree called?")
    other.page.locator("#search").click()
    expect(other.page.get_by_text("You have added no documents yet")).to_be_visible()
    bad = tmp_path / "broken.txt"
    bad.write_bytes(b"\x00\x01\x02")
    page.locator("#own-files input[type=file]").set_input_files(bad)
    expect(page.get_by_text("is not text in any encoding")).to_be_visible()
    page.locator("#own-forget").click()
    expect(page.locator("#own-list")).to_contain_text("No documents of your own")


def test_a_phone_shows_the_page_and_not_only_the_recipe(tiny_visit):
    visitor = tiny_visit(recipe=False, viewport={"width": 390, "height": 844}, has_touch=True)
    page = visitor.page
    expect(page.locator("#ask-question textarea, #ask-question input")).to_be_in_viewport()
    expect(page.locator("#no-storage")).to_be_hidden()  # there is some
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in (*PAGES, *PARTS):
        visitor.tab(name)
        if name == "Tokens":
            expect(page.locator("#chips button").first).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#stack")).to_be_hidden()
    visitor.recipe()
    expect(page.locator("#stack")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


REFUSED = """Object.defineProperty(window, 'localStorage', {
  configurable: true, get() { throw new DOMException('refused', 'SecurityError'); }
})"""


def test_where_a_browser_refuses_storage_the_page_works_and_says_what_is_lost(tiny_visit):
    visitor = tiny_visit(script=REFUSED)
    page = visitor.page
    visitor.tokens()  # they and the map are drawn
    notice = page.locator("#no-storage")
    expect(notice).to_contain_text("keeps nothing")
    assert notice.locator("a").evaluate("link => [link.href, link.target]") == [visitor.server.url, "_blank"]
    page.locator("#language-switch").click()
    expect(page.locator("#no-storage")).to_contain_text("새 탭에서")


def test_starting_prints_one_line_a_step_and_nothing_else(visit, server):
    visit()
    start, ready, _ = server.printed().partition("The model is ready")
    assert ready
    assert "Serving on http" in start
    assert [line for line in start.splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line)] == []
