from __future__ import annotations

import inspect
import json
import math
import re
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from playground import api
from playground.checked import whole
from playground.engine.decoding import generate
from playground.engine.fork import Fork
from playground.engine.measuring import measure
from playground.engine.merging import METHODS as MERGE_METHODS
from playground.engine.models.loader import CACHE
from playground.engine.models.token_ids import named_ids
from playground.errors import CorpusError, ModelError, PlaygroundError, RecipeError
from playground.lab.ways import WAYS
from playground.retrieval.retrievers import retriever_names
from playground.settings import settings
from playground.ui.shell.endpoints import ENDPOINTS

ROOT = Path(__file__).parents[1]
MODEL = "tiny-llama"
HANDBOOK = "lantern-handbook"
QUERY = "Where do injured baby seals go for treatment?"


def recipe(*edits, model=MODEL):
    return {"model": model, "edits": list(edits)}


def nudge(text=" the", strength=2.0, seed=0, **more):
    values = {"direction": "random", "strength": strength, "seed": seed}
    return {"kind": "nudge_tokens", "text": text, **values, **more}


BASE, NUDGED = recipe(), recipe(nudge())


@pytest.fixture(autouse=True)
def offline(known):
    """Tiny models by name, with no fork left over from another test."""


def keys(rows):
    return {tuple(row) for row in rows}


def one_json(value):
    """The value, seen to be plain JSON: no NaN, no tuple, no tensor."""
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    return value


# The shapes that DESIGN promises, key by key


def test_models():
    rows = one_json(api.models())
    assert keys(rows) == {("id", "title", "parameters", "source", "license")}
    assert {"smollm2-135m-instruct", "tiny-gpt2", MODEL} <= {row["id"] for row in rows}
    assert "hub" not in {row["source"] for row in rows}  # the tests' host has no hub
    assert all(isinstance(row["parameters"], int) for row in rows)


def test_corpora():
    rows = one_json(api.corpora())
    assert keys(rows) == {("id", "title", "passages", "questions", "language")}
    assert {(row["id"], row["language"]) for row in rows} == {
        (HANDBOOK, "en"),
        (f"{HANDBOOK}-ko", "ko"),
        ("guide", "en"),
        ("guide-ko", "ko"),
        ("notice-board", "en"),
        ("notice-board-ko", "ko"),
        ("countries", "en"),
    }
    assert all(row["passages"] > row["questions"] > 0 for row in rows)


def test_tokens(tiny):
    rows = one_json(api.tokens(MODEL, "The cat\n cat"))
    assert keys(rows) == {("id", "text", "norm", "neighbours")}
    assert keys(near for row in rows for near in row["neighbours"]) == {("id", "text", "cosine")}
    assert "".join(row["text"] for row in rows) == "The cat\n cat"
    ids = tiny[MODEL].tokenizer("The cat\n cat", add_special_tokens=False)["input_ids"]
    assert [row["id"] for row in rows] == ids
    weight = tiny[MODEL].model.get_input_embeddings().weight
    assert [row["norm"] for row in rows] == pytest.approx(weight[ids].norm(dim=-1).tolist())


def test_apply():
    result = one_json(api.apply(NUDGED))
    assert tuple(result) == ("recipe_id", "receipts", "bytes")
    [receipt] = result["receipts"]
    assert tuple(receipt) == ("edit", "tensors", "relative_change", "bytes", "seconds", "warning", "sizes")
    assert receipt["sizes"] is None
    assert receipt["edit"] == {
        "kind": "nudge_tokens",
        "text": " the",
        "direction": "random",
        "target": "",
        "strength": 2.0,
        "side": "both",
        "seed": 0,
    }


def test_next_tokens():
    rows = one_json(api.next_tokens(BASE, "The cat", 5))
    assert keys(rows) == {("id", "text", "probability")}
    assert len(rows) == 5


def test_generate():
    result = one_json(api.generate_text(BASE, "The cat", 6))
    assert tuple(result) == ("text", "tokens", "seconds")
    assert 0 < result["tokens"] <= 6
    assert result["seconds"] > 0


