"""Texts as terms: what lexical search compares.

NFC and casefolded Unicode words. Korean particles stick to their nouns, so a Hangul word also
counts as its pairs of syllables, or as its morphemes where kiwipiepy is installed.
"""

from __future__ import annotations

import importlib.util
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from playground.errors import CorpusError

VERSION = 1  # of words(): raise it when a text gives other words than before

_HANGUL = "가-힣ㄱ-ㆎ"
_HAN = "々〆ぁ-ヿ㐀-䶿一-鿿豈-﫿"  # and kana: written without spaces too
RUN = re.compile(rf"[{_HANGUL}]+|[{_HAN}]+|[^\W_{_HANGUL}{_HAN}]+")  # of one script
_UNSPACED = re.compile(rf"[{_HANGUL}{_HAN}]")
IS_HANGUL = re.compile(rf"[{_HANGUL}]")

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
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return [term for run in RUN.findall(folded) for term in _of_run(run, terms)]


def _of_run(run: str, terms: Terms) -> Iterator[str]:
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
        found = _analyser()(run)
    kept = tuple(token.form for token in found if token.tag[0] not in "JES")
    return kept or (run,)


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
