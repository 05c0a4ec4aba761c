"""The table of the sources on a real page: an example first, then asked, stopped, gone on with, opened, kept."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 180_000  # ms


def test_the_table_is_asked_read_and_there_after_a_reload(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Compare")
    page.locator("#sources button.label-wrap").first.click()
    table = page.locator("#sources-table")
    expect(table).to_contain_text("An example")
    expect(page.locator("#sources-size")).to_contain_text("10 columns × 20 questions")

    for name in ("Few-shot", "Dense", "Hybrid"):
        page.locator("#sources-before").get_by_label(name).uncheck()
    expect(page.locator("#sources-size")).to_contain_text("4 columns")
    page.locator("#sources button.label-wrap", has_text="How many questions").click()
    page.locator("#sources-count input[type=number]").fill("4")
    page.locator("#sources-count input[type=number]").press("Enter")
    expect(page.locator("#sources-size")).to_contain_text("4 columns × 4 questions = 16 answers")
    page.locator("#sources-go").click()
    expect(table.locator("tbody td")).to_have_count(4, timeout=LONG)
    expect(table).not_to_contain_text("An example")
    expect(table.locator("tbody td").first).to_contain_text("/ 4", timeout=LONG)
    expect(page.locator("#sources-stop")).to_be_hidden(timeout=LONG)

    table.get_by_role("button", name=re.compile("Base · BM25")).click()
    opened = page.locator("#sources-opened")
    expect(opened.locator("tbody tr")).to_have_count(4)
    opened.get_by_role("button", name="Compare all others with this one").click()
    expect(table).to_contain_text("All are compared with Base · BM25")
    with page.expect_download() as download:
        page.locator("#sources-save").click()
    assert download.value.path().read_text("utf-8-sig").count("\n") == 1 + 16

    visitor.reload()
    visitor.tab("Compare")
    page.locator("#sources button.label-wrap").first.click()
    expect(table.locator("tbody td").first).to_contain_text("/ 4")


def test_a_table_whose_turn_is_over_asks_for_the_next(visit):
    visitor = visit(script="window.__pressed = 0;")
    page = visitor.page
    visitor.tab("Compare")
    page.locator("#sources button.label-wrap").first.click()
    expect(page.locator("#sources-table")).to_contain_text("An example")
    page.evaluate(
        "() => document.getElementById('sources-go').addEventListener('click', () => { window.__pressed += 1; })"
    )
    more = page.locator("#sources-more textarea, #sources-more input").first
    more.evaluate(
        "box => { box.value = '3'; box.dispatchEvent(new Event('input', {bubbles: true})); "
        "box.dispatchEvent(new Event('change', {bubbles: true})); }"
    )
    page.wait_for_function("() => window.__pressed === 1")


def test_a_kept_recipe_is_a_contestant(visit):
    visitor = visit()
    page = visitor.page
    visitor.tokens()
    page.locator("#nudge").click()
    expect(page.locator("#stack li")).to_have_count(1)
    visitor.tab("Compare")
    page.locator("#keep-recipe").click()
    page.locator("#weights-2 input").click()
    kept = page.get_by_role("option", name=re.compile("toward"))
    kept.first.click()
    page.locator("#reset").click()
    expect(page.locator("#stack li")).to_have_count(0)
    for _ in range(2):
        page.locator("#drop-contestant").click()
    page.locator("#compare").click()
    expect(page.locator("#answers .pg-answer")).to_have_count(2, timeout=LONG)
    expect(page.locator("#answers .pg-cursor")).to_have_count(0, timeout=LONG)
    expect(page.locator("#answers h3").nth(1)).not_to_have_text("Base")