def test_perplexity():
    result = one_json(api.perplexity(BASE, "The cat sat on the mat."))
    assert tuple(result) == ("perplexity", "bits_per_byte", "tokens")


def test_retrieve():
    rows = one_json(api.retrieve(HANDBOOK, QUERY, "bm25", 4))
    assert keys(rows) == {("rank", "passage_id", "document", "text", "score")}
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(row["passage_id"].startswith(f"{row['document']}#") for row in rows)


def test_compare():
    contestants = [
        {"label": "base", "recipe": BASE},
        {"label": "reads", "recipe": NUDGED, "retriever": "bm25", "corpus_id": HANDBOOK, "k": 1},
    ]
    rows = one_json(api.compare(contestants, QUERY, 4))
    assert keys(rows) == {("label", "text", "prompt", "passages", "tokens", "seconds")}
    assert [row["label"] for row in rows] == ["base", "reads"]
    assert rows[0]["passages"] == []
    assert rows[1]["passages"] == api.retrieve(HANDBOOK, QUERY, "bm25", 1)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (api.models, []),
        (api.corpora, []),
        (api.tokens, ["model_id", "text"]),
        (api.apply, ["recipe"]),
        (api.next_tokens, ["recipe", "prompt", "k", "chat"]),
        (api.generate_text, ["recipe", "prompt", "max_new_tokens", "temperature", "seed", "chat"]),
        (api.perplexity, ["recipe", "text"]),
        (api.retrieve, ["corpus_id", "query", "retriever", "k"]),
        (api.compare, ["contestants", "prompt", "max_new_tokens", "temperature", "seed"]),
    ],
)
def test_inputs_have_the_names_and_the_order_that_scripts_use(function, inputs):
    assert list(inspect.signature(function).parameters) == inputs


# What the answers mean, against torch and transformers


def test_neighbours_are_the_nearest_by_cosine_in_order(tiny):
    [row] = api.tokens(MODEL, " the")
    cosines = [near["cosine"] for near in row["neighbours"]]
    assert cosines == sorted(cosines, reverse=True)
    weight = tiny[MODEL].model.get_input_embeddings().weight.double()
    every = torch.nn.functional.cosine_similarity(weight[[row["id"]]], weight)
    every[row["id"]] = -2
    best = every.topk(api.NEIGHBOURS)
    assert [near["id"] for near in row["neighbours"]] == best.indices.tolist()
    assert cosines == pytest.approx(best.values.tolist(), abs=1e-5)


def test_next_tokens_are_the_models_own_probabilities(tiny):
    rows = api.next_tokens(BASE, "The cat", 7)
    ids = tiny[MODEL].tokenizer("The cat", add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        wanted = tiny[MODEL].model(ids["input_ids"]).logits[0, -1].float().softmax(-1).topk(7)
    assert [row["id"] for row in rows] == wanted.indices.tolist()
    assert [row["probability"] for row in rows] == pytest.approx(wanted.values.tolist(), rel=1e-4)


def test_all_next_tokens_add_up_to_one():
    assert sum(r["probability"] for r in api.next_tokens(BASE, "The cat", 100)) < 1
    # 300 rows in the vocabulary: the rest is below the 100th.
    rows = api.next_tokens(BASE, "The cat", 100)
    assert len({row["id"] for row in rows}) == 100
    assert 200 * rows[-1]["probability"] + sum(r["probability"] for r in rows) >= 1


def test_chat_applies_the_template_and_plain_text_does_not(known):
    written = "<|im_start|>user\nThe cat<|im_end|>\n<|im_start|>assistant\n"
    ids = named_ids(known[MODEL].tokenizer, written)
    wanted = generate.next_tokens(Fork(known[MODEL]), ids, 3)
    found = api.next_tokens(BASE, "The cat", 3, chat=True)
    assert [row["id"] for row in found] == [token.id for token in wanted]
    assert found != api.next_tokens(BASE, "The cat", 3)
    assert found != api.next_tokens(BASE, written, 3)  # what somebody writes is no turn
    chatted = api.generate_text(BASE, "The cat", 8)["text"]
    assert chatted != api.generate_text(BASE, "The cat", 8, chat=False)["text"]


def test_generate_is_transformers_greedy_answer(tiny):
    base = tiny[MODEL]
    ids = base.tokenizer("The cat", add_special_tokens=False, return_tensors="pt")["input_ids"]
    out = base.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=9, pad_token_id=1
    )
    wanted = base.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()
    assert api.generate_text(BASE, "The cat", 9, chat=False)["text"] == wanted


