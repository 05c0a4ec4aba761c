"""A page at rest, buttons that come back, work that others leave alone, tables, files and tabs."""

import json
import time
from collections import Counter

import pytest
from playwright.sync_api import expect

from playground.ui import layout
from playground.ui.text import EN

pytestmark = [pytest.mark.browser, pytest.mark.weights]
TABS = tuple(EN[f"tab_{tab.id}"] for tab in layout.TABS[1:])
LONG = 120_000  # ms
REST = 2_000  # ms in which a page at rest asks for nothing
HELD = 0.3  # seconds by which every answer is late


def counted(page):
    """How often each event of the page was asked for from now on."""
    asked = Counter()

    def note(request):
        if request.method == "POST" and "/gradio_api/" in request.url and request.post_data:
            number = (request.post_data_json or {}).get("fn_index")
            if number is not None:
                asked[number] += 1

    page.on("request", note)
    return asked


def settled(page, asked):
    """Wait until nothing was asked for in the time of a rest; fail if that never comes."""
    for _ in range(20):
        before = sum(asked.values())
        page.wait_for_timeout(REST)
        if sum(asked.values()) == before:
            return
    raise AssertionError(f"the page never rests: {asked}")


@pytest.mark.parametrize("early", [True, False])
def test_opening_a_tab_asks_each_event_once_and_then_the_page_rests(visit, early):
    visitor = visit()
    page = visitor.page
    asked = counted(page)

    def late(route):
        time.sleep(HELD)
        route.continue_()

    page.route("**/gradio_api/**", lambda route: late(route) if route.request.method == "POST" else route.continue_())
    settled(page, asked)  # the server has loaded what it loads behind the page, and says so no more
    if early:
        asked.clear()
        page.reload()
        expect(page.get_by_role("tab", name="Change")).to_be_visible()
    for name in TABS[::-1] if early else TABS:
        if not early:
            asked.clear()
        visitor.tab(name)
        settled(page, asked)
        assert max(asked.values(), default=0) <= (2 if early else 1), (name, asked)
        asked.clear()


def test_a_button_that_was_off_while_it_worked_comes_back_after_every_end(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Fact lab")
    teach = page.locator("#lab-teach")
    expect(page.locator("#lab-paraphrases textarea")).not_to_have_value("")  # the tab is all there
    subject = page.locator("#lab-subject textarea, #lab-subject input")
    subject.fill("Mondfenster")
    expect(page.locator("#lab-neighbours.pg-stale")).to_have_count(1)  # and took it
    teach.click()  # refused: the subject is not in the sentence
    expect(page.locator(".toast-body").first).to_contain_text("is not in the prompt", timeout=LONG)
    expect(teach).to_be_enabled()
    page.locator("#lab-famous").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=LONG)
    teach.click()  # stopped
    expect(teach).to_be_disabled()
    page.locator("#lab-stop").click()
    expect(teach).to_be_enabled(timeout=LONG)
    full = {"status": 503, "content_type": "application/json", "body": json.dumps({"error": "full"})}
    page.route("**/gradio_api/queue/join*", lambda route: route.fulfill(**full))
    teach.click()  # turned away
    expect(teach).to_be_enabled()
    visitor.tab("Merge")
    walk = page.locator("#walk")
    walk.click()
    expect(walk).to_be_enabled()


