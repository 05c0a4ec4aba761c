"""What a model says of a fact now, before anything is taught."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.decoding import generate
from playground.engine.decoding.generate import Row, Sampling
from playground.engine.facts.facts import Fact, check, continuation
from playground.engine.facts.lines import MAX_TARGET_TOKENS, WORDS, Line, check_lengths, fact_line, sinks, target_line
from playground.engine.facts.score import line_logits
from playground.engine.fork import Fork
from playground.engine.measuring.token_map import token_text
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import token_ids
from playground.errors import Message, PlaygroundError
from playground.lab.ways import PREFIXES

TOP, NEW_TOKENS = 8, 12
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
class Word:
    """A candidate for the next token."""

    text: str
    probability: float


@dataclass(frozen=True)
class Now:
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

    top: tuple[Word, ...]
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


def now(fork: Fork, fact: Fact, old: str = "") -> Now:
    """Ask a model about a fact.

    :param old: the answer to be replaced; "" for the model's own.
    :raises PlaygroundError: the fact cannot be used, or a text is too long.
    """
    check([fact])
    check_lengths(fork, [fact])
    row = _greedy(fork, [fact.prompt], NEW_TOKENS)[0]
    old = old.strip() or _usable(_short_answer(fork.base, fact.prompt, row), fact.target)
    lines = [fact_line(fork.base, "", fact)]
    if old:
        lines.append(_old_line(fork.base, fact.prompt, old))
    logits = line_logits(fork, lines)
    likely = [_whole(one, mine) for one, mine in zip(lines, logits, strict=True)]
    top, agreement, known = _beginnings(fork, fact.prompt)
    said, goal = lines[0], torch.tensor(lines[0].target)
    return Now(
        top,
        generate.answer_text(fork.base, row),
        likely[0],
        old,
        likely[1] if old else None,
        agreement,
        len(PREFIXES),
        known,
        bool((logits[0, : len(goal)].argmax(-1) == goal).all()),
        _texts(fork.base, said.ids[said.start : said.subject + 1]),
        _texts(fork.base, said.target),
        tuple(_notes(fork.base, fact, said)),
    )


def old_answer(fork: Fork, fact: Fact) -> str:
    """The model's own answer, to be replaced; "" if none is usable or it is the target."""
    return _usable(short_answers(fork, [fact.prompt])[0], fact.target)


def short_answers(fork: Fork, prompts: Sequence[str]) -> list[str]:
    """What a model says greedily after each prompt, cut to an answer of a few whole words.

    A word counts if it begins within four tokens; the answer ends before a punctuation mark, a
    line's end or a word that only links on, and does not end in an article or a preposition.
    """
    rows = _greedy(fork, prompts, SHORT_TOKENS) if prompts else []
    pairs = zip(prompts, rows, strict=True)
    return [_short_answer(fork.base, prompt, row) for prompt, row in pairs]


def same_answer(one: str, other: str) -> bool:
    """Whether one answer is the other or its beginning, word by word."""
    first, second = (text.casefold().strip(" .").split() for text in (one, other))
    shared = min(len(first), len(second))
    return shared > 0 and first[:shared] == second[:shared]


def _usable(answer: str, target: str) -> str:
    return "" if same_answer(answer, target) else answer


def _greedy(fork: Fork, prompts: Sequence[str], tokens: int) -> list[Row]:
    room = tokens + fork.virtual_count()
    ids = [generate.prompt_ids(fork.base, prompt, room) for prompt in prompts]
    *_, rows = generate.decode(fork, ids, Sampling(tokens))
    return rows


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
    place = _skipped(text, 0)
    while found := _WORD.match(text, place):
        cut_off = found.end() == len(text) and not ended
        if place >= first or cut_off or (words and _LINKS.fullmatch(found[0])):
            break
        words.append(found[0])
        place = _skipped(text, found.end())
        if place == found.end():
            break
    while words and _LOOSE.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


def _skipped(text: str, place: int) -> int:
    """The place after the spaces that begin at a place."""
    return len(text) - len(text[place:].lstrip(" "))


def _after(base: Base, prompt: str, ids: Sequence[int]) -> str:
    """What follows a prompt as text, with the space before it, which some tokenizers leave out of
    a text's first token."""
    ahead = token_ids(base.tokenizer, prompt)
    return _decoded(base, [*ahead, *ids])[len(_decoded(base, ahead)) :]


