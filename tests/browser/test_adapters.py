"""Attaching, turning, training, stopping, resuming and taking away, in a real page."""

import json
import re
import zipfile

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 240_000  # ms; a busy machine trains slowly


def test_a_shipped_adapter_is_attached_turned_and_weighed(visit):
    visitor = visit()
    page = visitor.page
    visitor.tab("Adapters")
    expect(page.locator("#adapter-look table")).to_be_visible()
    expect(page.locator("#adapter-look svg")).to_be_visible()
    expect(page.locator("#thin-drawn svg").first).to_be_visible()
    page.locator("#attach").click()
    expect(page.locator("#stack li")).to_contain_text("scale 1.0")
    answers, slider = page.locator("#attach-answers"), page.locator("#adapter-scale input[type=range]")
    expect(answers.locator(".pg-answer")).to_have_count(2, timeout=LONG)
    expect(page.locator("#dial-stations li:first-child:not(.pg-waits)")).to_be_visible(timeout=LONG)
    expect(answers).to_contain_text("at 1 (all of it)")
    large = answers.locator(".pg-said-large q")
    slider.scroll_into_view_if_needed()
    pirate, asked, box = large.inner_text(), [], slider.bounding_box()
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    expect(answers).to_contain_text("at 0 (off)")
    assert large.inner_text() != pirate
    assert asked == []
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    page.mouse.up()
    expect(answers).to_contain_text("at 1 (all of it)")
    number = page.locator("#adapter-scale input[type=number]")
    number.fill("0.5")
    number.press("Enter")
    page.locator("#attach").click()
    expect(page.locator("#stack li")).to_contain_text("scale 0.5")
    expect(page.locator("#stack li")).to_have_count(1)
    page.locator("#undo").click()
    expect(page.locator("#stack li")).to_contain_text("scale 1.0")
    page.locator("#costs").click()
    expect(page.locator("#costs-table table")).to_be_visible(timeout=LONG)


def test_one_trains_stops_resumes_compares_and_downloads(visit, tmp_path):
    lines = [
        {"prompt": f"What does the lamp at pier {n} do?", "completion": f"It blinks {n} times."} for n in range(1, 9)
    ]
    examples = tmp_path / "lamps.jsonl"
    examples.write_text("\n".join(map(json.dumps, lines)))
    visitor = visit()
    page = visitor.page
    visitor.tab("Adapters")
    expect(page.locator("#train-estimate table")).to_be_visible(timeout=LONG)
    page.get_by_label("A file", exact=True).check()
    page.locator("#train-file input[type=file]").set_input_files(examples)
    page.get_by_role("button", name="Settings").click()
    steps = page.locator("#train-steps input[type=number]")
    steps.fill("12")
    steps.press("Tab")
    page.get_by_role("button", name="What the model sees").click()
    expect(page.locator("#train-preview mark").first).to_be_visible(timeout=LONG)
    page.locator("#train-prompts textarea").fill("What does the lamp at pier 3 do?")
    page.locator("#train").click()
    run = page.locator("#train-run")
    expect(run).to_contain_text("Step ", timeout=LONG)
    expect(run.locator("polyline").first).to_be_visible(timeout=LONG)
    first = run.locator("polyline").first.get_attribute("points")
    expect(run.locator("polyline").first).not_to_have_attribute("points", first, timeout=LONG)
    page.locator("#train-stop").click()
    expect(run).to_contain_text("Stopped", timeout=LONG)
    visitor.open()  # closing the page does not lose it
    visitor.tab("Adapters")
    expect(run).to_contain_text("Stopped", timeout=LONG)
    page.locator("#train-resume").click()
    expect(run).to_contain_text("Done", timeout=LONG)
    expect(run.locator("table")).to_contain_text("What does the lamp at pier 3 do?")
    chosen = page.locator("#adapter input")
    expect(chosen).to_have_value(re.compile("LoRA, own examples"), timeout=LONG)
    with page.expect_download() as download:
        page.locator("#adapter-download").click()
        page.locator("#adapter-file a").first.click(timeout=LONG)
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == ["adapter_config.json", "adapter_model.safetensors"]
    page.locator("#attach").click()
    expect(page.locator("#stack li")).to_have_count(1, timeout=LONG)
    expect(page.locator("#stack li")).to_contain_text("Tensors changed")
