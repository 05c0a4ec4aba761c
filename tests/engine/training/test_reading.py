"""Training files as people have them, and what is said of what cannot be used."""

from __future__ import annotations

import csv
import io
import json

import pytest

from playground.engine.training import data
from playground.engine.training.data import DataError, Example
from playground.engine.training.reading import MOST_REASONS, SETS, read_file, ready_sets

CAT = Example("Where is the cat?", "On the mat.")
TWO = [CAT, Example("서울은 어디?", 'A "quoted", odd\nanswer')]
PAIR = {"prompt": "a", "completion": "b"}
LONG = "x" * (data.MAX_CHARACTERS + 1)


def jsonl(*rows) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def csv_of(columns, rows, end="\r\n", delimiter=",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, delimiter=delimiter).writerows([columns, *rows])
    return out.getvalue()


def examples(content, name="a.jsonl"):
    reading = read_file(name, content.encode() if isinstance(content, str) else content)
    assert (reading.left_out, reading.reasons) == (0, ())
    return list(reading.examples)


def talk(*turns, key="messages", role="role", text="content"):
    return {key: [{role: who, text: said} for who, said in turns]}


# Tables


def test_a_csv_gives_its_rows_whatever_its_line_ends_separator_and_encoding():
    rows = [(e.prompt, e.completion) for e in TWO]
    for end in ("\n", "\r\n"):
        for delimiter in ",;\t|":
            text = csv_of(("prompt", "completion"), rows, end, delimiter)
            for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp949"):
                assert examples(text.encode(encoding), "DATA.CSV") == TWO, (delimiter, encoding)
    russian = csv_of(("prompt", "completion"), [("Где кошка?", "Кошка на ковре, как и всегда.")])
    assert examples(russian.encode("cp1251"), "a.csv")[0].prompt == "Где кошка?"
    assert examples(csv_of(("question", "answer"), rows, "\n", "\t"), "a.tsv") == TWO


def test_the_columns_of_a_csv_may_stand_in_any_order_beside_others():
    assert examples(csv_of(("id", "Answer", "Question"), [("1", CAT.completion, CAT.prompt)]), "a.csv") == [CAT]


def test_a_csv_is_read_as_spreadsheets_save_it():
    for text in (
        "sep=;\r\nOur examples\r\n\r\nPrompt;Completion\r\nSeoul is;in Korea\r\n",
        "prompt\tcompletion\nSeoul is\tin Korea\n",
        'prompt;completion\n"Seoul is";"in Korea"',
    ):
        assert examples(text, "a.csv") == [Example("Seoul is", "in Korea")]


def test_a_table_without_names_has_prompts_and_completions_in_its_first_columns():
    for text in ("Where is it?,Here.\nAnd now?,There.", "Q 1?,Here.\nQ 2?,There."):
        reading = read_file("a.csv", text.encode())
        assert [e.completion for e in reading.examples] == ["Here.", "There."]
        assert "from the first row on" in str(reading.told[0])


def test_a_row_with_a_stray_quote_is_left_out_and_told():
    text = 'prompt,completion\na,b\n"never closed,c\n"closed"within,d\ne,f\n'
    reading = read_file("a.csv", text.encode())
    assert reading.examples == (Example("a", "b"), Example("e", "f"))
    assert reading.left_out == 2
    assert [str(reason) for reason in reading.reasons] == [
        f"Row {number} cannot be read: its quotes or line ends do not match." for number in (2, 3)
    ]


# JSON


def test_lines_a_list_and_an_object_around_a_list_give_the_same():
    rows = [{"prompt": e.prompt, "completion": e.completion} for e in TWO]
    lines = jsonl(*rows)
    contents = [
        lines,
        b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n\r\n") + b"\n  \n",
        json.dumps(rows).encode(),
        json.dumps(rows, indent=2).encode("utf-8-sig"),
        json.dumps({"version": 1, "data": rows}, indent=1).encode("utf-16"),
    ]
    for content in contents:
        for name in ("a.jsonl", "A.JSON"):
            assert examples(content, name) == TWO
    assert examples(json.dumps(rows[0], indent=2)) == [CAT]


def test_a_line_separator_inside_a_text_is_part_of_it():
    for mark in ("\u2028", "\u2029", "\x85"):
        odd = {"prompt": f"one{mark}two", "completion": f"three{mark}four"}
        assert examples(jsonl(odd)) == [Example(odd["prompt"], odd["completion"])]


def test_alpaca_puts_an_input_after_the_instruction():
    rows = (
        {"instruction": "Add.", "input": "1 and 2", "output": "3", "text": "unused"},
        {"Instruction": "Greet.", "Input": "", "Output": "Hello"},
        {"input": "Only this", "output": "fine"},
        {"system": "Be brief.", "instruction": "Go.", "input": None, "output": "Gone"},
    )
    expected = [
        Example("Add.\n\n1 and 2", "3"),
        Example("Greet.", "Hello"),
        Example("Only this", "fine"),
        Example("Go.", "Gone", (("system", "Be brief."),)),
    ]
    assert examples(json.dumps(rows)) == expected


def test_outputs_that_are_no_texts_are_written_as_json():
    outputs = ({"name": "김", "n": [1, 2]}, [1, "a"], 7, 2.5, True)
    rows = [{"prompt": n, "completion": output} for n, output in enumerate(outputs)]
    said = [(one.prompt, one.completion) for one in examples(jsonl(*rows))]
    assert [prompt for prompt, _ in said] == ["0", "1", "2", "3", "4"]
    assert [json.loads(completion) for _, completion in said] == list(outputs)
    assert "김" in said[0][1]


TURNS = (("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao"))
TAUGHT = [Example("Hi", "Hello", TURNS[:1]), Example("Bye", "Ciao", TURNS[:3])]


def test_every_answer_of_a_conversation_is_taught_with_what_was_said_before_it():
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    sharegpt = talk(*((names[who], said) for who, said in TURNS), key="conversations", role="from", text="value")
    parts = talk(*((who, [{"type": "text", "text": said}]) for who, said in TURNS))
    split = {"prompt": talk(*TURNS[:4])["messages"], "completion": talk(TURNS[4])["messages"]}
    cell = csv_of(("id", "messages"), [("1", json.dumps(talk(*TURNS)["messages"]))])
    for content, name in (
        (json.dumps([talk(*TURNS)]), "a.json"),
        (json.dumps([sharegpt]), "a.json"),
        (jsonl(parts), "a.jsonl"),
        (jsonl(split), "a.jsonl"),
        (cell, "a.csv"),
    ):
        assert examples(content, name) == TAUGHT, content
    [note] = read_file("a.jsonl", jsonl(talk(*TURNS))).told
    assert str(note).startswith("Examples with a text of the system: 2. It is kept")


def test_turns_that_teach_nothing_are_counted():
    odd = talk(
        ("assistant", "Welcome!"),
        ("user", "Hi"),
        ("user", "there"),
        ("tool", "42"),
        ("assistant", "Hello"),
        ("user", "Unanswered"),
    )
    reading = read_file("a.jsonl", jsonl(odd, {"messages": [3, {"role": ["user"]}]}))
    assert reading.examples == (Example("Hi\n\nthere", "Hello"),)
    assert "left out: 5." in str(reading.told[0])
    assert (reading.left_out, "Example 2 lacks" in str(reading.reasons[0])) == (1, True)


def test_a_conversation_without_end_keeps_its_last_turns():
    turns = [(("user", "assistant")[n % 2], f"turn {n}") for n in range(400)]
    reading = read_file("a.jsonl", jsonl(talk(*turns)))
    assert len(reading.examples) == 200
    assert max(len(one.before) for one in reading.examples) == 8
    assert reading.examples[-1].before[-1] == ("assistant", "turn 397")
    assert "only" in str(reading.told[0]).lower()


def test_half_a_character_in_json_becomes_the_sign_for_it():
    assert examples(b'{"prompt": "a\\ud800b", "completion": "\\ud83d\\ude00"}') == [Example("a\ufffdb", "😀")]


# What is left out, and what is refused


def test_what_cannot_be_used_is_counted_and_the_first_reasons_are_told():
    content = jsonl(PAIR, {"prompt": "a"}, PAIR | {"completion": LONG}, [1], {"messages": "Hi"})
    reading = read_file("a.jsonl", content + b"\n{oops\n" + jsonl(PAIR))
    assert len(reading.examples) == 2
    assert (reading.left_out, len(reading.reasons)) == (5, MOST_REASONS)
    assert [str(reason).split(":")[0].split(".")[0] for reason in reading.reasons] == [
        "Example 2 lacks a prompt or a completion",
        "Example 3 is too long",
        "Line 4 is not JSON",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.txt", b"prompt,completion", r"data.txt is not a .csv, .tsv, .json or .jsonl file"),
        ("data.csv.zip", b"PK", r"data.csv.zip is not a .csv"),
        ("a.jsonl", b"\x00\x01\xff\xfe" * 30, "not text in any encoding"),
        ("a.jsonl", b"{oops", "Line 1 is not JSON"),
        ("a.jsonl", b"[[" * 50_000, "Line 1 is not JSON"),
        ("a.json", b"[" + jsonl(PAIR) + b",\n" + jsonl(PAIR), "list, and is not JSON in line 2"),
        ("a.json", b"3", "Example 1 is not a JSON object"),
        ("a.csv", b'prompt,completion\n"a,b', "Row 1 cannot be read: its quotes or line ends"),
        ("a.jsonl", jsonl({"prompt": " \n", "completion": "b"}), "Example 1 lacks"),
        ("a.jsonl", jsonl({"prompt": None, "completion": "b"}), "Example 1 lacks"),
        ("a.jsonl", jsonl(talk(("user", "Hi"))), "Example 1 lacks a prompt or a completion"),
        ("a.csv", csv_of(("prompt", "reply"), [("a", "b")]).encode(), "Example 1 lacks"),
        (
            "a.csv",
            csv_of(("prompt", "completion"), [("a", LONG * 50)]).encode(),
            "Example 1 is too long: .* 8000 characters",
        ),
        ("a.jsonl", jsonl(*[PAIR] * (data.MAX_EXAMPLES + 1)), "more than 2000 examples"),
        ("a.jsonl", b"", "There are no examples"),
        ("a.json", b"[]", "There are no examples"),
        ("a.csv", b"prompt,completion\n", "There are no examples"),
        ("a.jsonl", b" " * (data.MAX_FILE + 1), "a.jsonl is larger than 4 MB"),
    ],
)
def test_a_file_without_anything_to_use_is_refused_by_name(name, content, message):
    with pytest.raises(DataError, match=message):
        read_file(name, content)


def test_the_three_ready_sets_read():
    sets = ready_sets()
    assert list(sets) == ["handbook", "json", "pirate"]
    for name, found in sets.items():
        lines = (SETS / name / "train.jsonl").read_text(encoding="utf-8").splitlines()
        assert [{"prompt": e.prompt, "completion": e.completion} for e in found] == list(map(json.loads, lines))
        assert len(found) >= 200
    assert all(json.loads(example.completion)["answer"] for example in sets["json"])
