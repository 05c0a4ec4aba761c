"""A visitor's own questions from a CSV file."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from typing import get_args

from playground.checked import printable
from playground.errors import CorpusError
from playground.retrieval.passages import Corpus, Evidence, Question, QuestionKind
from playground.retrieval.search import MAX_QUERY_CHARS

MAX_CSV_BYTES, MAX_ROWS, MAX_FIELD = 1_000_000, 500, 2_000
Texts = Sequence[tuple[str, str]]  # document and words of each passage
COLUMNS = ("question", "answer", "document", "quote", "kind")


def read_questions(data: bytes, corpus: Corpus) -> tuple[Question, ...]:
    """Questions with their answers and where they stand.

    The first line names the columns: ``question``, and perhaps ``answer``, ``document``, ``quote``
    (words of the document that answer it) and ``kind``. A question without a quote cannot be
    found by search but can be answered; one with neither answer nor quote is unanswerable.

    :raises CorpusError: not such a file, or a line names what the corpus does not hold.
    """
    if len(data) > MAX_CSV_BYTES:
        raise CorpusError("The questions hold more than {limit} MB. Give fewer.", limit=MAX_CSV_BYTES // 1_000_000)
    texts = [(passage.document, " ".join(passage.text.split())) for passage in corpus.passages]
    questions = tuple(
        _question(row, number, corpus.title, texts) for number, row in enumerate(_rows(data), start=2) if row
    )
    if not questions:
        raise CorpusError("There are no questions in this file. Write one on each line.")
    return questions


def _rows(data: bytes) -> list[dict[str, str]]:
    try:
        text = unicodedata.normalize("NFC", data.decode("utf-8-sig"))
        lines = csv.reader(io.StringIO(text), strict=True)
        heads = [head.strip().lower() for head in next(lines, [])]
        rows: list[dict[str, str]] = []
        count = 0
        for line in lines:
            values = [value.strip()[: MAX_FIELD + 1] for value in line]
            count += any(values)
            rows.append(dict(zip(heads, values, strict=False)) if any(values) else {})
            if count > MAX_ROWS:
                raise CorpusError("There are more than {limit} questions. Give fewer.", limit=MAX_ROWS)
    except (csv.Error, UnicodeDecodeError) as error:
        raise CorpusError(
            "The questions are not a CSV file in UTF-8. Save them as one from your spreadsheet."
        ) from error
    if "question" not in heads:
        raise CorpusError(
            "The first line must name the columns, and one of them is question. Known are: {known}.",
            known=", ".join(COLUMNS),
        )
    return rows


def _question(row: dict[str, str], number: int, title: str, texts: Texts) -> Question:
    text, quote, answer = (row.get(key, "") for key in ("question", "quote", "answer"))
    kind = row.get("kind") or ("keyword" if answer or quote else "unanswerable")
    if not text or len(text) > MAX_QUERY_CHARS or max(len(quote), len(answer)) > MAX_FIELD:
        raise CorpusError(
            "Line {line}: write a question of up to {limit} characters, and an answer and a quote no longer than that.",
            line=number,
            limit=MAX_FIELD,
        )
    if kind not in get_args(QuestionKind):
        raise CorpusError(
            "Line {line}: kind {kind} is unknown. Choose one of: {known}.",
            line=number,
            kind=printable(kind),
            known=", ".join(get_args(QuestionKind)),
        )
    if kind == "unanswerable" and (answer or quote):
        raise CorpusError("Line {line}: an unanswerable question has neither answer nor quote.", line=number)
    evidence = (Evidence(_document(row, quote, number, title, texts), quote),) if quote else ()
    return Question(id=f"line-{number}", question=text, answer=answer, evidence=evidence, kind=kind)  # type: ignore[arg-type]


def _document(row: dict[str, str], quote: str, number: int, title: str, texts: Texts) -> str:
    """The document that a quote is of: the one that is named, or the first that holds it."""
    named = row.get("document", "")
    wanted = " ".join(quote.split())
    for document, text in texts:
        if named in ("", document) and wanted in text:
            return document
    raise CorpusError(
        "Line {line}: the quote {quote} stands in no passage of {document}. Copy it word for word from one passage.",
        line=number,
        quote=printable(quote),
        document=printable(named or title),
    )
