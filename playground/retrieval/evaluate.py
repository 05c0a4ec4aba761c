"""How well a retriever finds the evidence, and whether an output holds the answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.retrieval.passages import Corpus, Passage, Question, QuestionKind
from playground.retrieval.search import MAX_K, check_k, retrieve

_ARTICLES = frozenset({"a", "an", "the"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BORDERED = re.compile(r"[^\W가-힣]")  # a character that must not go on into another
_DECIMAL_POINT = "\ufdd0"  # a noncharacter, to outlive the removal of punctuation


@dataclass(frozen=True)
class Report:
    """Retrieval quality over the answerable questions of a corpus; all 0 for no questions."""

    retriever: str
    count: int  # questions asked
    recall: Mapping[int, float]  # k -> share of questions with evidence among the first k
    mrr: float  # mean of 1 / rank of the first evidence, 0 beyond rank 20


def recall(
    corpus: Corpus, retriever: str, ks: Sequence[int] = (1, 5), kind: QuestionKind | None = None
) -> Report:
    """Ask a corpus's questions and see how high the evidence ranks.

    A passage is relevant when it is of the evidence's document and contains its quote, spaces
    aside. Unanswerable questions are skipped.

    :param ks: cut-offs, each 1 to 20.
    :param kind: only the questions of this kind; None for all.
    :raises CorpusError: as :func:`~playground.retrieval.search.retrieve`.
    """
    for k in ks:
        check_k(k)
    questions = [
        question
        for question in corpus.questions
        if question.kind != "unanswerable" and kind in (None, question.kind)
    ]
    ranks = [_first_relevant(corpus, question, retriever) for question in questions]
    count = len(ranks)
    found = [rank for rank in ranks if rank is not None]
    shares = {k: sum(rank <= k for rank in found) / max(count, 1) for k in ks}
    return Report(retriever, count, shares, sum(1 / rank for rank in found) / max(count, 1))


def is_relevant(passage: Passage, question: Question) -> bool:
    """Whether a passage holds a piece of the question's evidence, word for word."""
    text = " ".join(passage.text.split())
    return any(
        passage.document == evidence.document and " ".join(evidence.quote.split()) in text
        for evidence in question.evidence
    )


def _first_relevant(corpus: Corpus, question: Question, retriever: str) -> int | None:
    for hit in retrieve(corpus, question.question, retriever, MAX_K):
        if is_relevant(hit.passage, question):
            return hit.rank
    return None


def answer_contained(answer: str, output: str) -> bool:
    """Whether an output says the answer, besides case, punctuation and articles.

    Words must match whole, but for Hangul: particles follow a Korean answer, or a number or a
    foreign word, without a space (``1995년에``). A number is not found in part of another.

    :return: False for an answer without letters or digits.
    """
    wanted, said = _plain(answer), _plain(output)
    if not wanted:
        return False
    if wanted[-1] not in _ARTICLES:  # "Vitamin A" is not "vitamin"
        wanted, said = ([w for w in side if w not in _ARTICLES] for side in (wanted, said))
    needle = " ".join(wanted)
    before = rf"(?<![^\W가-힣])(?<!\d{_DECIMAL_POINT})" if _BORDERED.match(needle[0]) else ""
    after = rf"(?![^\W가-힣])(?!{_DECIMAL_POINT}\d)" if _BORDERED.match(needle[-1]) else ""
    return re.search(before + re.escape(needle) + after, " ".join(said)) is not None


def _plain(text: str) -> list[str]:
    """Words of a text: NFKC, casefolded, without punctuation except within a number."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d)\.(?=\d)", _DECIMAL_POINT, _THOUSANDS.sub("", text))
    spaced = (" " if unicodedata.category(c)[0] == "P" or c in "`^~|" else c for c in text)
    return "".join(spaced).split()
