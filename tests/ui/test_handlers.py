"""What the tabs' handlers do with plain values: no browser, no page."""

from __future__ import annotations

import json
import logging
import re
from types import SimpleNamespace

import gradio as gr
import pytest
from pressing import press, streams, visitor

from playground import workspace as spaces
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.engine.recipe import MAX_RECIPE_BYTES
from playground.engine.work import Stopped
from playground.errors import CorpusError, Message, PlaygroundError
from playground.retrieval.corpus import load_corpus, shipped_ids
from playground.retrieval.dense import index as dense
from playground.retrieval.own import stored, uploads
from playground.settings import settings
from playground.ui.bar import panel as bar
from playground.ui.compare import tab as compare_tab
from playground.ui.documents import own as own_panel
from playground.ui.documents import tab as documents_tab
from playground.ui.parts.corpus_menu import FIRST_CORPUS
from playground.ui.shell import faults, turns
from playground.ui.shell.page import shown
from playground.ui.shell.turns import MOST_VISITORS, TURNS, Turns, begins, stops
from playground.ui.shell.warmup import Warmup
from playground.ui.text import EN, KO, TABLES
from playground.ui.tokens import tab as tokens_tab

pytestmark = pytest.mark.usefixtures("page_runs")
MODEL = "tiny-llama"
stop_run = stops()  # whatever goes on
NUDGE = {
    "kind": "nudge_tokens",
    "text": " the",
    "direction": "random",
    "target": "",
    "strength": 2.0,
    "side": "both",
    "seed": 0,
}
DAMAGED = [None, {}, "x", {"stack": 5}, {"stack": {"model": "no-such-model", "steps": []}}]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home for each test, whose first model is a tiny one; nothing is loaded yet."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def tiny_page(known, monkeypatch, home):
    """The page opens with tiny-llama, which is loaded."""
    monkeypatch.setenv("PLAYGROUND_MODEL", MODEL)
    settings.cache_clear()
    ready = Warmup(ready=True)
    monkeypatch.setattr(bar, "WARMUP", ready)
    loader.load(MODEL)
    return ready


def saved(*edits, model=MODEL):
    """What the browser sends of a stack."""
    steps = [{"edit": edit, "on": True} for edit in edits]
    return json.loads(json.dumps({"stack": {"model": model, "steps": steps}}))


def click(**data):
    """What a click on a piece of HTML brings along."""
    return SimpleNamespace(**data)


# Messages


@shown
def refuse(value, language):
    raise PlaygroundError("The prompt has {count} characters: keep it to {limit}.", **value)


@streams
def refuse_late(values, work):
    yield "first"
    raise PlaygroundError("The prompt has {count} characters: keep it to {limit}.", **values["value"])


@shown
def crash(value, language):
    raise KeyError("the secret path /home/me and token abc")


@streams
def crash_late(values, work):
    yield "first"
    raise KeyError("the secret path /home/me and token abc")


@shown
def warn_as_gradio(value, language):
    raise value


@streams
def warn_as_gradio_late(values, work):
    yield "first"
    raise values["value"]


def call(handler, *args, **kwargs):
    """A handler's value, or a generator's values as a list."""
    found = handler(*args, **kwargs)
    return list(found) if hasattr(found, "__next__") else found


plain_and_stream = pytest.mark.parametrize("handler", [refuse, refuse_late])
GIVEN = {"count": 5, "limit": 3}


@plain_and_stream
@pytest.mark.parametrize(
    ("language", "said", "title"),
    [
        ("ko", "질문이 5자입니다. 3자까지 쓰세요.", KO["error_title"]),
        ("en", "The prompt has 5 characters: keep it to 3.", EN["error_title"]),
        ("fr", "The prompt has 5 characters: keep it to 3.", EN["error_title"]),
        (None, "The prompt has 5 characters: keep it to 3.", EN["error_title"]),
    ],
)
def test_a_refusal_is_shown_in_the_visitors_language(handler, language, said, title):
    for args, kwargs in (((GIVEN, language), {}), ((GIVEN,), {"language": language})):
        with pytest.raises(gr.Error) as refused:
            call(handler, *args, **kwargs)
        assert (refused.value.message, refused.value.title) == (said, title)


@pytest.mark.parametrize("handler", [crash, crash_late])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_is_unexpected_is_logged_and_not_shown(handler, language, caplog, monkeypatch):
    monkeypatch.setattr(faults, "_seen", set())
    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as refused:
        call(handler, None, language)
    assert refused.value.message == TABLES[language]["error_unexpected"]
    assert "secret" not in f"{refused.value.message}{refused.value.title}"
    [record] = caplog.records
    assert "secret" in str(record.exc_info)
    with pytest.raises(gr.Error):
        call(handler, None, language)
    assert caplog.records[1].exc_info is None  # the same fault again is one line


