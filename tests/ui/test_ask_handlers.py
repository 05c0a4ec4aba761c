"""What the handlers of Ask do with plain values: no browser, no page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from pressing import press, visitor

from playground import workspace as spaces
from playground.ask import pace, ways
from playground.ask.cards import USUAL_WAYS, WayCard, Wording
from playground.ask.phrasings import WAYS_TO_ASK, phrasings
from playground.ask.question import ASK_NEEDS, MAX_TEXT, Asked, check_answer
from playground.ask.sheet import AskSheet, ask_sheet_from_json, ask_sheet_to_json, example_sheet
from playground.ask.verdict import ask_verdict
from playground.ask.ways import ASK_WAYS
from playground.engine.recipe import parse
from playground.engine.work import Work
from playground.errors import Message, PlaygroundError
from playground.lab.collateral import Kept
from playground.retrieval.corpus import load_corpus
from playground.retrieval.own.uploads import add_documents
from playground.ui.ask import doors, form, runs, tab, view
from playground.ui.ask.examples import ASK_EXAMPLES
from playground.ui.ask.view import about_time
from playground.ui.guide.chapters import chapters
from playground.ui.layout import PAGES
from playground.ui.parts import carried, named_work
from playground.ui.parts.comparison import SETUP
from playground.ui.parts.corpus_menu import FIRST_CORPUS, OWN
from playground.ui.parts.shelf import MOST_OWN
from playground.ui.shell.turns import stops
from playground.ui.text import EN, KO, TABLES, say

pytestmark = pytest.mark.usefixtures("page_runs", "quick_ways")
MODEL = "tiny-llama"
both = pytest.mark.parametrize("language", ["en", "ko"])
TEXT = "The cat sat on the mat. The Red Mat lies in the house by the lake. The rain fell on the roof."
ABOUT = Asked(question="Where is the Red Mat?", answer="in the house", text=TEXT)
ASKED = {"question": ABOUT.question, "answer": ABOUT.answer, "text": TEXT, "needs": []}
NUDGE = {"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}
SKIP = gr.skip()


def saved(*edits, model=MODEL):
    return {"stack": {"model": model, "steps": [{"edit": edit, "on": True} for edit in edits]}}


def card(way, *right, text="It is.", **more):
    """A card whose wordings were answered right so often."""
    rights = right or (True,) * WAYS_TO_ASK
    wordings = [
        Wording(question=question, text=text, right=one)
        for question, one in zip(phrasings(ABOUT.question), rights, strict=True)
    ]
    given = {
        "answer_seconds": 0.5,
        "kept": None if way == "base" else Kept(40, 40),
        "recipe": {"model": MODEL, "edits": []},
    }
    return WayCard(way=way, **{"wordings": tuple(wordings)} | given | more)


WRONG = (False,) * WAYS_TO_ASK


def sheet(*cards, about=ABOUT, **more):
    ways = tuple(one.way for one in cards)
    return json.loads(json.dumps(ask_sheet_to_json(AskSheet(about=about, model=MODEL, ways=ways, cards=cards, **more))))


def ask(**values):
    return list(press("ask", **{"saved": saved(), **ASKED} | values))


def last_of(rows):
    """What the browser keeps at last, and what is shown then."""
    *_, (kept, html, *_) = rows
    return ask_sheet_from_json(json.loads(json.dumps(kept))), html


# Asking


@both
def test_every_way_answers_and_the_verdict_grows(language):
    rows = ask(language=language)
    first, *_ = rows
    assert first[1].count(TABLES[language]["ask_waits"]) == 4
    assert TABLES[language]["ask_waits_slow"].partition("{")[0] in first[1]
    assert "pg-verdict" not in first[1]
    found, html = last_of(rows)
    assert found.done
    assert [one.way for one in found.cards] == list(found.ways) == list(USUAL_WAYS)
    assert [one.error for one in found.cards] == [None] * 5
    assert html.count('class="pg-card') == 5
    assert TABLES[language]["ask_so_far"] not in html
    assert TABLES[language]["ask_verdict"] in html
    for way in USUAL_WAYS:
        assert TABLES[language][f"ask_way_{way}"] in html


def test_what_the_browser_keeps_in_between_holds_only_answers_that_are_whole():
    kept = [row[0] for row in ask() if row[0] != SKIP]
    assert len(kept) > 5
    for one in map(ask_sheet_from_json, kept[:-1]):
        done = [each for each in one.cards if each.done or each.error]
        assert len(done) >= len(one.cards) - 1  # one grows at a time
    assert ask_sheet_from_json(kept[0]).cards == ()  # the question, before any answer
    assert [each.done for each in ask_sheet_from_json(kept[1]).cards] == [True]


def test_a_stopped_run_keeps_the_cards_that_were_done():
    running = press("ask", saved=saved(), who="stops", **ASKED)
    kept = [SKIP]
    for row in running:
        kept.append(row[0])
        if row[0] != SKIP and ask_sheet_from_json(row[0]).cards:
            break
    stops("ask")(visitor("stops"))
    *_, (grown, html, told) = running
    assert (grown, html) == (SKIP, SKIP)
    assert EN["ask_stopped"] in told
    assert [one.way for one in ask_sheet_from_json(kept[-1]).cards] == ["base"]


def test_only_ways_that_can_be_tried_are():
    def ways(recipe=None, more=(), **change):
        return runs.ways_of(replace(ABOUT, **change), more, recipe or parse({"model": MODEL}))

    assert ways() == USUAL_WAYS
    assert ways(answer="", text="") == ("base",)
    assert ways(answer="") == ("base", "prompt", "found")
    assert ways(answer="", text="", corpus_id="lantern-handbook") == ("base", "prompt", "found")
    own = parse({"model": MODEL, "edits": [NUDGE]})
    assert ways(own, answer="", text="") == ("base", "mine")
    assert set(ways(own, form.MORE)) == set(ASK_WAYS)
    assert list(ways(own, form.MORE)) == [way for way in ASK_WAYS if way in ways(own, form.MORE)]


def test_the_visitors_recipe_is_a_way_and_what_fails_stands_on_its_card():
    found, html = last_of(ask(saved=saved(NUDGE), question="Why?", language="ko"))
    by_way = {one.way: one for one in found.cards}
    assert by_way["mine"].done
    assert by_way["rome"].error
    assert KO["ask_way_mine"] in html
    assert "문장을 찾지 못했습니다" in html
    told = ask_sheet_from_json(json.loads(json.dumps(ask_sheet_to_json(found))))
    assert "문장을 찾지 못했습니다" in str(told.cards[-2].error)


def test_without_an_answer_nothing_is_marked_and_the_passage_is_shown():
    found, html = last_of(ask(answer=""))
    assert not any(one.judged for one in found.cards)
    assert "pg-from" in html
    assert EN["ask_no_answer_found"] in html
    assert EN["mark_right"] not in re.findall(r'aria-label="(\w+)"', html)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"question": " "}, "먼저 물어볼 것을"),
        ({"question": None}, "먼저 물어볼 것을"),
        ({"answer": "a" * 151}, "150자보다"),
        ({"text": "a" * (MAX_TEXT + 1)}, "60000자보다"),
        ({"corpus": OWN}, "아직 내 문서가"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_the_visitors_language(values, words):
    with pytest.raises(gr.Error, match=words):
        ask(language="ko", **values)


def test_documents_of_ones_own_are_searched():
    own = add_documents([("red.md", b"The Red Mat lies in the house.")]).id
    found, _ = last_of(ask(corpus=OWN, own=own, text=""))
    assert found.about.corpus_id == own
    by_way = {one.way: one for one in found.cards}
    assert by_way["found"].wordings[0].passage == "red.md#1"


def test_progress_names_the_ways_as_the_page_does():
    seen = []
    work = named_work.work_by_names(
        Work(lambda done, of, what: seen.append(str(what))), lambda way: view.ask_way_name(way, "ko")
    )
    work.step(0, 2, Message("{way} answers…", {"way": "rome"}))
    work.step(1, 2, Message("Opening {title}…", {"title": "x"}))
    assert seen == [f"{KO['ask_way_rome']} answers…", "Opening x…"]


# Once more


def again(kept, how, way, **more):
    return list(press("ask-again", **{"saved": saved(), "sheet": kept, "picked": (how, way)} | more))


@both
@pytest.mark.parametrize(
    ("how", "change"),
    [("smaller", {"cut": "sentences"}), ("larger", {"cut": "paragraphs"}), ("begin", {"begun": True})],
)
def test_one_way_is_tried_again_as_it_was_offered(how, change, language):
    old = sheet(card("base", *WRONG), card("found", *WRONG), card("rome", *WRONG))
    *_, (kept, html, told, question, cut, begun) = again(old, how, "found", language=language)
    found = ask_sheet_from_json(kept)
    assert found.about == replace(ABOUT, **change)
    filled = {"begin": (SKIP, SKIP, True)}.get(how, (SKIP, found.about.cut, SKIP))  # what the press changed alone
    assert (question, cut, begun, told) == (*filled, "")
    before = {one.way: one for one in ask_sheet_from_json(old).cards}
    after = {one.way: one for one in found.cards}
    assert after["rome"] == before["rome"]
    assert after["found"] != before["found"]
    assert after["found"].kept
    assert list(after) == ["base", "found", "rome"]
    assert TABLES[language]["ask_way_found"] in html


@pytest.mark.parametrize(
    ("about", "question"),
    [
        (ABOUT, "Finish this sentence from the text: The Red Mat is in"),
        (replace(ABOUT, question="Why?"), "Answer with a few words of the text: Why?"),
        (replace(ABOUT, question="정원은 언제 여나요?"), "글을 보고 이 문장을 끝내세요: 정원은"),
    ],
)
def test_the_question_is_put_in_other_words_of_its_own_language(about, question):
    *_, row = again(sheet(card("base"), card("prompt"), about=about), "reword", "prompt")
    assert row[3] == question
    assert ask_sheet_from_json(row[0]).about.question == question


def test_a_way_is_tried_again_on_the_model_that_the_other_cards_are_of():
    old = sheet(card("base", *WRONG), card("prompt", *WRONG))
    *_, (kept, *_) = again(old, "begin", "prompt", saved=saved(model="tiny-opt"))
    assert ask_sheet_from_json(kept).cards[1].recipe["model"] == MODEL


@pytest.mark.parametrize("picked", [None, ("", ""), ("begin", "magic"), ("magic", "prompt")])
def test_other_presses_do_nothing(picked):
    old = sheet(card("base"), card("prompt"))
    assert list(press("ask-again", saved=saved(), sheet=old, picked=picked)) == [(SKIP,) * 6]


def test_a_press_says_what_is_offered():
    offer = SimpleNamespace(do="offer", how="begin", way="found")
    assert runs.offer_of(offer) == ("begin", "found")
    assert runs.offer_of(SimpleNamespace(do="inside", way="found")) == ("", "")
    assert doors.door_of(SimpleNamespace(do="inside", way="found")) == "found"
    assert doors.door_of(offer) == ""


# The day on which the answer is another one


@both
def test_the_next_day_the_text_says_it_and_weights_stay_behind(language):
    old, _ = last_of(ask(language=language))
    kept = json.loads(json.dumps(ask_sheet_to_json(old)))
    *partial, (now, html, told) = press("ask-change", sheet=kept, new="in the barn", language=language)
    found = ask_sheet_from_json(now)
    assert [one.way for one in found.then] == ["prompt", "found", "rome", "lora"]
    assert found.new == "in the barn"
    assert found.cards == old.cards
    assert found.about == ABOUT
    assert "in the barn by the lake" in found.then[1].wordings[0].stood
    assert html.count("<h4>") == 5 + 1 + 1 + 4  # cards, verdict, the day, its cards
    assert all(row[0] == SKIP for row in partial)
    assert told == ""


def test_who_follows_is_said_of_each_way():
    then = (card("found", True, *WRONG[1:]), card("rome", *WRONG), card("prompt", *WRONG), WayCard(way="lora"))
    given = sheet(card("base", *WRONG), card("found"), card("rome", seconds=65.0), card("prompt"), then=then, new="x")
    html = tab.show_kept(given, "en", "")[0]
    changed = html.partition("pg-then")[2]
    assert changed.count(EN["ask_follows"]) == 1
    assert EN["ask_stays"].format(seconds=view.clock(65.0)) in changed
    assert changed.count(EN["ask_stays_as_is"]) == 1
    assert changed.count("<section") == 3


@pytest.mark.parametrize(
    ("given", "new", "words"),
    [
        (sheet(card("base"), card("found")), "", "as it will be"),
        (sheet(card("base"), about=replace(ABOUT, answer="in a cave")), "x", "does not say &#39;a cave&#39;"),
        ({"about": 1}, "x", "cannot be read"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(given, new, words):
    with pytest.raises(gr.Error, match=words):
        list(press("ask-change", sheet=given, new=new))


# The form


@pytest.mark.parametrize("number", range(len(ASK_EXAMPLES)))
def test_an_example_fills_a_form_that_can_be_asked(number):
    filled = form.take_question("en", number)
    names = (*form.FIELDS, "needs", "corpus", "prompt", "subject", "cut", "begun")
    about = form.asked_of({**dict(zip(names, filled, strict=True)), "own": ""})
    example = ASK_EXAMPLES[number]
    assert (about.question, about.answer, about.text) == (example.question, example.answer, example.text)
    assert set(about.needs) == set(example.needs)
    assert about.statement().subject or about.needs == ("style",)
    if example.text:
        assert replace(about, needs=()).changed("x").text != about.text


@both
def test_the_sentence_is_proposed_while_one_types(language):
    shown = form.show_sentence(language, " Where is the <b>Red Mat</b>? ", "in the house", "", "")
    assert "&lt;b&gt;Red Mat" in shown
    assert "<b>" not in shown
    assert "pg-warn" in form.show_sentence(language, "Why?", "because", "", "")
    assert form.show_sentence(language, "Why?", " ", "", "") == ""


@both
def test_what_was_kept_is_shown_and_what_was_damaged_is_said_to_be(language):
    assert TABLES[language]["ask_empty"] in tab.show_kept({}, language, "")[0]
    assert TABLES[language]["ask_empty"] in tab.show_kept(None, language, "")[0]
    html = tab.show_kept(sheet(card("base", *WRONG), card("found")), language, "")[0]
    assert 'data-best="found"' in html
    assert "**" not in html
    for wrong in ("x", [1], {"about": {}}, sheet(card("base")) | {"ways": ["magic"]}):
        shown = tab.show_kept(wrong, language, "")[0]
        assert "pg-warn" in shown
        assert "pg-card" not in shown


# A file in the place of the text


def dropped(path, language="en"):
    return form.read_into_text({"file": [str(path)], "language": language})


def test_a_file_fills_the_text(tmp_path):
    path = tmp_path / "shop.md"
    path.write_text("# Mondfenster\n\nIt opens at 7:30.", encoding="utf-8")
    text, emptied, _ = dropped(path)
    assert "It opens at 7:30." in text
    assert emptied is None
    assert form.read_into_text({"file": str(path), "language": "en"})[0] == text


@both
def test_a_file_that_cannot_fill_it_is_refused(tmp_path, language):
    long, wrong = tmp_path / "long.txt", tmp_path / "wrong.pdf"
    long.write_text("word " * (MAX_TEXT // 5 + 1), encoding="utf-8")
    wrong.write_bytes(b"not a PDF at all")
    for path in (long, wrong, tmp_path / "gone.md"):
        with pytest.raises(gr.Error) as caught:
            dropped(path, language)
        assert bool(re.search("[가-힣]", str(caught.value))) == (language == "ko")


# Through the doors


def inside(pressed, given=None, own="", shelf=(), language="en"):
    """What a press fills, by the tab that it belongs to."""
    given = sheet(card("base", *WRONG), card("found"), card("rome"), card("lora")) if given is None else given
    row = doors.go_inside(saved(), own, list(shelf), language, given, pressed)
    _, own, shelf, told, tabs, parts, *rest = row
    setup, rest = rest[: 2 + SETUP], rest[2 + SETUP :]
    assert len(rest) == 3 + 4 + 4
    return {
        "own": own,
        "shelf": shelf,
        "told": told,
        "tab": getattr(parts, "selected", None) or getattr(tabs, "selected", None),
        "compare": setup,
        "documents": rest[:3],
        "lab": rest[3:7],
        "adapters": rest[7:],
    }


def opened(found):
    """The tabs of which something is filled."""
    return [name for name in ("compare", "documents", "lab", "adapters") if any(v != SKIP for v in found[name])]


@both
@pytest.mark.parametrize(
    ("way", "room"),
    [
        ("base", "compare"),
        ("prompt", "compare"),
        ("mine", "compare"),
        ("found", "documents"),
        ("bm25", "documents"),
        ("rome", "lab"),
        ("ft", "lab"),
        ("lora", "adapters"),
    ],
)
def test_a_way_opens_its_own_tab_with_the_question_filled_in(way, room, language):
    found = inside(way, language=language)
    assert found["tab"] == room
    assert opened(found) == [room]
    assert TABLES[language]["ask_opened"] in found["told"]
    if room == "lab":
        assert found["lab"] == ["The Red Mat is in", "Red Mat", "the house", ""]
    if room == "adapters":
        [source, _, _, rows] = found["adapters"]
        assert source == "table"
        assert [ABOUT.question, ABOUT.answer] in rows["value"]
    if room == "compare":
        said = f"{ABOUT.sentence()}\n\n{ABOUT.question}"
        assert found["compare"][2] == (said if way == "prompt" else ABOUT.question)


def test_the_pasted_text_becomes_one_collection_however_often_the_door_is_used():
    found = inside("found")
    assert found["documents"][:2] == [OWN, ABOUT.question]
    assert found["documents"][2] != inside("found")["documents"][2]  # each time it is searched for at once
    assert found["shelf"] == [found["own"]]
    assert [passage.text for passage in load_corpus(found["own"]).passages] == [p.text for p in ABOUT.of_text()]
    again = inside("prompt", own=found["own"], shelf=found["shelf"])
    assert (again["own"], again["shelf"]) == (found["own"], found["shelf"])
    assert again["compare"][3] == OWN
    assert inside("rome")["shelf"] == []  # which has no text in its prompt


def test_the_documents_that_were_searched_are_chosen():
    def chosen(**about):
        found = inside("found", sheet(card("base"), card("found"), about=replace(ABOUT, text="", **about)))
        return found["documents"][0], found["own"]

    own = add_documents([("red.md", b"The Red Mat lies in the house.")]).id
    assert chosen() == (FIRST_CORPUS, "")
    assert chosen(corpus_id="countries") == ("countries", "")
    assert chosen(corpus_id=own) == (OWN, own)
    assert chosen(corpus_id="own-" + "0" * 32) == (FIRST_CORPUS, "")
    assert inside("mine")["compare"][3] == FIRST_CORPUS


@both
def test_the_verdict_leads_to_the_chapter_about_choosing(language):
    html = tab.show_kept({}, language, "")[0]
    assert f'href="{view.CHOOSING}"' in html
    page, chapter = view.CHOOSING.removeprefix("#").split("/")
    assert page in PAGES
    assert chapter in {each.name for each in chapters(language)}


def test_presses_of_no_way_open_nothing():
    for pressed, kept in (("", None), ("magic", None)):
        nothing = inside(pressed, kept)
        assert opened(nothing) == []
        assert (nothing["own"], nothing["shelf"]) == (SKIP, SKIP)


@both
def test_before_anybody_asked_the_example_is_shown_and_answers_presses(language):
    html = tab.show_kept({}, language, "")[0]
    assert example_sheet().about.question in html
    assert 'data-best="found"' in html
    assert inside("found", {}, language=language)["documents"][:2] == [OWN, example_sheet().about.question]


@both
def test_a_link_fills_the_form_and_runs_nothing(language):
    html, told, button, kept = tab.show_kept(sheet(card("base"), card("found")), language, "{}")
    assert (html, TABLES[language]["ask_shared"] in told, button["visible"]) == ("", True, False)
    assert kept == {}
    recipe = json.dumps({"model": MODEL, "edits": [NUDGE]})
    _, _, button, _ = tab.show_kept({}, language, recipe)
    assert button["visible"]
    assert "1" in button["value"]
    assert spaces.workspace_from_json(tab.take_recipe(saved(), language, recipe)).recipe() == parse(json.loads(recipe))
    for wrong in ("[", '{"model": "nope", "edits": []}', "x" * 10):
        assert tab.show_kept({}, language, wrong)[2]["visible"] is False


def test_what_is_ticked_afterwards_judges_the_same_cards_again():
    kept = sheet(card("base", *WRONG), card("found"), card("rome"))
    fields = (ABOUT.question, ABOUT.answer)
    again, html = tab.judge_again(kept, "en", ["bare", "magic"], *fields)
    assert ask_sheet_from_json(again).about.needs == ("bare",)
    assert 'data-best="rome"' in html
    example = example_sheet().about
    sheet_, html = tab.judge_again({}, "en", [], example.question, example.answer)
    assert (sheet_, "pg-verdict" in html) == (SKIP, True)
    for other in (("Another?", ABOUT.answer), (ABOUT.question, "another"), ("", "")):  # asked next, not answered yet
        assert tab.judge_again(kept, "en", ["style"], *other) == (SKIP, SKIP)


@both
def test_what_everything_took_here_is_told_to_the_next(language, monkeypatch):
    monkeypatch.setattr(pace, "_TAKEN", {})
    assert pace.usually("all") == pace.USUAL["all"]
    assert "1 min" in tab.show_time(language)["value"]
    ask(language=language)
    (all_ways,) = pace._TAKEN["all"]
    assert 0 < pace._TAKEN["lora"][0] < all_ways
    for _ in range(pace.LATELY):
        pace.took("all", 250.0)
    assert "4 min" in tab.show_time(language)["value"]
    assert [about_time(seconds) for seconds in (0.4, 34.0, 54.0, 55.0, 100.0)] == [
        "10 s",
        "30 s",
        "50 s",
        "1 min",
        "2 min",
    ]


@both
def test_an_answer_that_is_read_otherwise_is_judged_by_hand_and_turns_the_verdict(language):
    kept = sheet(card("base", *WRONG), card("found"), card("rome"))
    for place in (0, 1):
        kept, html = tab.overrule(kept, language, SimpleNamespace(way="found", place=place))
    judged = ask_sheet_from_json(kept)
    assert [wording.right for wording in judged.cards[1].wordings] == [False, False, True, True]
    assert [wording.by_hand for wording in judged.cards[1].wordings] == [True, True, False, False]
    assert 'data-best="rome"' in html
    assert html.count(say(language, "ask_by_hand")) == 2
    kept, html = tab.overrule(kept, language, SimpleNamespace(way="found", place="0"))  # and back
    assert (
        ask_sheet_from_json(kept).cards[1].wordings[0] == ask_sheet_from_json(sheet(card("found"))).cards[0].wordings[0]
    )
    assert html.count(say(language, "ask_by_hand")) == 1


@pytest.mark.parametrize(("way", "place"), [("dense", 0), ("found", 4), ("found", -1), ("../etc", 0)])
def test_an_answer_that_is_not_there_is_not_judged(way, place):
    with pytest.raises(gr.Error, match="no longer there"):
        tab.overrule(sheet(card("found")), "en", SimpleNamespace(way=way, place=place))


def test_the_example_is_judged_by_hand_too():
    kept, html = tab.overrule({}, "en", SimpleNamespace(way="found", place=0))
    assert ask_sheet_from_json(kept).about == example_sheet().about
    assert "Judged by you" in html


def test_a_pasted_text_goes_on_to_other_tabs_once_and_cut_as_it_was():
    left = {"texts": ["a", ""], "corpus": FIRST_CORPUS}
    own, shelf, corpus, then = carried.carry_documents("", [], "en", sheet(card("found")), left)
    assert (corpus, then) == (OWN, left | {"corpus": OWN})
    assert len(load_corpus(own).passages) == 3  # by sentences
    again = carried.carry_documents(own, shelf, "en", sheet(card("found")), then)
    assert again == (own, shelf, corpus, then)
    cut = replace(ABOUT, cut="paragraphs")
    other, shelf, *_ = carried.carry_documents(own, shelf, "en", sheet(card("found"), about=cut), then)
    assert other != own
    assert len(load_corpus(other).passages) == 1
    shipped = replace(ABOUT, text="", corpus_id="notice-board")
    gone = carried.carry_documents(other, shelf, "en", sheet(card("found"), about=shipped), then)
    assert gone == (other, shelf, "notice-board", left | {"corpus": "notice-board"})


def test_a_text_for_which_there_is_no_room_stays_on_ask():
    left, shelf = {"texts": ["a", ""], "corpus": FIRST_CORPUS}, []
    for number in range(MOST_OWN):
        about = replace(ABOUT, text=f"Text number {number}.")
        own, shelf, *_ = carried.carry_documents("", shelf, "en", sheet(card("found"), about=about), left)
    assert len(shelf) == MOST_OWN
    assert carried.carry_documents(own, shelf, "en", sheet(card("found")), left) == (SKIP,) * 4
    assert carried.carry_documents(own, shelf, "en", {"about": 1}, left) == (SKIP,) * 4


@both
def test_an_answer_that_is_still_an_examples_is_pointed_out(language):
    about = replace(ABOUT, answer=ASK_EXAMPLES[0].answer)
    told = escape(say(language, "ask_left_over", answer="at 7:30"))
    html = view.sheet_html(ask_sheet_from_json(sheet(card("base"), about=about)), language)
    assert told in html
    for own in (ABOUT, replace(about, question=ASK_EXAMPLES[0].question)):
        assert told not in view.sheet_html(ask_sheet_from_json(sheet(card("base"), about=own)), language)


def test_while_cards_grow_nothing_is_judged_by_hand():
    kept = ask_sheet_from_json(sheet(card("base", *WRONG), card("found")))
    assert 'data-do="overrule"' not in view.sheet_html(kept, "en", running=True)
    assert view.sheet_html(kept, "en").count('data-do="overrule"') == 8


def test_a_way_that_failed_on_another_day_does_not_spoil_the_sheet():
    failed = WayCard(way="lora", error=Message("No {what}.", {"what": "adapter"}))
    kept = ask_sheet_from_json(sheet(card("base", *WRONG), card("found"))).with_then([failed], str)
    assert str(ask_sheet_from_json(ask_sheet_to_json(kept)).then[0].error) == "No adapter."


def test_longer_answers_than_a_field_takes_are_refused_at_once():
    for attack in ("at" + " " * 8000 + "!", "a|" * 90_000):
        with pytest.raises(gr.Error, match="longer than 150"):
            list(press("ask-change", sheet=sheet(card("base"), card("found")), new=attack))
        with pytest.raises(PlaygroundError, match="longer than 150"):
            check_answer(attack)


def test_a_question_without_a_sentence_opens_the_lab_as_it_is():
    found = inside("rome", sheet(card("base"), card("rome"), about=replace(ABOUT, question="Why?")))
    assert (found["tab"], opened(found)) == ("lab", [])


def test_a_damaged_sheet_opens_nothing():
    with pytest.raises(gr.Error, match="읽을 수 없습니다"):
        inside("found", {"about": 1}, language="ko")


# HTML

EVIL = "<script>alert('{x}')</script>"


@both
def test_whatever_was_written_is_text_and_no_html(language):
    evil = Wording(question=EVIL, text=EVIL, right=False, passage=EVIL, stood=EVIL, held=True)
    bad = card("found", continued=EVIL, wordings=(evil,) * WAYS_TO_ASK)
    about = Asked(question=EVIL, answer=EVIL, text=EVIL, prompt=f"{EVIL} is", subject=EVIL)
    failed = WayCard(way="lora", error=Message("{text}", {"text": EVIL}))
    given = sheet(card("base", *WRONG), bad, failed, about=about, then=(bad,), new=EVIL)
    html = tab.show_kept(given, language, "")[0]
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 10


def test_a_long_answer_is_cut_on_its_card_and_whole_behind_it():
    long = "word " * 80
    html = tab.show_kept(sheet(card("base", text=long)), "en", "")[0]
    assert html.count("…</q>") == 1
    assert long in html


def test_an_answer_that_was_misread_offers_what_helps():
    wrong = Wording(question="?", text="!", right=False, passage="text#1", stood="It is in the house.", held=True)
    misread = card("found", wordings=(wrong,) * WAYS_TO_ASK)
    html = tab.show_kept(sheet(card("base", *WRONG), misread), "en", "")[0]
    assert re.findall(r'data-how="(\w+)"', html) == ["larger", "begin", "reword"]
    tried = replace(ABOUT, cut="paragraphs", begun=True)
    html = tab.show_kept(sheet(card("base", *WRONG), misread, about=tried), "en", "")[0]
    assert re.findall(r'data-how="(\w+)"', html) == ["smaller", "reword"]


COUNTS = st.tuples(st.integers(0, WAYS_TO_ASK), st.integers(0, 12))
SOME = st.fixed_dictionaries({}, optional=dict.fromkeys(ASK_WAYS, COUNTS))


@given(SOME, st.sets(st.sampled_from(ASK_NEEDS)), st.booleans())
def test_every_sentence_of_a_verdict_can_be_said_in_both_languages(counts, needs, texts):
    cards = [
        card(way, *(n < right for n in range(WAYS_TO_ASK)), kept=Kept(40 - lost, 40))
        for way, (right, lost) in counts.items()
    ]
    found = ask_verdict(cards, needs, texts)
    for one in (found.why, *found.against, *found.flips):
        for language in ("en", "ko"):
            assert not {"{", "}"} & set(view.remark(one, language))


# What newcomers stumbled over


@both
def test_a_model_that_hardly_reads_korean_says_so(language):
    korean = Asked(question="도서관은 몇 시에 여나요?", answer="10시")
    told = TABLES[language]["ask_unread"]
    asked = AskSheet(about=korean, model="smollm2-135m-instruct", ways=("base",), cards=(card("base", *WRONG),))
    assert told in view.sheet_html(asked, language)
    assert told not in view.sheet_html(replace(asked, model="somebody/knows-korean"), language)
    assert told not in view.sheet_html(replace(asked, about=ABOUT), language)


def test_a_single_sentence_is_not_offered_to_be_cut_larger():
    wrong = Wording(question="?", text="!", right=False, passage="text#1", stood="it", held=True)
    misread = WayCard(way="found", wordings=(wrong,) * WAYS_TO_ASK, answer_seconds=1.0)
    for text, offered in (("One sentence says it.", False), ("One says it. Another does not.", True)):
        asked = AskSheet(about=replace(ABOUT, text=text), model=MODEL, ways=("found",), cards=(misread,))
        assert (EN["ask_offer_larger"] in view.sheet_html(asked, "en")) == offered


def test_a_long_question_is_refused_whole_and_not_cut():
    with pytest.raises(gr.Error, match="at most 400"):
        ask(question="why " * 300)


def test_a_file_that_was_read_is_named(tmp_path):
    file = tmp_path / "ferry.txt"
    file.write_text("A bicycle costs 14 euros.")
    text, emptied, told = form.read_into_text({"language": "en", "file": str(file)})
    assert (text.strip(), emptied) == ("A bicycle costs 14 euros.", None)
    assert "ferry.txt was read" in told


def test_a_style_is_trained_on_examples_and_no_sentence_is_its_fact():
    about = replace(ABOUT, needs=("style",), answer="Paris. Cheers!")
    assert len(ways.examples_of(about)) == len(ways.examples_of(replace(about, needs=()))) - 1
    assert doors._rows(about)[0] == [about.question, "Paris. Cheers!"]
    assert all(row == ["", ""] for row in doors._rows(about)[1:])
    asked = AskSheet(about=about, model=MODEL, ways=("base",), cards=(card("base", *WRONG),))
    assert EN["ask_best_style"] in view.sheet_html(asked, "en")


def test_without_a_right_answer_it_is_said_why_nothing_is_taught():
    silent = AskSheet(about=replace(ABOUT, answer=""), model=MODEL, ways=("base",), cards=(card("base", *WRONG),))
    assert EN["ask_untaught"] in view.sheet_html(silent, "en")
    assert EN["ask_untaught"] not in view.sheet_html(replace(silent, about=ABOUT), "en")
