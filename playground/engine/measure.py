"""Figures about a fork: how well it predicts a text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

from playground.engine.edits.nudge_tokens import token_ids
from playground.engine.fork import Fork
from playground.engine.inspect import byte_count
from playground.engine.precise import float32_logits
from playground.errors import PlaygroundError

MAX_TEXT = 100_000  # characters
MAX_TOKENS = 8_192
WINDOW = 512  # tokens seen at once
MOST_NATS = 700.0  # exp of more is no longer a float


@dataclass(frozen=True)
class Perplexity:
    """How surprised a model is by a text; ``tokens`` counts those that were scored."""

    perplexity: float
    bits_per_byte: float
    tokens: int


@torch.inference_mode()
def perplexity(fork: Fork, text: str) -> Perplexity:
    """Perplexity of a text, each token after the first scored once.

    Windows of 512 tokens (or the model's context, if that is less) move by half of it, so that
    every token but the first ones has at least that many before it: the strided form of
    transformers' guide to perplexity.

    :raises PlaygroundError: the text has fewer than two tokens or is too long.
    """
    ids = torch.tensor(_ids(fork, text))
    total, scored = 0.0, 1
    context = getattr(fork.base.model.config, "max_position_embeddings", WINDOW)
    width = min(WINDOW, context)
    stride = width // 2
    for start in range(0, max(1, len(ids) - (width - stride)), stride):
        window = ids[start : start + width]
        new = start + len(window) - scored  # tokens of this window not scored before
        with float32_logits():
            out = fork.model(input_ids=window[None], logits_to_keep=new + 1, use_cache=False)
        losses = F.cross_entropy(out.logits[0, :-1].float(), window[-new:], reduction="sum")
        total, scored = total + float(losses), start + len(window)
    count = len(ids) - 1
    size = len(text.encode()) - byte_count(fork.base.tokenizer, int(ids[0]))
    mean = min(total / count, MOST_NATS)
    return Perplexity(math.exp(mean), total / math.log(2) / max(1, size), count)


def _ids(fork: Fork, text: str) -> list[int]:
    if not isinstance(text, str) or not text:
        raise PlaygroundError("The text is empty. Type a word or a sentence.")
    if len(text) > MAX_TEXT:
        raise PlaygroundError(
            "The text is too long: keep it to {characters} characters and {tokens} tokens.",
            characters=MAX_TEXT,
            tokens=MAX_TOKENS,
        )
    ids = token_ids(fork.base.tokenizer, text)
    if not 2 <= len(ids) <= MAX_TOKENS:
        raise PlaygroundError(
            "The text has {count} tokens: perplexity needs 2 to {limit}.",
            count=len(ids),
            limit=MAX_TOKENS,
        )
    return ids