@pytest.mark.parametrize("handler", [warn_as_gradio, warn_as_gradio_late])
def test_gradios_own_errors_pass_as_they_are(handler):
    error = gr.Error("as it is", title="mine")
    with pytest.raises(gr.Error) as refused:
        call(handler, error, "ko")
    assert refused.value is error


def test_a_stream_shows_what_came_before_it_failed():
    stream = refuse_late(GIVEN, "en")
    assert next(stream) == "first"
    with pytest.raises(gr.Error):
        next(stream)


def test_a_stream_that_is_closed_is_no_failure(caplog):
    stream = refuse_late(GIVEN, "en")
    next(stream)
    stream.close()
    assert caplog.records == []


def test_a_handler_keeps_its_name_and_its_parameters_are_found_by_gradio(page_runs):
    call = page_runs["compare"].call
    assert call.__name__ == "run_compare"
    assert [*__import__("inspect").signature(call).parameters] == ["inputs", "request", "progress"]


def test_a_handler_needs_to_know_the_language():
    with pytest.raises(ValueError, match="language"):
        shown(lambda value: value)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_refusal_that_quotes_a_visitors_text_is_escaped(language, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"model": "tiny-gpt2", "<img src=//x.test/a>": 1}))
    with pytest.raises(gr.Error) as refused:
        bar.load_recipe(spaces.new().to_json(), language, str(file))
    assert "img src" in refused.value.message
    assert "<img" not in refused.value.message


# Runs


def test_a_run_goes_on_until_it_is_stopped():
    runs = Turns()
    stopped = runs.stopped("a", runs.begin("a"))
    assert not stopped()
    runs.stop("a")
    assert stopped()


def test_two_calls_with_one_number_are_the_older_press_and_the_newer():
    runs = Turns()
    older, newer = runs.begin("a", "apply"), runs.begin("a", "apply")
    first, second = runs.called("a", "apply", older), runs.called("a", "apply", older)
    assert (first, second) == (older, newer)
    assert (runs.stopped("a", first)(), runs.stopped("a", second)()) == (True, False)
    assert runs.called("a", "apply", newer) == newer  # not called again: the newest as it is
    runs.stop("a", "apply")
    assert runs.stopped("a", runs.called("a", "apply", newer))()
    assert runs.called("b", "apply", older) == older


def test_a_run_that_still_waits_for_its_turn_can_be_stopped():
    runs = Turns()
    turn = runs.begin("a")
    runs.stop("a")
    assert runs.stopped("a", turn)()


def test_stopping_touches_nobody_else():
    runs = Turns()
    mine, theirs = (runs.stopped(name, runs.begin(name)) for name in "ab")
    runs.stop("a")
    runs.stop("nobody")
    assert (mine(), theirs()) == (True, False)


def test_a_newer_turn_ends_an_older_one_even_before_it_ran():
    runs = Turns()
    first, second = runs.begin("a"), runs.begin("a")
    assert runs.stopped("a", first)()
    assert not runs.stopped("a", second)()


def test_an_activity_is_ended_by_its_own_stop_or_its_own_newer_turn_and_by_no_other():
    runs = Turns()
    teach, search = (runs.stopped("a", runs.begin("a", name)) for name in ("teach", "search"))
    again = runs.stopped("a", runs.begin("a", "search"))
    assert (teach(), search(), again()) == (False, True, False)
    runs.stop("a", "trace", "teach")
    assert (teach(), again()) == (True, False)
    without = runs.stopped("a", runs.begin("a", "without"))
    compare = runs.stopped("a", runs.begin("a", "compare", "without"))
    assert (without(), compare(), again()) == (True, False, False)
    runs.stop("a")  # left the page
    assert compare()
    assert again()
    assert runs._turns == {}


def test_only_so_many_visitors_are_remembered():
    runs = Turns()
    for number in range(MOST_VISITORS + 10):
        turn = runs.begin(str(number))
    assert len(runs._turns) == MOST_VISITORS
    assert not runs.stopped(str(number), turn)()


def test_the_stop_button_stops_its_own_visitors_run():
    start, stop = begins("a run"), stops("a run")
    mine = TURNS.stopped("test-a", start(visitor("test-a")))
    theirs = TURNS.stopped("test-b", start(visitor("test-b")))
    stop(visitor("test-a"))
    assert (mine(), theirs()) == (True, False)
    stop(visitor("test-b"))


# Documents


