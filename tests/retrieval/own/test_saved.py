from __future__ import annotations

import copy
import json
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.errors import CorpusError
from playground.retrieval import corpus as shipping
from playground.retrieval.chunking.cutting import Cutting
from playground.retrieval.chunking.markdown import Cut
from playground.retrieval.corpus import cards, list_corpora, load_collection, load_corpus
from playground.retrieval.own.changes import cut_anew, dropped, edited, renamed
from playground.retrieval.own.stored import (
    Collection,
    Stored,
    collection_from_json,
    corpus_of,
    title_of,
    to_json,
    with_document,
)
from playground.retrieval.own.uploads import (
    add_collection,
    add_documents,
    add_saved,
    can_undo,
    change,
    read_collection,
    read_corpus,
    remove_corpus,
    undo,
)
from playground.retrieval.passages import Evidence, Question

ID = "own-" + "0" * 32
NOTES = ("notes.md", b"# Notes\n\nThe bell rings at noon.")
REFUSED = r"(?s).* is not a collection that was saved here, or it was changed since"

# As it is in a saved file
SAVED = {
    "documents": [
        {"name": "a.md", "title": "", "text": "# T\n\nOne. 둘😀.", "cuts": [["T", 5, 9], ["", 10, 13]]},
        {"name": "b.jsonl", "title": "Two", "text": "Three.", "cuts": None},
    ],
    "title": "Mine",
    "cutting": {"by": "sentences", "size": 2, "overlap": 1},
    "questions": [
        {
            "id": "q1",
            "question": "When?",
            "answer": "One.",
            "evidence": [{"document": "a.md", "quote": "One."}],
            "kind": "keyword",
        }
    ],
}


def saved(**more: object) -> bytes:
    return json.dumps(SAVED | more).encode()


def saved_document(**more: object) -> bytes:
    return saved(documents=[{"name": "a.md", "title": "", "text": "One two.", "cuts": None} | more])


