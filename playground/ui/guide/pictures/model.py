"""Pictures of what a model is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from playground.ui.guide.pictures.drawing import (
    EDGE,
    WIDTH,
    Drawing,
    arrow,
    box,
    chips,
    named_box,
    paragraph,
    path,
    stroke,
    wide,
    words,
)
from playground.ui.guide.pictures.registry import picture
from playground.ui.parts.html import signed
from playground.ui.text import say


@dataclass(frozen=True)
class Piece:
    """A token as it is written, and its number."""

    text: str
    id: int


# SmolLM2-135M
VOCABULARY, HIDDEN, LAYERS = 49_152, 576, 30
ATTENTION, MLP = 884_736, 2_654_208  # weights of one layer's matrices
PROMPT = ("The", " capital", " of", " France", " is")
NEXT = ((" Paris", 0.763), (" the", 0.067), (" London", 0.012))  # its probabilities after these
# What its tokenizer makes of texts
CUT = (Piece("Un", 3706), Piece("belie", 23282), Piece("v", 102), Piece("ably", 1756), Piece(" small", 1165))
SPELLED = {"모": (182, 120, 118), "델": (182, 231, 133)}  # by byte
SPACED = (Piece("Paris", 38634), Piece(" Paris", 7042))
# Cosines with the row of " Paris" in its embedding table
COSINES = {"Paris": 0.813, " London": 0.611, " Rome": 0.482, " city": 0.276, " seven": 0.095}


@picture("anatomy", "anatomy", "smollm2")
def anatomy(language: str) -> Drawing:
    """From tokens through the layers to the likeliest next tokens, with the real sizes."""
    middle, left, width = WIDTH / 2, 70, 300
    pieces = [signed(token, language) for token in PROMPT]
    span = sum(wide(piece) + 14 for piece in pieces) - 4
    embedding = say(language, "figure_anatomy_table", rows=f"{VOCABULARY:,}", width=HIDDEN)
    parts = chips(middle - span / 2, 10, pieces)
    parts += [
        *arrow(middle, 38, middle, 54),
        *named_box(left, 56, width, 40, embedding, "pic-quiet"),
        *arrow(middle, 98, middle, 114),
        *(box(left + 10 - 5 * n, 126 - 5 * n, width, 104, "pic-card") for n in range(3)),
        words(left + 14, 136, say(language, "figure_anatomy_layers", n=LAYERS), "start", "pic-bold"),
        *named_box(left + 14, 144, width - 50, 30, say(language, "figure_anatomy_attention", n=f"{ATTENTION:,}")),
        *named_box(left + 14, 180, width - 50, 30, say(language, "figure_anatomy_mlp", n=f"{MLP:,}")),
        *arrow(middle, 232, middle, 250),
        *named_box(left, 252, width, 40, say(language, "figure_anatomy_head"), "pic-quiet"),
        *arrow(middle, 294, middle, 310),
    ]
    for number, (token, share) in enumerate(NEXT):
        y = 316 + 26 * number
        parts.append(words(150, y + 14, signed(token, language), "end"))
        parts.append(box(158, y, share * 200, 20, "pic-a", rx=2))
        parts.append(words(158 + share * 200 + 8, y + 14, f"{share:.0%}".replace("%", " %")))
    values: dict[str, object] = {
        "n": LAYERS,
        "rows": f"{VOCABULARY:,}",
        "width": HIDDEN,
        "attention": f"{ATTENTION:,}",
        "mlp": f"{MLP:,}",
    }
    values |= {"prompt": "".join(PROMPT), "token": NEXT[0][0].strip(), "share": round(100 * NEXT[0][1])}
    return Drawing(316 + 26 * len(NEXT) + 6, parts, values)


@picture("tokens", "tokens", "tokens-and-embeddings")
def tokens(language: str) -> Drawing:
    """Texts cut into the tokenizer's real pieces, each over its number."""
    parts = [
        words(EDGE, 22, say(language, "figure_tokens_rare"), look="pic-bold"),
        *chips(EDGE, 32, [signed(piece.text, language) for piece in CUT], [str(piece.id) for piece in CUT]),
        words(EDGE, 108, say(language, "figure_tokens_space"), look="pic-bold"),
        *chips(EDGE, 118, [signed(piece.text, language) for piece in SPACED], [str(piece.id) for piece in SPACED]),
        words(EDGE, 194, say(language, "figure_tokens_bytes"), look="pic-bold"),
    ]
    x = float(EDGE)
    for letter, ids in SPELLED.items():
        hexes = [f"{byte:02X}" for byte in letter.encode()]
        each = [max(wide(code), wide(str(id_))) + 10 for code, id_ in zip(hexes, ids, strict=True)]
        long = sum(each) + 4 * (len(each) - 1)
        parts.append(words(x + long / 2, 216, letter, "middle"))
        parts.append(path([(x, 228), (x, 223), (x + long, 223), (x + long, 228)]))
        parts += chips(x, 232, hexes, [str(id_) for id_ in ids], "pic-b-soft")
        x += long + 18
    count = sum(len(ids) for ids in SPELLED.values())
    values: dict[str, object] = {"text": "".join(piece.text for piece in CUT), "n": len(CUT), "bytes": count}
    values |= {"pieces": ", ".join(piece.text.strip() for piece in CUT), "word": "".join(SPELLED)}
    return Drawing(284, parts, values)


@picture("cosines", "embeddings", "tokens-and-embeddings")
def cosines(language: str) -> Drawing:
    """Arrows of some tokens at the angles that their rows really have with one token's row."""
    long, x, y = 210.0, 30.0, 250.0
    parts = [*arrow(x, y, x + long, y, "b"), words(x + long + 8, y + 5, signed(" Paris", language), look="pic-bold")]
    for token, cosine in COSINES.items():
        turn = math.acos(cosine)
        over, up = math.cos(turn), math.sin(turn)
        parts += arrow(x, y, x + long * over, y - long * up, "a")
        lift = 12 if over < 0.2 else 0  # it shares no line with its neighbour
        name = f"{signed(token, language)} {cosine:.2f}"
        parts.append(words(x + (long + 8) * over, y - (long + 8) * up + 4 - lift, name))
    parts += paragraph(260, 190, say(language, "figure_cosines_read"), WIDTH - EDGE - 260, look="pic-soft")
    parts.append(stroke(x, y, x, y - long - 8, stroke_dasharray="3 4"))
    said = ", ".join(f"{token.strip()} {cosine:.2f}" for token, cosine in COSINES.items() if token != "Paris")
    return Drawing(270, parts, {"list": said, "same": f"{COSINES['Paris']:.2f}"})
