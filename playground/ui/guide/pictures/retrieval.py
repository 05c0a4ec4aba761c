"""Pictures of retrieval."""

from __future__ import annotations

from playground.ui.guide.pictures.drawing import (
    EDGE,
    WIDTH,
    Drawing,
    arrow,
    box,
    broken,
    named_box,
    path,
    stroke,
    words,
)
from playground.ui.guide.pictures.registry import picture
from playground.ui.parts.html import tag
from playground.ui.text import say

MOST_WORDS = 40  # of a passage in the playground
K1, COUNTED = 1.5, (1, 2, 3, 10)  # BM25's setting, and how often a word occurs
FUSION = 60  # the k of reciprocal rank fusion
BY_WORDS, BY_MEANING = "ABCD", "CEBF"  # passages, best first


@picture("path", "retrieval", "retrieval-augmented")
def retrieval_path(language: str) -> Drawing:
    """A document cut into passages, the one that fits put into the prompt, and an answer."""
    parts = [words(EDGE, 24, say(language, "figure_path_document"), look="pic-bold")]
    for passage in range(3):
        y = 34 + 66 * passage
        look = "pic-b-soft" if passage == 1 else "pic-quiet"
        parts.append(box(EDGE, y, 128, 58, look))
        for line, long in enumerate((56, 106, 98, 72)):
            parts.append(stroke(EDGE + 10, y + 12 + 12 * line, EDGE + 10 + long, y + 12 + 12 * line, "pic-text"))
    parts.append(words(EDGE, 250, say(language, "figure_path_cut", n=MOST_WORDS), look="pic-soft"))
    parts += arrow(140, 129, 186, 86, "b")
    left, width = 190, 240
    parts += [
        words(left, 24, say(language, "figure_prompt"), look="pic-bold"),
        box(left, 34, width, 100, "pic-frame"),
        *named_box(left + 8, 62, width - 16, 28, say(language, "figure_path_passage"), "pic-b-soft"),
        words(left + width / 2, 54, say(language, "figure_path_order"), "middle", "pic-soft"),
        *named_box(left + 8, 98, width - 16, 28, say(language, "figure_path_question")),
        *arrow(left + width / 2, 136, left + width / 2, 156),
        *named_box(left, 158, width, 34, say(language, "figure_path_model"), "pic-a-soft"),
        *arrow(left + width / 2, 194, left + width / 2, 214),
        *named_box(left, 216, width, 34, say(language, "figure_path_answer"), "pic-a"),
    ]
    return Drawing(262, parts, {"n": MOST_WORDS})


def counted(times: float) -> float:
    """What a word that occurs so often counts in a passage of average length."""
    return times * (K1 + 1) / (times + K1)


@picture("repeated", "word-search", "bm25")
def repeated(language: str) -> Drawing:
    """How soon repeated words stop counting."""
    left, floor, most, high = 30.0, 190.0, 12, K1 + 1
    across, up = (WIDTH - EDGE - left) / most, 150 / high
    limit = floor - high * up
    parts = [
        stroke(left, floor, WIDTH - EDGE, floor),
        stroke(left, limit, WIDTH - EDGE, limit, "pic-line-b", stroke_dasharray="5 4"),
        words(WIDTH - EDGE, limit - 8, say(language, "figure_repeated_limit", n=f"{high:g}"), "end"),
        path([(left + across * n / 8, floor - counted(n / 8) * up) for n in range(8 * most + 1)], "pic-line-a"),
    ]
    for times in COUNTED:
        x, y = left + across * times, floor - counted(times) * up
        parts.append(tag("circle", cx=x, cy=y, r=4.5, class_="pic-a"))
        parts.append(words(x + 4, y + 21, f"{counted(times):.2f}", look="pic-bold"))
        parts.append(words(x, floor + 18, str(times), "middle"))
    parts.append(words(WIDTH - EDGE, floor + 38, say(language, "figure_repeated_times"), "end", "pic-soft"))
    said = ", ".join(f"{times}: {counted(times):.2f}" for times in COUNTED)
    return Drawing(int(floor + 48), parts, {"list": said, "limit": f"{high:g}", "k1": K1})


def fused() -> list[tuple[str, float]]:
    """The passages of both lists with their points, best first."""
    lists = (BY_WORDS, BY_MEANING)
    points = {
        passage: sum(1 / (FUSION + 1 + ranked.index(passage)) for ranked in lists if passage in ranked)
        for passage in sorted({*BY_WORDS, *BY_MEANING})
    }
    return sorted(points.items(), key=lambda pair: -pair[1])


@picture("fusion", "meaning-search", "dense-and-hybrid")
def fusion(language: str) -> Drawing:
    """Two lists of passages, and the list that their ranks make."""
    result = fused()[:4]
    both = set(BY_WORDS) & set(BY_MEANING)
    heads = [say(language, key) for key in ("figure_fusion_words", "figure_fusion_both", "figure_fusion_meaning")]
    lefts, widths = (EDGE, 166, 340), (90, 108, 90)
    parts = [
        words(x + width / 2, 24 + 18 * line, text, "middle", "pic-bold")
        for x, width, head in zip(lefts, widths, heads, strict=True)
        for line, text in enumerate(broken(head, width + 30))
    ]
    rows = {passage: 50 + 40 * at for at, (passage, _) in enumerate(result)}
    for x, ranked in ((lefts[0], BY_WORDS), (lefts[2], BY_MEANING)):
        for at, passage in enumerate(ranked):
            y, look = 50 + 40 * at, "pic-b-soft" if passage in both else "pic-quiet"
            parts += named_box(x, y, 90, 30, f"{at + 1}. {passage}", look)
            if passage in rows:
                start, end = (x + 92, 163) if x < lefts[1] else (x - 2, 277)
                parts += arrow(start, y + 15, end, rows[passage] + 15, "b" if passage in both else "line")
    for passage, points in result:
        look = "pic-b" if passage in both else "pic-a"
        parts += named_box(lefts[1], rows[passage], 108, 30, f"{passage} {points:.4f}", look)
    parts.append(words(WIDTH / 2, 232, say(language, "figure_fusion_rule", k=FUSION), "middle", "pic-soft"))
    values: dict[str, object] = {"k": FUSION, "list": ", ".join(f"{name} {points:.4f}" for name, points in result)}
    return Drawing(244, parts, values | {"words": ", ".join(BY_WORDS), "meaning": ", ".join(BY_MEANING)})