def _decoded(base: Base, ids: Sequence[int]) -> str:
    return str(base.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _old_line(base: Base, prompt: str, old: str) -> Line:
    found = target_line(base, prompt, continuation(prompt, old))
    if len(found.target) > MAX_TARGET_TOKENS:
        raise PlaygroundError(
            "The old answer has {count} tokens, and at most {limit} are compared. Shorten it.",
            count=len(found.target),
            limit=MAX_TARGET_TOKENS,
        )
    return found


def _whole(one: Line, logits: Tensor) -> float:
    """The probability of a line's whole target, from its logits (most targets, vocab)."""
    goal = torch.tensor(one.target)
    mine = logits[: len(goal)].log_softmax(-1)
    return float(mine[torch.arange(len(goal)), goal].sum().exp())


def _beginnings(fork: Fork, prompt: str) -> tuple[tuple[Word, ...], int, bool]:
    """The bare prompt's likeliest tokens, after how many beginnings the first of them is the
    likeliest too, and whether it is known."""
    lines = [target_line(fork.base, before + prompt, "") for before in PREFIXES]
    likely = line_logits(fork, lines)[:, 0].softmax(-1)  # (beginnings, vocab)
    top = likely[0].topk(min(TOP, likely.shape[1]))
    same = likely.argmax(-1) == likely[0].argmax()
    sure = same & (likely.amax(-1) >= SURE)
    words = [
        Word(token_text(fork.base.tokenizer, token), value)
        for token, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]
    first = words[0].text.strip()
    says = first and not _LOOSE.fullmatch(first)
    return tuple(words), int(same.sum()), bool(says) and int(sure.sum()) >= SURE_OF


def _texts(base: Base, ids: Sequence[int]) -> tuple[str, ...]:
    return tuple(token_text(base.tokenizer, token) for token in ids)


def _notes(base: Base, fact: Fact, said: Line) -> list[Message]:
    """What is odd about a fact's wording."""
    found, count = [], fact.prompt.count(fact.subject)
    mine = said.ids[said.start : said.subject + 1]
    subject, end = fact.subject[:60], fact.prompt.rstrip()[-1]
    if _decoded(base, mine).strip() != fact.subject.strip():
        note = Message(
            "The tokens of the subject {subject!r} reach beyond its letters in the prompt: "
            "{tokens}. Let it begin and end where a word does.",
            {"subject": subject, "tokens": _listed(base, mine)},
        )
        found.append(note)
    if count > 1:
        note = Message(
            "The subject {subject!r} stands {count} times in the prompt; its last mention counts.",
            {"subject": subject, "count": count},
        )
        found.append(note)
    if end in ".?!。":
        note = Message(
            "The prompt ends in {mark!r}, after which a model begins something new. End it where "
            "the answer follows, as in “The capital of France is”.",
            {"mark": end},
        )
        found.append(note)
    if sinks(said):
        note = Message(
            "{subject!r} is the first token of the sentence, where this model reads no word apart: "
            "an edit teaches it behind words, as in “{words}{subject}…”. Begin with some yourself.",
            {"subject": subject, "words": WORDS},
        )
        found.append(note)
    return found + _target_notes(base, fact, said)


def _target_notes(base: Base, fact: Fact, said: Line) -> list[Message]:
    found = []
    whole = token_ids(base.tokenizer, fact.prompt + fact.target)
    if token_ids(base.tokenizer, fact.prompt) != whole[: len(whole) - len(said.target)]:
        note = Message(
            "The prompt's end and the target's beginning are read together, as {token!r}. End the "
            "prompt with a whole word, and let the target begin with one.",
            {"token": token_text(base.tokenizer, said.target[0])},
        )
        found.append(note)
    if len(said.target) > LONG_TARGET:
        note = Message(
            "The target has {count} tokens: {tokens}. Up to {limit} are learned more surely.",
            {"count": len(said.target), "tokens": _listed(base, said.target), "limit": LONG_TARGET},
        )
        found.append(note)
    return found


def _listed(base: Base, ids: Sequence[int]) -> str:
    return " | ".join(_texts(base, ids))
