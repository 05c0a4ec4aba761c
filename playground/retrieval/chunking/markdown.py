"""The one chunker: markdown or plain text -> passages, word for word.

A passage is a slice of its document that never crosses a heading. One that begins amid the rows of
a table repeats the table's first row below its heading, after a line end. Length is counted in
words between spaces (eojeol in Korean); every started ``WORD_CHARS`` characters of a longer
"word" count as one more, so that a text without spaces is bounded too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from playground.retrieval.passages import Passage, Span


class Cut(NamedTuple):
    """A passage as a place in its document: [start, end) in characters.

    :param heading: above it, and after a line end the first row of its table, if it lacks that.
    """

    heading: str
    start: int
    end: int


MAX_WORDS = 40
WORD_CHARS = 16  # characters of one "word" that count as one word
MAX_HEADING_CHARS = 200  # a longer heading line is body text: headings repeat in every passage

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_WORD = re.compile(r"\S+")
_LINE_END = re.compile(r"\n")
_CLOSERS = "\"'”’»)\\]*_"
# A sentence ends at a stop before a space, at a wide stop, or before a line of a list or table.
# No two neighbouring repeats share a character: the search stays linear on any text.
_BREAK = re.compile(
    rf"(?P<stop>[.!?…])[{_CLOSERS}]*\s+|[。！？][{_CLOSERS}」』）]*\s*"
    r"|\n(?=[ \t]*(?:[-*+|]|\d{1,3}[.)])[ \t])"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|No|Fig|Inc|Ltd|Co|approx|e\.g|i\.e|cf|[A-Z])"
    r"|(?:^|\n)[ \t]*\d{1,3})$"
)


def chunk(document: str, text: str, max_words: int = MAX_WORDS) -> list[Passage]:
    """Split a document into passages at headings, then paragraphs, sentences, words, characters.

    Whole paragraphs of a section are packed up to ``max_words``; only a paragraph that is longer
    is split at its sentence ends, and so on down. Nothing overlaps and only spaces between
    passages are dropped. A heading with no text below it is text itself; rows of a table stay
    whole where they fit.

    :param document: the document's name, the stem of the passages' ids.
    :param text: markdown (ATX headings; ``#`` inside a fence is text) or plain text.
    :param max_words: the most words in a passage, at least 1.
    :return: passages in the order of the text; none for a text of spaces.
    """
    return list(chunks(document, text, max_words))


def chunks(document: str, text: str, max_words: int = MAX_WORDS) -> Iterator[Passage]:
    """The passages of :func:`chunk` one by one, so that a caller may stop at a limit."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, cut in enumerate(paragraphs(text, max_words), start=1):
        yield Passage(f"{document}#{number}", document, cut.heading, text[cut.start : cut.end])


def paragraphs(text: str, max_words: int = MAX_WORDS) -> Iterator[Cut]:
    """Where :func:`chunk` cuts a text whose line ends are ``\\n``."""
    for heading, blocks in sections(text):
        pieces = (piece for block in blocks for piece in units(text, block, max_words))
        yield from headed(text, heading, blocks, pack(text, pieces, max_words))


def headed(text: str, heading: str, blocks: Sequence[Span], spans: Iterable[Span]) -> Iterator[Cut]:
    """Spans of a section under its heading; amid a table, under the table's first row too."""
    bars = "|" in text[blocks[0][0] : blocks[-1][1]]
    inside = [table for block in blocks for table in tables(text, block)] if bars else []
    number = 0
    for start, end in spans:
        while number < len(inside) and inside[number].end <= start:
            number += 1
        within = number < len(inside) and inside[number].rows <= start
        row = inside[number].header if within else ""
        yield Cut(f"{heading}\n{row}" if row else heading, start, end)


def count_words(text: str) -> int:
    """Length of a text in words, as the limit counts them."""
    return sum(-(-len(word) // WORD_CHARS) for word in text.split())


def sections(text: str) -> Iterator[tuple[str, list[Span]]]:
    """Each section's heading path and its paragraphs; a fenced block is one paragraph.

    A heading that no text and no lower heading follows is a paragraph of the section around it.
    """
    path: dict[int, str] = {}  # heading level -> heading
    blocks: list[Span] = []
    block_start: int | None = None
    bare: tuple[int, Span] | None = None  # level and words of a heading that nothing follows yet
    fence = ""
    position = 0
    for line in [*text.split("\n"), "#"]:  # the last one, past the end, closes what is open
        end = position + len(line)
        past_end = position > len(text)
        heading = None if fence and not past_end else _heading(line)
        if (heading or (not line.strip() and not fence)) and block_start is not None:
            blocks.append(_trim(text, (block_start, position - 1)))
            block_start = None
        if heading:
            level, title = heading
            if blocks:
                yield _path(path), blocks
            elif bare and level <= bare[0]:
                yield _path({above: path[above] for above in path if above < bare[0]}), [bare[1]]
            at = text.find(title, position) if title and not past_end else -1
            bare = (level, (at, at + len(title))) if at >= 0 else None
            path = {above: path[above] for above in path if above < level} | {level: title}
            blocks = []
        elif line.strip() and block_start is None:
            block_start, bare = position, None
        fence = _fence(fence, line)
        position = end + 1


def _path(path: dict[int, str]) -> str:
    return " > ".join(path[level] for level in sorted(path) if path[level])


def _heading(line: str) -> tuple[int, str] | None:
    """Level and words of a heading line, None for any other line."""
    if len(line) > MAX_HEADING_CHARS or not (match := _HEADING.match(line)):
        return None
    title = (match[2] or "").strip()
    return len(match[1]), re.sub(r"(?:^|[ \t])#+$", "", title).strip()


def _fence(fence: str, line: str) -> str:
    """The fence that is open after this line: "" for none."""
    mark = _FENCE.match(line)
    if not mark:
        return fence
    rest = line[mark.end() :]
    if not fence:
        return "" if mark[1][0] == "`" and "`" in rest else mark[1]  # ```code``` in a line
    return "" if mark[1].startswith(fence) and not rest.strip() else fence


def units(text: str, block: Span, max_words: int) -> Iterator[Span]:
    """The pieces of a paragraph that stay whole, each at most ``max_words`` long."""
    if count_words(text[slice(*block)]) <= max_words:
        yield block
        return
    for sentence in sentences(text, block):
        if count_words(text[slice(*sentence)]) <= max_words:
            yield sentence
            continue
        piece = max_words * WORD_CHARS
        words = [
            (start, min(start + piece, sentence[0] + word.end()))
            for word in _WORD.finditer(text[slice(*sentence)])
            for start in range(sentence[0] + word.start(), sentence[0] + word.end(), piece)
        ]
        yield from pack(text, words, max_words)


def sentences(text: str, block: Span) -> Iterator[Span]:
    """The sentences of a paragraph, the rows of a table, or the lines of a fenced block."""
    fenced = _FENCE.match(text[slice(*block)])
    start, stop = block
    ends: list[int] = []
    for first, last, is_table in _stretches(block, tables(text, block)):
        by_line = fenced or is_table
        ends += _ends(text, first, last, _LINE_END if by_line else _BREAK)
        ends += [last] if last < stop else []
    for end in [*ends, stop]:
        sentence = _trim(text, (start, end))
        if sentence[0] < sentence[1]:
            yield sentence
        start = end


def _stretches(block: Span, all_tables: Sequence[Table]) -> Iterator[tuple[int, int, bool]]:
    """A paragraph as what is a table in it and what is none."""
    at = block[0]
    for table in all_tables:
        if at < table.start:
            yield at, table.start, False
        yield table.start, table.end, True
        at = table.end
    if at < block[1]:
        yield at, block[1], False


def _ends(text: str, start: int, stop: int, pattern: re.Pattern[str]) -> list[int]:
    """Where pieces of a stretch end, its own end apart."""
    ends = []
    for match in pattern.finditer(text, start, stop):
        if match.lastgroup == "stop":
            after = text[match.end() : match.end() + 1]
            before = text[max(start, match.start() - 12) : match.start()]
            if after.islower() or (match["stop"] == "." and _ABBREVIATION.search(before)):
                continue  # "e.g. this", "Dr. Kim", "2. second"
        ends.append(match.end())
    return ends


class Table(NamedTuple):
    """A table in a text: its place, where the rows below its first one begin, and that row."""

    start: int
    rows: int
    end: int
    header: str


def tables(text: str, block: Span) -> list[Table]:
    """Tables of a paragraph: lines that follow each other with as many ``|`` between words.

    The first row is repeated where it is short enough, as headings are.
    """
    if "|" not in text[slice(*block)] or _FENCE.match(text[slice(*block)]):
        return []
    all_tables: list[Table] = []
    lines: list[Span] = []
    at, bars = block[0], 0
    for line in [*text[slice(*block)].split("\n"), ""]:
        count = line.strip().strip("|").count("|")
        if count != bars:
            if len(lines) > 1:
                all_tables.append(_table(text, lines))
            lines, bars = [], count
        if count:
            lines.append((at, at + len(line)))
        at += len(line) + 1
    return all_tables


def _table(text: str, lines: Sequence[Span]) -> Table:
    header = text[slice(*lines[0])].strip()
    header = header if len(header) <= MAX_HEADING_CHARS else ""
    return Table(lines[0][0], lines[1][0], lines[-1][1], header)


def pack(text: str, units: Iterable[Span], max_words: int) -> Iterator[Span]:
    """Join neighbours while they fit together."""
    held: Span | None = None
    length = 0
    for unit in units:
        words = count_words(text[slice(*unit)])
        if held and length + words <= max_words:
            held, length = (held[0], unit[1]), length + words
            continue
        if held:
            yield held
        held, length = unit, words
    if held:
        yield held


def _trim(text: str, span: Span) -> Span:
    """The span without the spaces at its ends; of no length where there is nothing else."""
    piece = text[slice(*span)]
    start = span[0] + len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())
