"""Examples to train on: checked, and turned into tokens. ``reading`` has them from files.

An example is a prompt and the completion that it should get. The loss counts the completion's
tokens, and the prompt's by a weight of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.engine.decoding.conversation import conversation
from playground.engine.decoding.generate import end_ids, exact_ids, prompt_text
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import token_ids
from playground.errors import PlaygroundError

MAX_EXAMPLES = 2_000
MAX_CHARACTERS = 8_000  # of a prompt or a completion
MAX_FILE = 4_000_000  # bytes


class DataError(PlaygroundError):
    """Training data cannot be used as given."""


@dataclass(frozen=True)
class Example:
    """What a visitor may say, and what the model should answer.

    ``before``: the turns of the conversation before it, (role, text), the oldest first. The roles
    are system (at most one, the first), user and assistant.
    """

    prompt: str
    completion: str
    before: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Encoded:
    """An example as tokens.

    ``weights`` says how much the loss counts each token as a target: 0 where it does not.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    cut: bool  # whether it was longer than the limit


def from_table(rows: Iterable[Sequence[Any]]) -> list[Example]:
    """Examples from the rows of a table with two columns; empty rows are left out.

    :raises DataError: a row is half empty or too long, or there are none.
    """
    texts = [["" if cell is None else str(cell) for cell in row[:2]] for row in rows]
    filled = (row for row in texts if any(cell.strip() for cell in row))
    examples = []
    for number, row in enumerate(filled, 1):
        if number > MAX_EXAMPLES:
            raise DataError("There are more than {limit} examples. Give fewer.", limit=MAX_EXAMPLES)
        examples.append(checked_examples(Example(row[0], "".join(row[1:])), number))
    if not examples:
        raise DataError("There are no examples. Give at least one prompt with its completion.")
    return examples


def checked_examples(example: Example, number: int) -> Example:
    """An example that can be learned from.

    :param number: its place among all, for the message.
    :raises DataError: half of it is empty, or a text of it is too long.
    """
    if not example.prompt.strip() or not example.completion.strip():
        raise DataError(
            "Example {number} lacks a prompt or a completion. Its columns should be prompt and "
            "completion, or instruction, input and output, or messages.",
            number=number,
        )
    texts = (example.prompt, example.completion, *(text for _, text in example.before))
    if max(map(len, texts)) > MAX_CHARACTERS:
        raise DataError(
            "Example {number} is too long: keep each text to {limit} characters.", number=number, limit=MAX_CHARACTERS
        )
    return example


def encode(base: Base, example: Example, chat: bool, prompt_weight: float, length: int) -> Encoded:
    """An example exactly as the model sees it, and what of it the loss counts.

    :param chat: whether the prompt goes into the model's chat template, as in a chat.
    :param prompt_weight: how much the prompt's tokens count, 0 to 1.
    :param length: tokens at most; the oldest turns of a conversation go first, then the
        completion's end is cut.
    """
    completion = example.completion if chat else _joined(example)
    after = [*token_ids(base.tokenizer, completion), _end(base)]
    turns, lost = example.before, False
    before = _asked(base, example, turns, chat)
    while len(before) + len(after) > length and (shorter := _without_oldest(turns)) != turns:
        turns, lost = shorter, True
        before = _asked(base, example, turns, chat)
    ids = (before + after)[:length]
    weights = ([0.0] + [prompt_weight] * (len(before) - 1) + [1.0] * len(after))[:length]
    return Encoded(tuple(ids), tuple(weights), lost or len(before) + len(after) > length)


def _asked(base: Base, example: Example, turns: Sequence[tuple[str, str]], chat: bool) -> list[int]:
    """The tokens before a completion."""
    if not turns:
        return exact_ids(base, prompt_text(base.tokenizer, example.prompt, chat))
    if chat:
        return exact_ids(base, conversation(base.tokenizer, [*turns, ("user", example.prompt)]))
    return exact_ids(base, "\n\n".join([*(text for _, text in turns), example.prompt]))


def _without_oldest(turns: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """A conversation without its oldest question and answer; what the system said stays."""
    system = tuple(turn for turn in turns[:1] if turn[0] == "system")
    return system + turns[len(system) + 2 :]


def _joined(example: Example) -> str:
    """A completion that follows its prompt as plain text."""
    glue = "" if example.prompt[-1].isspace() or example.completion[0].isspace() else " "
    return glue + example.completion


def _end(base: Base) -> int:
    own = base.tokenizer.eos_token_id
    return int(own) if own is not None else min(end_ids(base), default=0)


def batch_of(encoded: Sequence[Encoded], padding: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, attention mask and weights of a batch, (rows, longest), padded on the right."""
    longest = max(len(example.ids) for example in encoded)
    ids = torch.full((len(encoded), longest), padding)
    mask = torch.zeros(len(encoded), longest, dtype=torch.long)
    weights = torch.zeros(len(encoded), longest)
    for row, example in enumerate(encoded):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
        weights[row, : len(example.ids)] = torch.tensor(example.weights)
    return ids, mask, weights


def hold_out(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Examples to train on and examples held back: a seeded choice, at least one to train on."""
    held = min(round(share * len(examples)), len(examples) - 1)
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    back = set(order[:held])
    return (
        [example for index, example in enumerate(examples) if index not in back],
        [example for index, example in enumerate(examples) if index in back],
    )