def kept(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def texts(corpus_id: str) -> list[str]:
    return [passage.text for passage in load_corpus(corpus_id).passages]


# What is saved, and read again


def test_a_saved_file_is_a_collection_of_texts_cuts_and_questions():
    found = collection_from_json(saved())
    assert found == Collection(
        (
            Stored("a.md", "", "# T\n\nOne. 둘😀.", (Cut("T", 5, 9), Cut("", 10, 13))),
            Stored("b.jsonl", "Two", "Three.", None),
        ),
        "Mine",
        Cutting("sentences", 2, 1),
        (Question(id="q1", question="When?", answer="One.", evidence=(Evidence("a.md", "One."),), kind="keyword"),),
    )
    assert json.loads(to_json(found)) == SAVED
    corpus = corpus_of(ID, found)
    assert (corpus.id, corpus.title, corpus.own) == (ID, "Mine", True)
    assert corpus.questions == found.questions
    assert [(p.id, p.heading, p.text) for p in corpus.passages] == [
        ("a.md#1", "T", "One."),
        ("a.md#2", "", "둘😀."),
        ("b.jsonl#1", "Two", "Three."),
    ]


def test_a_collection_that_an_earlier_version_kept_is_read_and_has_the_same_passages(home):
    """As written in November 2026: its bytes, and the hash by which its indexes are found."""
    written = (
        '{"documents": [{"name": "a.md", "title": "", "text": "# Tides\\n\\nHigh at six. Low at noon.", "cuts": null}, '
        '{"name": "b.jsonl", "title": "밧줄", "text": "One. Two.", "cuts": [["", 0, 4], ["", 5, 9]]}], '
        '"title": "Notes", "cutting": {"by": "sentences", "size": 1, "overlap": 0}, "questions": [{"id": "q", '
        '"question": "When?", "answer": "six", "evidence": [{"document": "a.md", "quote": "High at six."}], '
        '"kind": "keyword"}]}'
    )
    folder = home / "uploads" / ID
    folder.mkdir(parents=True)
    (folder / "documents.json").write_text(written, encoding="utf-8")
    corpus = read_corpus(ID)
    assert [(one.id, one.heading, one.text) for one in corpus.passages] == [
        ("a.md#1", "Tides", "High at six."),
        ("a.md#2", "Tides", "Low at noon."),
        ("b.jsonl#1", "밧줄", "One."),
        ("b.jsonl#2", "밧줄", "Two."),
    ]
    assert (corpus.title, corpus.questions[0].evidence[0].quote) == ("Notes", "High at six.")
    assert corpus.content_hash == "934b2089d5a804bd"
    assert to_json(read_collection(ID)) == written


def test_what_a_file_leaves_out_is_as_usual():
    data = b'{"documents": [{"name": "a", "title": "", "text": "One."}]}'
    assert collection_from_json(data) == Collection((Stored("a", "", "One."),))
    assert collection_from_json(data) == Collection((Stored("a", "", "One.", None),), "", Cutting(), ())


words = st.text('ab \n.가😀\u0301"\\\t\x01\u2028é/<', max_size=30).map(lambda text: unicodedata.normalize("NFC", text))
documents = st.builds(
    lambda name, title, text, cuts: Stored(name, title, text, cuts),
    st.sampled_from(["a.md", "..", "가.jsonl", "#1", '"', "a"]),
    words,
    words,
    st.none() | st.just(()) | words.map(lambda heading: (Cut(heading, 0, 1),)),
).filter(lambda one: one.text or not one.cuts)
collections = st.builds(
    Collection,
    st.lists(documents, min_size=1, max_size=4).map(tuple),
    st.sampled_from(["", "Mine", "가 😀"]),
    st.sampled_from([Cutting(), Cutting("sentences", 3, 1), Cutting("headings", 400)]),
    st.lists(
        st.builds(
            Question,
            id=words,
            question=words.map(lambda text: f"Q{text}"),
            answer=words,
            evidence=st.lists(st.builds(Evidence, words, words), max_size=2).map(tuple),
            kind=st.sampled_from(["keyword", "paraphrase", "unanswerable"]),
        ),
        max_size=2,
    ).map(tuple),
)


@settings(deadline=None)
@given(collections)
@example(Collection((Stored("a", "e", "\u0301 begins with what would join the title"),)))
def test_what_is_saved_is_what_is_read(collection):
    assert collection_from_json(to_json(collection).encode()) == collection


EVIDENCE = (Evidence("a.md", "One."),)


@pytest.mark.parametrize(
    "question",
    [
        Question(id="q", question=" ", answer="One.", evidence=EVIDENCE, kind="keyword"),
        Question(id="q", question="x" * 2_001, answer="One.", evidence=EVIDENCE, kind="keyword"),
        Question(id="q", question="When?", answer="x" * 2_001, evidence=EVIDENCE, kind="keyword"),
        Question(id="q", question="When?", answer="One.", evidence=EVIDENCE * 11, kind="keyword"),
        Question(id="q", question="When?", answer="One.", evidence=(Evidence("a.md", "x" * 2_001),), kind="keyword"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(question):
    collection = Collection((Stored("a.md", "", "One."),), questions=(question,))
    with pytest.raises(ValueError, match="cannot be asked"):
        collection_from_json(to_json(collection).encode())
    most = replace(question, question="When?", answer="One.", evidence=EVIDENCE * 10)
    assert collection_from_json(to_json(replace(collection, questions=(most,))).encode())


def test_a_saved_collection_becomes_a_corpus_of_its_own(home):
    data = saved()
    first, second = add_saved("a.json", data), add_saved("a.json", data)
    assert first.id != second.id
    assert first.own
    assert read_collection(first.id) == load_collection(second.id) == collection_from_json(data)
    assert load_corpus(first.id) == first
    assert not can_undo(first.id)
    assert kept(home) == sorted(f"uploads/{one.id}/documents.json" for one in (first, second))
    change(first.id, lambda collection: dropped(collection, "a.md#1"))
    again = add_saved("b.json", to_json(read_collection(first.id)).encode())
    assert texts(again.id) == texts(first.id) == ["둘😀.", "Three."]
    assert texts(second.id) == ["One.", "둘😀.", "Three."]


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" ", b"\0", b"{}", b"[]", b"null", b"0", b'"documents"', b"{", b"\xff\xfe", DEEP),
        *(saved()[:-1], saved() + b"}", b"\xef\xbb\xbf" + saved()),
        saved().decode().encode("utf-16"),
        saved(documents=[]),
        *(saved(documents=value) for value in (None, {}, "a", [None], [[]], [{}], [[["a"]]])),
        saved().replace(b'"Three."', DEEP),
        *(saved_document(name=name) for name in ("../x", "/etc/passwd", "a/b", "/", "x" * 81)),
        *(saved_document(name=name) for name in ("", "\0", "a\0b", "a\nb", "\ud800", "\u202ea")),
        *(saved_document(name=name) for name in (None, 1, True, ["a"])),
        *(saved_document(text=text) for text in ("a\0b", "a\ud800b", "\udc00\ud800", None, 1, [])),
        *(saved_document(title=title) for title in ("\0", "\ud800", None, 1)),
        *(saved(title=title) for title in ("x" * 81, "a\nb", "\0", "\ud800", "\u202e", None, 1)),
        *(saved_document(cuts=cuts) for cuts in ({}, "", 0, True, [1], [[]], [["", 0]], [None])),
        *(saved_document(cuts=[["", *span]]) for span in ((0, 9), (8, 9), (-1, 2), (-3, -1))),
        *(saved_document(cuts=[["", *span]]) for span in ((2, 2), (3, 2), (0, 10**9), (10**99, 1))),
        *(saved_document(cuts=[["", *span]]) for span in ((False, True), (0, True), ("0", "1"))),
        *(saved_document(cuts=[["", *span]]) for span in ((0, 1.0), (0, 1.5), (None, 1), (0, [1]))),
        *(saved_document(cuts=[[heading, 0, 1]]) for heading in ("\0", "\ud800", 1, None)),
        saved_document(cuts=[["x" * 2_001, 0, 1]]),
        saved_document(cuts=[["", 4, 7], ["", 0, 3]]),
        saved_document(cuts=[["", 0, 3, 5]]),
        *(saved(cutting=value) for value in (None, [], "tokens", {"by": "pages"}, {"by": None})),
        *(saved(cutting={"by": "sentences", "size": size}) for size in (0, -1, 21, 10**9, "2")),
        *(saved(cutting={"by": "sentences", "size": size}) for size in (2.0, True, None, 10**99)),
        *(
            saved(cutting={"by": "sentences", "size": 4, "overlap": overlap})
            for overlap in (-1, 3, 10**9, True, 1.0, "1", None)
        ),
        saved(cutting={"by": "paragraphs", "size": 40, "overlap": 1}),
        saved(questions=SAVED["questions"] * 1_001),
        *(saved(questions=[SAVED["questions"][0] | {"kind": kind}]) for kind in ("", "odd", None)),
        *(saved(questions=[SAVED["questions"][0] | {"question": q}]) for q in ("\ud800", None, 1)),
        *(saved(questions=[SAVED["questions"][0] | {"evidence": e}]) for e in (None, ["a"], [{}])),
        *(saved(questions=value) for value in (None, {}, "a", [None])),
        saved().replace(b'"size": 2', b'"size": ' + b"9" * 5_000),
        saved().replace(b'"size": 2', b'"size": NaN'),
        saved() + b" " * 12_000_000,
        b"x" * 13_000_000,
    ],
    ids=lambda data: f"{len(data)}-{data[-90:]!r}"[:60],
)
def test_a_file_that_was_not_saved_here_is_refused_and_nothing_is_kept(home, data):
    with pytest.raises(CorpusError, match=r"^mine\.json is not a collection.*of up to 12 MB"):
        add_saved("mine.json", data)
    assert not kept(home)


def test_the_bounds_of_a_saved_file_themselves_are_allowed():
    padded = saved()
    assert add_saved("a.json", padded + b" " * (12_000_000 - len(padded))).title == "Mine"
    assert add_saved("a.json", saved(title="x" * 80)).title == "x" * 80
    assert add_saved("a.json", saved_document(name="x" * 80)).passages[0].id == "x" * 80 + "#1"
    assert len(add_saved("a.json", saved(questions=SAVED["questions"] * 1_000)).questions) == 1_000
    cuts = [["x" * 2_000, 0, 8], ["", 0, 8], ["", 0, 1], ["", 7, 8]]
    found = add_saved("a.json", saved_document(cuts=cuts)).passages
    assert [one.text for one in found] == ["One two.", "One two.", "O", "."]


@pytest.mark.parametrize("name", ["", "../../x.json", "\0", "\ud800.json", "x" * 999, "<b>", "{limit}", "%s"])
def test_the_name_of_a_saved_file_is_told_and_nothing_more(home, name):
    with pytest.raises(CorpusError, match=REFUSED) as caught:
        add_saved(name, b"")
    assert len(str(caught.value).encode()) < 400
    assert add_saved(name, saved()).title == "Mine"
    (file,) = kept(home)
    assert file.startswith("uploads/own-")


@pytest.mark.parametrize("name", ["..", ".", "..\\..\\x", "~", "C:", "%2e%2e%2fx", "documents.json", " "])
def test_no_name_of_a_document_is_a_path_anywhere(home, name):
    corpus = add_saved("a.json", saved_document(name=name))
    change(corpus.id, lambda collection: edited(collection, f"{name}#1", "New."))
    assert texts(corpus.id) == ["New."]
    folder = f"uploads/{corpus.id}"
    assert kept(home) == [f"{folder}/before.json", f"{folder}/documents.json"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (saved_document(text="#\n\n##"), r"a\.md holds no text to search"),
        (saved_document(text=" "), r"a\.md holds no text to search"),
        (saved_document(cuts=[]), "the last passage"),
        (saved_document(text="x " * 1_600_000), r"3\.20 MB together; the limit is 3"),
        (saved_document(title="가" * 1_000_001), r"3\.01 MB together; the limit is 3"),
        (saved_document(cuts=[["", 0, 1]] * 3_001), "more than 3000 passages"),
        (saved_document(cuts=[["h" * 2_000, 0, 8]] * 2_000), "more than 4,000,000 characters"),
        (saved(documents=[SAVED["documents"][0] | {"name": f"{n}"} for n in range(31)]), "31 docu"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_saved_file_beyond_the_bounds_is_told_which(home, data, message):
    with pytest.raises(CorpusError, match=message):
        add_saved("mine.json", data)
    assert not kept(home)


def nodes(value: object) -> list[tuple[object, object]]:
    """(container, key) of every value inside."""
    keys = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[object, object]] = []
    for key, inside in keys:
        found.append((value, key))
        if isinstance(inside, dict | list):
            found += nodes(inside)
    return found


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 14)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a.md", "../x", "tokens", "\ud800", "\0", "keyword"]),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "text", "by", "size", "x"]), inside, max_size=3)
    ),
    max_leaves=6,
)


