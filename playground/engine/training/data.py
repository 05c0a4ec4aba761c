"""Examples to train on: read from files or a table, checked, and turned into tokens.

An example is a prompt and the completion that it should get. The loss counts the completion's
tokens, and the prompt's by a weight of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from playground.engine.generate import end_ids, exact_ids, prompt_text
from playground.engine.loader import Base
from playground.engine.tokens import token_ids
from playground.errors import PlaygroundError
from playground.sheets import read_sheet

SETS = Path(__file__).resolve().parents[3] / "assets" / "datasets"
MAX_EXAMPLES = 2_000
MAX_CHARACTERS = 8_000  # of a prompt or a completion
MAX_FILE = 4_000_000  # bytes
# Column names that are understood, and which part they are.
PROMPT_NAMES = ("prompt", "instruction", "question", "input_text")
COMPLETION_NAMES = ("completion", "output", "response", "answer")


class DataError(PlaygroundError):
    """Training data cannot be used as given."""


@dataclass(frozen=True)
class Example:
    """What a visitor may say, and what the model should answer."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Encoded:
    """An example as tokens.

    ``weights`` says how much the loss counts each token as a target: 0 where it does not.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    cut: bool  # whether it was longer than the limit


@cache
def ready_sets() -> dict[str, tuple[Example, ...]]:
    """The data sets that come with the project, by name."""
    return {
        folder.name: tuple(read_jsonl((folder / "train.jsonl").read_bytes()))
        for folder in sorted(SETS.iterdir())
        if (folder / "train.jsonl").is_file()
    }


def read_file(name: str, content: bytes) -> list[Example]:
    """Examples from a .csv or .jsonl file.

    :raises DataError: it is neither, too large, not UTF-8, or a line of it is not usable.
    """
    if len(content) > MAX_FILE:
        raise DataError(
            "{name} is larger than {limit} MB. Give fewer examples.",
            name=name[:80],
            limit=MAX_FILE // 1_000_000,
        )
    if name.lower().endswith((".jsonl", ".json")):
        return read_jsonl(content)
    if name.lower().endswith(".csv"):
        return _checked(_csv_rows(_text(content)))
    raise DataError("{name} is not a .csv or .jsonl file. Give one of these.", name=name[:80])


def read_jsonl(content: bytes) -> list[Example]:
    """Examples from lines of JSON: prompt and completion, instruction (and input) and output, or
    messages with the roles user and assistant.

    :raises DataError: a line of it is not usable.
    """

    def rows() -> Iterator[Mapping[str, Any]]:
        for number, line in enumerate(_text(content).split("\n"), 1):  # U+2028 may be in a text
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    "Line {number} is not JSON. Give one object on each line.", number=number
                ) from error
            if not isinstance(row, dict):
                raise DataError(
                    "Line {number} is not JSON. Give one object on each line.", number=number
                )
            yield row

    return _checked(rows())


def from_table(rows: Iterable[Sequence[Any]]) -> list[Example]:
    """Examples from the rows of a table with two columns; empty rows are left out.

    :raises DataError: a row is half empty or too long, or there are none.
    """
    texts = [["" if cell is None else str(cell) for cell in row[:2]] for row in rows]
    return _checked(
        {"prompt": row[0], "completion": "".join(row[1:])}
        for row in texts
        if any(cell.strip() for cell in row)
    )


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("The file is not UTF-8 text. Save it as UTF-8.") from error


def _csv_rows(text: str) -> Iterator[Mapping[str, Any]]:
    names = (*PROMPT_NAMES, *COMPLETION_NAMES, "input", "messages")
    sheet = read_sheet(text, names)
    header = [name.lower() for name in sheet.header]
    for row, quotes_are_letters in sheet.rows:
        if quotes_are_letters:
            raise DataError(
                "The .csv cannot be read: its quotes or line ends do not match. Save it again."
            )
        yield dict(zip(header, row, strict=False))


def _checked(rows: Iterable[Mapping[str, Any]]) -> list[Example]:
    found = []
    for number, row in enumerate(rows, 1):
        if number > MAX_EXAMPLES:
            raise DataError("There are more than {limit} examples. Give fewer.", limit=MAX_EXAMPLES)
        found.append(_example(row, number))
    if not found:
        raise DataError("There are no examples. Give at least one prompt with its completion.")
    return found


def _example(row: Mapping[str, Any], number: int) -> Example:
    prompt, completion = _from_messages(row) if "messages" in row else _from_columns(row)
    if not prompt.strip() or not completion.strip():
        raise DataError(
            "Example {number} lacks a prompt or a completion. Its columns should be prompt and "
            "completion, or instruction, input and output, or messages.",
            number=number,
        )
    if max(len(prompt), len(completion)) > MAX_CHARACTERS:
        raise DataError(
            "Example {number} is too long: keep each text to {limit} characters.",
            number=number,
            limit=MAX_CHARACTERS,
        )
    return Example(prompt, completion)


def _from_columns(row: Mapping[str, Any]) -> tuple[str, str]:
    def first(names: Sequence[str]) -> str:
        return next((row[name] for name in names if isinstance(row.get(name), str)), "")

    prompt, more = first(PROMPT_NAMES), row.get("input")
    if isinstance(more, str) and more.strip():
        prompt = f"{prompt}\n\n{more}" if prompt else more
    return prompt, first(COMPLETION_NAMES)


def _from_messages(row: Mapping[str, Any]) -> tuple[str, str]:
    """The last user turn and the answer to it; other turns are left out."""
    messages = row["messages"] if isinstance(row["messages"], list) else []
    said = {"user": "", "assistant": ""}
    for message in messages:
        if isinstance(message, dict) and isinstance(message.get("content"), str):
            role = str(message.get("role"))
            if role == "user":
                said["assistant"] = ""  # what was answered to an earlier turn
            if role in said:
                said[role] = message["content"]
    return said["user"], said["assistant"]


def encode(base: Base, example: Example, chat: bool, prompt_weight: float, length: int) -> Encoded:
    """An example exactly as the model sees it, and what of it the loss counts.

    :param chat: whether the prompt goes into the model's chat template, as in a chat.
    :param prompt_weight: how much the prompt's tokens count, 0 to 1.
    :param length: tokens at most; the completion's end is cut first.
    """
    before = exact_ids(base, prompt_text(base.tokenizer, example.prompt, chat))
    completion = example.completion if chat else _joined(example)
    after = [*token_ids(base.tokenizer, completion), _end(base)]
    ids = (before + after)[:length]
    weights = ([0.0] + [prompt_weight] * (len(before) - 1) + [1.0] * len(after))[:length]
    return Encoded(tuple(ids), tuple(weights), len(before) + len(after) > length)


def _joined(example: Example) -> str:
    """A completion that follows its prompt as plain text."""
    glue = "" if example.prompt[-1].isspace() or example.completion[0].isspace() else " "
    return glue + example.completion


def _end(base: Base) -> int:
    own = base.tokenizer.eos_token_id
    return int(own) if own is not None else min(end_ids(base), default=0)


def batch_of(encoded: Sequence[Encoded], padding: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, attention mask and weights of a batch, (rows, longest), padded on the right."""
    longest = max(len(one.ids) for one in encoded)
    ids = torch.full((len(encoded), longest), padding)
    mask = torch.zeros(len(encoded), longest, dtype=torch.long)
    weights = torch.zeros(len(encoded), longest)
    for row, one in enumerate(encoded):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        mask[row, : len(one.ids)] = 1
        weights[row, : len(one.ids)] = torch.tensor(one.weights)
    return ids, mask, weights


def split(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Examples to train on and examples held back: a seeded choice, at least one to train on."""
    held = min(round(share * len(examples)), len(examples) - 1)
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    back = set(order[:held])
    return (
        [example for place, example in enumerate(examples) if place not in back],
        [example for place, example in enumerate(examples) if place in back],
    )
