"""Test collections as others publish them -> a corpus and judged queries.

BEIR's folder (``corpus.jsonl``, ``queries.jsonl``, ``qrels/test.tsv``), or TREC's files, told apart
by what is in them: documents (``<DOC>``, ``<DOCNO>``, ``<TEXT>``), topics (``<top>``, ``<num>``,
``<title>``) or ``id<TAB>text`` lines, and judgements of four columns. A document is one passage.
"""

from __future__ import annotations

import csv
import gzip
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playground.errors import CorpusError
from playground.retrieval.judged import Judged
from playground.retrieval.passages import Corpus, Passage
from playground.retrieval.search import MAX_QUERY_CHARS

Judgements = dict[str, dict[str, float]]  # query -> document -> gain
SPLITS = ("test", "dev", "train")
_DOC = re.compile(r"<doc>(.*?)</doc>", re.S | re.I)
_TOP = re.compile(r"<top>(.*?)</top>", re.S | re.I)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.I)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|\Z)", re.S | re.I)
_TAG = re.compile(r"<[^<>]*>")
_QREL = re.compile(r"\s*(\S+)\s+(\S+)\s+(\S+)\s+(-?\d+)\s*")
_LINE = re.compile(r"([^\t\n]+)\t([^\n]+)")


def read_test_collection(folder: Path) -> tuple[Corpus, list[Judged]]:
    """A collection's documents, and its queries that have a relevant document, in their order.

    :raises CorpusError: a part is missing or cannot be read.
    """
    try:
        beir = (folder / "corpus.jsonl").is_file() or (folder / "corpus.jsonl.gz").is_file()
        documents, queries, judgements = (_beir if beir else _trec)(folder)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise CorpusError(
            "The test collection cannot be read: {reason}.", reason=f"{type(error).__name__}: {error}"
        ) from error
    parts = {"documents": documents, "queries": queries, "judgements": judgements}
    missing = [name for name, part in parts.items() if not part]
    if missing:
        raise CorpusError(
            "The test collection has no {missing}. Give BEIR's corpus.jsonl, queries.jsonl and "
            "qrels/test.tsv, or TREC's documents, topics and judgements, in one folder.",
            missing=", ".join(missing),
        )
    passages = tuple(Passage(id, id, title, text) for id, (title, text) in documents.items())
    position = {id: number for number, id in enumerate(documents)}
    judged = [_judged(id, text, judgements[id], position) for id, text in queries.items() if id in judgements]
    corpus = Corpus(
        id=folder.resolve().name, title=folder.resolve().name, language="en", passages=passages, questions=()
    )
    return corpus, [query for query in judged if query.pieces]


def _judged(id: str, text: str, gains: dict[str, float], position: dict[str, int]) -> Judged:
    relevant = [(name, gain) for name, gain in gains.items() if gain > 0]
    return Judged(
        id=id,
        question=text.strip()[:MAX_QUERY_CHARS] or "-",
        kind="judged",
        pieces=tuple(frozenset({position[name]} if name in position else ()) for name, _ in relevant),
        gains=tuple(gain for _, gain in relevant),
    )


Published = tuple[dict[str, tuple[str, str]], dict[str, str], Judgements]


def _beir(folder: Path) -> Published:
    documents = {
        str(row["_id"]): (" ".join(str(row.get("title") or "").split()), str(row["text"]))
        for row in _json_lines(folder / "corpus.jsonl")
    }
    queries = {str(row["_id"]): str(row["text"]) for row in _json_lines(folder / "queries.jsonl")}
    judgements: Judgements = {}
    split = next(path for name in SPLITS if (path := folder / "qrels" / f"{name}.tsv").is_file())
    with split.open(encoding="utf-8", newline="") as lines:
        for query, document, gain, *_ in csv.reader(lines, delimiter="\t"):
            if gain.lstrip("-").isdigit():  # the first line names the columns
                judgements.setdefault(query, {})[document] = float(gain)
    return documents, queries, judgements


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in _text(path if path.is_file() else path.with_name(f"{path.name}.gz")).split("\n"):
        if line.strip():
            yield json.loads(line)


def _text(path: Path) -> str:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return data.decode("utf-8-sig", errors="replace")


def _trec(folder: Path) -> Published:
    documents: dict[str, tuple[str, str]] = {}
    queries: dict[str, str] = {}
    judgements: Judgements = {}
    tables: list[dict[str, str]] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = _text(path)
        documents |= {id: parts for block in _DOC.findall(text) for id, parts in _document(block)}
        for block in _TOP.findall(text):
            if (number := _NUMBER.search(block)) and (title := _TITLE.search(block)):
                queries[number[1]] = _plain(title[1])
        lines = [line for line in text.split("\n") if line.strip()]
        qrels = [_QREL.fullmatch(line) for line in lines[:50]]
        if lines and all(qrels):
            for row in filter(None, map(_QREL.fullmatch, lines)):
                judgements.setdefault(row[1], {})[row[3]] = float(row[4])
        elif lines and all(_LINE.fullmatch(line) for line in lines[:50]):
            rows = filter(None, map(_LINE.fullmatch, lines))
            tables.append({row[1]: row[2].replace("\t", " ") for row in rows})
    for table in tables:  # id<TAB>text: queries are those that judgements know
        if not queries and set(table) & set(judgements):
            queries = table
        elif not documents:
            documents = {id: ("", text) for id, text in table.items()}
    return documents, queries, judgements


def _document(block: str) -> Iterator[tuple[str, tuple[str, str]]]:
    number = re.search(r"<docno>\s*(\S+?)\s*</docno>", block, re.I)
    if number:
        title = re.search(r"<(title|headline)>(.*?)</\1>", block, re.S | re.I)
        body = block.replace(number[0], "").replace(title[0] if title else "", "")
        yield number[1], (_plain(title[2]) if title else "", _plain(body))


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())