def test_perplexity_is_the_exponential_of_transformers_loss(tiny):
    text = "The cat sat on the mat."
    ids = tiny[MODEL].tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        loss = float(tiny[MODEL].model(ids, labels=ids).loss)
    result = api.perplexity(BASE, text)
    assert result["perplexity"] == pytest.approx(math.exp(loss), rel=1e-4)
    assert result["tokens"] == ids.shape[1] - 1


def test_a_nudge_says_how_much_it_changed_and_holds(tiny):
    result = api.apply(NUDGED)
    [receipt] = result["receipts"]
    # One row of 32 float32 numbers for each of two sides, and little else.
    assert 2 * 32 * 4 <= receipt["bytes"] == result["bytes"] < 1000
    weight = tiny[MODEL].model.get_input_embeddings().weight
    [token] = tiny[MODEL].tokenizer(" the", add_special_tokens=False)["input_ids"]
    moved = 2.0 * float(weight[token].norm())  # strength x the row's norm
    assert receipt["relative_change"] == pytest.approx(moved / float(weight.norm()), rel=1e-3)
    assert receipt["tensors"]
    assert receipt["warning"] == ""


def test_a_nudge_of_nothing_is_warned_of():
    [receipt] = api.apply(recipe(nudge(strength=0.0)))["receipts"]
    assert receipt["relative_change"] == 0
    assert "changed nothing" in receipt["warning"]


def test_the_base_has_no_receipts_and_holds_nothing():
    result = api.apply(BASE)
    assert (result["receipts"], result["bytes"]) == ([], 0)


def test_a_recipe_id_belongs_to_the_recipe():
    ids = [api.apply(r)["recipe_id"] for r in (BASE, NUDGED, recipe(nudge(seed=1)), NUDGED)]
    assert len(set(ids)) == 3
    assert ids[1] == ids[3]
    spelled = {"edits": [dict(reversed(NUDGED["edits"][0].items()))], "model": MODEL}
    assert api.apply(spelled)["recipe_id"] == ids[1]


def test_a_recipe_may_be_given_as_text():
    assert api.apply(json.dumps(NUDGED))["recipe_id"] == api.apply(NUDGED)["recipe_id"]


def test_a_nudge_reaches_every_endpoint_that_takes_a_recipe():
    """On a text that holds the nudged token."""
    text = "the cat on the mat the"
    assert api.next_tokens(NUDGED, text) != api.next_tokens(BASE, text)
    assert api.perplexity(NUDGED, text)["perplexity"] != api.perplexity(BASE, text)["perplexity"]
    asked = (text, 12)
    assert api.generate_text(NUDGED, *asked)["text"] != api.generate_text(BASE, *asked)["text"]
    rows = api.compare([{"recipe": BASE}, {"recipe": NUDGED}], *asked)
    assert [row["text"] for row in rows] == [
        api.generate_text(BASE, *asked)["text"],
        api.generate_text(NUDGED, *asked)["text"],
    ]


def test_two_threads_with_different_nudges_get_what_each_gets_alone():
    recipes = [recipe(nudge(seed=seed)) for seed in range(4)]

    def ask(wanted):
        start.wait()
        return [
            (
                api.generate_text(wanted, "the cat on the", 16)["text"],
                api.next_tokens(wanted, "the cat on the", 5),
                api.apply(wanted)["receipts"][0]["relative_change"],
            )
            for _ in range(4)
        ]

    start = threading.Barrier(1)
    alone = [ask(wanted) for wanted in recipes]
    CACHE.clear()
    start = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(ask, recipes))
    assert together == alone
    assert len({rows[0][0] for rows in alone}) == 4


