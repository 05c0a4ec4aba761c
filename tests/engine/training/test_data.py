"""Training data as files have it, and as tokens."""

from __future__ import annotations

import copy
import csv
import dataclasses
import io
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from playground.engine.generate import prompt_ids, prompt_text
from playground.engine.training import data
from playground.engine.training.data import (
    DataError,
    Encoded,
    Example,
    batch_of,
    encode,
    from_table,
    read_file,
    read_jsonl,
    ready_sets,
    split,
)
from playground.errors import PlaygroundError

CAT = Example("Where is the cat?", "On the mat.")
TWO = [CAT, Example("서울은 어디?", 'A "quoted", odd\nanswer')]


def jsonl(*rows) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def csv_of(columns, rows, end="\r\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end)
    writer.writerows([columns, *rows])
    return out.getvalue().encode()


# Reading


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_gives_its_rows_quotes_and_line_breaks_included(end):
    content = csv_of(("prompt", "completion"), [(e.prompt, e.completion) for e in TWO], end)
    assert read_file("data.CSV", content) == TWO


def test_the_columns_of_a_csv_may_stand_in_any_order_beside_others():
    content = csv_of(("id", "answer", "question"), [("1", CAT.completion, CAT.prompt)])
    assert read_file("data.csv", content) == [CAT]


@pytest.mark.parametrize("name", ["data.jsonl", "data.json", "DATA.JSONL"])
def test_jsonl_gives_prompts_and_completions(name):
    rows = [{"prompt": e.prompt, "completion": e.completion} for e in TWO]
    assert read_file(name, jsonl(*rows)) == TWO


def test_a_byte_order_mark_and_empty_lines_do_not_matter():
    lines = b"\n\n".join(jsonl(dataclasses.asdict(e)) for e in TWO)
    assert read_jsonl(b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n") + b"\n  \n") == TWO


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_a_line_separator_inside_a_text_is_part_of_it(mark):
    odd = Example(f"one{mark}two", f"three{mark}four")
    assert read_jsonl(jsonl(dataclasses.asdict(odd))) == [odd]


def test_an_instructions_input_comes_after_it():
    rows = (
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        {"instruction": "Greet.", "input": "", "output": "Hello"},
        {"input": "Only this", "output": "fine"},
    )
    assert read_jsonl(jsonl(*rows)) == [
        Example("Add.\n\n1 and 2", "3"),
        Example("Greet.", "Hello"),
        Example("Only this", "fine"),
    ]


def said(*turns):
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_of_messages_the_last_user_turn_and_its_answer_are_taken():
    short = said(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"))
    long = said(("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao"))
    assert read_jsonl(jsonl(short, long)) == [Example("Hi", "Hello"), Example("Bye", "Ciao")]


def test_an_answer_to_an_earlier_turn_is_not_taken_for_one_to_the_last():
    with pytest.raises(DataError, match="Example 1 lacks a prompt or a completion"):
        read_jsonl(jsonl(said(("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"))))


def test_a_table_gives_its_rows_without_the_empty_ones():
    rows = [[CAT.prompt, CAT.completion], ["", None], [None, "  "], [TWO[1].prompt, 7, "more"], []]
    assert from_table(rows) == [CAT, Example(TWO[1].prompt, "7")]


LONG = "x" * (data.MAX_CHARACTERS + 1)
PAIR = {"prompt": "a", "completion": "b"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.txt", b"prompt,completion", r"data.txt is not a .csv or .jsonl file"),
        ("data.csv.zip", b"PK", r"data.csv.zip is not a .csv or .jsonl file"),
        ("a.jsonl", b'{"prompt": "\xff"}', "not UTF-8 text"),
        ("a.csv", "prompt,completion\né,b".encode("utf-16"), "not UTF-8 text"),
        ("a.jsonl", jsonl(PAIR) + b"\n{oops", "Line 2 is not JSON"),
        ("a.jsonl", b"[" * 100_000, "Line 1 is not JSON"),
        ("a.jsonl", jsonl([PAIR]), "Line 1 is not JSON. Give one object on each line"),
        ("a.csv", b'prompt,completion\n"a,b', "quotes or line ends do not match"),
        ("a.csv", b'prompt,completion\n"a"b,c', "quotes or line ends do not match"),
        ("a.jsonl", jsonl(PAIR, {"prompt": "a"}), "Example 2 lacks a prompt or a completion"),
        ("a.jsonl", jsonl({"prompt": " \n", "completion": "b"}), "Example 1 lacks"),
        ("a.jsonl", jsonl({"prompt": 3, "completion": ["b"]}), "Example 1 lacks"),
        ("a.jsonl", jsonl({"messages": "Hi"}), "Example 1 lacks"),
        ("a.jsonl", jsonl({"messages": [3, {"role": ["user"], "content": "x"}]}), "Example 1 l"),
        ("a.csv", csv_of(("prompt", "reply"), [("a", "b")]), "Example 1 lacks"),
        ("a.csv", csv_of(("prompt", "completion"), [("a", "b"), ("a",)]), "Example 2 lacks"),
        ("a.jsonl", jsonl(PAIR | {"prompt": LONG}), "Example 1 is too long: .* 8000 characters"),
        ("a.jsonl", jsonl(PAIR, PAIR | {"completion": LONG}), "Example 2 is too long"),
        ("a.csv", csv_of(("prompt", "completion"), [("a", LONG)]), "Example 1 is too long"),
        ("a.csv", csv_of(("prompt", "completion"), [("a", LONG * 50)]), "Example 1 is too long"),
        ("a.jsonl", b"", "There are no examples"),
        ("a.csv", b"prompt,completion\n", "There are no examples"),
        ("a.csv", b"", "There are no examples"),
        ("a.jsonl", b" " * (data.MAX_FILE + 1), "a.jsonl is larger than 4 MB"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name, content, message):
    with pytest.raises(DataError, match=message):
        read_file(name, content)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a", "b"], ["a", ""]], "Example 2 lacks"),
        ([["a"]], "Example 1 lacks"),
        ([["", "b"]], "Example 1 lacks"),
        ([["a", LONG]], "Example 1 is too long"),
        ([["", ""]], "There are no examples"),
        ([], "There are no examples"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        from_table(rows)


def test_the_limits_themselves_are_taken_and_one_more_is_not():
    edge = Example("x" * data.MAX_CHARACTERS, "y" * data.MAX_CHARACTERS)
    assert from_table([[edge.prompt, edge.completion]]) == [edge]
    assert len(from_table([["a", "b"]] * data.MAX_EXAMPLES)) == data.MAX_EXAMPLES
    with pytest.raises(DataError, match="more than 2000 examples"):
        from_table([["a", "b"]] * (data.MAX_EXAMPLES + 1))


def test_the_three_ready_sets_read():
    sets = ready_sets()
    assert list(sets) == ["handbook", "json", "pirate"]
    for name, examples in sets.items():
        lines = (data.SETS / name / "train.jsonl").read_text(encoding="utf-8").splitlines()
        assert [dataclasses.asdict(example) for example in examples] == list(map(json.loads, lines))
        assert len(examples) >= 200
    assert all(json.loads(example.completion)["answer"] for example in sets["json"])


# Tokens


def plain(base, text):
    return base.tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("chat", [True, False])
def test_a_prompt_has_the_tokens_that_a_model_is_asked_with(llama, chat):
    one = encode(llama, CAT, chat, 0.0, 1_000)
    asked = prompt_ids(llama, prompt_text(llama.tokenizer, CAT.prompt, chat))
    answer = plain(llama, CAT.completion if chat else " " + CAT.completion)
    end = llama.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert list(one.ids) == [*asked, *answer, end]
    assert list(one.weights) == [0] * len(asked) + [1] * (len(answer) + 1)
    assert not one.cut


@pytest.fixture
def opening(llama):
    """A base whose tokenizer begins every text with a token, as Llama's and Gemma's do."""
    tokenizer = copy.deepcopy(llama.tokenizer)
    start = tokenizer.bos_token
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.bos_token_id)]
    )
    return dataclasses.replace(llama, tokenizer=tokenizer)


@pytest.mark.parametrize("chat", [True, False])
def test_a_model_that_expects_a_first_token_learns_with_it(opening, chat):
    one = encode(opening, CAT, chat, 0.0, 1_000)
    asked = prompt_ids(opening, prompt_text(opening.tokenizer, CAT.prompt, chat))
    assert list(one.ids[: len(asked)]) == asked
    assert list(one.ids).count(opening.tokenizer.bos_token_id) == (2 if chat else 1)
    assert one.weights.index(1.0) == len(asked)


@pytest.mark.parametrize(
    ("prompt", "completion", "text"),
    [("a", "b", " b"), ("a ", "b", "b"), ("a\n", "b", "b"), ("a", "\nb", "\nb")],
)
def test_a_continued_text_is_parted_by_a_space_unless_there_is_one(llama, prompt, completion, text):
    one = encode(llama, Example(prompt, completion), False, 0.0, 100)
    assert list(one.ids) == [*plain(llama, prompt), *plain(llama, text), 1]


def test_the_prompt_counts_by_its_weight_but_for_the_first_token(llama):
    one = encode(llama, CAT, True, 0.25, 1_000)
    asked = len(prompt_ids(llama, prompt_text(llama.tokenizer, CAT.prompt, True)))
    assert list(one.weights) == [0, *[0.25] * (asked - 1), *[1] * (len(one.ids) - asked)]


def test_a_long_example_loses_its_end(llama):
    whole = encode(llama, CAT, True, 0.5, 1_000)
    for length in (8, len(whole.ids) - 1, len(whole.ids)):
        one = encode(llama, CAT, True, 0.5, length)
        assert (one.ids, one.weights) == (whole.ids[:length], whole.weights[:length])
        assert one.cut == (length < len(whole.ids))


def test_a_model_without_a_chat_template_says_so(llama):
    tokenizer = copy.deepcopy(llama.tokenizer)
    tokenizer.chat_template = None
    with pytest.raises(PlaygroundError, match="has no chat template"):
        encode(dataclasses.replace(llama, tokenizer=tokenizer), CAT, True, 0.0, 100)


def test_a_batch_is_padded_on_the_right_and_the_padding_counts_nothing():
    rows = [Encoded((5, 6, 7), (0.0, 0.5, 1.0), False), Encoded((8,), (1.0,), True)]
    ids, mask, weights = batch_of(rows, 9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert weights.tolist() == [[0, 0.5, 1], [1, 0, 0]]
    assert ids.dtype == mask.dtype == torch.long


# Holding back


@given(st.integers(1, 60), st.floats(0, 0.5), st.integers(0, 2**31 - 1))
def test_a_split_is_complete_disjoint_seeded_and_leaves_something_to_train_on(count, share, seed):
    examples = [Example(str(n), str(n)) for n in range(count)]
    learn, held = split(examples, share, seed)
    assert sorted(learn + held, key=examples.index) == examples
    assert len(learn) >= 1
    assert abs(len(held) - share * count) <= 0.5 or len(learn) == 1
    assert (learn, held) == split(examples, share, seed)


def test_another_seed_holds_back_others():
    examples = [Example(str(n), str(n)) for n in range(40)]
    found = {tuple(split(examples, 0.25, seed)[1]) for seed in range(5)}
    assert len(found) == 5
    assert all(len(held) == 10 for held in found)


def test_nothing_is_held_back_of_one_example_or_for_a_share_of_0():
    assert split([CAT], 0.5, 0) == ([CAT], [])
    assert split(TWO, 0.0, 0) == (TWO, [])


def test_a_csv_is_read_as_spreadsheets_save_it():
    for text in (
        "sep=;\r\nOur examples\r\n\r\nPrompt;Completion\r\nSeoul is;in Korea\r\n",
        "prompt\tcompletion\nSeoul is\tin Korea\n",
        'prompt;completion\n"Seoul is";"in Korea"',
    ):
        assert read_file("a.csv", text.encode()) == [Example("Seoul is", "in Korea")]
