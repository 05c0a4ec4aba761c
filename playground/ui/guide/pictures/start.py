"""Pictures of the first chapters."""

from __future__ import annotations

from playground.ui.guide.pictures.drawing import EDGE, WIDTH, Drawing, arrow, broken, named_box, words
from playground.ui.guide.pictures.registry import picture
from playground.ui.text import say

WEIGHTS = 134_515_008  # of SmolLM2-135M, as all numbers of a model in these files


@picture("ways", "start-here", "first-steps")
def ways(language: str) -> Drawing:
    """What a prompt goes through, and where the three ways take hold of it."""
    top, tall, low = 12, 56, 116
    parts = [
        *named_box(EDGE, top, 104, tall, say(language, "figure_prompt")),
        *arrow(EDGE + 106, top + tall / 2, 152, top + tall / 2),
        *named_box(154, top, 158, tall, say(language, "figure_ways_model", n=f"{WEIGHTS:,}"), "pic-a-soft"),
        *arrow(314, top + tall / 2, 346, top + tall / 2),
        *named_box(348, top, WIDTH - EDGE - 348, tall, say(language, "figure_answer")),
    ]
    told = [say(language, key) for key in ("figure_ways_retrieve", "figure_ways_edit", "figure_ways_tune")]
    lefts, width = (EDGE, 153, 296), 134
    lines = max(len(broken(text, width - 8)) for text in told)
    height = 14 + 18 * lines
    for left, to, text in zip(lefts, (EDGE + 52, 200, 266), told, strict=True):
        parts += named_box(left, low, width, height, text, "pic-b-soft")
        parts += arrow(max(to, left + 20) if to > left else left + width / 2, low - 2, to, top + tall + 3, "b")
    return Drawing(low + height + 10, parts, {"n": f"{WEIGHTS:,}"})


@picture("choosing", "choosing")
def choosing(language: str) -> Drawing:
    """Questions one after the other, the cheapest way first, each with the way that a yes leads to."""
    rows = [
        (say(language, "figure_choosing_prompt"), say(language, "figure_choosing_leave")),
        (say(language, "figure_choosing_facts"), say(language, "figure_choosing_retrieve")),
        (say(language, "figure_choosing_style"), say(language, "figure_choosing_tune")),
        (say(language, "figure_choosing_one"), say(language, "figure_choosing_edit")),
    ]
    asked, answered, tall, step = 246, 318, 58, 84
    parts = []
    for number, (question, way) in enumerate(rows):
        y = EDGE + number * step
        parts += named_box(EDGE, y, asked, tall, question)
        parts += arrow(EDGE + asked + 2, y + tall / 2, answered - 2, y + tall / 2, "a")
        parts.append(words((EDGE + asked + answered) / 2 - 2, y + tall / 2 - 6, say(language, "figure_yes"), "middle"))
        parts += named_box(answered, y, WIDTH - EDGE - answered, tall, way, "pic-a")
        parts += arrow(EDGE + asked / 2, y + tall + 2, EDGE + asked / 2, y + step - 2)
        parts.append(words(EDGE + asked / 2 + 10, y + tall + 18, say(language, "figure_no")))
    y = EDGE + len(rows) * step
    parts += named_box(EDGE, y, WIDTH - 2 * EDGE, 34, say(language, "figure_choosing_last"))
    return Drawing(y + 34 + EDGE, parts)
