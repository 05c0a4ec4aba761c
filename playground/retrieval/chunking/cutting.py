"""Ways to cut a document into passages; none of them crosses a heading.

``paragraphs`` is how shipped corpora are cut (see ``markdown.py``); the others are for trying out
what the size of a passage and an overlap do to search.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, get_args

from playground.checked import is_whole, printable
from playground.errors import CorpusError
from playground.retrieval.chunking.markdown import (
    MAX_WORDS,
    WORD_CHARS,
    Cut,
    headed,
    pack,
    paragraphs,
    sections,
    sentences,
    units,
)
from playground.retrieval.dense.index import model_folder
from playground.retrieval.passages import Span

By = Literal["paragraphs", "sentences", "tokens", "headings"]
LONGEST = 400  # words in one sentence or section; a longer one is cut further
SIZES: dict[By, tuple[int, int]] = {
    "paragraphs": (10, LONGEST),  # words
    "sentences": (1, 20),
    "tokens": (16, 256),  # MiniLM reads no more
    "headings": (10, LONGEST),  # words at most
}
OVERLAPS: tuple[By, ...] = ("sentences", "tokens")  # the others have nothing to repeat

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Cutting:
    """How documents are cut.

    :param size: of a passage: words at most, sentences, or the encoder's tokens; see ``SIZES``.
    :param overlap: sentences or tokens that a passage repeats of the one before, at most half.
    :raises CorpusError: an unknown way, a size out of its bounds, or an overlap of more than half.
    """

    by: By = "paragraphs"
    size: int = MAX_WORDS
    overlap: int = 0

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise CorpusError(
                "Documents cannot be cut by {by}. Choose one of: {known}.",
                by=printable(self.by),
                known=", ".join(get_args(By)),
            )
        least, most = SIZES[self.by]
        if not is_whole(self.size, least, most):
            raise CorpusError(
                "A size of {size} is out of range for {by}: choose a whole number from {least} to {most}.",
                size=printable(self.size),
                by=self.by,
                least=least,
                most=most,
            )
        limit = self.size // 2 if self.by in OVERLAPS else 0
        if not is_whole(self.overlap, 0, limit):
            raise CorpusError(
                "An overlap of {overlap} is out of range here: choose a whole number from 0 to "
                "{limit}, half the size; passages by paragraphs or headings have none.",
                overlap=printable(self.overlap),
                limit=limit,
            )


USUAL_CUTTING = Cutting()


def cuts(text: str, cutting: Cutting = USUAL_CUTTING) -> Iterator[Cut]:
    """Where a text is cut, in its order; one by one, so that a caller may stop at a limit.

    :param text: markdown or plain, its line ends ``\\n``.
    :raises CorpusError: for tokens, MiniLM is not installed.
    """
    return WAYS[cutting.by](text, cutting)


def _by_paragraphs(text: str, cutting: Cutting) -> Iterator[Cut]:
    return paragraphs(text, cutting.size)


def _by_headings(text: str, cutting: Cutting) -> Iterator[Cut]:
    """A passage for each section; a longer one is packed as paragraphs are."""
    for heading, blocks in sections(text):
        pieces = (piece for block in blocks for piece in units(text, block, cutting.size))
        yield from headed(text, heading, blocks, pack(text, pieces, cutting.size))


def _by_sentences(text: str, cutting: Cutting) -> Iterator[Cut]:
    for heading, blocks in sections(text):
        spans = [
            piece for block in blocks for sentence in sentences(text, block) for piece in units(text, sentence, LONGEST)
        ]
        yield from headed(text, heading, blocks, _windows(spans, cutting))


def _by_tokens(text: str, cutting: Cutting) -> Iterator[Cut]:
    """Windows of as many tokens at most, which end where a word ends if one does."""
    for heading, blocks in sections(text):
        start, end = blocks[0][0], blocks[-1][1]
        words = _words(text[start:end], cutting.size)
        windows = _token_windows([tokens for _, tokens in words], cutting)
        spans = ((start + words[first][0][0], start + words[last - 1][0][1]) for first, last in windows)
        yield from headed(text, heading, blocks, spans)


def _words(text: str, most: int) -> list[tuple[Span, int]]:
    """The words between spaces, and the tokens of each, at least 1; every letter is in one word.

    A token that stands for more than ``WORD_CHARS`` characters, as for a word of no known script,
    counts as several, so that a text without spaces is bounded too.

    :param most: tokens in one; a longer word is several.
    """
    spans = _tokenizer().encode(text, add_special_tokens=False).offsets
    starts = sorted(at for start, end in spans for at in range(start, end, WORD_CHARS))
    words: list[tuple[Span, int]] = []
    first = 0
    for word in _WORD.finditer(text):
        last = bisect_left(starts, word.end(), first)
        words += _pieces(word.span(), starts[first:last], most)
        first = last
    return words


def _pieces(word: Span, starts: Sequence[int], most: int) -> Iterator[tuple[Span, int]]:
    """A word in pieces of up to ``most`` tokens.

    :param starts: of its tokens, in their order; those of one letter (of Hangul) stay together.
    """
    start, tokens = word[0], 0
    for at, of_letter in groupby(starts):
        count = len(list(of_letter))
        if tokens + count > most:
            yield (start, at), tokens
            start, tokens = at, 0
        tokens += count
    yield (start, word[1]), max(1, tokens)


def _token_windows(lengths: Sequence[int], cutting: Cutting) -> Iterator[Span]:
    """[first, last) of the words of each window.

    :param lengths: tokens of each word, at most the size of a window.
    """
    first = 0
    while first < len(lengths):
        last, tokens = first, 0
        while last < len(lengths) and tokens + lengths[last] <= cutting.size:
            tokens += lengths[last]
            last += 1
        yield first, last
        if last == len(lengths):
            return
        back, repeated = last, 0
        most = min(cutting.overlap, cutting.size - lengths[last])  # the next word fits beside it
        while back > first + 1 and repeated + lengths[back - 1] <= most:
            repeated += lengths[back - 1]
            back -= 1
        first = back


def _windows(spans: Sequence[Span], cutting: Cutting) -> Iterator[Span]:
    step = cutting.size - cutting.overlap
    for first in range(0, len(spans), step):
        window = spans[first : first + cutting.size]
        yield window[0][0], window[-1][1]
        if first + cutting.size >= len(spans):
            return


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    """MiniLM's, without its limit of tokens. Its own thread-safe reader; no model is loaded."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


WAYS: dict[By, Callable[[str, Cutting], Iterator[Cut]]] = {
    "paragraphs": _by_paragraphs,
    "sentences": _by_sentences,
    "tokens": _by_tokens,
    "headings": _by_headings,
}