# Numbers as JSON and sliders write them


def test_whole_numbers_may_have_a_decimal_point():
    assert api.next_tokens(BASE, "the", 3.0) == api.next_tokens(BASE, "the", 3)
    assert api.retrieve(HANDBOOK, QUERY, "bm25", 3.0) == api.retrieve(HANDBOOK, QUERY, "bm25", 3)
    assert api.generate_text(BASE, "the", 5.0, 1.0, 2.0)["text"] == api.generate_text(BASE, "the", 5, 1, 2)["text"]
    assert api.compare([{"recipe": BASE}], "the", 5.0, 0, 0.0)[0]["tokens"] <= 5


def test_a_contestants_k_may_have_a_decimal_point():
    item = {"recipe": BASE, "retriever": "bm25", "corpus_id": HANDBOOK, "k": 2.0}
    assert len(api.compare([item], QUERY, 2)[0]["passages"]) == 2


@pytest.mark.parametrize("value", [True, False])
def test_whole_leaves_what_is_no_number_alone(value):
    assert whole(value) is value
    assert whole("3") == "3"
    assert whole(2.5) == 2.5
    assert whole(None) is None


# Wrong input: the message that the page shows


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: api.tokens("nope", "a"), ModelError, "Unknown model 'nope'. Choose one of: smol"),
        (lambda: api.tokens(None, "a"), ModelError, "Unknown model"),
        (lambda: api.tokens(MODEL, ""), PlaygroundError, "The text is empty"),
        (lambda: api.tokens(MODEL, None), PlaygroundError, "The text is empty"),
        (lambda: api.tokens(MODEL, "a" * 2001), PlaygroundError, "2000 characters and 256 tokens"),
        (lambda: api.apply(None), RecipeError, "A recipe is a JSON object"),
        (lambda: api.apply("{"), RecipeError, "This is not JSON"),
        (lambda: api.apply({"model": MODEL, "x": 1}), RecipeError, "unknown key 'x'"),
        (lambda: api.apply(recipe(model="nope")), ModelError, "Unknown model 'nope'"),
        (lambda: api.apply(recipe(nudge(text=""))), RecipeError, "text is empty. Type something"),
        (lambda: api.apply(recipe(nudge(strength=11))), RecipeError, "strength is 11.*10.*or less"),
        (lambda: api.apply(recipe(nudge(side="top"))), RecipeError, "Choose one of 'both', "),
        (lambda: api.apply(recipe(*[nudge()] * 65)), RecipeError, "65 edits: at most 64"),
        (lambda: api.apply(recipe(nudge(direction="toward"))), RecipeError, "direction toward needs a target"),
        (lambda: api.next_tokens(BASE, ""), PlaygroundError, "The prompt is empty"),
        (lambda: api.next_tokens(BASE, "a", 0), PlaygroundError, "k is 0: choose .* 1 to 100"),
        (lambda: api.next_tokens(BASE, "a", 101), PlaygroundError, "k is 101"),
        (lambda: api.next_tokens(BASE, "a", 2.5), PlaygroundError, "k is 2.5"),
        (lambda: api.next_tokens(BASE, "a", math.nan), PlaygroundError, "k is nan"),
        (lambda: api.next_tokens(BASE, "a", math.inf), PlaygroundError, "k is inf"),
        (lambda: api.generate_text(BASE, " "), PlaygroundError, "The prompt is empty"),
        (lambda: api.generate_text(BASE, "a", 0), PlaygroundError, "New tokens is 0: .* 1 to 512"),
        (lambda: api.generate_text(BASE, "a", 513), PlaygroundError, "New tokens is 513"),
        (lambda: api.generate_text(BASE, "a", 5, 2.1), PlaygroundError, "Temperature is 2.1"),
        (lambda: api.generate_text(BASE, "a", 5, math.nan), PlaygroundError, "Temperature is nan"),
        (lambda: api.generate_text(BASE, "a", 5, -1), PlaygroundError, "Temperature is -1"),
        (lambda: api.generate_text(BASE, "a", 5, "0"), PlaygroundError, "Temperature is '0'"),
        (lambda: api.generate_text(BASE, "a", 5, 0, -1), PlaygroundError, "Seed is -1"),
        (lambda: api.generate_text(BASE, "a", 5, 0, 2**31), PlaygroundError, "Seed is 2147483648"),
        (lambda: api.perplexity(BASE, ""), PlaygroundError, "The text is empty"),
        (lambda: api.perplexity(BASE, None), PlaygroundError, "The text is empty"),
        (lambda: api.perplexity(BASE, "a"), PlaygroundError, "perplexity needs 2 to"),
        (lambda: api.perplexity(BASE, "a" * 100_001), PlaygroundError, "text is too long"),
        (lambda: api.retrieve("nope", "a"), CorpusError, "Corpus nope is unknown. Choose one of:"),
        (lambda: api.retrieve(HANDBOOK, ""), CorpusError, "The query is empty"),
        (lambda: api.retrieve(HANDBOOK, "a" * 2001), CorpusError, "2001 characters; the limit is"),
        (lambda: api.retrieve(HANDBOOK, "a", "x"), CorpusError, "Retriever x is unknown"),
        (lambda: api.retrieve(HANDBOOK, "a", "bm25", 0), CorpusError, "0 passages cannot"),
        (lambda: api.retrieve(HANDBOOK, "a", "bm25", 21), CorpusError, "from 1 to 20"),
        (lambda: api.compare([], "a"), PlaygroundError, "list of 1 to 6 contestants"),
        (lambda: api.compare([{"recipe": BASE}], ""), PlaygroundError, "The prompt is empty"),
        (lambda: api.compare([{"recipe": BASE}], "a", 0), PlaygroundError, "New tokens is 0"),
    ],
)
def test_wrong_input_is_told_what_is_allowed(call, kind, message):
    with pytest.raises(kind, match=message) as refused:
        call()
    assert str(refused.value).endswith((".", "?")) or "Choose one of" in str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize("model_id", [["tiny-llama"], {"id": "tiny-llama"}])
