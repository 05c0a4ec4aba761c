from __future__ import annotations

import errno
import json
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import disk, owners
from playground.disk import DiskError
from playground.errors import CorpusError
from playground.retrieval.corpus import list_corpora, load_corpus
from playground.retrieval.lexical import index as bm25
from playground.retrieval.lexical.index import bm25_index
from playground.retrieval.own import stored, uploads
from playground.retrieval.own.uploads import add_documents, remove_corpus
from playground.retrieval.passages import Passage
from playground.retrieval.reading.text_files import MAX_NAME_CHARS, safe_name

NOTES = ("notes.md", b"# Notes\n\nThe bell rings at noon.")


def folders(home: Path) -> set[str]:
    return {path.name for path in (home / "uploads").glob("*")}


def test_a_document_becomes_a_private_corpus(home):
    corpus = add_documents([NOTES])
    assert re.fullmatch(r"own-[0-9a-f]{32}", corpus.id)
    assert corpus.own
    assert (corpus.title, corpus.language, corpus.questions) == ("notes.md", "en", ())
    (passage,) = corpus.passages
    assert (passage.id, passage.heading) == ("notes.md#1", "Notes")
    assert load_corpus(corpus.id) == corpus
    assert corpus.id not in [listed.id for listed in list_corpora()]
    assert [path.name for path in (home / "uploads" / corpus.id).iterdir()] == ["documents.json"]


def test_two_uploads_of_the_same_document_are_two_corpora():
    assert add_documents([NOTES]).id != add_documents([NOTES]).id


def test_a_corpus_that_is_read_again_is_not_chunked_again(monkeypatch):
    corpus = add_documents([NOTES])
    first = load_corpus(corpus.id)
    monkeypatch.setattr(stored, "cuts", None)
    assert load_corpus(corpus.id) is first


def test_korean_documents_are_called_korean():
    assert add_documents([("a.txt", "종은 정오에 울린다. OK".encode())]).language == "ko"


def test_json_lines_give_a_passage_each_under_their_own_titles():
    rows = [
        {"title": "First", "text": "One."},
        {"text": "Two.", "other": 1},
        {"title": None, "text": "## Inner\n\nThree."},
        {"title": " a\n b ", "text": "## Inner\n\nFour."},
        {"text": "  "},
    ]
    data = "\n\n".join(map(json.dumps, rows)).encode()
    found = add_documents([("rows.JSONL", data)]).passages
    assert [(p.id, p.heading, p.text) for p in found] == [
        ("rows.JSONL#1", "First", "One."),
        ("rows.JSONL#2", "", "Two."),
        ("rows.JSONL#3", "Inner", "Three."),
        ("rows.JSONL#4", "a b > Inner", "Four."),
    ]


def test_an_overlong_title_is_kept_once_as_text():
    title = "word " * 60
    data = json.dumps({"title": title, "text": "body"}).encode()
    found = add_documents([("a.jsonl", data)]).passages
    assert {p.heading for p in found} == {""}
    assert " ".join(p.text for p in found).split() == [*title.split(), "body"]


def test_a_byte_order_mark_and_decomposed_letters_leave_no_trace():
    corpus = add_documents([("cafe\u0301.txt", b"\xef\xbb\xbf" + "cafe\u0301".encode())])
    assert (corpus.title, corpus.passages[0].text) == ("café.txt", "café")


def test_adding_keeps_the_id_and_replaces_a_document_of_the_same_name(home):
    first = add_documents([NOTES, ("b.txt", b"Second.")])
    assert first.title == "notes.md +1"
    again = add_documents([("notes.md", b"Changed."), ("c.txt", b"Third.")], into=first.id)
    assert again.id == first.id
    assert sorted(p.text for p in again.passages) == ["Changed.", "Second.", "Third."]
    assert load_corpus(first.id) == again
    assert len(bm25_index(again).search(["changed"], 5)) == 1


def test_removing_leaves_no_file_even_while_an_index_is_being_built(home, monkeypatch):
    corpus = add_documents([NOTES])
    real = bm25.words

    def removed_meanwhile(text, how):
        remove_corpus(corpus.id)
        return real(text, how)

    monkeypatch.setattr(bm25, "words", removed_meanwhile)
    bm25_index(corpus)
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert not folders(home)
    with pytest.raises(CorpusError, match="no longer here"):
        load_corpus(corpus.id)
    remove_corpus(corpus.id)  # gone already


@pytest.mark.parametrize("corpus_id", ["lantern-handbook", "..", "own-../..", "own-", "", None])
def test_only_own_documents_can_be_removed(home, corpus_id):
    (home / "uploads").mkdir(parents=True)
    with pytest.raises(CorpusError, match="yourself"):
        remove_corpus(corpus_id)
    assert home.is_dir()


@pytest.mark.parametrize("into", ["", "..", "lantern-handbook", "own-" + "0" * 32])
def test_documents_cannot_be_added_to_what_is_not_there(home, into):
    with pytest.raises(CorpusError, match="no longer here"):
        add_documents([NOTES], into=into)
    assert not folders(home)