def test_a_search_leaves_a_running_teach_alone(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Fact lab")
    page.locator("#lab-famous").click()
    expect(page.locator("#lab-now")).to_contain_text("It writes:", timeout=LONG)
    for box in page.locator("#lab-ways input[type=checkbox]").all():
        box.set_checked(box.get_attribute("name") in ("in_context", "bm25"))
    page.locator("#lab-teach").click()
    visitor.tab("Documents")
    page.locator("#search").click()
    expect(page.locator("#bm25-hits")).not_to_be_empty(timeout=LONG)
    visitor.tab("Fact lab")
    expect(page.locator("#lab-status")).to_contain_text("Ways tried: 2", timeout=5 * LONG)


def test_examples_are_typed_pasted_and_kept(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Adapters")
    page.locator("#train-data input[type=radio]").nth(2).check()
    boxes = page.locator("#train-table textarea")
    boxes.nth(2).click()
    page.keyboard.type("When does it open?")
    expect(boxes.nth(2)).to_have_value("When does it open?")
    rows = page.locator("#train-table .pg-sheet-row")
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="+ Add a row").click()
    expect(rows).to_have_count(5)
    sheet = 'a\tb\r\n"two\nlines"\t"say ""hi"""\r\n' + "".join(f"q{n}\tr{n}\r\n" for n in range(6))
    boxes.nth(0).click()
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData('text/plain', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste',
        {clipboardData: data, bubbles: true, cancelable: true})); }""",
        sheet,
    )
    expect(rows).to_have_count(8)
    filled = ["a", "b", "two\nlines", 'say "hi"', "q0", "r0"]
    for place, value in enumerate(filled):
        expect(boxes.nth(place)).to_have_value(value)
    page.wait_for_timeout(1_000)
    visitor.open()
    visitor.tab("Adapters")
    expect(rows).to_have_count(8)
    for place, value in enumerate(filled):
        expect(boxes.nth(place)).to_have_value(value)


def test_a_file_of_a_wrong_kind_is_told_and_the_zone_is_free(tiny_visit, tmp_path):
    visitor = tiny_visit()
    page = visitor.page
    bad, good = tmp_path / "cat<b>.png", tmp_path / "garden.md"
    bad.write_bytes(b"no picture")
    good.write_text("# Garden\n\nThe walnut tree is called Barnaby.\n")
    visitor.tab("Documents")
    page.get_by_role("button", name="Your own documents").click()
    page.locator("#own-files input[type=file]").set_input_files(bad)
    words = page.locator("#own-files-words")
    expect(words).to_contain_text("cat<b>.png cannot be used here")
    expect(words).to_contain_text(".md")
    page.locator("#own-files input[type=file]").set_input_files(good)
    expect(page.locator("#own-list")).to_contain_text("garden.md", timeout=LONG)
    expect(words).not_to_contain_text("cat")
    page.locator("#own-forget").click()


def test_a_recipe_that_another_tab_changed_is_told_and_can_be_taken_or_kept(tiny_visit):
    visitor = tiny_visit()
    page, second = visitor.page, visitor.context.new_page()
    second.goto(visitor.server.url)
    second.locator("#recipe-open[aria-expanded=false]").click(timeout=LONG)
    expect(second.locator("#stack")).to_contain_text("No edits yet", timeout=LONG)
    visitor.tab("Tokens")
    page.locator("#nudge").click()
    expect(page.locator("#stack li")).to_have_count(1, timeout=LONG)
    note = second.locator("#other-tab [role=alert]")
    expect(note).to_be_visible()
    second.get_by_role("button", name="Take that one").click()
    expect(second.locator("#stack li")).to_have_count(1, timeout=LONG)
    expect(note).to_be_hidden()
    second.locator("#undo").click()  # this tab's own is not lost
    expect(second.locator("#stack li")).to_have_count(0, timeout=LONG)
    expect(page.locator("#other-tab [role=alert]")).to_be_visible()
    page.get_by_role("button", name="Keep this one").click()
    expect(page.locator("#other-tab [role=alert]")).to_be_hidden()
    expect(note).to_be_visible()
    visitor.reload()
    expect(page.locator("#stack li")).to_have_count(1, timeout=LONG)


def test_an_answer_outlives_the_change_that_it_was_asked_with_and_no_other(tiny_visit):
    """A quick model has answered before the page says that the recipe is another one."""
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Tokens")
    written = page.locator("#written")
    page.locator("#nudge").click()
    expect(page.locator("#stack li")).to_have_count(1, timeout=LONG)
    expect(written.locator(".pg-answer")).to_have_count(2, timeout=LONG)
    page.wait_for_timeout(1_000)
    expect(written.locator(".pg-answer")).to_have_count(2)
    page.locator("#undo").click()
    expect(written).to_be_empty(timeout=LONG)
    page.locator("#redo").click()
    expect(page.locator("#stack li")).to_have_count(1, timeout=LONG)
    expect(written).to_be_empty()
    page.locator("#write-on").click()
    expect(written.locator(".pg-answer")).to_have_count(2, timeout=LONG)


def test_documents_are_searched_for_what_stands_there_when_they_are_first_opened(visit):
    visitor = visit()
    page, asked = visitor.page, counted(visitor.page)
    visitor.tab("Documents")
    for hits in ("#bm25-hits", "#dense-hits", "#hybrid-hits"):
        expect(page.locator(f"{hits} li").first).to_be_visible(timeout=LONG)
    settled(page, asked)
    visitor.tab("Compare")
    expect(page.locator("#answers .pg-answer")).to_have_count(3)  # the example
    settled(page, asked)
    asked.clear()
    visitor.tab("Documents")
    settled(page, asked)
    assert not asked  # what was found stands there
