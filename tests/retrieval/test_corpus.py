from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from playground.errors import CorpusError
from playground.retrieval import corpus as module
from playground.retrieval.corpus import Corpus, Passage, list_corpora, load_corpus

CARD = "---\ntitle: The harbour\nlanguage: en\nlicense: Apache-2.0\n---\n\nMade by hand.\n"
QUESTION = {
    "id": "q1",
    "question": "When does the bell ring?",
    "answer": "at noon",
    "evidence": [{"document": "bell.md", "quote": "It rings at noon."}],
    "kind": "keyword",
}


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "corpora"
    root.mkdir()
    monkeypatch.setattr(module, "CORPORA", root)
    return root


def ship(root: Path, name: str = "harbour", card: str = CARD, questions: str | None = None) -> None:
    (root / name / "documents").mkdir(parents=True)
    (root / name / "card.md").write_text(card)
    (root / name / "documents" / "tide.md").write_text("# Tide\n\nHigh.\n\n## Low\n\nLater.")
    (root / name / "documents" / "bell.md").write_text("# Bell\n\nIt rings at noon.")
    lines = json.dumps(QUESTION) + "\n\n" if questions is None else questions
    (root / name / "questions.jsonl").write_text(lines)


def test_no_folder_at_all_lists_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CORPORA", tmp_path / "missing")
    assert list_corpora() == []


def test_an_empty_folder_and_one_without_a_card_list_nothing(shipped):
    assert list_corpora() == []
    (shipped / "half-written" / "documents").mkdir(parents=True)
    (shipped / "README.md").write_text("not a corpus")
    assert list_corpora() == []


def test_a_shipped_corpus_has_its_card_its_passages_and_its_questions(shipped):
    ship(shipped)
    (corpus,) = list_corpora()
    assert (corpus.id, corpus.title, corpus.language, corpus.own) == ("harbour", "The harbour", "en", False)
    assert [p.id for p in corpus.passages] == ["bell.md#1", "tide.md#1", "tide.md#2"]
    assert corpus.passages[2].heading == "Tide > Low"
    (question,) = corpus.questions
    assert (question.answer, question.kind) == ("at noon", "keyword")
    assert question.evidence[0].quote in corpus.passages[0].text
    assert question.evidence[0].document == corpus.passages[0].document


def test_evidence_may_name_its_document_without_the_suffix(shipped):
    evidence = [{"document": "bell", "quote": "It rings at noon."}]
    ship(shipped, questions=json.dumps(QUESTION | {"evidence": evidence}))
    assert load_corpus("harbour").questions[0].evidence[0].document == "bell.md"


def test_a_shipped_corpus_is_read_once(shipped):
    ship(shipped)
    assert load_corpus("harbour") is load_corpus("harbour") is list_corpora()[0]


def test_an_unknown_id_is_told_the_known_ones(shipped):
    ship(shipped)
    ship(shipped, "attic")
    with pytest.raises(CorpusError, match=r"nothing is unknown.*attic, harbour\."):
        load_corpus("nothing")


@pytest.mark.parametrize(
    "corpus_id",
    [
        *("", ".", "..", "../harbour", "harbour/", "harbour/documents", "/etc", "a\\b", "harbour\n"),
        *("Harbour", "har bour", "harbour\0", "x" * 65, "own-" + "g" * 32, "own-../x", None, 7),
    ],
)
def test_an_id_that_is_no_id_never_reaches_the_disk(shipped, monkeypatch, corpus_id):
    ship(shipped)
    touched = []
    monkeypatch.setattr(module, "_shipped", touched.append)
    monkeypatch.setattr(module.uploads, "read_corpus", touched.append)
    with pytest.raises(CorpusError, match="unknown"):
        load_corpus(corpus_id)
    assert touched == []


def test_an_endless_id_is_not_repeated_in_full(shipped):
    with pytest.raises(CorpusError) as caught:
        load_corpus("x" * 100_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("corpus_id", ["\ud800", "own-\udfff", "x" * 79 + "\ud83d"])
def test_half_a_surrogate_pair_in_an_id_is_told_as_text(shipped, corpus_id):
    with pytest.raises(CorpusError, match=r"\? is unknown") as caught:
        load_corpus(corpus_id)
    assert str(caught.value).encode()


@pytest.mark.parametrize(
    "damage",
    [
        {"card": "no front matter"},
        {"card": "---\ntitle: only\n---\n"},
        {"questions": "{"},
        {"questions": "[1]"},
        {"questions": json.dumps(QUESTION | {"kind": "guess"})},
        {"questions": json.dumps({"id": "q"})},
    ],
)
def test_a_damaged_shipped_folder_says_which_one(shipped, damage):
    ship(shipped, **damage)
    with pytest.raises(CorpusError, match="harbour cannot be read") as caught:
        load_corpus("harbour")
    assert str(shipped) not in str(caught.value)


def test_a_missing_file_is_told_without_its_place_on_the_machine(shipped):
    ship(shipped)
    (shipped / "harbour" / "questions.jsonl").unlink()
    with pytest.raises(CorpusError, match="No such file") as caught:
        load_corpus("harbour")
    assert str(shipped) not in str(caught.value)


def test_the_content_hash_follows_what_is_indexed_and_nothing_else(make_corpus):
    corpus = make_corpus("one", "two")
    assert len(corpus.content_hash) == 16
    int(corpus.content_hash, 16)
    assert dataclasses.replace(corpus, id="x", title="y").content_hash == corpus.content_hash
    others = [
        make_corpus(),
        make_corpus("one"),
        make_corpus("onet", "wo"),
        make_corpus("two", "one"),
        make_corpus("one", "two", heading="T"),
    ]
    assert len({corpus.content_hash, *(other.content_hash for other in others)}) == 6


def test_the_content_hash_is_the_documented_one():
    import hashlib

    passage = Passage("d#1", "d", "T", "가")
    data = b"".join(len(part).to_bytes(8, "big") + part for part in (b"d#1", "T\n가".encode()))
    corpus = Corpus(id="c", title="C", language="ko", passages=(passage,), questions=())
    assert corpus.content_hash == hashlib.sha256(data).hexdigest()[:16]


def test_ligatures_and_wide_letters_are_searched_and_prompted_plain_but_shown_as_written():
    passage = Passage("a#1", "a", "ﬁrst", "The oﬃce, ＡＢＣ ｶﾞ ㎏, 10⁶ ½ ① ㄱ …")
    assert passage.prompted == "The office, ABC ガ kg, 10⁶ ½ ① ㄱ …"
    assert passage.indexed == f"first\n{passage.prompted}"
    assert passage.text == "The oﬃce, ＡＢＣ ｶﾞ ㎏, 10⁶ ½ ① ㄱ …"