@pytest.fixture
def upload(tmp_path):
    """Write a file where gradio would have put an upload."""

    def write(name: str, text: str | bytes) -> str:
        path = tmp_path / "uploaded" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def add_own(own, language, files):
    """Add files: the collection in use, the line about it, the choice of corpus, the file box."""
    own, _, line, _, _, choice, cleared = own_panel.add_own(
        {"own": own, "shelf": [], "language": language, "files": files, "encoding": ""}
    )
    return own, line, choice, cleared


def show_own(own, language):
    return own_panel.show_own(own, [], language)[0]


def forget_own(own, language):
    own, _, line, _, _, choice = own_panel.forget_own(own, [own], language)
    return own, line, choice


def test_own_documents_are_added_shown_and_searched(upload, home):
    file = upload("보고서.txt", "등대의 불은 <붉은> 색입니다.")
    state, line, choice, cleared = add_own("", "ko", [file])
    assert uploads.is_own_collection(state)
    assert "보고서.txt" in line
    assert "단락 1개" in line
    assert (choice, cleared) == (documents_tab.OWN, None)
    assert documents_tab.chosen_corpus(state, documents_tab.OWN) == state
    assert show_own(state, "ko") == line
    found, *_ = next(press("search", own=state, language="ko", corpus=documents_tab.OWN, query="등대"))
    assert "&lt;붉은&gt;" in found


def test_documents_are_added_to_those_that_are_there(upload):
    state, *_ = add_own("", "en", [upload("a.txt", "A fact.")])
    again, line, *_ = add_own(state, "en", [upload("b.txt", "Another.")])
    assert again == state
    assert {p.document for p in load_corpus(state).passages} == {"a.txt", "b.txt"}
    assert "a.txt, b.txt (2 passages)" in line


def test_after_the_documents_were_deleted_new_ones_make_a_new_corpus(upload):
    state, *_ = add_own("", "en", [upload("a.txt", "A fact.")])
    uploads.remove_corpus(state)
    assert "No documents" in show_own(state, "en")
    again, line, *_ = add_own(state, "en", [upload("b.txt", "Another.")])
    assert again != state
    assert "b.txt (1 passages)" in line


def test_files_that_are_too_many_are_counted_before_they_are_read(upload, monkeypatch):
    files = [upload(f"{number}.txt", "A fact.") for number in range(stored.MAX_DOCUMENTS + 1)]
    monkeypatch.setattr(own_panel, "read_files", lambda files: pytest.fail("it was read"))
    with pytest.raises(gr.Error, match="too many"):
        add_own("", "en", files)


@pytest.mark.parametrize("files", [None, []])
def test_no_file_is_a_message(files):
    with pytest.raises(gr.Error, match="문서가 없습니다"):
        add_own("", "ko", files)


UNUSABLE = pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.exe", "x", "a.exe is not of a kind that can be read here"),
        ("a.pdf", "x", "a.pdf is damaged, or not really a .pdf file"),
        ("a.txt", "", "a.txt is empty"),
        ("a.txt", b"\xff\x00\x81", "a.txt is not"),
        ("a.jsonl", "{", "Line 1 of a.jsonl is not valid JSON"),
    ],
)


@UNUSABLE
def test_an_unusable_file_is_refused_and_the_corpus_stays_as_it_was(upload, name, content, said):
    state, line, *_ = add_own("", "en", [upload("good.txt", "A fact.")])
    with pytest.raises(gr.Error, match=re.escape(said)):
        add_own(state, "en", [upload(name, content)])
    assert show_own(state, "en") == line


@UNUSABLE
def test_beside_usable_files_it_is_left_out_and_listed(upload, name, content, said):
    files = [upload("new.txt", "A new fact."), upload(name, content)]
    state, line, *_ = add_own("", "en", files)
    assert said in line
    assert [p.document for p in load_corpus(state).passages] == ["new.txt"]


def test_how_a_file_was_read_is_said_where_it_is_not_utf_8(upload):
    files = [upload("메모.txt", "등대지기는 고양이를 키운다.".encode("cp949"))]
    state, line, *_ = add_own("", "ko", files)
    assert "메모.txt: CP949, EUC-KR · 한국어(으)로 읽었습니다." in line
    assert load_corpus(state).passages[0].text == "등대지기는 고양이를 키운다."


def test_own_documents_can_be_deleted_for_good(upload, home):
    state, *_ = add_own("", "en", [upload("a.txt", "A secret fact.")])
    gone, line, choice = forget_own(state, "en")
    assert gone == ""
    assert "No documents of your own" in line
    assert choice == FIRST_CORPUS
    left = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in left if b"secret" in path.read_bytes()]
    with pytest.raises(CorpusError, match="no longer here"):
        load_corpus(state)


