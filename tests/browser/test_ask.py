"""Ask: from a press to a verdict, another day, a way's own tab; stopping, addresses, and a page that rests."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 300_000  # ms; a way of them trains
REST = 6_000  # ms
SCREENSHOT = Path(__file__).resolve().parents[2] / "assets" / "screenshot.png"
WAYS = ["As it is", "Said in the prompt", "Found in the text", "Edited (ROME)", "Trained (LoRA)"]
QUESTION = "When does Mondfenster open on Sunday?"


def test_the_first_question_gets_a_verdict_that_stays_another_day_and_a_way_opens(visit):
    visitor = visit(recipe=False)
    page = visitor.page
    expect(page.locator("#ask-question textarea, #ask-question input")).to_have_value(QUESTION)
    page.locator("#ask-try").click()
    verdict = page.locator("#ask-cards .pg-final")
    expect(verdict).to_contain_text("(so far)", timeout=LONG)  # it grows with the cards
    expect(page.locator("#ask-stop")).to_be_visible()
    expect(verdict).not_to_contain_text("(so far)", timeout=LONG)
    expect(page.locator("#ask-stop")).to_be_hidden(timeout=LONG)
    expect(verdict.locator("h4")).to_have_text(re.compile(r"Verdict: Retrieve\s*$"))
    cards = page.locator("#ask-cards .pg-card")
    assert cards.locator("h4").all_inner_texts() == WAYS
    found = cards.nth(WAYS.index("Found in the text"))
    expect(found.locator(".pg-said [role=img]")).to_have_attribute("aria-label", "right")
    expect(found.locator(".pg-said")).to_contain_text("7:30")
    expect(found.locator("blockquote")).to_contain_text("On Sunday Mondfenster opens at 7:30.")
    expect(cards.nth(0).locator(".pg-said [role=img]")).to_have_attribute("aria-label", "wrong")

    if os.environ.get("PLAYGROUND_SCREENSHOT"):  # make test ARGS=tests/browser/test_ask.py
        page.screenshot(path=SCREENSHOT, full_page=True)

    before = page.locator("#ask-cards").inner_text()
    visitor.open(recipe=False)
    expect(page.locator("#ask-cards")).to_have_text(before, use_inner_text=True)

    page.locator("#ask-new textarea, #ask-new input").fill("at 8:00")
    page.locator("#ask-change-go").click()
    then = page.locator("#ask-cards .pg-then .pg-card")
    expect(then.locator("h4").last).to_have_text("Trained (LoRA)", timeout=LONG)
    follows = then.filter(has_text="Found in the text")
    expect(follows.locator(".pg-said")).to_contain_text("8:00")
    expect(follows).to_contain_text("Follows")
    behind = then.filter(has_text="Trained (LoRA)")
    expect(behind).to_contain_text("Stays behind")
    expect(behind.locator(".pg-said [role=img]")).to_have_attribute("aria-label", "wrong")

    found.locator("summary").click()
    found.get_by_role("button", name="Look inside").click()
    expect(page.locator("#query textarea")).to_be_visible()
    expect(page).to_have_url(re.compile("#documents$"))
    expect(page.locator("#query textarea")).to_have_value(QUESTION)
    expect(page.locator("#corpus input")).to_have_value("My own documents")
    page.locator("button.label-wrap", has_text="Your own documents").click()
    expect(page.locator("#own-list")).to_contain_text("asked.md")
    page.locator("#search").click()
    expect(page.locator("#bm25-hits li").first).to_contain_text("On Sunday Mondfenster opens at 7:30.", timeout=LONG)


def test_ask_rests_stops_and_says_what_is_missing(tiny_visit):
    page = tiny_visit(recipe=False).page
    asked = []
    page.on("request", lambda request: request.method == "POST" and asked.append(request.url))
    for _ in range(10):  # what the opening page asks for; then it rests
        asked.clear()
        page.wait_for_timeout(REST)
        if not asked:
            break
    assert asked == []
    expect(page.locator("#ask-stop")).to_be_hidden()
    page.locator("#ask-try").click()
    page.wait_for_selector("#ask-cards .pg-card")  # an edit takes its seconds here too
    page.locator("#ask-stop").click()
    expect(page.locator("#ask-status")).to_contain_text("Stopped. The cards that were done stay.")
    expect(page.locator("#ask-stop")).to_be_hidden()
    expect(page.locator("#ask-cards .pg-card")).to_have_count(len(WAYS))
    page.locator("#ask-question textarea, #ask-question input").fill(" ")
    page.locator("#ask-try").click()
    expect(page.locator(".toast-body").first).to_contain_text("Write a question first")
    expect(page.locator("#ask-change")).to_be_visible()  # hidden while it runs, and back after a stop and an error
    expect(page.locator("#ask-cards .pg-card")).to_have_count(len(WAYS))


def test_what_was_asked_can_be_judged_by_hand_and_goes_on_to_other_tabs(tiny_visit):
    page = tiny_visit(recipe=False).page
    question = page.locator("#ask-question textarea, #ask-question input")
    page.locator("#ask-empty").click()
    expect(question).to_be_focused()
    for field in ("#ask-question", "#ask-answer", "#ask-text"):
        expect(page.locator(f"{field} textarea, {field} input")).to_have_value("")
    expect(page.locator("#ask-needs input:checked")).to_have_count(0)
    page.locator("#ask-rome").click()
    card = page.locator("#ask-cards .pg-card").first
    expect(page.locator("#ask-cards .pg-asked")).to_have_text("What is the capital of France?")
    expect(page.locator("#ask-cards .pg-final")).not_to_contain_text("(so far)", timeout=LONG)
    expect(page.locator("#ask-stop")).to_be_hidden(timeout=LONG)
    card.locator("summary").first.click()
    before = card.locator(".pg-sure").inner_text()
    card.locator("[data-do=overrule]").first.click()
    expect(card.locator("details[open]")).to_contain_text("Judged by you")
    assert card.locator(".pg-sure").inner_text() != before

    page.locator("#ask-bakery").click()
    expect(page.locator("#ask-cards .pg-asked")).to_have_text(QUESTION)
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#prompt textarea")).to_have_value(QUESTION)
    expect(page.locator("#right-answer textarea, #right-answer input")).to_have_value("at 7:30")
    expect(page.locator("#compare-corpus input")).to_have_value("My own documents")
    page.get_by_role("tab", name="Documents", exact=True).click()
    expect(page.locator("#query textarea")).to_have_value(QUESTION)
    expect(page.locator("#corpus input")).to_have_value("My own documents")


def test_an_address_is_kept_by_a_reload_and_by_back(tiny_visit):
    visitor = tiny_visit(recipe=False)
    page = visitor.page
    visitor.tab("Adapters")
    expect(page).to_have_url(re.compile("#change/adapters$"))
    page.reload()
    visitor.ready()
    adapters = page.get_by_role("tab", name="Adapters", exact=True)
    expect(adapters).to_have_attribute("aria-selected", "true")
    expect(page.locator("#attach")).to_be_visible()
    expect(page).to_have_url(re.compile("#change/adapters$"))
    page.go_back()
    expect(page.get_by_role("tab", name="Tokens", exact=True)).to_have_attribute("aria-selected", "true")
    expect(adapters).to_have_attribute("aria-selected", "false")
    page.go_back()
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#ask-try")).to_be_visible()
    page.go_forward()
    expect(page.locator("#page-tokens-button")).to_have_attribute("aria-selected", "true")
