"""Pictures of training."""

from __future__ import annotations

from playground.ui.guide.pictures.drawing import EDGE, WIDTH, Drawing, box, named_box, paragraph, words
from playground.ui.guide.pictures.registry import picture
from playground.ui.guide.pictures.start import WEIGHTS
from playground.ui.parts.html import figure, size
from playground.ui.text import say

SIDE, RANK = 576, 8  # of a query matrix, and of the LoRA on it
# Numbers of SmolLM2-135M that are learned or written
LAST_LAYERS, LORA, NORMS, ROME = 14_160_384, 2_442_240, 35_136, 2_112
SHORT, FULL, MOMENTS = 2, 4, 8  # bytes of a number in 16 bits, of one in 32, and of Adam's two averages in 32


@picture("lora", "lora")
def lora(language: str) -> Drawing:
    """A matrix and the two thin ones beside it, to one scale."""
    scale, top = 168 / SIDE, 14.0
    side, thin = SIDE * scale, RANK * scale
    whole, added = SIDE * SIDE, 2 * SIDE * RANK
    share = figure(100 * added / whole, 2)
    up, right = EDGE + side + 44, EDGE + side + 44 + thin + 16
    middle = top + side / 2
    parts = [
        box(EDGE, top, side, side, "pic-quiet", rx=0),
        words(EDGE + side / 2, middle - 12, f"{SIDE} × {SIDE}", "middle", "pic-bold"),
        words(EDGE + side / 2, middle + 8, say(language, "figure_lora_whole", n=f"{whole:,}"), "middle"),
        words(EDGE + side / 2, middle + 28, say(language, "figure_lora_frozen"), "middle"),
        words(EDGE + side + 22, middle + 5, "+", "middle", "pic-bold"),
        box(up, top, thin, side, "pic-b", rx=0),
        box(right, top, side, thin, "pic-b", rx=0),
        words(right, top + thin + 22, f"A: {RANK} × {SIDE}"),
        words(right, top + side - 2, f"B: {SIDE} × {RANK}"),
        *paragraph(
            right, top + 66, say(language, "figure_lora_learned", n=f"{added:,}", share=share), WIDTH - EDGE - right
        ),
    ]
    values = {"side": SIDE, "rank": RANK, "whole": f"{whole:,}", "n": f"{added:,}", "share": share}
    return Drawing(int(top + side + 14), parts, values)


@picture("stored", "fine-tuning")
def stored(language: str) -> Drawing:
    """What there is to keep after each kind of change, in bytes, to one scale."""
    rows = [
        (say(language, "figure_stored_all"), WEIGHTS),
        (say(language, "figure_stored_last"), LAST_LAYERS),
        (say(language, "figure_stored_lora", rank=RANK), LORA),
        (say(language, "figure_stored_norms"), NORMS),
        (say(language, "figure_stored_rome"), ROME),
    ]
    parts, said = [], []
    for number, (name, count) in enumerate(rows):
        y = 12 + 44 * number
        told = size(SHORT * count)
        long = max(1.5, (WIDTH - 2 * EDGE - 90) * count / WEIGHTS)
        parts += [words(EDGE, y + 10, name), box(EDGE, y + 16, long, 16, "pic-b" if number else "pic-line-fill", rx=2)]
        parts.append(words(EDGE + long + 8, y + 29, told, look="pic-bold"))
        said.append(f"{name}: {told}")
    return Drawing(12 + 44 * len(rows), parts, {"list": "; ".join(said)})


@picture("memory", "training-memory", "memory")
def memory(language: str) -> Drawing:
    """What is held while all weights learn, and while a LoRA does, to one scale."""
    full, small = WEIGHTS * (FULL + FULL + MOMENTS), LORA * (FULL + FULL + MOMENTS)
    frozen = WEIGHTS * FULL
    unit = (WIDTH - 2 * EDGE) / full
    cuts = [
        (say(language, "figure_memory_weights"), frozen, "pic-quiet"),
        (say(language, "figure_memory_gradients"), frozen, "pic-a-soft"),
        (say(language, "figure_memory_moments"), WEIGHTS * MOMENTS, "pic-b-soft"),
    ]
    parts = [words(EDGE, 24, say(language, "figure_memory_full", size=_giga(full)), look="pic-bold")]
    x = float(EDGE)
    for name, count, look in cuts:
        parts += named_box(x, 34, count * unit, 48, name, look)
        x += count * unit
    parts.append(
        words(EDGE, 114, say(language, "figure_memory_lora", rank=RANK, size=_giga(frozen + small)), look="pic-bold")
    )
    parts += named_box(EDGE, 124, frozen * unit, 48, say(language, "figure_memory_frozen"))
    right = EDGE + frozen * unit
    parts.append(box(right, 124, small * unit, 48, "pic-b", rx=0))
    right += small * unit + 10
    parts += paragraph(right, 144, say(language, "figure_memory_own", size=size(small)), WIDTH - EDGE - right)
    values = {"full": _giga(full), "weights": _giga(frozen), "moments": _giga(WEIGHTS * MOMENTS), "lora": size(small)}
    return Drawing(184, parts, values | {"sum": _giga(frozen + small), "rank": RANK})


def _giga(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