def test_deleting_what_is_not_there_is_no_error():
    for state in (None, "", "own-1", "../../etc"):
        gone, _, choice = forget_own(state, "en")
        assert (gone, choice) == ("", FIRST_CORPUS)


def test_a_damaged_id_cannot_reach_another_folder(upload, home):
    victim = home / "uploads" / "notes"
    victim.mkdir(parents=True)
    state = "own-/../notes"
    forget_own(state, "en")
    add_own(state, "en", [upload("a.txt", "A fact.")])
    assert list(victim.iterdir()) == []
    assert victim.is_dir()


def test_a_shipped_corpus_is_chosen_by_its_id():
    assert documents_tab.chosen_corpus("", "lantern-handbook") == "lantern-handbook"


def test_choosing_own_documents_before_there_are_any_says_how_to_add_them():
    for handler in (
        lambda: next(press("search", own=None, language="ko", corpus=documents_tab.OWN, query="a")),
        lambda: next(run_compare(None, "ko", [("base", "bm25", 1)] * 2, corpus=documents_tab.OWN)),
    ):
        with pytest.raises(gr.Error, match="아직 내 문서가 없습니다"):
            handler()


def test_both_searches_answer_and_words_come_first(monkeypatch):
    def no_index(corpus, *more, **named):
        raise CorpusError("The query is empty. Write what to look for.")

    monkeypatch.setattr(dense, "dense_index", no_index)
    query = "Where do injured baby seals go for treatment?"
    first, last = press("search", own=None, language="ko", query=query, k=3.0)
    assert first[0].count("<li>") == 3
    assert KO["hit_why"] in first[0]
    assert KO["dense_working"] in first[1]
    # What dense search cannot do is said in its own place; the words' passages stay.
    assert last[0] == first[0]
    assert "찾을 것이 비어 있습니다" in last[1]


@pytest.mark.parametrize(("query", "k"), [("", 3), (" ", 3), ("a", 0), ("a", 21), ("a" * 2001, 3)])
def test_a_search_out_of_bounds_is_refused(query, k):
    with pytest.raises(gr.Error):
        list(press("search", own=None, query=query, k=k))


def test_sample_questions_are_the_corpus_own_of_every_kind():
    update = documents_tab.sample_questions(None, "en", "lantern-handbook")
    by_text = {q.question: q.kind for q in load_corpus("lantern-handbook").questions}
    assert {by_text[text] for text in update["choices"]} == {"keyword", "paraphrase", "unanswerable"}
    assert documents_tab.sample_questions(None, "en", documents_tab.OWN)["choices"] == []


# Compare


def columns_of(columns):
    """The controls of so many contestants."""
    names = ("weights", "retriever", "k")
    fields = {f"{name}_{n}": value for n, c in enumerate(columns, 1) for name, value in zip(names, c, strict=True)}
    return fields | {"count": len(columns)}


def run_compare(state, language, columns, prompt="The cat", **more):
    values = {"saved": state, "language": language, "prompt": prompt, "length": 4} | columns_of(columns)
    return press("compare", **values | more)


def without(columns, removed, prompt="Where do injured baby seals go for treatment?"):
    return list(press("without", saved=None, prompt=prompt, length=4, picked=removed, **columns_of(columns)))


def test_one_column_is_asked_again_without_a_passage(tiny_page):
    columns = [("base", "none", 1), ("base", "bm25", 2)]
    *_, asked = run_compare(None, "en", columns, "Where do injured baby seals go for treatment?")
    first, second = re.findall(r'data-do="without" data-place="1" data-passage="(.*?)"', asked)
    *_, last = without(columns, (1, first))
    assert re.findall(r"<h3>(.*?)</h3>", last) == ["Base + BM25 (k=2)", f"Without {first}"]
    cards = last.split("<section")[1:]
    assert f"{first} ·" in cards[0]
    assert f"{first} ·" not in cards[1]
    assert f"{second} ·" in cards[1]
    assert 'data-do="without"' not in last
    ids = re.findall(r'<li id="(.*?)"', asked + last)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("place", [-1, 2, 99])
def test_a_column_that_is_not_there_takes_nothing_away(tiny_page, place):
    assert without([("base", "none", 1), ("base", "bm25", 2)], (place, "x")) == []


def test_a_passage_that_is_pressed_is_the_one_taken_away():
    assert compare_tab.passage_of(click(place="1", passage="a.md#2")) == (1, "a.md#2")


