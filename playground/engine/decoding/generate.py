"""Prompts to tokens: chat template, batched decoding, next-token tables.

Rows of one batch are prefilled one by one and decoded together; a row's answer does not depend
on which others are beside it, but for the last digits where the processor's library rounds
batches of different sizes differently (see ``LEAST_ROWS``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from transformers import DynamicCache, PreTrainedTokenizerBase

from playground.checked import Whole, checked, is_whole, printable
from playground.engine.decoding.row_cache import RowCache
from playground.engine.fork import Fork
from playground.engine.gate import GATE
from playground.engine.models.float32_head import float32_logits
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import Span, has_control, token_ids
from playground.errors import Message, PlaygroundError

MAX_PROMPT_CHARACTERS = 16_000
MAX_PROMPT_TOKENS = 3_000
MAX_NEW_TOKENS = 512
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**31 - 1
MAX_NEXT_TOKENS = 100
STAND_IN = "\ue000\ue001"  # for a prompt, to see what its template writes around it
HALF = "\ufffd"  # what bytes that are no whole character are decoded to
MOST_HALVES = 3  # such signs of one character that is not complete
# Matrix products of one row go another way through the processor's library than those of
# several, and round differently. Never decoding a single row keeps a row's answer the same alone
# and in company (bit for bit where the library's kernels allow it).
LEAST_ROWS = 2


@checked(
    PlaygroundError,
    {
        "max_new_tokens": Message(
            "New tokens is {given}: choose a whole number from 1 to {limit}.", {"limit": MAX_NEW_TOKENS}
        ),
        "temperature": Message(
            "Temperature is {given}: choose a number from 0 (always the likeliest token) to {limit}.",
            {"limit": MAX_TEMPERATURE},
        ),
        "seed": Message("Seed is {given}: choose a whole number from 0 to {limit}.", {"limit": MAX_SEED}),
    },
)
class Sampling:
    """How answers are drawn: greedy at temperature 0, else seeded sampling."""

    max_new_tokens: Annotated[Whole, Field(ge=1, le=MAX_NEW_TOKENS)] = 64
    temperature: Annotated[float, Field(ge=0, le=MAX_TEMPERATURE)] = 0.0
    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 0


@dataclass
class Row:
    """One answer as it grows.

    ``seconds`` is the time that its batch was at work until its last token: prefill of the whole
    batch included, pauses in which another model had its turn left out.
    """

    prompt_tokens: int
    ids: list[int] = field(default_factory=list)
    done: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class NextToken:
    """A candidate for the next token."""

    id: int
    probability: float


class Prompt(str):
    """The exact text that a model gets; ``steering`` is where its template's control tokens are."""

    steering: tuple[Span, ...] = ()

    def then(self, text: str) -> Prompt:
        """The prompt with the beginning of its answer, in which nothing steers."""
        longer = Prompt(self + text)
        longer.steering = self.steering
        return longer


