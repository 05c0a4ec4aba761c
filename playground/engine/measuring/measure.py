"""Figures about a fork: how well it predicts, how far it is from the base, how fast it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from playground.engine.decoding.batches import answering
from playground.engine.decoding.speed import step_seconds
from playground.engine.fork import Fork
from playground.engine.gate import piece
from playground.engine.measuring.sizes import Sizes, sizes
from playground.engine.measuring.token_map import byte_count
from playground.engine.models.float32_head import float32_logits
from playground.engine.models.token_ids import token_ids
from playground.engine.work import QUIET, Work
from playground.errors import Message, PlaygroundError

SHIPPED = Path(__file__).resolve().parents[3] / "assets" / "texts" / "measure.txt"
MAX_TEXT = 100_000  # characters
MAX_TOKENS = 8_192
WINDOW = 512  # tokens seen at once
MOST_NATS = 700.0  # exp of more is no longer a float
SPEED_STEPS = {1: 24, 8: 24, 64: 8}  # decoding steps that a speed is taken from, by how many are answered
SPEED_PROMPT = 16  # tokens of the text that they follow
READING = Message("Measuring: reading the text…")
TIMING = Message("Measuring: timing new tokens…")


@dataclass(frozen=True)
class Perplexity:
    """How surprised a model is by a text; ``tokens`` counts those that were scored."""

    perplexity: float
    bits_per_byte: float
    tokens: int


@dataclass(frozen=True)
class Speed:
    """Seconds for each new token: of one prompt, and of each prompt in batches of 8 and of 64."""

    one: float
    batch: float
    many: float


@dataclass(frozen=True)
class Figures:
    """What is measured of one model."""

    text: Perplexity
    sizes: Sizes
    speed: Speed


@dataclass(frozen=True)
class Measured:
    """A fork against its base on one text.

    :param kl: mean Kullback-Leibler divergence KL(base || fork) of the next-token distribution,
        in nats.
    :param same_top: share of positions whose likeliest next token is the base's.
    """

    base: Figures
    fork: Figures
    kl: float
    same_top: float


@cache
def shipped_text() -> str:
    """The text that is measured on unless a visitor gives one."""
    return SHIPPED.read_text(encoding="utf-8")


def perplexity(fork: Fork, text: str, work: Work = QUIET) -> Perplexity:
    """Perplexity of a text, each token after the first scored once.

    Windows of 512 tokens (or the model's context, if that is less) move by half of it, so that
    every token but the first ones has at least that many before it: the strided form of
    transformers' guide to perplexity.

    :raises PlaygroundError: the text has fewer than two tokens or is too long.
    """
    ids = torch.tensor(_ids(fork, text))
    total = 0.0
    for window, new in _windows(fork, ids, work):
        total += float(_losses(_logits(fork, window, new), window, new))
    return _perplexity(fork, text, ids, total)


def measure(base: Fork, fork: Fork, text: str = "", work: Work = QUIET) -> Measured:
    """Everything at once, on the visitor's text or the shipped one.

    Both models answer in turn, so that a busy moment of the machine falls on both.

    :raises PlaygroundError: the text has fewer than two tokens or is too long.
    """
    text = text or shipped_text()
    ids = torch.tensor(_ids(fork, text))
    base_loss = fork_loss = divergence = same = 0.0
    for window, new in _windows(fork, ids, work):
        old = _logits(base, window, new)
        now = _logits(fork, window, new)
        base_loss += float(_losses(old, window, new))
        fork_loss += float(_losses(now, window, new))
        same += int((old.argmax(-1) == now.argmax(-1)).sum())
        divergence += float(F.kl_div(now.log_softmax(-1), old.log_softmax(-1), reduction="sum", log_target=True))
    base_speed, fork_speed = speeds(base, fork, ids, work)
    return Measured(
        Figures(_perplexity(base, text, ids, base_loss), sizes(base), base_speed),
        Figures(_perplexity(fork, text, ids, fork_loss), sizes(fork), fork_speed),
        max(0.0, divergence / (len(ids) - 1)),
        same / (len(ids) - 1),
    )


def _windows(fork: Fork, ids: Tensor, work: Work) -> Iterator[tuple[Tensor, int]]:
    """Windows of a text, each with how many of its last tokens were not scored before."""
    context = getattr(fork.base.model.config, "max_position_embeddings", WINDOW)
    width = min(WINDOW, context)
    stride, scored = width // 2, 1
    starts = range(0, max(1, len(ids) - (width - stride)), stride)
    for done, start in enumerate(starts):
        work.step(done, len(starts), READING)
        window = ids[start : start + width]
        yield window, start + len(window) - scored
        scored = start + len(window)


@torch.inference_mode()
def _logits(fork: Fork, window: Tensor, new: int) -> Tensor:
    """(new, vocab) float32 logits for the last tokens of a window."""
    with piece(answering), float32_logits():
        out = fork.model(input_ids=window[None], logits_to_keep=new + 1, use_cache=False)
    logits: Tensor = out.logits[0, :-1].float()
    return logits


def _losses(logits: Tensor, window: Tensor, new: int) -> Tensor:
    return F.cross_entropy(logits, window[-new:], reduction="sum")


def _perplexity(fork: Fork, text: str, ids: Tensor, nats: float) -> Perplexity:
    count = len(ids) - 1
    size = len(text.encode()) - byte_count(fork.base.tokenizer, int(ids[0]))
    mean = min(nats / count, MOST_NATS)
    return Perplexity(math.exp(mean), nats / math.log(2) / max(1, size), count)


def speeds(base: Fork, fork: Fork, ids: Tensor, work: Work) -> tuple[Speed, Speed]:
    """Seconds a new token takes with each of two models.

    Medians of steps that the two take in turn, the first of each left out.
    """
    prompt = ids[:SPEED_PROMPT].tolist()
    base_taken, fork_taken, done = [], [], 0
    for rows, steps in SPEED_STEPS.items():
        runs = [step_seconds(model, prompt, rows, steps + 1) for model in (base, fork)]
        pairs = []
        for pair in zip(*runs, strict=True):
            work.step(done, sum(SPEED_STEPS.values()) + len(SPEED_STEPS), TIMING)
            pairs.append(pair)
            done += 1
        base_times, fork_times = zip(*pairs[1:], strict=True)
        base_taken.append(statistics.median(base_times) / rows)
        fork_taken.append(statistics.median(fork_times) / rows)
    return Speed(*base_taken), Speed(*fork_taken)


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
            "The text has {count} tokens: perplexity needs 2 to {limit}.", count=len(ids), limit=MAX_TOKENS
        )
    return ids
