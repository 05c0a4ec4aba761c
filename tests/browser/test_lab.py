"""The fact lab in a real page: three steps, a cell, a row to Compare, undo."""

import csv
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 240_000  # ms; an edit reads its calibration text first


def choose_ways(page, *wanted):
    """Tick these ways and no other."""
    for box in page.locator("#lab-ways input[type=checkbox]").all():
        box.set_checked(box.get_attribute("name") in wanted)


def test_a_ready_fact_is_taught_measured_compared_and_taken_back(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.tab("Fact lab")
    expect(page.locator("#lab-advice")).to_contain_text("An example, taught before")
    page.locator("#lab-famous").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=LONG)
    expect(page.locator("#lab-now")).to_contain_text("Paris")
    expect(page.locator("#lab-paraphrases textarea")).to_have_value(re.compile("Eiffel Tower"))

    choose_ways(page, "in_context", "bm25", "rome")
    page.locator("#lab-teach").click()
    rows = page.locator("#lab-table tbody tr")
    expect(rows).to_have_count(4, timeout=LONG)
    expect(page.locator("#lab-status")).to_contain_text("Ways tried: 3", timeout=LONG)
    expect(page.locator("#lab-plot svg")).to_be_visible()
    expect(page.locator("#lab-advice")).not_to_be_empty()

    rome = page.locator("#lab-table tbody tr", has_text="ROME")
    expect(rome).to_contain_text("Rome")
    rome.locator("[data-column=paraphrase]").click()
    cell = page.locator("#lab-cell")
    expect(cell).to_contain_text("When asked otherwise")
    expect(cell.locator("tbody tr")).to_have_count(3)
    with page.expect_download() as download:
        page.locator("#lab-save-questions").click()
    download.value.save_as(tmp_path / "answers.csv")
    found = list(csv.reader((tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()))
    assert {line[0] for line in found[1:]} == {"base", "in_context", "bm25", "rome"}

    rome.locator("[data-do=compare]").click()
    expect(page.locator("#stack li")).to_contain_text("Taught by rome")
    expect(page.locator("#prompt textarea")).to_be_visible()
    expect(page.locator("#prompt textarea")).to_have_value(re.compile("Eiffel Tower"))
    page.locator("#compare").click()
    expect(page.locator("#answers .pg-answer")).to_have_count(2, timeout=LONG)
    page.locator("#undo").click()
    expect(page.locator("#stack li")).to_have_count(0)

    visitor.reload()
    visitor.tab("Fact lab")
    expect(rows).to_have_count(4, timeout=LONG)  # the table outlives a reload
    expect(page.locator("#lab-target textarea, #lab-target input")).to_have_value("Rome")


def test_a_way_through_the_prompt_goes_to_compare_with_documents_of_its_own(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Fact lab")
    page.locator("#lab-product").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=LONG)
    choose_ways(page, "bm25")
    page.locator("#lab-teach").click()
    rows = page.locator("#lab-table tbody tr")
    expect(rows).to_have_count(2, timeout=LONG)
    expect(page.locator("#lab-status")).to_contain_text("Done", timeout=LONG)
    rows.nth(1).locator("[data-do=compare]").click()
    expect(page.locator("#prompt textarea")).to_be_visible()
    page.locator("#compare").click()
    answers = page.locator("#answers .pg-answer")
    expect(answers).to_have_count(2, timeout=LONG)
    expect(answers.nth(1)).to_contain_text("taught.md", timeout=LONG)
    expect(page.locator("#stack li")).to_have_count(0)


def test_wrong_facts_are_refused_in_words(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Fact lab")
    subject = page.locator("#lab-subject textarea, #lab-subject input")
    subject.fill("The Colosseum")
    page.locator("#lab-look").click()
    expect(page.locator(".toast-body").first).to_contain_text("is not in the prompt")
    page.locator("#lab-famous").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=LONG)
    page.locator("#lab-target textarea, #lab-target input").fill("")
    page.locator("#lab-teach").click()
    expect(page.locator(".toast-body").last).to_contain_text("has no target")
    page.locator("#lab-save-table").click()
    expect(page.locator(".toast-body").last).to_contain_text("This table is an example")
