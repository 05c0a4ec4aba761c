"""What the Documents tab shows of a search and of an evaluation, read back as XML."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import gradio as gr
import pytest
from pressing import press

from playground.retrieval.dense import index as dense
from playground.retrieval.evaluate import Judged, Outcome, reports
from playground.retrieval.lexical.bm25 import Contribution, Scoring
from playground.retrieval.lexical.terms import Terms
from playground.retrieval.passages import Passage
from playground.retrieval.search import Found, Hit, Options
from playground.settings import settings
from playground.ui.documents import evaluate as evaluate_panel
from playground.ui.documents import own as own_panel
from playground.ui.documents import tab as documents_tab
from playground.ui.documents import view as documents_html
from playground.ui.documents.search_form import options_of
from playground.ui.text import EN, TABLES

both = pytest.mark.parametrize("language", ["en", "ko"])
EVIL = "<script>alert(1)</script>&\"'"
PASSAGE = Passage(f"{EVIL}#1", EVIL, EVIL, f"a {EVIL} b")
HIT = Hit(rank=1, passage=PASSAGE, score=3.5, matched=((0, 1),), position=0, parts={"bm25": (4, 3.5)})
TERMS = [
    Contribution(term=EVIL, times=2, count=1, idf=1.5, tf=1.0),
    Contribution(term="b", times=1, count=3, idf=0.25, tf=2.0),
]

pytestmark = pytest.mark.usefixtures("page_runs")


def read(piece: str) -> ET.Element:
    root = ET.fromstring(f"<piece>{piece}</piece>")
    assert not [e for e in root.iter() if e.tag == "script"]
    return root


def said(element: ET.Element) -> str:
    return "".join(element.itertext())


@both
def test_a_hit_opens_to_what_each_word_adds(language):
    words = TABLES[language]
    result = Found((HIT,), {"tokenise": 0.0001, "bm25": 2.0})
    root = read(documents_html.found(result, [TERMS], ["x", EVIL], language, joined=("bm25", "dense")))
    rows = [[said(cell) for cell in row] for row in root.iter("tr")]
    assert rows[0] == [words[k] for k in ("term", "term_idf", "term_count", "term_tf", "term_adds")]
    assert rows[1] == [f"{EVIL} (×2)", "1.50", "1", "1.00", "3.00"]
    assert rows[2] == ["b", "0.25", "3", "2.00", "0.50"]
    text = said(root)
    assert words["split_as"].format(terms=f"x · {EVIL}") in text
    assert words["hit_rank"].format(name=words["retriever_bm25"], rank=4) in text
    assert words["hit_no_rank"].format(name=words["retriever_dense"]) in text
    assert f"{words['stage_tokenise']} 0.1 ms" in text
    assert f"{words['retriever_bm25']} 2 s" in text


@both
def test_nothing_found_says_what_to_do(language):
    assert TABLES[language]["hits_none"] in said(read(documents_html.found(Found((), {}), [], ["x"], language)))


def outcome(id: str, kind: str, retriever: str, *ranks: int | None) -> Outcome:
    pieces = tuple(frozenset({0}) for _ in ranks)
    judged = Judged(id=id, question=f"{EVIL} {id}?", kind=kind, pieces=pieces, gains=(1.0,) * len(ranks))
    return Outcome(judged=judged, retriever=retriever, hits=(HIT,), ranks=ranks, seconds=0.002)


OUTCOMES = [
    outcome("q1", "keyword", "bm25", 1),
    outcome("q1", "keyword", "dense", 4),
    outcome("q2", "paraphrase", "bm25", None),
    outcome("q2", "paraphrase", "dense", 2),
    outcome("q3", "unanswerable", "bm25"),
    outcome("q3", "unanswerable", "dense"),
]


@both
def test_an_evaluation_has_a_row_for_each_kind_and_opens_to_every_question(language):
    words = TABLES[language]
    rows = reports(OUTCOMES)
    root = read(documents_html.evaluated(rows, OUTCOMES, {0: "gold#1"}, language))
    [table] = root.iter("table")
    cells = [[said(cell) for cell in row] for row in next(table.iter("tbody"))]
    assert len(cells) == 6
    assert cells[0][:3] == [words["retriever_bm25"], words["asked_all"], "2"]
    assert cells[0][3:7] == ["50 %", "50 %", "50 %", "50 %"]
    assert cells[1][3:7] == ["0 %", "50 %", "100 %", "100 %"]
    questions = [e for e in root.iter("details") if e.attrib.get("class") == "pg-question"]
    assert len(questions) == 3
    assert words["found_at"].format(rank=4) in said(questions[0])
    assert words["found_never"] in said(questions[1])
    assert words["found_unanswerable"] in said(questions[2])
    assert "gold#1" in said(questions[0])
    assert words["no_evidence"] in said(questions[2])
    assert EVIL in said(questions[0])


def test_a_csv_has_a_line_for_each_answer_and_nothing_that_a_spreadsheet_runs():
    evil = outcome("q", "keyword", "bm25", 2)
    judged = Judged(id="q", question="=HYPERLINK(1)", kind="keyword", pieces=evil.judged.pieces, gains=(1.0,))
    evil = Outcome(judged=judged, retriever="bm25", hits=evil.hits, ranks=evil.ranks, seconds=0.5)
    text = evaluate_panel.outcomes_csv([evil, *OUTCOMES])
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 7
    assert rows[0]["question"] == "'=HYPERLINK(1)"
    assert (rows[0]["first_rank"], rows[3]["first_rank"]) == ("2", "")


@pytest.mark.parametrize(
    ("split", "terms"),
    [("usual", None), ("words", Terms()), ("stems", Terms(True)), ("morphemes", Terms(True, "morphemes"))],
)
def test_the_controls_become_options(split, terms):
    found = options_of(
        {
            "variant": "l",
            "k1": 1,
            "b": 0.5,
            "split": split,
            "fusion": "weighted",
            "diversity": 0.25,
            "rerank": True,
            "encoder": "minilm",
        }
    )
    assert found == Options(
        scoring=Scoring("l", 1.0, 0.5), terms=terms, fusion="weighted", dense_share=None, diversity=0.25, rerank=True
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def evaluate(monkeypatch, choice="lantern-handbook", turn=None, seen=None, own=""):
    monkeypatch.setattr(evaluate_panel, "RETRIEVERS", ("bm25",))
    monkeypatch.setattr(dense, "dense_index", lambda *more: None)
    steps = (lambda at, desc: seen.append(desc)) if seen is not None else (lambda at, desc: None)
    return press("evaluate", own=own, corpus=choice, split="words", turn=turn, progress=steps)


def test_a_corpus_is_evaluated_with_progress(monkeypatch):
    seen: list[str] = []
    table, rows, told = evaluate(monkeypatch, seen=seen)
    assert told == ""
    assert "Question 1 of 64…" in seen
    assert "Question 64 of 64…" in seen
    assert "<table" in table
    assert rows.count("\n") == 65


def test_an_evaluation_can_be_stopped(monkeypatch):
    told = f'<div class="pg-hint">{EN["evaluate_stopped"]}</div>'
    assert evaluate(monkeypatch, turn=-1) == (gr.skip(), gr.skip(), told)


def test_documents_without_questions_cannot_be_evaluated(monkeypatch, tmp_path, home):
    file = tmp_path / "a.txt"
    file.write_text("A fact.")
    own, *_ = own_panel.add_own({"own": "", "shelf": [], "language": "en", "files": [str(file)], "encoding": ""})
    with pytest.raises(gr.Error, match="has no questions to evaluate with"):
        evaluate(monkeypatch, documents_tab.OWN, own=own)
