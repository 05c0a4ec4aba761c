"""What a model says of a fact now, before anything is taught."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.engine.decoding.answering import answer_rows
from playground.engine.decoding.continuation import Line, continuation, likelihoods, line_logits, target_line
from playground.engine.decoding.generate import Row, Sampling, answer_text
from playground.engine.facts.facts import Fact, check_facts
from playground.engine.facts.lines import MAX_TARGET_TOKENS, WORDS, check_lengths, fact_line, sinks
from playground.engine.fork import Fork
from playground.engine.measuring.token_map import token_text
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import token_ids
from playground.errors import Message, PlaygroundError
from playground.lab.evaluation import NEW_TOKENS
from playground.lab.ways.way import BEGINNINGS

TOP = 8
OLD_TOKENS, SHORT_TOKENS = 4, 9  # in which an old answer's words begin, and in which they end
SURE, SURE_OF = 0.2, 4  # the least probability, and after how many beginnings, of what is known
LONG_TARGET = 4  # tokens, above which a note says so
# A name's initials and a number's points stand inside a word.
_WORD = re.compile(r"(?:(?:[A-Z]|Dr|St|Mrs?)\. ?)+\w[\w'’-]*|(?:[A-Z]\.)+|[$€£]?\w[\w'’-]*(?:[.,:/]\d+)*[%°]?")
_LINKS = re.compile(
    r"and|or|but|which|who|whose|that|is|was|are|were|has|had|where|when|while|because|with|as|"
    r"until|since",
    re.IGNORECASE,
)
_LOOSE = re.compile(r"the|an?|of|in|at|on|to|by|for|from|its|his|her|their|your|our|my", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A candidate for the next token."""

    text: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What a model says after a fact's prompt.

    :param top: the likeliest next tokens, the likeliest first.
    :param text: what it writes greedily, in 12 tokens.
    :param target: the probability of the whole target, the product over its tokens.
    :param old_answer: the answer to be replaced, the given one or the model's own; may be "".
    :param old: the probability of the whole old answer; None where there is none.
    :param agreement: after how many of the beginnings, the bare prompt counted as one, the
        likeliest token is the bare prompt's.
    :param of: how many beginnings there are.
    :param known: whether after at least 4 of the 5 beginnings the bare prompt's likeliest token is
        the likeliest too, with a probability of at least 0.2, and is no article or preposition.
    :param says_already: whether the likeliest tokens are the target's: there is nothing to teach.
    :param subject_tokens: as the model reads them in the prompt; ``target_tokens`` after it.
    :param notes: what a visitor should know about the fact's wording.
    """

    top: tuple[Candidate, ...]
    text: str
    target: float
    old_answer: str
    old: float | None
    agreement: int
    of: int
    known: bool
    says_already: bool
    subject_tokens: tuple[str, ...]
    target_tokens: tuple[str, ...]
    notes: tuple[Message, ...]


def prior_of(fork: Fork, fact: Fact, old: str = "") -> Prior:
    """Ask a model about a fact.

    :param old: the answer to be replaced; "" for the model's own.
    :raises PlaygroundError: the fact cannot be used, or a text is too long.
    """
    check_facts([fact])
    check_lengths(fork, [fact])
    [row] = answer_rows(fork, [fact.prompt], Sampling(NEW_TOKENS))
    old = old.strip() or _usable(_short_answer(fork.base, fact.prompt, row), fact.target)
    line = fact_line(fork.base, "", fact)
    target, *olds = likelihoods(fork, [line, *([_old_line(fork.base, fact.prompt, old)] if old else [])])
    top, agreement, known = _beginnings(fork, fact.prompt)
    return Prior(
        top=top,
        text=answer_text(fork.base, row),
        target=target.probability,
        old_answer=old,
        old=olds[0].probability if old else None,
        agreement=agreement,
        of=len(BEGINNINGS),
        known=known,
        says_already=target.right,
        subject_tokens=_texts(fork.base, line.ids[line.start : line.subject + 1]),
        target_tokens=_texts(fork.base, line.target),
        notes=tuple(_notes(fork.base, fact, line)),
    )


def old_answer(fork: Fork, fact: Fact) -> str:
    """The model's own answer, to be replaced; "" if none is usable or it is the target."""
    return _usable(short_answers(fork, [fact.prompt])[0], fact.target)


def short_answers(fork: Fork, prompts: Sequence[str]) -> list[str]:
    """What a model says greedily after each prompt, cut to an answer of a few whole words.

    A word counts if it begins within four tokens; the answer ends before a punctuation mark, a
    line's end or a word that only links on, and does not end in an article or a preposition.
    """
    rows = answer_rows(fork, prompts, Sampling(SHORT_TOKENS)) if prompts else []
    pairs = zip(prompts, rows, strict=True)
    return [_short_answer(fork.base, prompt, row) for prompt, row in pairs]


def same_answer(one: str, other: str) -> bool:
    """Whether one answer is the other or its beginning, word by word."""
    first, second = (text.casefold().strip(" .").split() for text in (one, other))
    shared = min(len(first), len(second))
    return shared > 0 and first[:shared] == second[:shared]