def test_answers_are_shown_for_each_column(tiny_page):
    columns = [("base", "none", 1), ("mine", "none", 1), ("mine", "bm25", 1), ("base", "none", 1)]
    *_, last = run_compare(saved(NUDGE), "ko", columns, "the cat on the mat the", count=3, length=12)
    assert re.findall(r"<h3>(.*?)</h3>", last) == [
        KO["weights_base"],
        KO["weights_mine"],
        f"{KO['weights_mine']} + BM25 (k=1)",
    ]
    assert "pg-cursor" not in last
    texts = re.findall(r'<p class="pg-text">(.*?)</p>', last)
    assert len(set(texts)) == 3  # the nudge and the passage both count


def test_a_run_that_was_stopped_keeps_what_was_written_and_says_so(tiny_page):
    steps = run_compare(saved(), "en", [("base", "none", 1)] * 2, length=500.0)
    for _ in range(5):
        next(steps)
    stop_run(visitor())
    *_, last = steps
    assert EN["stopped"] in last
    assert "pg-cursor" not in last
    assert EN["stopped"] not in list(run_compare(saved(), "en", [("base", "none", 1)] * 2))[-1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"prompt": " "}, "질문이 비어 있습니다"),
        ({"length": 0}, "새 토큰 수가 0"),
        ({"length": 513}, "새 토큰 수가 513"),
        ({"temperature": 3}, "온도가 3"),
        ({"seed": -1}, "시드가 -1"),
    ],
)
def test_a_run_out_of_bounds_is_refused_in_korean(tiny_page, more, said):
    with pytest.raises(gr.Error, match=said):
        list(run_compare(saved(), "ko", [("base", "none", 1)] * 2, **more))


def test_an_empty_seed_is_zero(tiny_page):
    columns = [("base", "none", 1)] * 2
    answers = [
        re.findall(
            r'"pg-text">(.*?)</p>', list(run_compare(saved(), "en", columns, temperature=1.0, seed=seed, length=12))[-1]
        )
        for seed in (None, 0, 1)
    ]
    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize("count", [2, 4, 6, 3.0])
def test_as_many_controls_are_shown_as_there_are_columns(count):
    rows = compare_tab.show_rows(count)
    assert [row["visible"] for row in rows] == [n <= count for n in range(1, 7)]


@pytest.mark.parametrize("number", range(len(compare_tab.EXAMPLES)))
def test_an_example_sets_the_tab_up(number):
    example = compare_tab.EXAMPLES[number]
    state, prompt, corpus, count, *fields = compare_tab.take_example(spaces.new().to_json(), "en", number)
    context, fields = fields[:4], fields[4:]
    assert context == ["best_first", 0, "", ""]
    assert (prompt, corpus) == (example.prompt, example.corpus)
    assert corpus in shipped_ids()
    assert count == len(example.columns) >= 2
    assert len(fields) == 3 * compare_tab.MOST
    columns = list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))
    assert tuple(columns[:count]) == example.columns
    edits = [step["edit"] for step in state["stack"]["steps"]]
    assert edits == ([example.edit] if example.edit else [])
    assert spaces.workspace_from_json(json.loads(json.dumps(state))).to_json() == state


def test_an_example_adds_its_edit_once_only():
    numbers = [n for n, example in enumerate(compare_tab.EXAMPLES) if example.edit]
    assert len(numbers) == 2  # both with the same edit
    state = spaces.workspace_from_json(saved(NUDGE, model="tiny-gpt2")).to_json()
    for number in (*numbers, *numbers):
        state, *_ = compare_tab.take_example(json.loads(json.dumps(state)), "en", number)
    assert [step["edit"]["text"] for step in state["stack"]["steps"]] == [" the", " France"]


def test_an_example_whose_edit_is_switched_off_adds_it_again():
    state, *_ = compare_tab.take_example(None, "en", 1)
    off = spaces.workspace_from_json(state).toggle(0).to_json()
    state, *_ = compare_tab.take_example(off, "en", 1)
    assert [step["on"] for step in state["stack"]["steps"]] == [False, True]


def test_an_example_on_a_full_stack_says_to_remove_one():
    with pytest.raises(gr.Error, match="먼저 하나를 빼세요"):
        compare_tab.take_example(saved(*[NUDGE] * 64, model="tiny-gpt2"), "ko", 1)


def test_a_damaged_state_does_not_stop_an_example():
    for state in DAMAGED:
        assert compare_tab.take_example(state, "en", 1)[0]["stack"]["steps"]


