"""Texts as terms: what lexical search compares.

Words of Unicode letters, digits and the marks on them, folded alike in index and query
(:func:`folded`). Korean particles stick to their nouns, so a Hangul word also counts as its pairs
of syllables, or as its morphemes where kiwipiepy is installed.
"""

from __future__ import annotations

import importlib.util
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import regex

from playground.errors import CorpusError
from playground.retrieval.passages import Span, plain

VERSION = 3  # of words(): raise it when a text gives other words than before

_HANGUL = "가-힣ㄱ-ㆎ\u1100-\u11ff"
_HAN = "々〆ぁ-ヿ㐀-䶿一-鿿\uf900-\ufaff"  # and kana: written without spaces too
_SPACED = rf"[\p{{L}}\p{{N}}]--[{_HANGUL}{_HAN}]"
# A run of one script. Marks belong to the letter before them: Indic vowels, accents.
RUN = regex.compile(rf"[{_HANGUL}]+|[{_HAN}]+|[{_SPACED}][\p{{M}}{_SPACED}]*", regex.VERSION1 | regex.UNICODE)
_UNSPACED = regex.compile(rf"[{_HANGUL}{_HAN}]")
IS_HANGUL = regex.compile(rf"[{_HANGUL}]")
# Written or left out without another meaning: joiners and soft hyphens, the short vowels of Arabic
# and the points of Hebrew, Arabic's stretching stroke, the dot that folding leaves on Turkish İ.
_OPTIONAL = regex.compile(
    r"[\p{Cf}\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"
)
_CLUSTER = regex.compile(r"\X")


# English words that say nothing about a passage. Searched like any other, but not marked.
_STOP_WORDS = """
a about after all also am an and any are as at be because been before being both but by can could
d did do does doing don down during each few for from further had has have having he her here hers
him his how i if in into is it its just ll m me more most my no nor not now of off on once only or
other our ours out over own re s same she should so some such t than that the their theirs them
then there these they this those through to too under until up us ve very was we were what when
where which while who whom whose why will with would you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

Korean = Literal["bigrams", "morphemes"]
_lock = threading.Lock()  # neither stemmer nor analyser is said to bear two threads


@dataclass(frozen=True)
class Terms:
    """How a text is split.

    :param stem: cut English words to their stems (Snowball): ``boats`` counts as ``boat``.
    :param korean: a Hangul word as itself and its syllable pairs, or as its morphemes without
        particles and endings.
    """

    stem: bool = False
    korean: Korean = "bigrams"

    @property
    def name(self) -> str:
        """Part of the names of files that hold such terms."""
        stem = "-stem" if self.stem else ""
        return f"words-v{VERSION}{stem}{'-kiwi' if self.korean == 'morphemes' else ''}"


PLAIN = Terms()


def words(text: str, terms: Terms = PLAIN) -> list[str]:
    """The terms of a text, in its order.

    A run of letters and digits is one term; a run of Hangul, or of Chinese and Japanese
    characters, is itself and its character bigrams. Scripts part at their border: ``BM25를`` is
    ``bm25`` and ``를``.

    :raises CorpusError: morphemes are asked for and kiwipiepy is not installed.
    """
    return [term for run in RUN.findall(folded(text)) for term in of_run(run, terms)]


def folded(text: str) -> str:
    """A text as it is compared: forms of one letter alike (half and full width, ligatures),
    letters casefolded, both Turkish i alike, marks that may be left out left out."""
    if text.isascii():
        return text.casefold()
    letters = plain(plain(text).casefold())
    return unicodedata.normalize("NFC", _dotless(_OPTIONAL.sub("", letters)))


def _dotless(text: str) -> str:
    """Both Turkish i as i; folding leaves the dot of a capital one behind as a mark."""
    return text.replace("i\u0307", "i").replace("ı", "i")


def located(text: str) -> tuple[str, list[Span]]:
    """A text as it is compared, and for each of its characters where it stands in the original."""
    if text.isascii():
        return folded(text), [(index, index + 1) for index in range(len(text))]
    pieces, spans = [], []
    for cluster in _CLUSTER.finditer(text):
        piece = folded(cluster[0])
        pieces.append(piece)
        spans += [cluster.span()] * len(piece)
    return "".join(pieces), spans


def of_run(run: str, terms: Terms) -> Iterator[str]:
    """The terms of a run of one script in a folded text."""
    if not _UNSPACED.match(run):
        yield _stemmed(run) if terms.stem and run.isascii() else run
        return
    if terms.korean == "morphemes" and IS_HANGUL.match(run):
        yield from _morphemes(run)
        return
    yield run
    if len(run) > 2:  # the bigram of two is the run itself
        yield from (run[i : i + 2] for i in range(len(run) - 1))


@lru_cache(maxsize=100_000)
def _stemmed(word: str) -> str:
    with _lock:
        return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english", 0)  # the cache is ours


def has_morphemes() -> bool:
    """Whether this host can split Korean into morphemes."""
    return importlib.util.find_spec("kiwipiepy") is not None


@lru_cache(maxsize=100_000)
def _morphemes(run: str) -> tuple[str, ...]:
    """Nouns, stems of verbs and the like; the run itself where nothing else is left."""
    with _lock:
        tokens = _analyser()(run)
    forms = tuple(token.form for token in tokens if token.tag[0] not in "JES")
    return forms or (run,)


@lru_cache(maxsize=1)
def _analyser() -> Callable[[str], Any]:
    if not has_morphemes():
        raise CorpusError(
            "Korean morphemes need kiwipiepy, which is not installed here. Ask the host to run "
            "pip install kiwipiepy, or choose syllable pairs."
        )
    from kiwipiepy import Kiwi

    analyse: Callable[[str], Any] = Kiwi().tokenize
    return analyse
