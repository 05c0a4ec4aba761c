"""Test collections of both formats, written here as their publishers write them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from playground.errors import CorpusError
from playground.retrieval.beir_trec import read_test_collection
from playground.retrieval.evaluate import outcomes, reports

DOCUMENTS = {
    "d1": ("Lamps", "The keeper lights the lamp at dusk."),
    "d2": ("", "Bread is baked at dawn."),
    "d3": ("Boats & tides", "Boats leave when the tide turns."),
}
QUERIES = {"7": "When is bread baked?", "9": "tide and boats", "11": "nobody judged this"}
GAINS = {"7": {"d2": 2, "d1": 0}, "9": {"d3": 1, "gone": 1}, "12": {"d1": 1}}


def write_beir(folder, packed=False):
    rows = [{"_id": id, "title": title, "text": text} for id, (title, text) in DOCUMENTS.items()]
    lines = "\n".join(map(json.dumps, rows)) + "\n"
    if packed:
        (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    else:
        (folder / "corpus.jsonl").write_text(lines)
    asked = [json.dumps({"_id": id, "text": text}) for id, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(asked))
    (folder / "qrels").mkdir()
    judged = [f"{q}\t{d}\t{gain}" for q, gains in GAINS.items() for d, gain in gains.items()]
    text = "query-id\tcorpus-id\tscore\n" + "\n".join(judged) + "\n"
    (folder / "qrels" / "test.tsv").write_text(text)


def write_trec(folder, topics="top"):
    blocks = [
        f"<DOC>\n<DOCNO> {id} </DOCNO>\n<TITLE>{title.replace('&', '&amp;')}</TITLE>\n<TEXT>\n{text}\n</TEXT>\n</DOC>"
        for id, (title, text) in DOCUMENTS.items()
    ]
    (folder / "docs").mkdir()
    (folder / "docs" / "part1.sgml").write_text("\n".join(blocks[:2]))
    (folder / "docs" / "part2.sgml.gz").write_bytes(gzip.compress(blocks[2].encode()))
    if topics == "top":
        tops = [
            f"<top>\n<num> Number: {id}\n<title> {text}\n\n<desc> Description:\nMore.\n</top>"
            for id, text in QUERIES.items()
        ]
        (folder / "topics.txt").write_text("\n\n".join(tops))
    else:
        (folder / "queries.tsv").write_text("".join(f"{q}\t{t}\n" for q, t in QUERIES.items()))
    lines = [f"{q} 0 {d} {gain}" for q, gains in GAINS.items() for d, gain in gains.items()]
    (folder / "qrels.txt").write_text("\n".join(lines) + "\n")


WRITERS = {
    "beir": write_beir,
    "beir packed": lambda folder: write_beir(folder, packed=True),
    "trec": write_trec,
    "trec with lines": lambda folder: write_trec(folder, "lines"),
}


@pytest.mark.parametrize("how", WRITERS)
def test_both_formats_say_the_same(tmp_path, how):
    WRITERS[how](tmp_path)
    corpus, queries = read_test_collection(tmp_path)
    assert [p.document for p in corpus.passages] == ["d1", "d2", "d3"]
    assert corpus.passages[2].indexed == "Boats & tides\nBoats leave when the tide turns."
    assert corpus.passages[1].indexed == "Bread is baked at dawn."
    assert [(one.id, one.question) for one in queries] == list(QUERIES.items())[:2]
    assert queries[0].pieces == (frozenset({1}),)
    assert queries[0].gains == (2.0,)
    # A relevant document that the collection lacks counts as never found
    assert queries[1].pieces == (frozenset({2}), frozenset())
    [row] = [one for one in reports(outcomes(corpus, queries, ("bm25",))) if one.kind == "all"]
    assert row.recall[10] == pytest.approx((1 + 0.5) / 2)
    assert row.mrr == 1


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_what_is_missing_is_said(tmp_path, missing):
    write_beir(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(CorpusError, match=r"test collection (has no|cannot be read)"):
        read_test_collection(tmp_path)
    with pytest.raises(CorpusError, match=r"test collection (has no|cannot be read)"):
        read_test_collection(tmp_path / "nowhere")


@pytest.mark.parametrize("line", ["{", "[]", '{"_id": "d4"}', "null"])
def test_a_broken_line_is_told_and_not_a_traceback(tmp_path, line):
    write_beir(tmp_path)
    with (tmp_path / "corpus.jsonl").open("a") as file:
        file.write(line)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_test_collection(tmp_path)


def test_the_documented_command_prints_a_table(tmp_path):
    write_beir(tmp_path)
    command = [sys.executable, "-m", "playground.retrieval.evaluate", str(tmp_path)]
    done = subprocess.run([*command, "--retrievers", "bm25"], capture_output=True, text=True, check=True)
    assert "3 documents, 2 of 2 judged queries" in done.stdout
    # 7: found first, 1; 9: 1 of 2 found first, 1 / (1 + 1 / log2(3)) = 0.6131
    assert "| bm25 | 0.8066 | 0.7500 | 1.0000 |" in done.stdout
