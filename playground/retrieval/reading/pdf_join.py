"""Pages of a PDF -> running text: words and sentences that a line or a page breaks, whole again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

MAX_CARRIED = 800  # characters of a sentence that are taken over a page's end
_OFTEN = 3  # pages: a line at the edge of so many runs along with them

_BROKEN = re.compile(r"(?P<head>[^\W\d_]+)[-\u2010]\n[ \t]*(?P<tail>[^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_STOPPED = re.compile(r"[.!?…:;。！？][\"'”’»)\]』」]*$")
_STOP = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s|$)|[。！？][』」]?")
_FOLIO = re.compile(r"\W*(?:(?:page|p\.|쪽)\s*)?\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?\W*", re.I)


def joined_words(pages: Sequence[str]) -> list[str]:
    """Pages with the words whole that were broken at a line's end.

    A hyphen stays if the document writes the word with it elsewhere, and not without; and before a
    capital.
    """
    whole = {word.lower() for page in pages for word in _WORD.findall(page)}

    def join(match: re.Match[str]) -> str:
        head, tail = match["head"], match["tail"]
        hyphenated = f"{head}-{tail}"
        if tail[0].isupper() or (hyphenated.lower() in whole and (head + tail).lower() not in whole):
            return hyphenated
        return head + tail

    return [_BROKEN.sub(join, page) for page in pages]


def joined_sentences(pages: Sequence[str]) -> list[str]:
    """Pages where a sentence that runs over a page's end is whole on the page where it begins.

    Page numbers, and lines that stand at the top or foot of several pages, are stepped over and
    stay where they are.
    """
    found = [page.split("\n") for page in pages]
    edges = Counter(line.strip() for lines in found for line in {*lines[:1], *lines[-1:]})
    running = {line for line, count in edges.items() if count >= _OFTEN}
    for before, after in pairwise(found):
        _carry(before, after, running)
    return ["\n".join(lines) for lines in found]


def _carry(before: list[str], after: list[str], running: set[str]) -> None:
    """Move the rest of a sentence from the start of a page to the end of the one before."""

    def aside(line: str) -> bool:
        return not line.strip() or line.strip() in running or bool(_FOLIO.fullmatch(line.strip()))

    last, first = len(before) - 1, 0
    while last >= 0 and aside(before[last]):
        last -= 1
    while first < len(after) and aside(after[first]):
        first += 1
    if last < 0 or first == len(after) or not _continues(before, last, after[first].strip()):
        return
    rest = "\n".join(after[first:])
    stop = _STOP.search(rest, 0, MAX_CARRIED)
    paragraph = rest.find("\n\n")
    if not stop or 0 <= paragraph < stop.start():
        return
    carried = rest[: stop.end()].strip()
    line = before[last].rstrip()
    broken = re.search(r"[^\W\d_][-\u2010]$", line) and carried[0].islower()
    before[last] = line[:-1] + carried if broken else f"{line}\n{carried}"
    after[first:] = rest[stop.end() :].lstrip().split("\n")


def _continues(before: Sequence[str], last: int, start: str) -> bool:
    """Whether a page starts within a sentence: in small letters, or where there are none, after a
    line that is no heading, as it is nearly as long as the others.
    """
    end = before[last].strip()
    if _STOPPED.search(end) or not start or not start[0].isalnum():
        return False
    if start[0].islower():
        return True
    longest = max(len(line.strip()) for line in before)
    caseless = start[0].isalpha() and start[0].lower() == start[0].upper()
    return caseless and 2 * len(end) > longest