@pytest.mark.weights
def test_the_examples_show_what_their_buttons_promise(smollm2):
    """One needs retrieval, one nudge changes an answer and breaks another."""

    def texts(number):
        state, prompt, corpus, count, *fields = compare_tab.take_example(None, "en", number)
        fields = fields[4:]  # how passages go into the prompt: as usual
        columns = list(zip(fields[::3], fields[1::3], fields[2::3], strict=True))[:count]
        # BM25 is enough to show it; dense search would need its model too.
        columns = [column for column in columns if column[1] != "dense"]
        *_, last = run_compare(state, "en", columns, prompt, corpus=corpus, length=24)
        return [re.sub("<[^>]*>", "", t) for t in re.findall(r'"pg-text">(.*?)</p>', last)]

    asked = compare_tab.EXAMPLES[0].prompt
    [code] = [q.answer for q in load_corpus("lantern-handbook").questions if q.question == asked]
    base, read = texts(0)
    assert code not in base
    assert code in read
    base, mine = texts(1)
    assert "Paris" in base
    assert "Paris" not in mine
    assert "Tokyo" in mine
    base, mine = texts(2)
    assert base != mine


# The bar


def test_a_saved_recipe_is_taken(tiny_page, upload):
    text = bar.saved_recipe(saved(NUDGE), "en")
    assert json.loads(text) == {"model": MODEL, "edits": [NUDGE]}
    state = bar.load_recipe(saved(), "en", upload("recipe.json", text))
    assert spaces.workspace_from_json(state).recipe() == spaces.workspace_from_json(saved(NUDGE)).recipe()
    assert spaces.workspace_from_json(state).undo().stack.steps == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "JSON이 아닙니다"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "JSON이 아닙니다"),
        (b"[" * 100_000, "JSON이 아닙니다"),
        (b"[]", "JSON 객체여야"),
        (b"null", "JSON 객체여야"),
        (b'{"model": "nope"}', "모르는 모델"),
        (b'{"model": "tiny-llama", "edits": [{"kind": "wish"}]}', "종류"),
        (b'{"model": "tiny-llama", "x": 1}', "모르는 키"),
        (b" " * (MAX_RECIPE_BYTES + 1), "4000 kB보다 큽니다"),
        ("가".encode() * MAX_RECIPE_BYTES, "4000 kB보다 큽니다"),
        (json.dumps({"model": MODEL, "edits": [NUDGE] * 65}).encode(), "65개"),
    ],
)
def test_garbage_is_no_recipe(tiny_page, upload, content, said):
    with pytest.raises(gr.Error, match=re.escape(said)):
        bar.load_recipe(saved(NUDGE), "ko", upload("recipe.json", content))


def test_a_recipe_that_cannot_be_built_is_not_taken(tiny_page, upload):
    """Its target has no token: only the model can tell."""
    bad = NUDGE | {"direction": "toward", "target": ""}
    file = upload("recipe.json", json.dumps({"model": MODEL, "edits": [NUDGE, bad]}))
    with pytest.raises(gr.Error, match="needs a target"):
        bar.load_recipe(saved(), "en", file)


def test_the_bar_shows_the_stack_with_its_receipts(tiny_page):
    model, stack, undo, redo, timer, *_ = bar.show_stack(saved(NUDGE), "en")
    assert model == MODEL
    assert stack.count("<li") == 1
    assert re.search(r"Tensors changed: [12] \(by [\d.]+ %\)", stack)
    assert "All edits together hold" in stack
    assert (undo["interactive"], redo["interactive"]) == (False, False)
    assert timer.active


def test_undo_and_redo_can_be_pressed_when_there_is_something_to_undo(tiny_page):
    state = spaces.workspace_from_json(saved()).add(NUDGE).to_json()
    _, _, undo, redo, *_ = bar.show_stack(state, "en")
    assert (undo["interactive"], redo["interactive"]) == (True, False)
    _, _, undo, redo, *_ = bar.show_stack(bar.undo_step(state, "en"), "en")
    assert (undo["interactive"], redo["interactive"]) == (False, True)
    again = bar.do_again(bar.undo_step(state, "en"), "en")
    assert spaces.workspace_from_json(again) == spaces.workspace_from_json(state)


@pytest.mark.parametrize("state", DAMAGED)
def test_a_damaged_state_shows_an_empty_stack(tiny_page, state):
    model, stack, undo, redo, *_ = bar.show_stack(state, "ko")
    assert (model, undo["interactive"], redo["interactive"]) == (MODEL, False, False)
    assert KO["stack_empty"] in stack


def test_a_stack_with_an_edit_that_does_not_fit_the_model_is_shown_with_what_is_wrong(tiny_page):
    bad = NUDGE | {"direction": "toward", "target": ""}
    _, stack, *_ = bar.show_stack(saved(NUDGE, bad), "ko")
    assert "목표가 필요합니다" in stack
    assert stack.count("<li") == 2  # so that it can be removed


