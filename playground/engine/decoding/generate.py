"""Prompts as a model gets them, how tokens are drawn, and tables of the next one; ``batches.py`` decodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from playground.checked import Whole, checked, is_whole, printable
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

    ``seconds`` is the time that its batch was at work until its last token: reading the prompts of others in it
    included, waiting for a seat and the turns of other models left out. ``place`` counts those whose turn comes
    before, while it waits for a seat; 0 from then on. ``wait`` is about how many seconds that may take, by the pace of
    those before; 0 where nothing is known.
    """

    prompt_tokens: int
    ids: list[int] = field(default_factory=list)
    done: bool = False
    seconds: float = 0.0
    place: int = 0
    wait: float = 0.0


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


def drawn(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """A token by chance, from (vocab,) logits."""
    logits = logits.float().nan_to_num()  # of a variant whose numbers are none: anything, and nobody else's trouble
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
