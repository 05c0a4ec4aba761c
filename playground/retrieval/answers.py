"""What an output holds: the right answer, and what stands in the passages it was given.

Deterministic text matching; no model is asked. Pure functions of texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from playground.retrieval.lexical.terms import IS_HANGUL, RUN, STOP_WORDS, folded, located
from playground.retrieval.passages import Span

_ARTICLES = frozenset({"a", "an", "the"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BORDERED = re.compile(r"[^\W가-힣]")  # a character that must not go on into another
_DECIMAL_POINT = "\ufdd0"  # a noncharacter, to outlive the removal of punctuation
_SYLLABLES = re.compile("[가-힣]|[^가-힣]+")  # 1995년에: 1995, 년, 에
LEAST_WORDS = 3  # words in a row that an answer must share with a passage to count as taken from it
LEAST_ALONE = 4  # characters of a number or name that counts by itself


def answer_contained(answer: str, output: str) -> bool:
    """Whether an output says the answer, besides case, punctuation and articles.

    Words must match whole, but for Hangul: particles follow a Korean answer, or a number or a
    foreign word, without a space (``1995년에``). A number is not found in part of another.

    :return: False for an answer without letters or digits.
    """
    return answer_place(answer, output) is not None


def answer_place(answer: str, output: str) -> int | None:
    """Where an answer is said first, as ``answer_contained`` finds it; None where it is not.

    Counted in characters of the output's plain words, to see which of two answers came first.
    """
    wanted, said = _plain(answer), _plain(output)
    if not wanted:
        return None
    if wanted[-1] not in _ARTICLES:  # "Vitamin A" is not "vitamin"
        wanted, said = ([w for w in side if w not in _ARTICLES] for side in (wanted, said))
    needle = " ".join(wanted)
    before = rf"(?<![^\W가-힣])(?<!\d{_DECIMAL_POINT})" if _BORDERED.match(needle[0]) else ""
    after = rf"(?![^\W가-힣])(?!{_DECIMAL_POINT}\d)" if _BORDERED.match(needle[-1]) else ""
    match = re.search(before + re.escape(needle) + after, " ".join(said))
    return match.start() if match else None


def token_f1(answer: str, output: str) -> float:
    """How far the words of an output are those of the answer: the harmonic mean of precision and
    recall over words, besides case, punctuation and articles (Rajpurkar et al. 2016), and in
    Hangul over syllables, since particles differ (Lim et al. 2019).

    :return: 0 to 1; 0 where either has no words.
    """
    wanted, said = Counter(_pieces(answer)), Counter(_pieces(output))
    shared = (wanted & said).total()
    if not shared:
        return 0.0
    precision, recall = shared / said.total(), shared / wanted.total()
    return 2 * precision * recall / (precision + recall)


def _pieces(text: str) -> list[str]:
    words_ = [word for word in _plain(text) if word not in _ARTICLES]
    return [piece for word in words_ for piece in _SYLLABLES.findall(word)]


def _plain(text: str) -> list[str]:
    """Words of a text as search compares them, without punctuation except within a number."""
    text = folded(text)
    text = re.sub(r"(?<=\d)\.(?=\d)", _DECIMAL_POINT, _THOUSANDS.sub("", text))
    spaced = (" " if unicodedata.category(c)[0] == "P" or c in "`^~|" else c for c in text)
    return "".join(spaced).split()


@dataclass(frozen=True)
class Support:
    """A stretch of an answer that stands in a passage.

    :param span: [start, end) in the answer.
    :param source: which of the passages, from 0.
    :param passage_span: where in that passage.
    """

    span: Span
    source: int
    passage_span: Span


def supported(answer: str, passages: Sequence[str]) -> list[Support]:
    """The stretches of an answer that stand in a passage word for word, besides case and
    punctuation: at least three words in a row, or fewer with a number or a word of four letters
    that is no stop word, or two Hangul words.

    From left to right the longest stretch is taken; of equal ones that of the first passage.
    """
    said = _tokens(answer)
    sources = [_tokens(passage) for passage in passages]
    starts: dict[str, list[tuple[int, int]]] = {}
    for number, tokens in enumerate(sources):
        for start, (word, _) in enumerate(tokens):
            starts.setdefault(word, []).append((number, start))
    stretches, start = [], 0
    while start < len(said):
        length, source, there = _longest(said, start, sources, starts)
        if length >= LEAST_WORDS or (length and _tells(said[start : start + length])):
            tokens = sources[source]
            stretches.append(
                Support(
                    (said[start][1][0], said[start + length - 1][1][1]),
                    source,
                    (tokens[there][1][0], tokens[there + length - 1][1][1]),
                )
            )
        start += max(1, length)
    return stretches


def supported_share(answer: str, stretches: Sequence[Support]) -> float:
    """The share of an answer's words that stand in one of the stretches; 0 for no words."""
    tokens = _tokens(answer)
    inside = sum(
        any(start <= span[0] and span[1] <= end for start, end in (stretch.span for stretch in stretches))
        for _, span in tokens
    )
    return inside / len(tokens) if tokens else 0.0


def _tokens(text: str) -> list[tuple[str, Span]]:
    """Words as they are compared, and where they stand; of a Hangul word the first two syllables,
    since particles and endings differ."""
    plain, spans = located(text)
    return [
        (run[0][:2] if IS_HANGUL.match(run[0]) else run[0], (spans[run.start()][0], spans[run.end() - 1][1]))
        for run in RUN.finditer(plain)
    ]


def _longest(
    said: Sequence[tuple[str, Span]],
    start: int,
    sources: Sequence[Sequence[tuple[str, Span]]],
    starts: dict[str, list[tuple[int, int]]],
) -> tuple[int, int, int]:
    """(words, passage, place in it) of the longest stretch that begins at a place; (0, 0, 0)."""
    best = 0, 0, 0
    for source, there in starts.get(said[start][0], ()):
        tokens, length = sources[source], 0
        while (
            start + length < len(said)
            and there + length < len(tokens)
            and said[start + length][0] == tokens[there + length][0]
        ):
            length += 1
        if length > best[0]:
            best = length, source, there
    return best


def _tells(stretch: Sequence[tuple[str, Span]]) -> bool:
    """Whether a short stretch says something by itself: it has a number or a longer word, or is of
    two Hangul words."""
    hangul = sum(bool(IS_HANGUL.match(word)) for word, _ in stretch)
    return hangul > 1 or any(
        any(c.isdigit() for c in word) or (len(word) >= LEAST_ALONE and word not in STOP_WORDS) for word, _ in stretch
    )
