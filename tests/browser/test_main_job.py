"""From the first click to the comparison and back, as a visitor would go."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 180_000  # ms; a busy machine writes slowly


def finished(page, columns):
    """The answers, once all of them are written."""
    cards = page.locator("#answers .pg-answer")
    expect(page.locator("#answers .pg-asked")).to_have_count(0, timeout=LONG)  # the example that stood there has gone
    expect(cards).to_have_count(columns, timeout=LONG)
    expect(page.locator("#answers .pg-cursor")).to_have_count(0, timeout=LONG)
    expect(page.locator("#answers")).not_to_have_class(re.compile("pending"))
    return cards


def test_the_main_job_from_first_click_to_compare_and_back(visit):
    visitor = visit()
    page = visitor.page

    # How a text is split; one token is looked at, and from it a neighbour.
    visitor.tokens()
    page.locator("#tokens-text textarea").fill("I love Paris")
    page.locator("#tokens-text textarea").press("Enter")
    chips = page.locator("#chips button")
    expect(chips).to_have_count(3)
    chips.nth(2).click()
    facts = page.locator("#token-facts")
    expect(facts).to_contain_text("Token 7042")
    expect(chips.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(facts.locator("tbody tr")).to_have_count(10)
    expect(page.locator("#token-map svg")).to_be_visible()
    facts.get_by_role("button", name="London").first.click()
    expect(facts).to_contain_text("Token 4528")
    expect(page.locator("#nudge-text textarea")).to_have_value(" London")

    # Nudge it.
    chips.nth(2).click()
    expect(page.locator("#nudge-text textarea")).to_have_value(" Paris")
    page.locator("#nudge").click()
    step = page.locator("#stack li")
    expect(step).to_have_count(1)
    expect(step).to_contain_text("Tensors changed: 2")
    expect(page.locator("#bars tbody tr").first).to_contain_text("▼")
    expect(facts.locator("tbody tr").first).to_contain_text("Rome")
    expect(page.locator("#written .pg-answer")).to_have_count(2)
    expect(page.locator("#written .pg-cursor")).to_have_count(0)
    expect(page.locator("#written mark").first).to_be_visible()

    # Compare.
    visitor.tab("Compare")
    page.locator("#mark-differing input").check()
    page.locator("#right-answer textarea, #right-answer input").first.fill("Tokyo")
    page.locator("#example-changes").click()
    cards = finished(page, 2)
    expect(cards.nth(0).locator(".pg-sign")).to_have_text("✗")
    expect(cards.nth(1).locator(".pg-sign")).to_have_text("✓")
    expect(cards.nth(0)).to_contain_text("Paris")
    expect(cards.nth(1)).to_contain_text("Tokyo")
    expect(cards.nth(1).locator("mark").first).to_be_visible()
    expect(step).to_have_count(2)
    base_answer = cards.nth(0).locator(".pg-text").inner_text()
    cards.nth(1).get_by_text("The exact prompt").click()
    expect(cards.nth(1).locator("pre")).to_contain_text("<|im_start|>user")

    # Take it all back: the base's answer is there again.
    page.locator("#undo").click()
    expect(step).to_have_count(1)
    page.locator("#undo").click()
    expect(page.locator("#stack")).to_contain_text("No edits yet")
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator("#undo")).to_be_hidden()  # there is nothing to press
    page.locator("#compare").click()
    cards = finished(page, 2)
    expect(cards.nth(1).locator(".pg-text")).to_have_text(base_answer)
    expect(page.locator("#answers mark")).to_have_count(0)
    page.locator("#redo").click()
    expect(step).to_have_count(1)


def test_the_ready_examples_show_what_they_promise(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Compare")

    # Retrieval answers what the base cannot know, and the answer is led back to its passage.
    page.locator("#example-retrieve").click()
    cards = finished(page, 3)
    expect(cards.nth(0)).not_to_contain_text("5093")
    for place in (1, 2):
        expect(cards.nth(place).locator(".pg-text")).to_contain_text("5093")
        expect(cards.nth(place)).to_contain_text("tok/s")
    card = cards.nth(1)
    expect(card.locator("mark.pg-source a").first).to_be_visible()
    target = card.locator("mark.pg-source a").first.get_attribute("href")
    assert card.locator(target).count() == 1
    card.locator("summary", has_text="Passages used").click()
    expect(card.locator(".pg-hits mark", has_text="Locker").first).to_be_visible()
    with_it, less = without(page, card)
    expect(page.locator(".pg-taken h3").nth(1)).to_contain_text("Without diving-locker.md")
    assert with_it != less

    # A poisoned passage gives orders, and the answer without it does not follow them.
    page.locator("#example-poisoned").click()
    card = finished(page, 2).first
    card.locator("summary", has_text="Passages used").click()
    with_it, less = without(page, card)
    assert with_it != less

    # The same nudge breaks an unrelated answer.
    page.locator("#example-breaks").click()
    cards = finished(page, 2)
    expect(cards.nth(0)).to_contain_text("cycling")
    expect(cards.nth(1).locator(".pg-text")).not_to_contain_text("cycling")


def without(page, card):
    """Both answers, once the first passage of a card was taken away."""
    card.get_by_role("button", name="Take it away").first.click()
    expect(page.locator(".pg-taken .pg-answer")).to_have_count(2, timeout=LONG)
    expect(page.locator(".pg-taken .pg-cursor")).to_have_count(0, timeout=LONG)
    return page.locator(".pg-taken .pg-text").all_inner_texts()


def test_stop_ends_a_long_answer_and_keeps_what_was_written(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Compare")
    page.get_by_role("button", name="Settings").click()
    page.locator("#new-tokens input[type=number]").fill("512")
    page.locator("#new-tokens input[type=number]").press("Tab")
    page.locator("#prompt textarea").fill("Write a very long story about a lighthouse.")
    page.locator("#compare").click()
    expect(page.locator("#answers .pg-asked")).to_have_count(0)  # the example has gone
    expect(page.locator("#answers .pg-text").first).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    page.locator("#stop").click()
    expect(page.locator("#answers")).to_contain_text("Stopped")
    figures = page.locator("#answers .pg-answer").first.inner_text()
    assert 0 < int(re.search(r"(\d+) tokens in", figures)[1]) < 512


def load(page, file):
    with page.expect_file_chooser() as chooser:
        page.locator("#load").click()
    chooser.value.set_files(file)


def test_the_recipe_can_be_switched_saved_and_loaded(tiny_visit, tmp_path):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tokens()
    page.locator("#nudge").click()
    step = page.locator("#stack li")
    expect(step).to_have_count(1)
    step.get_by_role("button", name="Switch off").click()
    expect(step).to_contain_text("Switched off")
    step.get_by_role("button", name="Switch on").click()
    expect(step).to_contain_text("Tensors changed")
    with page.expect_download() as download:
        page.locator("#save").click()
    file = tmp_path / "recipe.json"
    download.value.save_as(file)
    assert '"nudge_tokens"' in file.read_text()
    step.get_by_role("button", name="Remove").click()
    expect(step).to_have_count(0)
    load(page, file)
    expect(step).to_have_count(1)
    broken = tmp_path / "broken.json"
    broken.write_text('{"model": "<img src=x onerror=window.hit=1>", "edits": []}')
    load(page, broken)
    expect(page.get_by_text("Unknown model")).to_be_visible()
    assert page.evaluate("window.hit") is None
    expect(step).to_have_count(1)


def test_wrong_inputs_get_a_message_and_what_looks_like_code_is_shown_as_text(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tokens()
    page.locator("#tokens-text textarea").fill("")
    page.locator("#tokens-text textarea").press("Enter")
    expect(page.get_by_text("The text is empty")).to_be_visible()
    page.locator("#nudge-target textarea").fill("")
    page.locator("#nudge").click()
    expect(page.get_by_text("needs a target").first).to_be_visible()
    expect(page.locator("#stack")).to_contain_text("No edits yet")
    visitor.tab("Compare")
    page.locator("#prompt textarea").fill("")
    page.locator("#compare").click()
    expect(page.get_by_text("The prompt is empty")).to_be_visible()
    visitor.tab("Tokens")
    page.locator("#tokens-text textarea").fill("<img src=x onerror=window.hit=1> ${1+1} {{this}}")
    page.locator("#tokens-text textarea").press("Enter")
    chips = page.locator("#chips")
    expect(chips).to_contain_text("{{")
    assert page.evaluate("window.hit") is None
    assert page.locator("#chips img").count() == 0
