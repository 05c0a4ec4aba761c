"""Every way on a tiny model: what a card says, what it leaves as it was, and what happens where one fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from playground.ask import cards as cards_module
from playground.ask import ways as ways_module
from playground.ask.cards import CONTINUED, NEW_TOKENS, USUAL_WAYS, after_change, try_ways
from playground.ask.judging import says_right
from playground.ask.phrasings import WAYS_TO_ASK, phrasings
from playground.ask.question import Asked
from playground.ask.ways import ASK_WAYS, MOST_SAID
from playground.engine.adapters import store
from playground.engine.build import build
from playground.engine.decoding.answering import answer_texts, chat_prompt
from playground.engine.recipe import Recipe, parse
from playground.engine.work import Stopped, Work
from playground.errors import PlaygroundError
from playground.lab import collateral
from playground.lab.known_facts import known_facts
from playground.lab.ways.way import SAID

MODEL = "tiny-llama"
TEXT = "The cat sat on the mat. The rain fell on the roof. The Red Mat lies in the house by the lake."
ABOUT = Asked(question="Where is the Red Mat?", answer="in the house", text=TEXT)
RECIPE = Recipe(model=MODEL)
NUDGED = parse(
    {"model": MODEL, "edits": [{"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}]}
)

pytestmark = pytest.mark.usefixtures("quick_ways")


def tried(about=ABOUT, ways=USUAL_WAYS, recipe=RECIPE, work=None):
    *_, last = try_ways(about, recipe, ways, work or Work())
    return {card.way: card for card in last}


def said(fork, prompts, new_tokens=NEW_TOKENS):
    return answer_texts(fork, prompts, new_tokens)


def parameters(quick_ways):
    return {name: value.clone() for name, value in quick_ways[MODEL].model.state_dict().items()}


def test_every_usual_way_gives_a_card_and_the_base_stays_as_it_was(quick_ways):
    before = parameters(quick_ways)
    cards = tried(ways=[*USUAL_WAYS, "mine"], recipe=NUDGED)
    assert {"base", "prompt", "found", "rome", "lora"} == set(USUAL_WAYS)
    assert [card.error for card in cards.values()] == [None] * 6
    for way, card in cards.items():
        assert [wording.question for wording in card.wordings] == list(phrasings(ABOUT.question))
        assert all(wording.right == says_right(ABOUT.answer, wording.text) for wording in card.wordings)
        assert card.done
        assert card.judged
        assert (card.kept is None) == (way == "base")
        assert bool(card.continued) == (way == "rome")
    after = quick_ways[MODEL].model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_base_and_the_visitors_recipe_answer_the_bare_question(quick_ways):
    cards = tried(ways=["base", "mine"], recipe=NUDGED)
    for way, recipe in (("base", RECIPE), ("mine", NUDGED)):
        fork = build(recipe).fork
        expected = said(fork, [chat_prompt(fork, question) for question in phrasings(ABOUT.question)])
        assert [wording.text for wording in cards[way].wordings] == expected
        assert cards[way].recipe == recipe.model_dump(mode="json")
        prompt = chat_prompt(fork, ABOUT.question)
        assert cards[way].prompt_tokens == len(fork.base.tokenizer(prompt, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("way", ["rome", "lora"])
def test_a_card_s_recipe_makes_the_same_variant_again(way):
    card = tried(ways=[way])[way]
    assert card.bytes > 0
    fork = build(parse(card.recipe)).fork
    expected = said(fork, [chat_prompt(fork, question) for question in phrasings(ABOUT.question)])
    assert [wording.text for wording in card.wordings] == expected
    if way == "rome":
        assert [card.continued] == said(fork, [ABOUT.statement().prompt], CONTINUED)


def test_a_passage_that_is_found_is_shown_with_whether_the_answer_stands_in_it():
    card = tried(ways=["found"])["found"]
    first = card.wordings[0]
    assert (first.passage, first.stood, first.held) == ("text#3", "The Red Mat lies in the house by the lake.", True)
    elsewhere = tried(replace(ABOUT, answer="on the roof"), ["bm25"])["bm25"]
    assert elsewhere.wordings[0].held is False
    assert tried(ways=["prompt"])["prompt"].wordings[0].passage == ""


def test_the_answer_is_begun_with_the_sentence_where_the_visitor_wants_it():
    begun = tried(replace(ABOUT, begun=True), ["prompt", "base"])
    prompt = ABOUT.statement().prompt
    assert all(wording.text.startswith(prompt) for wording in begun["prompt"].wordings)
    assert not begun["base"].wordings[0].text.startswith(prompt)


def test_without_a_right_answer_nothing_is_judged():
    cards = tried(replace(ABOUT, answer=""), ["base", "prompt", "found", "rome", "lora"])
    assert [way for way, card in cards.items() if card.error] == ["rome", "lora"]
    for way in ("base", "prompt", "found"):
        assert not cards[way].judged
    assert cards["found"].wordings[0].held is None


# While answers grow


def test_quick_ways_come_first_and_no_card_is_done_before_all_its_answers_are():
    grown = list(try_ways(ABOUT, RECIPE, ["lora", "base", "prompt"]))
    order = list(dict.fromkeys(card.way for cards in grown for card in cards))
    assert order == ["base", "prompt", "lora"]
    for cards in grown:
        for card in cards:
            assert card.done == card.judged
            assert card.done or card.kept is None
    [first] = [cards for cards in grown if any(card.way == "lora" for card in cards)][:1]
    assert next(card for card in first if card.way == "prompt").kept  # looked at before the slow one begins


def test_a_way_that_fails_says_why_and_the_others_go_on(monkeypatch, caplog):
    def broken(about, recipe, work):
        raise RuntimeError("a secret path")

    monkeypatch.setitem(ASK_WAYS, "rome", replace(ASK_WAYS["rome"], prepare=broken))
    cards = tried(replace(ABOUT, question="Why?", answer="x" * 150), ["base", "rome", "mine", "prompt"])
    assert "on our side" in str(cards["rome"].error)
    assert "secret" not in str(cards["rome"].error)
    assert "A way failed: rome" in caplog.text
    assert "Your recipe is empty" in str(cards["mine"].error)
    assert cards["prompt"].done
    assert cards["prompt"].kept


def test_a_way_that_fails_where_other_facts_are_asked_says_why_too(monkeypatch):
    real = cards_module.still_known

    def refusing(fork, base, before, work):
        if before(""):
            raise PlaygroundError("The prompt is empty. Type a question or the start of a sentence.")
        return real(fork, base, before, work)

    monkeypatch.setattr(cards_module, "still_known", refusing)
    cards = tried(ways=["base", "prompt", "rome"])
    assert "The prompt is empty" in str(cards["prompt"].error)
    assert cards["rome"].kept


@pytest.mark.parametrize(
    ("change", "way", "words"),
    [
        ({"answer": "", "text": ""}, "prompt", "nothing to say"),
        ({"answer": "", "text": "word " * 2 * MOST_SAID}, "prompt", "more than 600 tokens"),
        ({"answer": "", "text": ""}, "found", "nothing to search"),
        ({"answer": "", "text": ""}, "lora", "nothing to train on"),
        ({"question": "Why?"}, "rome", "No sentence was found"),
        ({"corpus_id": "no-such-corpus"}, "found", "no-such-corpus"),
    ],
)
def test_what_a_way_lacks_is_said_on_its_card(change, way, words):
    card = tried(replace(ABOUT, **change), [way])[way]
    assert words in str(card.error)
    assert card.wordings == ()


@pytest.mark.parametrize("checks", [0, 1, 4, 9, 30])
@pytest.mark.parametrize("way", ["found", "lora"])
def test_being_stopped_ends_all_ways(way, checks):
    asked: list[int] = []

    def stopped():
        asked.append(1)
        return len(asked) > checks

    with pytest.raises(Stopped):
        tried(ways=["base", way], work=Work(stopped=stopped))


# What else changed


@pytest.fixture
def facts(quick_ways, monkeypatch):
    """Facts that the tiny model says: what it writes after real facts' prompts."""
    fork, found = build(RECIPE).fork, []
    tokenizer = fork.base.tokenizer
    for fact in known_facts()[:120]:
        ids = tokenizer(fact.prompt, add_special_tokens=False)["input_ids"]
        target = tokenizer.decode([greedy(fork, ids)])
        whole = tokenizer(fact.prompt + target, add_special_tokens=False)["input_ids"]
        if whole[:-1] == ids and target == f" {target.strip()}":
            found.append(replace(fact, target=target))
    monkeypatch.setattr(collateral, "sample", lambda: tuple(found))
    assert len(found) > 10
    return found


