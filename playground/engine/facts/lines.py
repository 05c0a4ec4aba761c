"""Facts as rows of tokens: where the subject ends, and which tokens are the target.

Tokenizers may join a subject's last letters with what follows, and a prompt's end with its target;
the places are found in the whole text, by the letters that each token stands for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from playground.engine.decoding.generate import start_ids
from playground.engine.facts.facts import Fact
from playground.engine.fork import Fork
from playground.engine.measuring.calibration import shipped_text
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import parts, token_ids
from playground.errors import RecipeError

MAX_TARGET_TOKENS = 16
MAX_PROMPT_TOKENS = 128
PREFIXES, PREFIX_WORDS = 4, 8  # texts before the prompt beside none, and their length at most
ABOUT = "{subject} is a"  # what must stay likely of a subject: the essence of Meng et al.
# Before a subject that would be the first token. There a model reads no word apart: whatever the
# token, its state is that of the attention sink (Xiao et al. 2024), ten times as long as others.
# Such a key is common to all texts, so nothing may be written at it.
WORDS = "It is known that "


@dataclass(frozen=True)
class Line:
    """A text as tokens.

    :param ids: all of them, the target's last left out: nothing is predicted from it.
    :param start: place of the subject's first token.
    :param subject: place of its last token.
    :param target: the ids to be predicted, the first from ``ids[-len(target)]``; may be empty.
    """

    ids: tuple[int, ...]
    start: int
    subject: int
    target: tuple[int, ...]


@cache
def _starts() -> tuple[str, ...]:
    """Starts of the calibration text's sentences, each closed by a full stop."""
    sentences = re.findall(r"[A-Z][^.!?\n]{30,}[.!?]", shipped_text())
    cut = (" ".join(sentence.split()[:PREFIX_WORDS]) for sentence in sentences)
    return tuple(dict.fromkeys(f"{one.rstrip('.,;:!?')}. " for one in cut))


def prefixes(seed: int, count: int = PREFIXES) -> tuple[str, ...]:
    """No text and some short ones, before which a fact must hold too; the same for a seed.

    Meng et al. sample them from the model; here they are starts of sentences of the shipped
    calibration text, which cost nothing.
    """
    return ("", *random.Random(seed).sample(_starts(), count))


def line(base: Base, before: str, prompt: str, subject: str, target: str) -> Line:
    """A prompt and its target after a prefix.

    :param subject: what the prompt contains; its last mention counts.
    :raises RecipeError: the tokenizer leaves the subject out, or does not say where tokens are.
    """
    text = before + prompt + target
    spans = _spans(base, text)
    end = len(before) + prompt.rindex(subject) + len(subject)
    mine = [n for n, (_, a, b) in enumerate(spans) if a < end and b > end - len(subject)]
    if not mine:
        raise RecipeError(
            "The tokenizer of this model makes no token of the subject {subject!r}. Write it in other letters.",
            subject=subject[:60],
        )
    border = len(before) + len(prompt)
    first = next((n for n, (_, _, b) in enumerate(spans) if b > border), len(spans))
    return _line(base, [token for token, _, _ in spans], mine, first)


def _spans(base: Base, text: str) -> list[tuple[int, int, int]]:
    """For every token its id and which characters it stands for."""
    token_ids(base.tokenizer, text)  # which refuses half characters
    if not base.tokenizer.is_fast:
        raise RecipeError(
            "The tokenizer of this model does not say which letters a token stands for, so a "
            "subject cannot be found in it. Choose another model."
        )
    spans = []
    for start, end in parts(base.tokenizer, text):
        found = base.tokenizer(text[start:end], add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
        spans += [(token, start + a, start + b) for token, (a, b) in pairs]
    return spans


def target_line(base: Base, prompt: str, target: str) -> Line:
    """A prompt about no subject; the prompt's last token stands for one."""
    ids = _spans(base, prompt + target)
    first = next((n for n, (_, _, b) in enumerate(ids) if b > len(prompt)), len(ids))
    return _line(base, [token for token, _, _ in ids], [first - 1], first)


def _line(base: Base, ids: list[int], subject: list[int], first: int) -> Line:
    """With what the model expects at the start; ``first`` is the target's first token."""
    ahead = start_ids(base.tokenizer, ids)
    whole, goal = (*ahead, *ids), tuple(ids[first:])
    return Line(whole[:-1] if goal else whole, subject[0] + len(ahead), subject[-1] + len(ahead), goal)


def fact_line(base: Base, before: str, fact: Fact) -> Line:
    """A fact after a prefix."""
    return line(base, before, fact.prompt, fact.subject, fact.target)


def sinks(found: Line) -> bool:
    """Whether a line's subject is the first token, the attention sink."""
    return found.subject == 0


def plain_line(base: Base, fact: Fact) -> Line:
    """A fact without a prefix, or behind a few words where its subject would be the first token."""
    return _readable(base, fact.prompt, fact.subject, fact.target)


def about_line(base: Base, subject: str) -> Line:
    """The text whose next token must stay as likely as it was, as ``plain_line`` has it."""
    return _readable(base, ABOUT.format(subject=subject), subject, "")


def _readable(base: Base, prompt: str, subject: str, target: str) -> Line:
    bare = line(base, "", prompt, subject, target)
    return line(base, WORDS, prompt, subject, target) if sinks(bare) else bare


def check_lengths(fork: Fork, facts: Sequence[Fact]) -> None:
    """Refuse facts with more tokens than can be taught.

    :raises RecipeError: naming the fact, counted from 1, and the limit.
    """
    for number, fact in enumerate(facts, 1):
        found = fact_line(fork.base, "", fact)
        if not 1 <= len(found.target) <= MAX_TARGET_TOKENS:
            raise RecipeError(
                "Fact {number}: the target has {count} tokens, and 1 to {limit} can be taught at once. Change it.",
                number=number,
                count=len(found.target),
                limit=MAX_TARGET_TOKENS,
            )
        config = fork.base.model.config
        context = getattr(config, "max_position_embeddings", 10 * MAX_PROMPT_TOKENS)
        room = context - fork.virtual_count() - MAX_TARGET_TOKENS - 8 * PREFIX_WORDS
        limit = max(1, min(MAX_PROMPT_TOKENS, room))
        count = len(found.ids) - len(found.target) + 1
        if count > limit:
            raise RecipeError(
                "Fact {number}: the prompt has {count} tokens, and at most {limit} are read here. Shorten it.",
                number=number,
                count=count,
                limit=limit,
            )


def padded(rows: Sequence[Line]) -> Tensor:
    """(rows, tokens) ids, filled up on the right, where nothing before looks."""
    width = max(len(row.ids) for row in rows)
    return torch.tensor([[*row.ids, *[0] * (width - len(row.ids))] for row in rows])


def places(rows: Sequence[Line]) -> Tensor:
    """(rows, most targets) the tokens whose next ones count: a row without a target has its
    last, and what is missing repeats the last."""
    most = max(1, *(len(row.target) for row in rows))
    found = []
    for row in rows:
        mine = list(range(len(row.ids) - max(1, len(row.target)), len(row.ids)))
        found.append(mine + mine[-1:] * (most - len(mine)))
    return torch.tensor(found)