def _usable(answer: str, target: str) -> str:
    return "" if same_answer(answer, target) else answer


def _short_answer(base: Base, prompt: str, row: Row) -> str:
    ids = row.ids[:SHORT_TOKENS]
    text, first = (_after(base, prompt, part) for part in (ids, ids[:OLD_TOKENS]))
    ended = row.done and len(row.ids) < SHORT_TOKENS  # by an end token, not by the limit
    if not text.startswith(" ") and continuation(prompt, "x").startswith(" "):
        return ""  # it goes on with the prompt's last word
    return cut(text, len(first), ended)


def cut(text: str, first: int, ended: bool) -> str:
    """The answer at a text's beginning: whole words, see ``short_answers``.

    :param first: in so many characters the answer's words begin.
    :param ended: whether the text ends with a whole word; else its last one may go on.
    """
    words: list[str] = []
    start = _skipped(text, 0)
    while word := _WORD.match(text, start):
        cut_off = word.end() == len(text) and not ended
        if start >= first or cut_off or (words and _LINKS.fullmatch(word[0])):
            break
        words.append(word[0])
        start = _skipped(text, word.end())
        if start == word.end():
            break
    while words and _LOOSE.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


def _skipped(text: str, start: int) -> int:
    """Where the spaces end that begin at ``start``."""
    return len(text) - len(text[start:].lstrip(" "))


def _after(base: Base, prompt: str, ids: Sequence[int]) -> str:
    """What follows a prompt as text, with the space before it, which some tokenizers leave out of
    a text's first token."""
    ahead = token_ids(base.tokenizer, prompt)
    return _decoded(base, [*ahead, *ids])[len(_decoded(base, ahead)) :]


def _decoded(base: Base, ids: Sequence[int]) -> str:
    return str(base.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _old_line(base: Base, prompt: str, old: str) -> Line:
    line = target_line(base, prompt, continuation(prompt, old))
    if len(line.target) > MAX_TARGET_TOKENS:
        raise PlaygroundError(
            "The old answer has {count} tokens, and at most {limit} are compared. Shorten it.",
            count=len(line.target),
            limit=MAX_TARGET_TOKENS,
        )
    return line


def _beginnings(fork: Fork, prompt: str) -> tuple[tuple[Candidate, ...], int, bool]:
    """The bare prompt's likeliest tokens, after how many beginnings the first of them is the
    likeliest too, and whether it is known."""
    lines = [target_line(fork.base, before + prompt, "") for before in BEGINNINGS]
    likely = line_logits(fork, lines)[:, 0].softmax(-1)  # (beginnings, vocab)
    top = likely[0].topk(min(TOP, likely.shape[1]))
    same = likely.argmax(-1) == likely[0].argmax()
    sure = same & (likely.amax(-1) >= SURE)
    words = [
        Candidate(token_text(fork.base.tokenizer, token), value)
        for token, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]
    first = words[0].text.strip()
    says = first and not _LOOSE.fullmatch(first)
    return tuple(words), int(same.sum()), bool(says) and int(sure.sum()) >= SURE_OF


def _texts(base: Base, ids: Sequence[int]) -> tuple[str, ...]:
    return tuple(token_text(base.tokenizer, token) for token in ids)


def _notes(base: Base, fact: Fact, line: Line) -> Iterator[Message]:
    """What is odd about a fact's wording."""
    own, subject, count = line.ids[line.start : line.subject + 1], fact.subject[:60], fact.prompt.count(fact.subject)
    if _decoded(base, own).strip() != fact.subject.strip():
        yield Message(
            "The tokens of the subject {subject!r} reach beyond its letters in the prompt: "
            "{tokens}. Let it begin and end where a word does.",
            {"subject": subject, "tokens": _listed(base, own)},
        )
    if count > 1:
        yield Message(
            "The subject {subject!r} stands {count} times in the prompt; its last mention counts.",
            {"subject": subject, "count": count},
        )
    if (end := fact.prompt.rstrip()[-1]) in ".?!。":
        yield Message(
            "The prompt ends in {mark!r}, after which a model begins something new. End it where "
            "the answer follows, as in “The capital of France is”.",
            {"mark": end},
        )
    if sinks(line):
        yield Message(
            "{subject!r} is the first token of the sentence, where this model reads no word apart: "
            "an edit teaches it behind words, as in “{words}{subject}…”. Begin with some yourself.",
            {"subject": subject, "words": WORDS},
        )
    whole = token_ids(base.tokenizer, fact.prompt + fact.target)
    if token_ids(base.tokenizer, fact.prompt) != whole[: len(whole) - len(line.target)]:
        yield Message(
            "The prompt's end and the target's beginning are read together, as {token!r}. End the "
            "prompt with a whole word, and let the target begin with one.",
            {"token": token_text(base.tokenizer, line.target[0])},
        )
    if len(line.target) > LONG_TARGET:
        yield Message(
            "The target has {count} tokens: {tokens}. Up to {limit} are learned more surely.",
            {"count": len(line.target), "tokens": _listed(base, line.target), "limit": LONG_TARGET},
        )


def _listed(base: Base, ids: Sequence[int]) -> str:
    return " | ".join(_texts(base, ids))