def test_a_damaged_store_is_told_as_gone_and_can_be_removed(home):
    corpus = add_documents([NOTES])
    for damage in (b"{", b"[1]\n", b'{"a": 1}\n', b"\xff\xff"):
        (home / "uploads" / corpus.id / "documents.json").write_bytes(damage)
        with pytest.raises(CorpusError, match="Add them again"):
            load_corpus(corpus.id)
    remove_corpus(corpus.id)
    assert not folders(home)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "No documents"),
        ([("a.pdf", b"text")], r"a\.pdf is not of a kind.*\.txt, \.md or \.jsonl"),
        ([("md", b"text")], "not of a kind"),
        ([("", b"text")], "document is not of a kind"),
        ([("a.txt", b"")], r"a\.txt is empty"),
        ([("a.txt", b" \n\t")], "is empty"),
        ([("a.txt", b"\xef\xbb\xbf")], "is empty"),
        ([("a.jsonl", b"\n\n")], "is empty"),
        ([("a.jsonl", b'{"text": " "}')], "is empty"),
        ([("a.md", b"#\n\n##")], "no text to search"),
        ([("a.txt", b"a\0b")], "not a text file"),
        ([("a.txt", "text".encode("utf-16"))], "not a text file|not UTF-8"),
        ([("a.txt", b"caf\xe9")], r"not UTF-8 text \(byte 4\)"),
        ([("a.txt", b"%PDF-1.7\n\x93\x8c\x8b")], "not UTF-8"),
        ([("a.txt", b"x" * 1_000_001)], "1.01 MB; the limit for one file is 1 MB"),
        ([(f"{n}.txt", b"x y " * 200_000) for n in range(4)], "3.20 MB together; the limit is 3"),
        ([(f"{n}.txt", b"x") for n in range(31)], "31 documents.*at most 30"),
        ([("a.txt", b"a\n\n# b\n\n" * 3_001)], "more than 3000 passages"),
        ([("x/a.txt", b"one"), ("y\\a.txt", b"two")], r"named a\.txt"),
        ([("a.jsonl", b'{"text": "a"}\n\n{"text": ')], r"Line 3 of a\.jsonl is not valid JSON"),
        ([("a.jsonl", b"[" * 200_000)], "Line 1 .* not valid JSON"),
        ([("a.jsonl", b'{"text": "a"}\n["b"]')], "Line 2 .*an object with a text"),
        ([("a.jsonl", b'"text"')], 'Write it like {"title": "...", "text": "..."}'),
        ([("a.jsonl", b'{"title": "a"}')], "an object with a text"),
        ([("a.jsonl", b'{"text": 5}')], "an object with a text"),
        ([("a.jsonl", b'{"text": "a", "title": 5}')], "an object with a text"),
        ([("a.jsonl", b'{"text": "\\u0000"}')], "Line 1 .*not text"),
        ([("a.jsonl", b'{"text": "a", "title": "\\ud800"}')], "Line 1 .*not text"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(home, files, message):
    with pytest.raises(CorpusError, match=message):
        add_documents(files)
    assert not folders(home)


def test_the_bounds_themselves_are_allowed():
    assert len(add_documents([(f"{n}.txt", b"x") for n in range(30)]).passages) == 30
    assert add_documents([("a.txt", b"x" * 1_000_000)]).passages
    assert len(add_documents([("a.txt", b"a\n\n# b\n\n" * 2_999 + b"a")]).passages) == 3_000


def test_the_bounds_hold_for_what_is_added_to(home, monkeypatch):
    monkeypatch.setattr(stored, "MAX_PASSAGES", 5_000)
    corpus = add_documents([(f"{n}.txt", b"x") for n in range(30)])
    assert add_documents([("7.txt", b"y")], into=corpus.id).id == corpus.id
    with pytest.raises(CorpusError, match="31 documents"):
        add_documents([("new.txt", b"y")], into=corpus.id)
    full = add_documents([(f"{n}.txt", b"fifteen-letters " * 60_000) for n in range(3)])
    with pytest.raises(CorpusError, match=r"3\.36 MB together"):
        add_documents([("new.txt", b"fifteen-letters " * 30_000)], into=full.id)
    assert load_corpus(full.id) == full


def test_no_more_is_chunked_than_the_limit_on_passages(monkeypatch):
    made = []

    def counted(*values):
        made.append(values)
        return Passage(*values)

    monkeypatch.setattr(stored, "Passage", counted)
    with pytest.raises(CorpusError, match="more than 3000 passages"):
        add_documents([("a.md", b"#\na\n" * 200_000), ("b.md", b"#\na\n" * 200_000)])
    assert len(made) == 3_001


def test_headings_that_repeat_in_every_passage_count_too(home, monkeypatch):
    heading = "# " + "h" * 198 + "\n"
    monkeypatch.setattr(stored, "MAX_INDEXED_CHARS", 2_000)  # 198 + 1 + 1 for each passage
    assert len(add_documents([("a.md", (heading + "a\n").encode() * 10)]).passages) == 10
    with pytest.raises(CorpusError, match=r"more than 2,000 characters.*Shorten the headings"):
        add_documents([("a.md", (heading + "a\n").encode() * 11)])
    assert len(folders(home)) == 1


def test_a_small_file_of_deep_headings_is_refused():
    levels = "".join("#" * level + " " + "가" * 190 + "\n" for level in range(1, 6))
    body = "".join(f"###### {'나' * 190}\n가\n" for _ in range(240))
    rows = [json.dumps({"title": "다" * 200, "text": levels + body}, ensure_ascii=False)] * 6
    data = "\n".join(rows).encode()
    assert len(data) < 1_000_000
    with pytest.raises(CorpusError, match="more than 4,000,000 characters"):
        add_documents([(f"{n}.jsonl", data) for n in range(3)])


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "Read-only file system")])
def test_a_disk_that_refuses_is_told_without_a_path(home, monkeypatch, number, said):
    corpus = add_documents([NOTES])

    def refuse(path, *_):
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "replace", refuse)
        for into in (None, corpus.id):
            with pytest.raises(DiskError, match=said) as caught:
                add_documents([("b.txt", b"b")], into=into)
            assert str(home) not in str(caught.value)
    assert folders(home) == {corpus.id}
    assert load_corpus(corpus.id) == corpus