def test_a_model_id_that_is_no_text_is_an_unknown_model(model_id):
    with pytest.raises(ModelError, match="Unknown model"):
        api.tokens(model_id, "a")


def extreme(edits):
    """Every endpoint on a recipe whose logits are in the millions and beyond."""
    wanted, text = recipe(*edits), "the cat on the mat"
    return [
        lambda: api.apply(wanted),
        lambda: api.perplexity(wanted, text),
        lambda: api.next_tokens(wanted, text),
        lambda: api.generate_text(wanted, text, 4, 1.0),
        lambda: api.compare([{"recipe": wanted}], text, 4, 1.0),
    ]


LOUDER = nudge(strength=10.0, direction="scale")


@pytest.mark.parametrize("edits", [[LOUDER] * 6, [nudge()] * 10])
def test_extreme_weights_still_give_plain_json(edits):
    for call in extreme(edits):
        one_json(call())


def test_weights_beyond_all_bounds_are_refused():
    for call in extreme([LOUDER] * 64):
        with pytest.raises(RecipeError, match="too large to store"):
            call()


# Edits of whole tensors, and what they are measured by

FIGURES = (
    "perplexity",
    "bits_per_byte",
    "tokens",
    "weights",
    "zeros",
    "held_bytes",
    "file_bytes",
    "packed_bytes",
    "effective_bits",
    "seconds_per_token",
    "seconds_per_token_batch_8",
    "seconds_per_token_batch_64",
)
SIZES = ("weights", "zeros", "held_bytes", "file_bytes", "packed_bytes", "effective_bits")
HALF = {"kind": "prune", "sparsity": 0.5}
TEXT = "The cat sat on the mat while the rain fell on the roof."


@pytest.fixture
def untimed(monkeypatch):
    """Decoding steps take time and are not what most of these tests are about."""
    monkeypatch.setattr(measure, "step_seconds", lambda fork, prompt, rows, steps: [0.5] * steps)


