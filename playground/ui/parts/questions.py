"""Which questions a corpus is asked, and their outcomes as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace

from playground.errors import CorpusError
from playground.retrieval.corpus import Corpus, load_corpus
from playground.retrieval.questions_csv import MAX_CSV_BYTES, read_questions
from playground.ui.parts.corpus_menu import chosen_corpus
from playground.ui.shell import uploaded


def asked_corpus(own: str, choice: str, file: str | None) -> Corpus:
    """The chosen corpus, with the questions of a visitor's file in the place of its own.

    :raises CorpusError: there are no questions, or those in the file cannot be used.
    """
    corpus = load_corpus(chosen_corpus(own, choice))
    if file:
        questions = read_questions(uploaded.read(file, MAX_CSV_BYTES), corpus)
        corpus = replace(corpus, questions=questions)
    if not corpus.questions:
        raise CorpusError(
            "{name} has no questions to evaluate with. Give some as a CSV file, or choose a corpus "
            "that comes with some.",
            name=corpus.title,
        )
    return corpus


def written(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV; a text that a spreadsheet would run is quoted."""
    out = io.StringIO("\ufeff")  # or spreadsheets do not take it for UTF-8
    out.seek(1)
    csv.writer(out).writerows([_tame(cell) for cell in row] for row in rows)
    return out.getvalue()


def _tame(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