def check_hostile(data: bytes) -> None:
    """A collection, or an error that is foreseen; and its passages stand in its texts."""
    try:
        found = collection_from_json(data)
    except (ValueError, CorpusError):
        return
    assert collection_from_json(to_json(found).encode()) == found
    with suppress(CorpusError):
        for passage in corpus_of(ID, found).passages:
            own = [one.text for one in found.documents if one.name == passage.document]
            assert passage.text
            assert any(passage.text in text for text in own)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), odd), min_size=1, max_size=3))
def test_a_file_changed_by_hand_gives_passages_of_its_texts_or_is_refused(changed):
    value = copy.deepcopy(SAVED)
    for place, new in changed:
        inside = nodes(value)
        container, key = inside[place % len(inside)]
        container[key] = new
    check_hostile(json.dumps(value).encode())


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_file_damaged_anywhere_gives_passages_of_its_texts_or_is_refused(data):
    raw = bytearray(json.dumps(SAVED, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b"0", b"-", b'"', b"]", b"9", b"\\u0000"])
        )
    check_hostile(bytes(raw))


# What a collection makes


def test_records_of_one_name_are_counted_on_and_stand_together():
    collection = Collection((Stored("r", "A", "One."), Stored("s", "", "Two."), Stored("r", "B", "# C\n\nThree.")))
    corpus = corpus_of(ID, collection)
    assert [(p.id, p.heading, p.text) for p in corpus.passages] == [
        ("r#1", "A", "One."),
        ("r#2", "B > C", "Three."),
        ("s#1", "", "Two."),
    ]
    assert (corpus.title, title_of(replace(collection, title="T"))) == ("r +1", "T")
    with pytest.raises(CorpusError, match=r"s holds no text"):
        corpus_of(ID, with_document(collection, [Stored("s", "", "#")]))
    assert len(corpus_of(ID, with_document(collection, [Stored("r", "", "New.")])).passages) == 2


