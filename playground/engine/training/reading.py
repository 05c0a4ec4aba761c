"""Training files as people have them -> examples, and what was left out of them.

Taken: tables with a column for prompts and one for completions (.csv, .tsv), JSON lists and lines
of objects with prompt and completion, Alpaca's instruction, input and output, and conversations in
the form of OpenAI's ``messages`` or ShareGPT's ``conversations``. A row that cannot be used is left
out and told; a file is refused where nothing of it can be used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from playground.alphabets import decoded
from playground.engine.training.data import MAX_CHARACTERS, MAX_EXAMPLES, MAX_FILE, DataError, Example, checked_examples
from playground.errors import Message
from playground.sheets import read_sheet

SETS = Path(__file__).resolve().parents[3] / "assets" / "datasets"
TABLES, OBJECTS = (".csv", ".tsv"), (".jsonl", ".json")
KINDS = (*TABLES, *OBJECTS)
MOST_REASONS = 3  # that are told
MOST_ROWS = 4 * MAX_EXAMPLES  # that are looked at, good and bad
MOST_TURNS = 8  # of a conversation before an answer that are kept
# Names of columns that are understood, in small letters, and which part they are.
PROMPTS = ("prompt", "instruction", "question", "input_text")
COMPLETIONS = ("completion", "output", "response", "answer", "target")
SYSTEMS = ("system", "system_prompt")
TALKS = ("messages", "conversations", "conversation")
COLUMNS = (*PROMPTS, *COMPLETIONS, *SYSTEMS, *TALKS, "input")
ROLES = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
}

Turn = tuple[str, str]


@dataclass(frozen=True)
class ReadExamples:
    """What a file holds.

    :param left_out: rows that cannot be used.
    :param reasons: why, of the first few of them.
    :param told: what else is good to know before training.
    """

    examples: tuple[Example, ...]
    left_out: int = 0
    reasons: tuple[Message, ...] = ()
    told: tuple[Message, ...] = ()


@cache
def ready_sets() -> dict[str, tuple[Example, ...]]:
    """The data sets that come with the project, by name."""
    return {
        folder.name: read_file("train.jsonl", (folder / "train.jsonl").read_bytes()).examples
        for folder in sorted(SETS.iterdir())
        if (folder / "train.jsonl").is_file()
    }


def read_file(name: str, content: bytes) -> ReadExamples:
    """Examples from a file.

    :raises DataError: it is of another kind, too large or no text, or nothing of it can be used.
    """
    if len(content) > MAX_FILE:
        raise DataError(
            "{name} is larger than {limit} MB. Give fewer examples.", name=name[:80], limit=MAX_FILE // 1_000_000
        )
    ending = Path(name.lower()).suffix
    if ending not in KINDS:
        raise DataError("{name} is not a .csv, .tsv, .json or .jsonl file. Give one of these.", name=name[:80])
    text = decoded(content)
    if text is None:
        raise DataError("{name} is not text in any encoding that is known here. Save it as UTF-8.", name=name[:80])
    told: Counter[str] = Counter()
    rows = _table(text[0], told) if ending in TABLES else _objects(text[0])
    return _read(rows, told)


def _read(rows: Iterable[Mapping[str, Any] | Message], told: Counter[str]) -> ReadExamples:
    """Examples of rows; a message stands for a row that is none."""
    examples: list[Example] = []
    reasons: list[Message] = []
    left_out = 0
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise DataError("There are more than {limit} examples. Give fewer.", limit=MAX_EXAMPLES)
        try:
            if isinstance(row, Message):
                raise DataError(row.template, **row.values)
            some = [checked_examples(example, number) for example in _examples(row, told)]
            if not some:
                checked_examples(Example("", ""), number)
        except DataError as error:
            left_out += 1
            reasons += [error.message] if len(reasons) < MOST_REASONS else []
            continue
        examples += some
        if len(examples) > MAX_EXAMPLES:
            raise DataError("There are more than {limit} examples. Give fewer.", limit=MAX_EXAMPLES)
    if not examples and reasons:
        raise DataError(reasons[0].template, **reasons[0].values)
    if not examples:
        raise DataError("There are no examples. Give at least one prompt with its completion.")
    return ReadExamples(tuple(examples), left_out, tuple(reasons), _notes(told))


def _notes(told: Counter[str]) -> tuple[Message, ...]:
    """What is told of what was counted."""
    notes = {
        "unnamed": Message(
            "No column is named prompt or completion, so the first column is taken as prompts and "
            "the second as completions, from the first row on."
        ),
        "turns": Message(
            "Turns of conversations that are left out: {count}. They are greetings, questions "
            "without an answer, and what tools said.",
            {"count": told["turns"]},
        ),
        "system": Message(
            "Examples with a text of the system: {count}. It is kept before the question, as the "
            "model's chat template has it; on this page questions are asked without one.",
            {"count": told["system"]},
        ),
        "late": Message(
            "Answers late in a long conversation: {count}. Only the last turns before them are kept.",
            {"count": told["late"]},
        ),
    }
    return tuple(note for name, note in notes.items() if told[name])


# Tables


def _table(text: str, told: Counter[str]) -> Iterator[Mapping[str, Any] | Message]:
    sheet = read_sheet(text, COLUMNS)
    header = [name.lower() for name in sheet.header]
    rows = sheet.rows
    if not set(header) & set(COLUMNS):
        first = [(list(sheet.header), False)] if header else []
        rows, header = iter([*first, *rows]), ["prompt", "completion"]
        told["unnamed"] += 1
    for number, (row, quotes_are_letters) in enumerate(rows, 1):
        if quotes_are_letters:
            yield Message("Row {number} cannot be read: its quotes or line ends do not match.", {"number": number})
        else:
            yield dict(zip(header, row, strict=False))


# JSON


def _objects(text: str) -> Iterator[Mapping[str, Any] | Message]:
    """The objects of a list, of an object around a list, or of lines."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("[") and not text.lstrip().startswith("[["):
            line = getattr(error, "lineno", 1)
            raise DataError(
                "The file begins as a JSON list, and is not JSON in line {line}. Mend that line, "
                "or give one object on each line.",
                line=line,
            ) from error
        yield from _lines(text)
        return
    for number, row in enumerate(_inside(whole), 1):
        yield (
            _object(row)
            if isinstance(row, dict)
            else Message("Example {number} is not a JSON object with a prompt and a completion.", {"number": number})
        )


def _inside(whole: Any) -> list[Any]:
    """The rows of a JSON file that is one value."""
    if isinstance(whole, list):
        return whole
    if isinstance(whole, dict) and not {str(key).lower() for key in whole} & set(COLUMNS):
        lists = [value for value in whole.values() if isinstance(value, list)]
        if len(lists) == 1:  # {"data": [...]}
            return lists[0]
    return [whole]


def _lines(text: str) -> Iterator[Mapping[str, Any] | Message]:
    for number, line in enumerate(text.split("\n"), 1):  # U+2028 may be in a text
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield (
            _object(row)
            if isinstance(row, dict)
            else Message("Line {number} is not JSON. Give one object on each line.", {"number": number})
        )


def _object(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in row.items()}


# Rows to examples


def _examples(row: Mapping[str, Any], told: Counter[str]) -> list[Example]:
    """What a row teaches: an example for each answer of a conversation, else one."""
    turns = _turns(next((row[name] for name in TALKS if row.get(name)), None))
    system = _text(next((row[name] for name in SYSTEMS if row.get(name)), ""))
    if not turns:
        prompts, answer = ([row.get(name) for name in names] for names in (PROMPTS, COMPLETIONS))
        prompt = next((value for value in prompts if value not in (None, "")), "")
        completion = next((value for value in answer if value not in (None, "")), "")
        turns = _turns(prompt)  # prompt and completion may be lists of turns themselves
        turns = turns + (_turns(completion) or [("assistant", _text(completion))]) if turns else []
        if not turns:
            texts = [text for value in (prompt, row.get("input")) if (text := _text(value)).strip()]
            turns = [("user", "\n\n".join(texts)), ("assistant", _text(completion))]
    return _taught([("system", system), *turns] if system.strip() else turns, told)


def _taught(turns: Sequence[Turn], told: Counter[str]) -> list[Example]:
    """An example for each answer of an assistant, with what was said before it."""
    system = "\n\n".join(text for role, text in turns if role == "system" and text.strip())
    spoken = [turn for turn in turns if turn[0] not in ("", "system") and turn[1].strip()]
    told["turns"] += sum(role == "" for role, _ in turns)
    said = [  # templates want the roles in turn
        (role, "\n\n".join(text for _, text in together)) for role, together in groupby(spoken, key=itemgetter(0))
    ]
    if said and said[0][0] == "assistant":
        told["turns"] += 1  # a greeting, which answers nothing
        del said[0]
    first = [("system", system)] if system else []
    examples = []
    for index in range(1, len(said), 2)[: MAX_EXAMPLES + 1]:
        before = _last(said[max(0, index - 1 - MOST_TURNS) : index - 1])
        told["late"] += len(before) < index - 1
        examples.append(Example(said[index - 1][1], said[index][1], (*first, *before)))
    told["turns"] += len(said) % 2 if examples else 0
    told["system"] += len(examples) if system else 0
    return examples


def _last(said: Sequence[Turn]) -> list[Turn]:
    """The last of some turns, whole pairs of question and answer, within bounds."""
    kept = list(said)
    while kept and sum(len(text) for _, text in kept) > MAX_CHARACTERS:
        del kept[:2]
    return kept


def _turns(value: Any) -> list[Turn]:
    """The turns of a conversation, [] for what is none; the role of what is neither is ""."""
    if isinstance(value, str) and value.lstrip().startswith("["):  # in a cell of a table
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if not isinstance(value, list) or not any(isinstance(turn, dict) for turn in value):
        return []
    turns = []
    for turn in value:
        turn = _object(turn) if isinstance(turn, dict) else {}
        role = str(turn.get("role", turn.get("from", ""))).strip().lower()
        content = turn.get("content", turn.get("value", turn.get("text")))
        turns.append((ROLES.get(role, ""), _text(content)))
    return turns


def _text(value: Any) -> str:
    """What a value says: texts and their parts as they are, other values as JSON."""
    if value is None:
        return ""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value)
    ):
        value = "\n".join(part["text"] for part in value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON may spell half a character, which is none to a tokenizer.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