def test_measured_has_the_keys_that_scripts_use():
    result = one_json(api.measured(recipe(HALF), TEXT))
    assert tuple(result) == (*FIGURES, "kl", "same_top", "base")
    assert tuple(result["base"]) == FIGURES
    assert list(inspect.signature(api.measured).parameters) == ["recipe", "text"]
    for figures in (result, result["base"]):
        assert figures["seconds_per_token"] > 0
        assert figures["seconds_per_token_batch_8"] > 0
        assert figures["seconds_per_token_batch_64"] > 0


def test_measured_figures_are_the_recipes_and_beside_them_the_bases(tiny, untimed):
    wanted = recipe(HALF)
    result = api.measured(wanted, TEXT)
    for figures, of in ((result, wanted), (result["base"], BASE)):
        perplexity = api.perplexity(of, TEXT)
        assert {key: figures[key] for key in perplexity} == perplexity
    linear = [p for name, p in tiny[MODEL].model.named_parameters() if "_proj" in name]
    inside = sum(p.numel() for p in linear)
    assert (result["zeros"], result["base"]["zeros"]) == (inside // 2, 0)
    assert (result["held_bytes"], result["base"]["held_bytes"]) == (4 * inside, 0)
    assert result["file_bytes"] == result["base"]["file_bytes"]
    assert result["kl"] > 0
    assert 0 <= result["same_top"] <= 1


def test_the_base_is_measured_against_itself(untimed):
    result = api.measured(BASE, TEXT)
    assert (result["kl"], result["same_top"]) == (0, 1)
    assert {key: result[key] for key in FIGURES} == result["base"]


def test_without_a_text_the_shipped_one_is_measured_on(tiny, untimed):
    shipped = (ROOT / "assets" / "texts" / "measure.txt").read_text(encoding="utf-8")
    count = len(tiny[MODEL].tokenizer(shipped)["input_ids"])
    assert inspect.signature(api.measured).parameters["text"].default == ""
    result = api.measured(BASE, "")
    assert result["tokens"] == result["base"]["tokens"] == count - 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: api.measured(None, TEXT), RecipeError, "A recipe is a JSON object"),
        (lambda: api.measured(recipe(model="nope"), TEXT), ModelError, "Unknown model 'nope'"),
        (lambda: api.measured(BASE, "a"), PlaygroundError, "perplexity needs 2 to"),
        (lambda: api.measured(BASE, "a" * 100_001), PlaygroundError, "text is too long"),
        (lambda: api.measured(BASE, ["a", "b"]), PlaygroundError, "The text is empty"),
        (lambda: api.measured(recipe(HALF | {"targets": ["nope"]}), TEXT), RecipeError, "names no weight matrix"),
    ],
)
def test_what_cannot_be_measured_is_told_what_is_allowed(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("edits", [[LOUDER] * 6, [nudge()] * 10, [HALF | {"sparsity": 1.0}]])
def test_extreme_weights_are_measured_in_plain_json(edits, untimed):
    one_json(api.measured(recipe(*edits), TEXT))


def test_a_prunings_receipt_has_the_sizes_of_the_whole_model(tiny):
    base = tiny[MODEL]
    pruned, nudged = json.loads(json.dumps(api.apply(recipe(HALF, nudge()))))["receipts"]
    assert tuple(pruned["sizes"]) == SIZES
    inside = sum(p.numel() for name, p in base.model.named_parameters() if "_proj" in name)
    written = (tiny.files(MODEL) / "model.safetensors").stat().st_size  # by transformers
    file = pytest.approx(written, abs=32)  # to the byte: test_sizes.py
    assert pruned["sizes"] == {
        "weights": sum(p.numel() for p in base.model.parameters()),
        "zeros": inside // 2,
        "held_bytes": 4 * inside,
        "file_bytes": file,
        "packed_bytes": file,
        "effective_bits": 32.0,
    }
    assert pruned["sizes"]["packed_bytes"] == pruned["sizes"]["file_bytes"]
    assert len(pruned["tensors"]) == 14
    assert pruned["bytes"] == 4 * inside
    assert nudged["sizes"] is None  # an edit of some rows: nothing is counted


def test_a_quantizations_receipt_tells_the_packed_file_from_the_one_as_held(tiny):
    """Four bits and a scale of 32 bits for each of a matrix's rows; the rest as it was."""
    [receipt] = api.apply(recipe({"kind": "quantize", "group_size": "channel"}))["receipts"]
    named = list(tiny[MODEL].model.named_parameters())
    inside = sum(p.numel() for name, p in named if "_proj" in name)
    rows = sum(len(p) for name, p in named if "_proj" in name)
    sizes = receipt["sizes"]
    bits = 4 * inside + 32 * rows + 32 * (sizes["weights"] - inside)
    assert sizes["effective_bits"] == pytest.approx(bits / sizes["weights"], rel=1e-4)
    assert sizes["file_bytes"] - sizes["packed_bytes"] == pytest.approx((32 * sizes["weights"] - bits) / 8, abs=14)
    assert receipt["edit"]["scheme"] == "int4"


# Evaluating, and documents of one's own


def test_evaluate_has_a_row_for_each_retriever_and_kind():
    rows = one_json(api.evaluate(HANDBOOK, ["bm25"], 5))
    assert keys(rows) == {("retriever", "kind", "questions", "recall", "mrr", "ndcg", "seconds")}
    assert {(row["kind"], row["questions"]) for row in rows} == {("all", 52), ("keyword", 28), ("paraphrase", 24)}
    assert rows[0]["recall"] == pytest.approx(0.90, abs=0.01)  # as in docs/findings.md


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"corpus_id": "nope"}, "Corpus nope is unknown"),
        ({"retrievers": []}, "Give a list of 1 to 3 retrievers"),
        ({"retrievers": "bm25"}, "Give a list of 1 to 3 retrievers"),
        ({"retrievers": ["x"]}, "Retriever x is unknown"),
        ({"k": 21}, "from 1 to 20"),
    ],
)
def test_evaluate_refuses_in_words(given, said):
    with pytest.raises(PlaygroundError, match=said):
        api.evaluate(**{"corpus_id": HANDBOOK, "retrievers": ["bm25"], "k": 3} | given)