def test_no_documents_make_no_corpus():
    with pytest.raises(CorpusError, match="the last passage"):
        corpus_of(ID, Collection(()))


@pytest.mark.parametrize(("text", "language"), [("종소리 bell abc", "ko"), ("종소리 bell abcd", "en"), ("😀 12", "en")])
def test_a_collection_with_three_letters_of_hangul_in_ten_is_korean(text, language):
    assert corpus_of(ID, Collection((Stored("a", "", text),))).language == language


# Changes that are kept


def test_a_change_is_read_from_now_on_and_can_be_taken_back_and_done_again(home):
    corpus = add_documents([NOTES, ("b.txt", b"Second.")])
    first = read_collection(corpus.id)
    assert not can_undo(corpus.id)
    changed = change(corpus.id, lambda collection: edited(collection, "b.txt#1", "Third."))
    second = read_collection(corpus.id)
    assert load_corpus(corpus.id) == changed
    assert texts(corpus.id) == ["The bell rings at noon.", "Third."]
    assert second == edited(first, "b.txt#1", "Third.")
    for expected in (first, second, first, second):
        assert can_undo(corpus.id)
        assert undo(corpus.id) == load_corpus(corpus.id)
        assert read_collection(corpus.id) == expected
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    assert (undo(corpus.id).title, texts(corpus.id)[1]) == ("notes.md +1", "Third.")
    assert kept(home) == [f"uploads/{corpus.id}/{name}.json" for name in ("before", "documents")]


