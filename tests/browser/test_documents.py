"""Searching in every way, seeing why, and measuring it, in a real page."""

import csv
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 180_000  # ms


def test_a_search_is_explained_changed_and_evaluated(tiny_visit, tmp_path):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Documents")
    page.locator("#query textarea").fill("boats")
    page.locator("#search").click()
    expect(page.locator("#hybrid-hits li").first).to_be_visible(timeout=LONG)
    expect(page.locator("#hybrid-hits")).to_contain_text("Dense: place")
    page.locator("#bm25-hits summary").first.click()
    expect(page.locator("#bm25-hits table").first).to_contain_text("boats")
    page.get_by_role("button", name="How to search").click()
    page.locator("#search-split input").click()
    page.get_by_role("option", name="by their English stem").click()
    page.locator("#search").click()
    expect(page.locator("#bm25-hits")).to_contain_text(re.compile("Looked for: boat(?!s)"))

    page.get_by_role("button", name="How well does it find?").click()
    page.locator("#evaluate").click()
    expect(page.locator("#evaluated tbody tr")).to_have_count(9, timeout=LONG)
    page.locator("#evaluated summary").first.click()
    page.locator("#evaluated .pg-question summary").first.click()
    expect(page.locator("#evaluated .pg-question").first).to_contain_text("The answer stands in")
    with page.expect_download() as download:
        page.locator("#evaluate-save").click()
    assert download.value.suggested_filename == "evaluation.csv"
    download.value.save_as(tmp_path / "evaluation.csv")
    with (tmp_path / "evaluation.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 64 * 3
    assert {row["retriever"] for row in rows} == {"bm25", "dense", "hybrid"}


def test_a_word_document_is_read_and_what_cannot_be_read_is_listed(tiny_visit, tmp_path):
    page_file = tmp_path / "garden.html"
    page_file.write_text("<h1>Garden</h1><script>evil()</script><p>The walnut is Barnaby.</p>")
    broken = tmp_path / "broken.pdf"
    broken.write_text("no pdf")
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Documents")
    page.get_by_role("button", name="Your own documents").click()
    page.locator("#own-files input[type=file]").set_input_files([page_file, broken])
    expect(page.locator("#own-list")).to_contain_text("garden.html (1 passages)", timeout=LONG)
    expect(page.locator("#own-list")).to_contain_text("broken.pdf is damaged")
    page.locator("#query textarea").fill("walnut")
    page.locator("#search").click()
    expect(page.locator("#bm25-hits")).to_contain_text("The walnut is Barnaby.")
    expect(page.locator("#bm25-hits")).not_to_contain_text("evil")
    page.locator("#own-forget").click()
    expect(page.locator("#own-list")).to_contain_text("No documents of your own")


def test_ones_own_document_is_cut_edited_asked_and_measured(visit, tmp_path):
    """Upload, look at the passages, change one, ask, see the source, take it away, evaluate."""
    note = tmp_path / "garden.md"
    more = "".join(f"## {word}\n\nSome {word} are here.\n\n" for word in ("Bees", "Gates", "Roofs"))
    pond = "## Pond\n\nThe carp swims in circles.\n\n"
    note.write_text(f"# Garden\n\nThe walnut is old.\n\n{pond}{more}")
    questions = tmp_path / "questions.csv"
    questions.write_text("question,answer,quote\nWhat is the walnut called?,Barnaby,Barnaby\n")
    visitor = visit()
    page = visitor.page
    visitor.tab("Documents")
    expect(page.locator("#hybrid-hits li").first).to_be_visible(timeout=LONG)  # what stood there was searched for
    page.locator("button.label-wrap", has_text="Your own documents").click()
    page.locator("#own-files input[type=file]").set_input_files(note)
    expect(page.locator("#own-list")).to_contain_text("garden.md (5 passages)", timeout=LONG)
    page.locator("button.label-wrap", has_text="Look at the passages").click()
    expect(page.locator("#passages .pg-cut")).to_have_count(5, timeout=LONG)
    page.locator("#passages .pg-cut").first.focus()
    page.keyboard.press("Enter")
    box = page.locator("#passage-text textarea")
    expect(box).to_have_value("The walnut is old.")
    box.fill("The walnut is old. The walnut is called Barnaby.")
    box.evaluate("box => box.setSelectionRange(18, 18)")
    page.locator("#passage-split").click()
    expect(page.locator("#passages .pg-cut")).to_have_count(6, timeout=LONG)
    page.locator("#passages .pg-cut").first.click()
    expect(box).to_have_value("The walnut is old.")
    page.locator("#passage-drop").click()
    expect(page.locator("#passages .pg-cut")).to_have_count(5, timeout=LONG)
    page.locator("#passage-undo").click()
    expect(page.locator("#passages .pg-cut")).to_have_count(6, timeout=LONG)

    page.locator("button.label-wrap", has_text="How well does it find?").click()
    page.locator("button.label-wrap", has_text="Ask your own questions").click()
    page.locator("#questions-file input[type=file]").set_input_files(questions)
    expect(page.locator("#questions-file")).to_contain_text("questions", timeout=LONG)
    page.locator("#evaluate").click()
    expect(page.locator("#evaluated tbody tr")).to_have_count(6, timeout=LONG)
    with page.expect_download() as download:
        page.locator("#own-save").click()
    assert download.value.suggested_filename == "documents.json"

    visitor.tab("Compare")
    page.locator("#compare-corpus input").click()
    page.get_by_role("option", name="My own documents").click()
    page.locator("#prompt textarea").fill("What is the walnut called?")
    page.locator("#compare").click()
    expect(page.locator("#answers .pg-answer")).to_have_count(4, timeout=LONG)
    expect(page.locator("#answers .pg-cursor")).to_have_count(0, timeout=LONG)
    card = page.locator("#answers .pg-answer").nth(2)
    expect(card).to_contain_text("Barnaby")
    expect(card.locator("mark.pg-source a").first).to_be_visible()
    card.locator("summary", has_text="Passages used").click()
    card.get_by_role("button", name="Take it away").click()
    expect(page.locator(".pg-taken .pg-answer")).to_have_count(2, timeout=LONG)
    visitor.open()
    visitor.tab("Documents")
    page.locator("button.label-wrap", has_text="Your own documents").click()
    expect(page.locator("#own-list")).to_contain_text("garden.md (6 passages)", timeout=LONG)


def test_a_chapter_has_a_picture_and_an_address(tiny_visit):
    visitor = tiny_visit(recipe=False)
    page = visitor.page
    page.locator("#ask-cards a", has_text="Choosing a way").click()
    expect(page).to_have_url(re.compile("#learn/choosing$"))
    first = page.locator("#guide h2").first
    expect(first).to_have_text("Choosing a Way", timeout=LONG)
    expect(page.locator("#guide-pictures svg")).to_be_visible()
    page.locator("#guide-chapters [data-chapter=lora]").click()
    expect(page).to_have_url(re.compile("#learn/lora$"))
    expect(page.locator("#guide-pictures svg")).to_have_attribute("aria-label", re.compile("9,216"))
    page.go_back()
    expect(first).to_have_text("Choosing a Way", timeout=LONG)
    expect(page).to_have_url(re.compile("#learn/choosing$"))
    page.reload()
    visitor.ready()
    expect(first).to_have_text("Choosing a Way", timeout=LONG)
    page.go_back()  # no chapter in between that nobody chose
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true")


def test_the_guide_can_be_read(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Learn")
    first = page.locator("#guide h2").first
    expect(first).to_be_visible(timeout=LONG)
    before = first.inner_text()
    page.locator("#guide-chapters [data-do=chapter]").nth(3).click()
    expect(first).not_to_have_text(before, timeout=LONG)
    title = first.inner_text()
    page.locator("#guide-around [data-do=chapter]").last.click()  # the next one
    expect(first).not_to_have_text(title, timeout=LONG)
    page.locator("#guide-around .pg-try").click()
    expect(page.get_by_role("tab", name="Change")).to_have_attribute("aria-selected", "true")