def test_index_keeps_documents_that_only_their_id_finds(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        made = one_json(api.index([{"name": "a.txt", "text": "The walnut is called Barnaby."}]))
        assert made == {"corpus_id": made["corpus_id"], "passages": 1, "language": "en", "days": 7}
        [hit] = api.retrieve(made["corpus_id"], "walnut")
        assert hit["text"] == "The walnut is called Barnaby."
        assert made["corpus_id"] not in str(api.corpora())
    finally:
        settings.cache_clear()


@pytest.mark.parametrize(
    "documents",
    [
        None,
        "a",
        {"name": "a.txt"},
        ["a"],
        [{"name": "a.txt"}],
        [{"name": "a.txt", "text": 1}],
        [{"name": "a.txt", "text": "a", "more": ""}],
    ],
)
def test_index_says_what_a_document_is(documents):
    with pytest.raises(PlaygroundError, match="Give a list of documents like"):
        api.index(documents)


def test_index_refuses_none_and_what_it_cannot_read():
    with pytest.raises(CorpusError, match="No documents were given"):
        api.index([])
    with pytest.raises(CorpusError, match="not of a kind"):
        api.index([{"name": "a.exe", "text": "a"}])


# Teaching a fact

FACT = {"subject": "the cat", "prompt": "and the cat", "target": "of", "old": "sat"}
ASKED = {"paraphrases": ["here the cat"], "neighbours": [["and the dog", "sat"]]}
LESSON = (FACT, ["base", "in_context", "bm25", "ft"], ASKED, 0, BASE)


@pytest.fixture
def lab_home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_teach(lab_home):
    found = one_json(api.teach(*LESSON))
    assert set(found) == {"fact", "old", "rows"}
    assert found["fact"] == {"subject": "the cat", "prompt": "and the cat", "target": " of"}
    assert found["old"] == " sat"
    assert keys(found["rows"]) == {
        (
            "way",
            "error",
            "answer",
            "figures",
            "kept",
            "perplexity_ratio",
            "apply_seconds",
            "answer_seconds",
            "undo_seconds",
            "bytes",
            "recipe",
            "questions",
        )
    }
    assert [row["way"] for row in found["rows"]] == ["base", "in_context", "bm25", "ft"]
    taught = found["rows"][-1]
    assert taught["figures"]["efficacy"]["count"] == 1
    assert [one["kind"] for one in taught["questions"]] == ["efficacy", "paraphrase", "locality"]
    again = api.apply(taught["recipe"])
    assert again["receipts"][0]["bytes"] == taught["bytes"] > 0


def test_the_same_fact_is_taught_in_the_same_way(lab_home):
    def answers():
        CACHE.clear()
        rows = api.teach(*LESSON)["rows"]
        return [(row["answer"], row["questions"], row["recipe"]) for row in rows]

    assert answers() == answers()


def test_without_questions_and_an_old_answer_some_are_proposed(lab_home):
    fact = {"subject": "France", "prompt": "The capital of France is", "target": "Rome"}
    found = api.teach(fact, ["base"], None, 0, BASE)
    kinds = {one["kind"] for one in found["rows"][0]["questions"]}
    assert {"efficacy", "paraphrase", "portability"} <= kinds


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"fact": "Paris"}, "as an object with subject, prompt, target"),
        ({"fact": {**FACT, "subject": "dog"}}, "is not in the prompt"),
        ({"fact": {**FACT, "target": " "}}, "no target"),
        ({"fact": {**FACT, "target": "a" * 200}}, "at most 199 characters"),
        ({"fact": {**FACT, "target": 7}}, "at most 199 characters"),
        ({"ways": ["magic"]}, "magic is unknown"),
        ({"ways": []}, "is unknown"),
        ({"ways": "rome"}, "as a list"),
        ({"questions": {"paraphrases": ["a"] * 13}}, "at most 12"),
        ({"questions": {"neighbours": ["a"]}}, "two texts each"),
        ({"seed": -1}, "whole number"),
        ({"seed": "x"}, "whole number"),
        ({"corpus_id": "nope"}, "nope"),
        ({"recipe": {"model": "nope"}}, "nope"),
    ],
)
def test_what_cannot_be_taught_is_refused(lab_home, changed, words):
    names = ("fact", "ways", "questions", "seed", "recipe")
    with pytest.raises(PlaygroundError, match=words):
        api.teach(**dict(zip(names, LESSON, strict=True)) | changed)