def test_a_stack_that_is_shown_before_the_model_is_there_waits_for_its_receipts(known, monkeypatch):
    monkeypatch.setattr(bar, "WARMUP", Warmup(ready=False))
    CACHE.clear()
    _, stack, *_ = bar.show_stack(saved(NUDGE), "en")
    assert stack.count("<li") == 1
    assert "Tensors changed" in stack
    assert EN["step_off"] not in stack


def test_steps_are_switched_and_removed_by_their_buttons(tiny_page):
    state = saved(NUDGE, NUDGE | {"text": " cat"})
    off = bar.change_step(state, "en", click(do="toggle", place="1"))
    assert [step["on"] for step in off["stack"]["steps"]] == [True, False]
    left = bar.change_step(off, "en", click(do="remove", place="0"))
    assert [step["edit"]["text"] for step in left["stack"]["steps"]] == [" cat"]
    assert bar.start_over(left, "en")["stack"]["steps"] == []


@pytest.mark.parametrize("place", ["", "x", None, "1.5"])
def test_a_click_with_a_damaged_place_is_a_message(tiny_page, place):
    with pytest.raises(gr.Error, match="Something went wrong"):
        bar.change_step(saved(NUDGE), "en", click(do="remove", place=place))


def test_another_model_is_loaded_before_it_is_taken(tiny_page):
    state = bar.choose_model(saved(NUDGE), "en", "tiny-gpt2-layout")
    assert state["stack"]["model"] == "tiny-gpt2-layout"
    assert ("base", "tiny-gpt2-layout") in CACHE
    with pytest.raises(gr.Error, match="Unknown model"):
        bar.choose_model(saved(), "en", "nope")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_status_follows_the_loading(tiny_page, language, monkeypatch):
    table = TABLES[language]
    line, timer = bar.show_status(saved(), language)
    assert table["model_ready"].format(dtype="float32") in line
    assert not timer.active
    monkeypatch.setattr(bar, "WARMUP", Warmup())
    line, timer = bar.show_status(saved(), language)
    assert "<progress" in line
    assert timer.active
    failed = Message("The model could not be loaded. The server's log says why.")
    monkeypatch.setattr(bar, "WARMUP", Warmup(error=failed))
    CACHE.clear()
    line, timer = bar.show_status(saved(), language)
    assert "⚠" in line
    assert ("서버 기록" in line) == (language == "ko")
    assert not timer.active


# Loading behind the page


def test_a_model_that_cannot_be_loaded_is_said_and_the_page_lives(monkeypatch):
    def fail(model, on_step):
        on_step(Message("Starting…"))
        raise PlaygroundError("The text is empty. Type a word or a sentence.")

    monkeypatch.setattr(loader, "load", fail)
    warm = Warmup()
    warm._run()
    assert (warm.ready, str(warm.error)) == (False, "The text is empty. Type a word or a sentence.")


def test_a_crash_while_loading_is_logged_and_not_shown(monkeypatch, caplog):
    def fail(model, on_step):
        raise RuntimeError("secret")

    monkeypatch.setattr(loader, "load", fail)
    warm = Warmup()
    warm._run()
    assert "secret" not in str(warm.error)
    assert "log says why" in str(warm.error)
    assert any("secret" in str(record.exc_info) for record in caplog.records)


def test_without_dense_search_the_model_is_ready_all_the_same(monkeypatch):
    def no_index(corpus):
        raise CorpusError("The query is empty. Write what to look for.")

    monkeypatch.setattr(loader, "load", lambda model, on_step: None)
    monkeypatch.setattr(dense, "dense_index", no_index)
    warm = Warmup()
    warm._run()
    assert (warm.ready, warm.error) == (True, None)


# Tokens


def nudged(sentence="", state=None, language="en", **more):
    """What stands on the tab, with a nudge by a random step."""
    by = {"text": "", "direction": "random", "target": "", "strength": 2.0, "side": "both", "seed": 0}
    stands = {"saved": state or saved(), "language": language, "sentence": sentence, "chosen": None}
    return {**stands, "prompt": "The cat on the", **by, **more}


def test_a_text_is_split_and_its_first_token_looked_at(tiny_page, tiny):
    chips, token, text, advice, facts, _, bars = tokens_tab.split_text(nudged("The cat"))
    ids = tiny[MODEL].tokenizer("The cat", add_special_tokens=False)["input_ids"]
    assert re.findall(r'data-id="(\d+)"', chips) == list(map(str, ids))
    assert token == ids[0]
    assert text == tiny[MODEL].tokenizer.decode([ids[0]])
    assert advice == ""
    assert f"Token {ids[0]}" in facts
    assert bars.count("pg-bar-before") == tokens_tab.TOP