def test_adding_documents_can_be_taken_back():
    corpus = add_documents([NOTES])
    add_documents([("notes.md", b"Changed."), ("b.txt", b"B.")], into=corpus.id)
    assert texts(corpus.id) == ["Changed.", "B."]
    assert undo(corpus.id) == corpus


def test_a_change_that_changes_nothing_is_none(home):
    corpus = add_documents([NOTES])
    assert change(corpus.id, lambda collection: collection) == corpus
    assert not can_undo(corpus.id)
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    change(corpus.id, lambda collection: renamed(collection, " Mine "))
    assert undo(corpus.id) == corpus


def test_without_a_change_there_is_nothing_to_take_back(home):
    corpus = add_documents([NOTES])
    with pytest.raises(CorpusError, match="no change to take back"):
        undo(corpus.id)
    assert load_corpus(corpus.id) == corpus
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    (home / "uploads" / corpus.id / "before.json").write_bytes(b"{")
    with pytest.raises(CorpusError, match="no change to take back"):
        undo(corpus.id)
    assert load_corpus(corpus.id).title == "Mine"


@pytest.mark.parametrize("corpus_id", ["", "..", "lantern-handbook", ID, "own-../../x", None])
def test_what_is_not_there_is_neither_changed_nor_read(home, corpus_id):
    asked = []
    for attempt in (
        lambda: change(corpus_id, asked.append),
        lambda: undo(corpus_id),
        lambda: read_collection(corpus_id),
    ):
        with pytest.raises(CorpusError, match="no longer here"):
            attempt()
    assert not can_undo(corpus_id)
    assert not asked
    assert not kept(home)


def test_a_removed_collection_leaves_nothing_to_take_back(home):
    corpus = add_documents([NOTES])
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    remove_corpus(corpus.id)
    assert not kept(home)
    assert not can_undo(corpus.id)
    with pytest.raises(CorpusError, match="no longer here"):
        undo(corpus.id)


def much(collection: Collection) -> Collection:
    return with_document(collection, [Stored("b", "", "x " * 1_600_000)])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda c: edited(c, "a.txt#1", ""), "without words"),
        (lambda c: edited(c, "a.txt#1", "x" * 10_001), "the limit is 10,000"),
        (lambda c: dropped(c, "a.txt#1"), "the last passage"),
        (lambda c: dropped(c, "a.txt#2"), "no passage"),
        (lambda c: cut_anew(c, Cutting("sentences", 0)), "out of range"),
        (lambda c: cut_anew(edited(c, "a.txt#1", "#"), Cutting()), "no text to search"),
        (lambda c: with_document(c, [Stored(f"{n}", "", "x") for n in range(30)]), "31 documents"),
        (lambda c: with_document(c, [Stored("b", "", "a\n\n# b\n\n" * 3_000)]), "more than 3000 passages"),
        (much, "MB together"),
        (lambda c: 1 / 0, None),
    ],
)
def test_a_change_that_is_refused_leaves_the_files_as_they_are(home, how, message):
    corpus = add_documents([("a.txt", b"One.")])
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    files = {name: (home / name).read_bytes() for name in kept(home)}
    with pytest.raises(CorpusError if message else ZeroDivisionError, match=message):
        change(corpus.id, how)
    assert {name: (home / name).read_bytes() for name in kept(home)} == files
    assert len(files) == 2
    assert load_corpus(corpus.id).title == "Mine"
    assert undo(corpus.id) == corpus


def test_changes_at_the_same_time_lose_nothing():
    corpus = add_documents([("0.txt", b"0")])

    def add(number: int) -> None:
        if number % 2:
            change(corpus.id, lambda c: with_document(c, [Stored(f"{number}.txt", "", f"{number}")]))
        else:
            add_documents([(f"{number}.txt", f"{number}".encode())], into=corpus.id)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(1, 30)))
    assert sorted(map(int, texts(corpus.id))) == list(range(30))


