"""Facts as rows of tokens: where the subject ends, and which tokens are the target.

Tokenizers may join a subject's last letters with what follows, and a prompt's end with its target;
so both are found in the whole text, by the letters that each token stands for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache

from playground.engine.decoding.continuation import Line, started, token_spans
from playground.engine.facts.facts import Fact
from playground.engine.fork import Fork
from playground.engine.measuring.calibration import calibration_text
from playground.engine.models.loader import Base
from playground.errors import RecipeError

MAX_TARGET_TOKENS = 16
MAX_PROMPT_TOKENS = 128
PREFIXES, PREFIX_WORDS = 4, 8  # texts before the prompt beside none, and their length at most
ABOUT = "{subject} is a"  # what must stay likely of a subject: the essence of Meng et al.
# Before a subject that would be the first token. There a model reads no word apart: whatever the
# token, its state is that of the attention sink (Xiao et al. 2024), ten times as long as others.
# Such a key is common to all texts, so nothing may be written at it.
WORDS = "It is known that "


@cache
def _starts() -> tuple[str, ...]:
    """Starts of the calibration text's sentences, each closed by a full stop."""
    sentences = re.findall(r"[A-Z][^.!?\n]{30,}[.!?]", calibration_text())
    cut = (" ".join(sentence.split()[:PREFIX_WORDS]) for sentence in sentences)
    return tuple(dict.fromkeys(f"{text.rstrip('.,;:!?')}. " for text in cut))


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
    spans = token_spans(base, text)
    end = len(before) + prompt.rindex(subject) + len(subject)
    mine = [n for n, (_, a, b) in enumerate(spans) if a < end and b > end - len(subject)]
    if not mine:
        raise RecipeError(
            "The tokenizer of this model makes no token of the subject {subject!r}. Write it in other letters.",
            subject=subject[:60],
        )
    border = len(before) + len(prompt)
    first = next((n for n, (_, _, b) in enumerate(spans) if b > border), len(spans))
    return started(base, [token for token, _, _ in spans], mine, first)


def fact_line(base: Base, before: str, fact: Fact) -> Line:
    """A fact after a prefix."""
    return line(base, before, fact.prompt, fact.subject, fact.target)


def sinks(line: Line) -> bool:
    """Whether a line's subject is the first token, the attention sink."""
    return line.subject == 0


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
        line = fact_line(fork.base, "", fact)
        if not 1 <= len(line.target) <= MAX_TARGET_TOKENS:
            raise RecipeError(
                "Fact {number}: the target has {count} tokens, and 1 to {limit} can be taught at once. Change it.",
                number=number,
                count=len(line.target),
                limit=MAX_TARGET_TOKENS,
            )
        config = fork.base.model.config
        context = getattr(config, "max_position_embeddings", 10 * MAX_PROMPT_TOKENS)
        room = context - fork.virtual_count() - MAX_TARGET_TOKENS - 8 * PREFIX_WORDS
        limit = max(1, min(MAX_PROMPT_TOKENS, room))
        count = len(line.ids) - len(line.target) + 1
        if count > limit:
            raise RecipeError(
                "Fact {number}: the prompt has {count} tokens, and at most {limit} are read here. Shorten it.",
                number=number,
                count=count,
                limit=limit,
            )
