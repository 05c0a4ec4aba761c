"""Keys alone: previews, tabs, menus, a way past the bar; and what is out of date is greyed."""

import pytest
from playwright.sync_api import expect

from playground.ui import layout
from playground.ui.text import EN

pytestmark = [pytest.mark.browser, pytest.mark.weights]
REST = 4_000  # ms
STALE = "This belongs to an earlier input."


def counted(page):
    """The numbers of the events that the page asks for from now on."""
    asked = []

    def note(request):
        if request.method == "POST" and "/gradio_api/queue/join" in request.url:
            asked.append((request.post_data_json or {}).get("fn_index"))

    page.on("request", note)
    return asked


def rested(page, asked):
    """What was asked for until nothing more was; empties the list."""
    count = -1
    while len(asked) != count:
        count = len(asked)
        page.wait_for_timeout(REST)
    found = list(asked)
    asked.clear()
    return found


def outline(page):
    """The outline of what has the focus: its style and width."""
    return page.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement);"
        " return [s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
    )


def test_keys_on_sliders_and_numbers_preview_once_they_rest(visit):
    visitor = visit()
    page = visitor.page
    asked = counted(page)
    visitor.tokens()
    rested(page, asked)
    slider = page.locator("#nudge-strength input[type=range]")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    assert 1 <= len(rested(page, asked)) < 5  # on a busy machine keys rest in between
    expect(page.locator("#nudge-advice")).to_contain_text("preview", ignore_case=True)
    slider.press("End")
    assert len(rested(page, asked)) == 1
    number = page.locator("#nudge-strength input[type=number]")
    number.fill("1.5")
    number.press("Enter")
    assert len(rested(page, asked)) == 1
    number.press("Tab")  # nothing is new
    assert rested(page, asked) == []
    visitor.tab("Merge")
    expect(page.locator("#merge-models")).to_contain_text("Answers like a pirate")
    rested(page, asked)
    page.locator("#merge-t input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#walk-answers .pg-answer")).to_have_count(2, timeout=120_000)
    visitor.tab("Adapters")
    expect(page.locator("#adapter-look table")).to_be_visible()
    page.locator("#adapter-scale input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#stack li")).to_contain_text("scale 1.1")


def moves_between(page, first, second, last):
    """The arrows and End go from the first tab of a row to these, and round it."""
    page.get_by_role("tab", name=first, exact=True).focus()
    for key, name in (("ArrowRight", second), ("ArrowLeft", first), ("End", last), ("ArrowRight", first)):
        page.keyboard.press(key)
        tab = page.get_by_role("tab", name=name, exact=True)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")


def test_keys_move_between_tabs_shut_menus_and_skip_the_bar(tiny_visit):
    visitor = tiny_visit(recipe=False)
    page = visitor.page
    page.keyboard.press("Tab")
    expect(page.locator(".pg-skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#ask-question textarea, #ask-question input")).to_be_focused()
    style, width = outline(page)
    assert style == "solid"
    assert width >= 2
    moves_between(page, "Ask", "Compare", "Learn")
    visitor.tab("Tokens")
    moves_between(page, "Tokens", "Weights", EN[f"tab_{layout.PAGES['change'][-1].id}"])
    menu = page.locator("#model input")
    menu.focus()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(page.locator("[role=listbox]:visible")).to_have_count(0)


def test_a_neighbour_on_the_map_is_reached_and_pressed_by_key(visit):
    visitor = visit()
    page = visitor.page
    visitor.tokens()
    for key in ("Enter", " "):
        neighbour = page.locator("#token-map .pg-dot").last
        label = neighbour.get_attribute("aria-label")
        page.locator("#token-facts [data-do=go]").last.focus()
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.getAttribute('aria-label')") != label:
            page.keyboard.press("Tab")
        assert outline(page)[1] >= 2
        page.keyboard.press(key)
        number = label.rpartition("(")[2].removesuffix(")")
        expect(page.locator("#token-facts")).to_contain_text(f"Token {number}:")
        expect(page.locator("#token-map [role=img][aria-label^=before]")).to_have_attribute(
            "aria-label", f"before: {label}"
        )


def test_what_belongs_to_an_earlier_input_is_greyed(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tokens()
    text = page.locator("#tokens-text textarea, #tokens-text input").first
    chips = page.locator("#chips.pg-stale")
    before = text.input_value()
    text.fill("x" * 40_000)
    text.press("Enter")  # refused
    expect(page.locator(".toast-body").first).to_be_visible()
    expect(chips).to_have_attribute("data-stale", STALE)
    expect(page.locator("#token-facts.pg-stale")).to_have_count(1)
    text.fill(before)
    expect(chips).to_have_count(0)
    text.fill("Hello there")
    expect(chips).to_have_count(1)
    text.press("Enter")
    expect(page.locator("#chips")).to_contain_text("Hello")
    expect(chips).to_have_count(0)
    visitor.tab("Documents")
    page.locator("#search").click()
    expect(page.locator("#hybrid-hits li").first).to_be_visible()
    expect(page.locator("#bm25-hits.pg-stale")).to_have_count(0)
    page.locator("#query textarea, #query input").first.fill("")
    for name in ("bm25", "dense", "hybrid"):
        expect(page.locator(f"#{name}-hits.pg-stale")).to_have_count(1)


def test_questions_of_another_fact_are_greyed_until_they_are_ones_own(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Fact lab")
    expect(page.locator("#lab-paraphrases textarea")).not_to_have_value("")
    expect(page.locator("#lab-paraphrases.pg-stale")).to_have_count(0)
    page.locator("#lab-subject textarea, #lab-subject input").first.fill("Mondfenster")
    for name in ("paraphrases", "neighbours", "consequences"):
        expect(page.locator(f"#lab-{name}.pg-stale")).to_have_count(1)
    page.locator("#lab-paraphrases textarea").fill("Mondfenster opens at")
    expect(page.locator("#lab-paraphrases.pg-stale")).to_have_count(0)
    expect(page.locator("#lab-neighbours.pg-stale")).to_have_count(1)


def test_a_narrow_page_opens_on_itself_in_the_visitors_language(tiny_visit):
    for language, title in (("en-US", "Weights Playground"), ("ko-KR", "가중치 놀이터")):
        page = tiny_visit(recipe=False, viewport={"width": 768, "height": 900}, locale=language).page
        expect(page.locator("#recipe")).to_have_count(1)
        expect(page.locator("#recipe")).to_be_hidden()
        expect(page.locator("#title h1")).to_be_in_viewport()
        expect(page).to_have_title(title)