def test_a_pressed_chip_and_a_pressed_neighbour_are_looked_at(tiny_page, tiny):
    ids = tiny[MODEL].tokenizer("The cat", add_special_tokens=False)["input_ids"]
    asked = nudged("The cat")
    assert tokens_tab.choose_token(asked, click(place="1"))[1] == ids[1]
    assert tokens_tab.choose_token(asked, click(place="99"))[1] == ids[-1]
    assert tokens_tab.continue_text(asked, click(id="7"))[0] == 7
    assert tokens_tab.continue_text(asked, click(id="999999"))[0] == 299  # the last of the vocabulary


def test_part_of_a_character_cannot_be_typed(tiny_page):
    _, _, text, advice, *_ = tokens_tab.split_text(nudged("가", language="ko"))
    assert text == ""
    assert "pg-warn" in advice


@pytest.mark.parametrize(("text", "said"), [("", "글이 비어 있습니다"), ("a" * 2001, "너무 깁니다")])
def test_a_text_that_cannot_be_split_is_refused_in_korean(tiny_page, text, said):
    with pytest.raises(gr.Error, match=said):
        tokens_tab.split_text(nudged(text, language="ko"))


def test_a_kept_nudge_is_on_the_recipe_with_what_was_chosen(tiny_page):
    state = tokens_tab.keep_nudge(
        nudged(text=" the", direction="toward", target=" cat", strength=0.30000000000000004, side="input", seed=None)
    )
    [step] = state["stack"]["steps"]
    assert step["edit"] == {
        "kind": "nudge_tokens",
        "text": " the",
        "direction": "toward",
        "target": " cat",
        "strength": 0.3,
        "side": "input",
        "seed": 0,
    }


def test_a_target_that_is_not_used_is_not_kept(tiny_page):
    state = tokens_tab.keep_nudge(nudged(text=" the", direction="scale", target=" cat"))
    assert state["stack"]["steps"][0]["edit"]["target"] == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": ""}, "값이 비어 있습니다"),
        ({"text": " the", "direction": "toward"}, "목표가 필요합니다"),
        ({"text": " the", "seed": -1}, "0 이상"),
    ],
)
def test_a_nudge_that_cannot_be_made_is_refused_and_a_preview_says_so(tiny_page, values, said):
    with pytest.raises(gr.Error, match=said):
        tokens_tab.keep_nudge(nudged(language="ko", **values))
    *_, advice = tokens_tab.preview_nudge(nudged(language="ko", **values))
    assert said in advice


def test_a_preview_shows_the_nudge_and_does_not_keep_it(tiny_page):
    state = saved()
    _, _, bars, advice = tokens_tab.preview_nudge(nudged(state=state, chosen=5, text=" the"))
    assert EN["preview"] in advice
    assert "pg-up" in bars or "pg-down" in bars
    still = nudged(state=state, chosen=5, text=" the", direction="scale", strength=1.0)
    _, _, same, advice = tokens_tab.preview_nudge(still)
    assert "pg-up" not in same
    assert "changed nothing" in advice
    assert state == saved()


def test_without_a_chosen_token_or_a_prompt_the_rest_is_still_shown(tiny_page):
    facts, flat, bars = tokens_tab.refresh(nudged(state=saved(NUDGE), prompt=" "))
    assert facts == flat == gr.skip()
    assert EN["bars_empty"] in bars


def test_the_prompt_is_written_on_before_and_after(tiny_page):
    *_, last = press("write", saved=saved(NUDGE), language="ko", prompt="the cat on the")
    assert re.findall(r"<h3>(.*?)</h3>", last) == [KO["column_before"], KO["column_after"]]
    texts = re.findall(r'"pg-text">(.*?)</p>', last)
    assert re.sub("<.*?>", "", texts[0]) != re.sub("<.*?>", "", texts[1])
    assert "&lt;|im_start|&gt;" not in last  # continued, not asked


def test_steps_that_come_at_once_are_shown_a_few_times_a_second(monkeypatch):
    now, seen = [0.0], []
    monkeypatch.setattr(turns, "SHOWN_EVERY", 0.25)
    monkeypatch.setattr(turns.time, "monotonic", lambda: now[0])
    turn = TURNS.begin("somebody")
    work = turns.work_for("somebody", turn, lambda at, desc: seen.append((at, desc)), "en")
    for step in range(100):
        now[0] = step * 0.01
        work.step(step, 100, Message("Step {n}", {"n": step}))
    assert [at for at, _ in seen] == [(0, 100), (25, 100), (50, 100), (75, 100)]
    assert seen[1][1] == "Step 25"
    TURNS.stop("somebody")
    with pytest.raises(Stopped):  # each step still asks whether to go on
        work.step(100, 100, Message("Step"))
