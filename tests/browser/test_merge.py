"""Merging, walking, taking a point and going through mergekit's YAML, in a real page."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 120_000  # ms; a walk is eleven merges


def recipe(page, tmp_path, name):
    """The recipe as the page saves it."""
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / name)
    return json.loads((tmp_path / name).read_text())


def test_models_are_merged_walked_and_taken_and_go_through_yaml(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.tab("Merge")
    expect(page.locator("#merge-models")).to_contain_text("Answers like a pirate")
    page.locator("#walk-try").click()
    expect(page.locator("#walk-answers .pg-answer")).to_have_count(2, timeout=LONG)
    page.wait_for_timeout(3_000)
    expect(page.locator("#walk-answers .pg-answer")).to_have_count(2)  # they stay
    page.locator("#merge").click()
    expect(page.locator("#stack li")).to_contain_text("Merged: linear", timeout=LONG)

    page.locator("#walk").click()
    expect(page.locator("#walked tbody tr")).to_have_count(11, timeout=LONG)
    page.locator("#walked .pg-dot").nth(3).click()
    expect(page.locator("#walk-taken")).to_contain_text("Tensors changed", timeout=LONG)
    expect(page.locator("#stack li")).to_have_count(1)
    taken = recipe(page, tmp_path, "taken.json")
    assert taken["edits"][0]["t"] == 0.3

    page.get_by_role("button", name="As mergekit's YAML").click()
    page.locator("#merge-method input").click()
    page.get_by_role("option", name="TIES: large changes that agree").click()
    expect(page.locator("#merge-density")).to_be_visible()
    page.locator("#mergekit-write").click()
    yaml = page.locator("#mergekit-yaml textarea")
    expect(yaml).to_have_value(re.compile("merge_method: ties"))
    page.locator("#merge").click()
    expect(page.locator("#stack li")).to_contain_text("Merged: ties", timeout=LONG)
    merged = recipe(page, tmp_path, "merged.json")
    page.locator("#undo").click()
    expect(page.locator("#stack li")).to_contain_text("Merged: linear")
    page.locator("#mergekit-read").click()
    expect(page.locator("#stack li")).to_contain_text("Merged: ties", timeout=LONG)
    assert recipe(page, tmp_path, "read.json") == merged


def test_wrong_inputs_on_the_merge_tab_are_refused_in_words(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Merge")
    expect(page.locator("#merge-models")).to_contain_text("Answers like a pirate")
    page.get_by_role("button", name="As mergekit's YAML").click()
    visitor.write(page.locator("#mergekit-yaml textarea"), "merge_method: magic")
    page.locator("#mergekit-read").click()
    expect(page.locator(".toast-body").first).to_contain_text("magic is not known here")
    page.locator("#merge-models .token-remove").first.click()
    page.locator("#merge").click()
    expect(page.locator(".toast-body").last).to_contain_text("No model is chosen")
    expect(page.locator("#stack li")).to_have_count(0)


def test_a_reload_keeps_the_form_and_it_still_works(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Merge")
    expect(page.locator("#merge-models")).to_contain_text("Answers like a pirate")
    page.locator("#merge-t input[type=number]").fill("0.3")
    page.locator("#merge-t input[type=number]").press("Tab")
    for menu in ("#merge-method input", "#merge-example input"):  # opened and left as they were
        page.locator(menu).click()
        page.keyboard.press("Escape")
        page.locator("#title").click()
    visitor.open()
    visitor.tab("Merge")
    expect(page.locator("#merge-models")).to_contain_text("Answers like a pirate")
    expect(page.locator("#merge-t input[type=number]")).to_have_value("0.3")
    page.locator("#walk-try").click()
    expect(page.locator("#walk-answers")).to_contain_text("linear at t = 0.3", timeout=LONG)
    page.get_by_role("button", name="As mergekit's YAML").click()
    page.locator("#mergekit-write").click()  # mergekit has no t for it: said, not passed over
    expect(page.locator(".toast-body").last).to_contain_text("mergekit has no words for t")