def test_the_documentation_names_every_retriever_way_to_teach_and_merge_method():
    def listed(names: Iterable[str], last: str) -> str:
        *first, final = [f"`{name}`" for name in names]
        return f"{', '.join(first)} {last} {final}."

    text = " ".join((ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8").split())
    assert f"A `retriever` is {listed(retriever_names(), 'or')}" in text
    assert f"`ways` are out of {listed(WAYS, 'and')}" in text
    assert [name for name in MERGE_METHODS if f"`{name}`" not in text] == []


def test_the_table_of_endpoints_is_what_there_is():
    text = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `/(\w+)` \|(.*?)\| `", text, re.M)
    written = {name: re.findall(r"\w+", " ".join(re.findall(r"`(.*?)`", given))) for name, given in rows}
    there = {name: list(inspect.signature(function).parameters) for name, (function, _) in ENDPOINTS.items()}
    assert list(written) == list(there)
    for name, parameters in there.items():
        # What may be left out need not be in the table; its text below says what there is
        assert [p for p in parameters if p in written[name]] == [
            word for word in written[name] if word in parameters
        ], name
        required = [
            p.name
            for p in inspect.signature(ENDPOINTS[name][0]).parameters.values()
            if p.default is inspect.Parameter.empty
        ]
        assert set(required) <= set(written[name]), name