def test_changes_of_the_same_size_within_one_tick_of_the_clock_are_all_read(home, monkeypatch):
    """A file's time may be no finer than 10 ms, and a disk gives a file's number out again."""
    real = os.stat

    def coarse(path, *args, **more):
        found = list(real(path, *args, **more))
        return os.stat_result((*found[:1], 7, *found[2:7], 0, 0, 0))

    corpus = add_documents([("a.txt", b"0000")])
    monkeypatch.setattr(Path, "stat", lambda path, **more: coarse(path, **more))
    monkeypatch.setattr("playground.disk.expired", lambda entry: False)
    monkeypatch.setattr("playground.disk.sweep", lambda folder: None)
    for number in range(1, 9):
        change(corpus.id, lambda c, n=number: edited(c, "a.txt#1", f"{n:04}"))
        assert texts(corpus.id) == [f"{number:04}"]
    undo(corpus.id)
    assert texts(corpus.id) == ["0007"]


def test_at_no_moment_of_a_change_is_a_collection_gone(monkeypatch):
    corpus = add_documents([NOTES])
    real, seen = os.replace, []

    def replaced(source, target):
        real(source, target)
        seen.append(load_corpus(corpus.id).title)

    monkeypatch.setattr(os, "replace", replaced)
    change(corpus.id, lambda collection: renamed(collection, "Mine"))
    undo(corpus.id)
    assert seen == ["notes.md", "Mine", "Mine", "notes.md"]


def test_edited_passages_are_read_again_after_other_documents_were_added():
    corpus = add_documents([("a.txt", b"One. Two."), ("b.txt", b"B.")])
    change(corpus.id, lambda c: cut_anew(c, Cutting("sentences", 1)))
    change(corpus.id, lambda c: edited(c, "a.txt#1", "e\x01\u0301 changed"))
    add_documents([("b.txt", b"See. Dee.")], into=corpus.id)
    assert texts(corpus.id) == ["é changed", "Two.", "See.", "Dee."]


# Shipped corpora as collections


@pytest.mark.parametrize("corpus_id", ["lantern-handbook", "lantern-handbook-ko", "guide"])
def test_a_copy_of_a_shipped_corpus_has_its_passages_and_questions(corpus_id):
    corpus, collection = load_corpus(corpus_id), load_collection(corpus_id)
    mine = add_collection(collection)
    assert mine.own
    assert mine.id != corpus.id
    assert (mine.title, mine.language) == (corpus.title, corpus.language)
    assert mine.passages == corpus.passages
    assert mine.questions == corpus.questions
    assert load_collection(mine.id) == collection
    change(mine.id, lambda found: dropped(found, corpus.passages[0].id))
    assert load_corpus(mine.id).passages != load_corpus(corpus_id).passages == corpus.passages


@pytest.mark.parametrize("corpus_id", ["", "..", "unknown", "lantern-handbook/..", None])
def test_what_is_not_shipped_is_no_collection(corpus_id):
    with pytest.raises(CorpusError, match=r"Choose one of: .*lantern-handbook"):
        load_collection(corpus_id)
    with pytest.raises(CorpusError, match="no longer here"):
        load_collection(ID)


def test_cards_tell_of_the_shipped_corpora_without_their_documents(tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "CORPORA", tmp_path / "corpora")
    assert cards() == []
    for name, title in (("tide", "The tide"), ("bell", "'종'"), ("Not an id", "None")):
        (tmp_path / "corpora" / name).mkdir(parents=True)
        card = f"---\ntitle: {title}\nlanguage: en\n---\nMore: text"
        (tmp_path / "corpora" / name / "card.md").write_text(card, "utf-8")
    (tmp_path / "corpora" / "no-card").mkdir()
    assert [(card.id, card.title, card.language) for card in cards()] == [
        ("bell", "종", "en"),
        ("tide", "The tide", "en"),
    ]
    with pytest.raises(CorpusError, match="cannot be read"):
        list_corpora()  # whose questions are missing
    (tmp_path / "corpora" / "zeal").mkdir()
    (tmp_path / "corpora" / "zeal" / "card.md").write_text("---\nlanguage: en\n---")
    with pytest.raises(CorpusError, match=r"zeal cannot be read: KeyError: 'title'\. Restore"):
        cards()


def test_the_cards_are_those_of_the_corpora():
    assert [(c.id, c.title, c.language) for c in cards()] == [(c.id, c.title, c.language) for c in list_corpora()]
