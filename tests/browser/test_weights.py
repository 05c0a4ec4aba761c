"""The Weights tab as a visitor goes through it: prune, measure, sweep, take a point, undo."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.weights]
LONG = 180_000  # milliseconds: what waits its turn on a busy machine


def figure(page, name, column):
    """A measured figure: column 1 is the base, 2 the recipe."""
    row = page.locator("#measured tbody tr").filter(has_text=name)
    return row.locator("td").nth(column - 1).inner_text()


def number(text):
    return float(re.search(r"[\d.]+(e[+-]?\d+)?", text)[0])


def opened(visit, **context):
    visitor = visit(**context)
    visitor.tab("Weights")
    expect(visitor.page.locator("#number-line svg")).to_be_visible()
    return visitor, visitor.page


def test_prune_measure_sweep_take_a_point_and_undo(visit):
    _, page = opened(visit)
    expect(page.locator("#layer-view")).to_contain_text("No weight inside a layer differs")

    # Prune half of every matrix.
    page.locator("#apply").click()
    step = page.locator("#stack li")
    expect(step).to_have_count(1, timeout=LONG)
    expect(step).to_contain_text("Tensors changed: 210")
    expect(step).to_contain_text(re.compile(r"39\.\d % zeros"))
    expect(page.locator("#layer-view svg rect").first).to_be_visible()

    # Measure: worse and full of zeros, but neither smaller nor packed.
    page.locator("#measure").click()
    expect(page.locator("#measured table")).to_be_visible(timeout=LONG)
    assert number(figure(page, "Perplexity", 2)) > 3 * number(figure(page, "Perplexity", 1))
    assert number(figure(page, "Zeros", 2)) > 39
    assert figure(page, "File as held", 1) == figure(page, "File as held", 2)
    assert 0 < number(figure(page, "Same first choice", 2)) < 100

    # Sweep, on the model without that pruning; stop after a few points, which stay.
    page.locator("#sweep").click()
    dots = page.locator("#swept .pg-dot")
    expect(dots.nth(2)).to_be_visible(timeout=LONG)
    page.locator("#stop-measuring").click()
    expect(page.locator("#swept")).to_contain_text("Stopped", timeout=LONG)
    first = page.locator("#swept tbody tr").first
    assert first.locator("td").first.inner_text() == figure(page, "Perplexity", 1)

    # A point stands in for the pruning; the keyboard does too.
    dots.nth(1).focus()
    page.keyboard.press("Enter")
    expect(step).to_contain_text("sparsity 0.1", timeout=LONG)
    expect(step).to_have_count(1)
    expect(page.locator("#measured-stale")).to_contain_text("has changed since")

    # Undo, and undo again.
    page.locator("#undo").click()
    expect(step).to_contain_text("sparsity 0.5")
    page.locator("#undo").click()
    expect(step).to_have_count(0)
    expect(page.locator("#layer-view")).to_contain_text("No weight inside a layer differs")


# Bits, file and packed file, by how this machine holds what is not quantized (the embedding).
SIZES = {"bfloat16": ("6.92", "269.1 MB", "116.4 MB"), "float32": ("10.3", "538.1 MB", "173.1 MB")}


def test_packed_weights_are_really_smaller_and_simulated_ones_are_not(visit):
    _, page = opened(visit)
    page.get_by_label("Quantize", exact=True).check()
    page.locator("#apply").click()
    step = page.locator("#stack li")
    expect(step).to_contain_text("4 bits nominal", timeout=LONG)
    simulated = step.inner_text()
    page.locator("#undo").click()
    expect(step).to_have_count(0)
    page.locator("#scheme input").click()
    page.get_by_role("option", name="nf4").click()
    page.get_by_label("Packed", exact=True).check()
    page.locator("#apply").click()
    expect(step).to_contain_text("packed", timeout=LONG)
    packed = step.inner_text()
    assert held(packed) < held(simulated) / 3
    bits, whole, small = SIZES[page.get_by_text("held as").inner_text().split()[-1].strip(".")]
    assert f"{bits} bits per weight effective" in packed
    assert f"{bits} bits per weight effective" in simulated
    assert f"file {whole} as held" in simulated
    assert f"file {small} as held" in packed


def held(receipt):
    return float(re.search(r"Holds ([\d.]+) MB", receipt)[1])


def test_the_number_line_follows_the_bits_and_wrong_inputs_are_refused_in_words(tiny_visit):
    _, page = opened(tiny_visit)
    line = page.locator("#number-line")
    expect(line).to_contain_text("weights, 15 levels")
    slider = page.locator("#bits input[type=range]")
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    expect(line).to_contain_text("weights, 3 levels")
    page.get_by_role("button", name="Number formats compared").click()
    expect(page.locator("#formats")).to_contain_text("1 + 8 + 7")
    page.get_by_role("button", name="Which weights").click()
    expect(page.locator("#last-layer textarea")).to_be_visible()
    page.wait_for_timeout(500)  # no hand types in the moment in which a fold is drawn
    page.locator("#first-layer textarea").fill("9")
    page.locator("#last-layer textarea").fill("3")
    page.locator("#apply").click()
    expect(page.get_by_text("comes after the last")).to_be_visible()
    page.locator("#first-layer textarea").fill("90")
    page.locator("#last-layer textarea").fill("91")
    page.locator("#apply").click()
    expect(page.get_by_text("names no weight matrix")).to_be_visible()
    expect(page.locator("#stack")).to_contain_text("No edits yet")


def test_once_the_places_are_there_dragging_is_heard_without_asking_the_server(tiny_visit):
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Weights")
    heard, slider = page.locator("#heard-sparsity"), page.locator("#sparsity input[type=range]")
    expect(heard).to_contain_text("Let go of the slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(heard.locator(".pg-said-large")).to_contain_text("at 45 %", timeout=LONG)
    expect(page.locator("#heard-stations li:not(.pg-waits)")).to_have_count(10, timeout=LONG)
    expect(heard).to_contain_text("at 45 %")  # what the other places are does not take its place
    slider.scroll_into_view_if_needed()
    asked, box = [], slider.bounding_box()
    page.on("request", lambda request: asked.append(request.url))

    def move(share):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)

    move(0.45)
    page.mouse.down()
    for share, place in ((0.7, "70 %"), (0.98, "90 %"), (0.03, "0 %")):
        move(share)
        expect(heard).to_contain_text(f"at {place}")
    move(0.9)
    large = heard.locator(".pg-said-large q").inner_text()
    row = page.locator("#heard-stations li").last.inner_text()
    assert large.strip("“”")[:20].strip() in row
    page.wait_for_timeout(500)
    assert asked == []
    page.mouse.up()
    expect(heard).to_contain_text("at 90 %")
    page.get_by_label("At random", exact=True).check()
    expect(heard).to_contain_text("Let go of the slider")
    expect(page.locator("#heard-stations li")).to_have_count(0)
    page.get_by_label("Wanda").check()
    expect(heard).to_contain_text("after Apply")
    expect(page.locator("#stack")).to_contain_text("No edits yet")


def test_pressing_apply_twice_puts_the_edit_on_once(tiny_visit):
    """The first press is overtaken, also where both wait: the number of a press travels with it."""
    visitor = tiny_visit()
    page = visitor.page
    visitor.tab("Weights")
    page.locator("#apply").dblclick()
    expect(page.locator("#stack li")).to_have_count(1, timeout=120_000)
    expect(page.locator("#stack li").first).to_contain_text("Tensors changed", timeout=120_000)
    page.wait_for_timeout(3_000)
    expect(page.locator("#stack li")).to_have_count(1)