def age(home: Path, corpus_id: str, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(home / "uploads" / corpus_id, (then, then))


def test_what_nobody_used_for_a_week_is_deleted_on_the_next_add(home):
    old, used, recent = (add_documents([NOTES]) for _ in range(3))
    age(home, old.id, 7.1)
    age(home, used.id, 6.9)
    age(home, recent.id, 6.9)
    load_corpus(used.id)
    new = add_documents([NOTES])
    assert folders(home) == {used.id, recent.id, new.id}


def test_what_nobody_used_for_a_week_is_gone_though_nobody_adds(home):
    old, used = add_documents([NOTES]), add_documents([NOTES])
    age(home, old.id, 7.1)
    age(home, used.id, 6.9)
    for _ in range(2):
        with pytest.raises(CorpusError, match="deleted after 7 days"):
            load_corpus(old.id)
    assert load_corpus(used.id) == used
    assert folders(home) == {used.id}
    assert (home / "uploads" / used.id).stat().st_mtime > time.time() - 60  # used now


def test_adding_renews_a_corpus_but_wakes_none_that_expired(home):
    old = add_documents([NOTES])
    age(home, old.id, 6.9)
    add_documents([("b.txt", b"b")], into=old.id)
    age(home, old.id, 7.1)
    with pytest.raises(CorpusError, match="no longer here"):
        add_documents([("c.txt", b"c")], into=old.id)
    assert not folders(home)


def test_one_who_fills_the_host_pushes_out_nobody_but_themselves(home, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_CORPORA", 4)
    caller = ["198.51.100.7"]
    monkeypatch.setattr(owners, "_address", lambda: caller[0])
    honest = add_documents([NOTES]).id
    age(home, honest, 3)  # used less recently than any of the other's
    caller[0] = "203.0.113.9"
    flood = [add_documents([NOTES]).id for _ in range(10)]
    assert folders(home) == {honest, *flood[-3:]}
    caller[0] = "192.0.2.1"
    newcomer = add_documents([NOTES]).id
    assert folders(home) == {honest, newcomer, *flood[-2:]}
    mine = add_documents([("b.txt", b"b")], into=honest)
    assert mine.id == honest  # no new one
    notes = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"203.0.113" not in notes


def test_only_the_newest_corpora_are_kept(home, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_CORPORA", 2)
    ids = []
    for days in (3, 2, 1):
        ids.append(add_documents([NOTES]).id)
        age(home, ids[-1], days)
    new = add_documents([NOTES])
    assert folders(home) == {ids[-1], new.id}


def test_indexes_that_nobody_read_for_a_week_are_deleted_on_the_next_add(home, make_corpus):
    used, unused = make_corpus("one"), make_corpus("two")
    for corpus in (used, unused):
        bm25_index(corpus)
    then = time.time() - 8 * 86_400
    for file in (home / "indexes").iterdir():
        os.utime(file, (then, then))
    bm25._indexes.clear()
    bm25_index(used)
    add_documents([NOTES])
    (left,) = (home / "indexes").iterdir()
    assert left.name.startswith(used.content_hash)


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("notes.md", "notes.md"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("../.md", "document.md"),
        ("  a \n b\x1b .txt ", "a b.txt"),
        ("a\u202etxt.md", "atxt.md"),
        ("Ünï 한글.jsonl", "Ünï 한글.jsonl"),
        ("x" * 200 + ".jsonl", "x" * 74 + ".jsonl"),
        ("..", "document"),
        ("", "document"),
    ],
)
def test_a_name_is_reduced_to_a_safe_base_name(raw, safe):
    assert safe_name(raw) == safe


@given(st.text(max_size=200), st.sampled_from([".txt", ".md", ".JSONL", ""]))
def test_no_name_is_empty_long_or_a_path(stem, suffix):
    name = safe_name(stem + suffix)
    assert 0 < len(name) <= MAX_NAME_CHARS
    assert not set(name) & set("/\\\0\n\r\t\x1b")
    assert not name.startswith(".")
    assert name.endswith(suffix)
    assert safe_name(name) == name