@torch.no_grad()
def greedy(fork, ids):
    return int(fork.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())


def test_other_facts_are_asked_again_with_what_stands_before_them(facts):
    """Each beside a plain run of one whole text."""
    about = replace(ABOUT, answer="in the house")
    cards = tried(about, ["prompt", "bm25", "rome", "mine"], NUDGED)
    passages = {passage.text: passage for passage in about.corpus().passages}

    def before(way, prompt):
        if way == "prompt":
            return SAID.format(text=about.sentence())
        if way != "bm25":
            return ""
        hits = ways_module.search(about.corpus(), prompt, "bm25", 1).hits
        return SAID.format(text=passages[hits[0].passage.text].prompted) if hits else ""

    for way, card in cards.items():
        fork = build(parse(card.recipe)).fork
        tokenizer = fork.base.tokenizer
        right = sum(
            tokenizer.decode(
                [greedy(fork, tokenizer(before(way, fact.prompt) + fact.prompt, add_special_tokens=False)["input_ids"])]
            )
            == fact.target
            for fact in facts
        )
        assert (card.kept.right, card.kept.of) == (right, len(facts)), way
    assert any(card.kept.right < card.kept.of for card in cards.values())


# The day on which the answer is another one


def test_the_next_day_what_stands_in_the_prompt_is_read_anew_and_weights_are_as_they_were(quick_ways, monkeypatch):
    *_, cards = try_ways(ABOUT, NUDGED, [*USUAL_WAYS, "mine"])
    before, adapters = parameters(quick_ways), len(list((store.settings().home / "adapters").iterdir()))
    for name in ("rome", "lora"):
        monkeypatch.setitem(ASK_WAYS, name, replace(ASK_WAYS[name], prepare=None))  # nothing is written again
    grown = list(after_change(cards, ABOUT.changed("in the barn")))
    assert all(card.done for cards in grown for card in cards)
    old, new = ({card.way: card for card in cards} for cards in (cards, grown[-1]))
    assert list(new) == ["prompt", "found", "mine", "rome", "lora"]
    for way in ("mine", "rome", "lora"):
        assert new[way].recipe == old[way].recipe
        assert [w.text for w in new[way].wordings] == [w.text for w in old[way].wordings]
    assert new["found"].wordings[0].stood == "The Red Mat lies in the barn by the lake."
    assert new["found"].wordings[0].held
    assert len(list((store.settings().home / "adapters").iterdir())) == adapters
    after = quick_ways[MODEL].model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_edit_for_the_visitors_own_sentence_is_asked_the_next_day(quick_ways):
    about = Asked(question="Hours?", answer="at 7:30", prompt="Each Sunday Mondfenster opens", subject="Mondfenster")
    *_, cards = try_ways(about, RECIPE, ["rome"])
    assert cards[0].done
    *_, then = after_change(cards, about.changed("at 8:00"))
    assert then[0].continued == cards[0].continued


def test_what_failed_and_the_base_are_not_asked_the_next_day():
    *_, cards = try_ways(replace(ABOUT, question="Why?"), RECIPE, ["base", "rome"])
    assert list(after_change(cards, ABOUT.changed("in the barn"))) == []


def test_a_browser_s_recipe_that_is_none_is_refused():
    [card] = tried(ways=["prompt"]).values()
    with pytest.raises(PlaygroundError):
        list(after_change([replace(card, recipe={"model": 1})], ABOUT))


def test_there_are_as_many_ways_to_ask_as_a_card_has():
    assert len(tried(ways=["base"])["base"].wordings) == WAYS_TO_ASK