def prompt_text(tokenizer: PreTrainedTokenizerBase, prompt: str, chat: bool) -> Prompt:
    """The exact text that a model gets: the prompt in its chat template, or as it is.

    :raises PlaygroundError: the prompt is empty or too long, or the model has no chat template.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise PlaygroundError("The prompt is empty. Type a question or the start of a sentence.")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise PlaygroundError(
            "The prompt has {count} characters: keep it to {limit}.", count=len(prompt), limit=MAX_PROMPT_CHARACTERS
        )
    if not isinstance(chat, bool):
        raise PlaygroundError("Chat is {given}: give true or false.", given=printable(chat))
    if not chat:
        return Prompt(prompt)
    if not tokenizer.chat_template:
        raise PlaygroundError("This model has no chat template. Choose to continue the text instead.")
    text = Prompt(_in_template(tokenizer, prompt))
    text.steering = ((0, len(text)),)
    if has_control(tokenizer, prompt):  # the template alone steers, before the prompt and after it
        before, stood, after = _in_template(tokenizer, STAND_IN).partition(STAND_IN)
        ends = ((0, len(before)), (len(text) - len(after), len(text)))
        text.steering = ends if stood and text == before + prompt + after else ()
    return text


def _in_template(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def exact_ids(base: Base, text: str) -> list[int]:
    """Token ids of an exact prompt text, with the beginning-of-text token where one is expected.

    :param text: a :class:`Prompt`, or plain text, in which nothing steers.
    """
    ids = token_ids(base.tokenizer, text, getattr(text, "steering", ()))
    return start_ids(base.tokenizer, ids) + ids


def prompt_ids(base: Base, text: str, new_tokens: int = 0) -> list[int]:
    """Token ids of an exact prompt text, as :func:`exact_ids`, if they fit.

    :param new_tokens: room to leave in the model's context.
    :raises PlaygroundError: it has more tokens than the model or this host takes.
    """
    ids = exact_ids(base, text)
    context = getattr(base.model.config, "max_position_embeddings", MAX_PROMPT_TOKENS)
    if new_tokens >= context:
        raise PlaygroundError(
            "New tokens is {given}: this model has room for {limit} beside a prompt.",
            given=new_tokens,
            limit=context - 1,
        )
    limit = min(MAX_PROMPT_TOKENS, context - new_tokens)
    if not 0 < len(ids) <= limit:
        raise PlaygroundError(
            "The prompt has {count} tokens: this model takes 1 to {limit} here. Shorten it, or use fewer passages.",
            count=len(ids),
            limit=limit,
        )
    return ids


def start_ids(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """The beginning-of-text token, for models that expect one, unless the text brings it."""
    bos = tokenizer.bos_token_id
    expected = bos is not None and list(tokenizer("")["input_ids"])[:1] == [bos]
    return [bos] if expected and ids[:1] != [bos] else []


def decode(
    fork: Fork, prompts: Sequence[Sequence[int]], sampling: Sampling, stopped: Callable[[], bool] = lambda: False
) -> Iterator[list[Row]]:
    """Answer several prompts with one model, one token for each at every step.

    The same ``Row`` objects are yielded after every step, grown in place. A row ends at the
    model's end token, at ``max_new_tokens``, or when ``stopped()`` turns true.

    :param prompts: token ids of each prompt, not empty.
    """
    spent, since = 0.0, time.perf_counter()  # only while at work: others may run between steps
    rows = [Row(len(prompt)) for prompt in prompts]
    slots = max(len(prompts), LEAST_ROWS)
    capacity = fork.virtual_count() + max(map(len, prompts)) + sampling.max_new_tokens
    with torch.inference_mode():
        cache, last = RowCache(slots, capacity), []
    for slot, prompt in enumerate(prompts):
        if stopped():
            return
        last.append(_prefill(fork, prompt, cache, slot))
        spent += time.perf_counter() - since
        yield rows
        since = time.perf_counter()
    ends = end_ids(fork.base)
    draws = [torch.Generator().manual_seed(sampling.seed) for _ in rows]
    logits = torch.stack(last)  # (rows, vocab)
    while not stopped():
        growing = [row for row in rows if not row.done]
        for row, row_logits, generator in zip(rows, logits, draws, strict=False):
            if not row.done:
                _extend(row, row_logits, sampling, generator, ends)
        spent += time.perf_counter() - since
        for row in growing:
            row.seconds = spent
        yield rows
        since = time.perf_counter()
        if all(row.done for row in rows):
            return
        # A row that has ended keeps its place; what it is fed does not matter.
        logits = _step(fork, cache, [0 if row.done else row.ids[-1] for row in rows])


def step_seconds(fork: Fork, prompt: Sequence[int], rows: int, steps: int) -> Iterator[float]:
    """Seconds of each of some decoding steps for the same prompt in several rows.

    What the tokens are does not matter for the time, so no row ends.
    """
    slots = max(rows, LEAST_ROWS)
    with torch.inference_mode():
        cache = RowCache(slots, fork.virtual_count() + len(prompt) + steps)
    for slot in range(rows):
        _prefill(fork, prompt, cache, slot)
    for _ in range(steps):
        start = time.perf_counter()
        _step(fork, cache, [prompt[-1]] * rows)
        yield time.perf_counter() - start


@torch.inference_mode()
def _prefill(fork: Fork, prompt: Sequence[int], cache: RowCache, slot: int) -> Tensor:
    """Run one prompt, keep its keys and values, and return its last logits (vocab,)."""
    GATE.note()
    own = DynamicCache()
    out = fork.model(input_ids=torch.tensor([list(prompt)]), past_key_values=own, logits_to_keep=1)
    cache.fill(slot, own, fork.virtual_count() + len(prompt))
    return out.logits[0, -1]


@torch.inference_mode()
def _step(fork: Fork, cache: RowCache, tokens: list[int]) -> Tensor:
    """One token more for every row; returns logits (slots, vocab)."""
    GATE.note()
    filled, spare = len(tokens), len(cache.lengths) - len(tokens)
    ids = torch.tensor([*tokens, *[0] * spare])[:, None]
    out = fork.model(
        input_ids=ids,
        position_ids=cache.lengths[:, None].clone(),
        past_key_values=cache,
        attention_mask=cache.masks(fork.model.config),
    )
    cache.lengths[:filled] += 1
    return out.logits[:, -1]


def _extend(row: Row, logits: Tensor, sampling: Sampling, generator: torch.Generator, ends: set[int]) -> None:
    token = _draw(logits, sampling, generator)
    if token in ends:
        row.done = True
        return
    row.ids.append(token)
    row.done = len(row.ids) >= sampling.max_new_tokens


def _draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    if sampling.temperature == 0:
        return int(logits.argmax())
    logits = logits.float()
    probabilities = ((logits - logits.max()) / max(sampling.temperature, 1e-30)).softmax(-1)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def end_ids(base: Base) -> set[int]:
    """The tokens that end an answer."""
    ids_of_ends: set[Any] = set()
    configured: Any = getattr(base.model, "generation_config", None)
    for owner in (configured, base.tokenizer):
        ids = getattr(owner, "eos_token_id", None)
        ids_of_ends |= set(ids) if isinstance(ids, list | tuple) else {ids}
    return ids_of_ends - {None}


def answer_text(base: Base, row: Row) -> str:
    """An answer as text, without special tokens, and without the first bytes of a character whose
    others are still to come, or never came."""
    return whole_text(str(base.tokenizer.decode(row.ids, skip_special_tokens=True))).strip()


def whole_text(text: str) -> str:
    """A decoded text without half a character at its end."""
    halves = len(text) - len(text.rstrip(HALF))
    return text[: len(text) - halves] if halves <= MOST_HALVES else text


@torch.inference_mode()
def next_probabilities(fork: Fork, ids: Sequence[int]) -> Tensor:
    """(vocab,) float32 probabilities of the token after a prompt."""
    GATE.note()
    with float32_logits():
        out = fork.model(input_ids=torch.tensor([list(ids)]), logits_to_keep=1, use_cache=False)
    return out.logits[0, -1].float().softmax(-1)


def next_tokens(fork: Fork, ids: Sequence[int], k: int) -> list[NextToken]:
    """The k likeliest next tokens, most likely first.

    :raises PlaygroundError: k is out of range.
    """
    if not is_whole(k, 1, MAX_NEXT_TOKENS):
        raise PlaygroundError(
            "k is {given}: choose a whole number from 1 to {limit}.", given=printable(k), limit=MAX_NEXT_TOKENS
        )
    probabilities = next_probabilities(fork, ids)
    top = probabilities.topk(min(k, len(probabilities)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [NextToken(index, value) for index, value in pairs]


@dataclass(frozen=True)
class Shift:
    """One candidate for the next token under two models."""

    id: int
    before: float
    after: float


def next_shift(before: Fork, after: Fork, ids: Sequence[int], k: int) -> list[Shift]:
    """The k tokens that are likeliest under either model, and how likely under both."""
    old = next_probabilities(before, ids)
    new = old if after.model is before.model else next_probabilities(after, ids)
    top = torch.maximum(old, new).topk(min(k, len(old))).indices
    pairs = zip(top.tolist(), old[top].tolist(), new[top].tolist(), strict=True)
    return [Shift(*pair) for pair in pairs]
