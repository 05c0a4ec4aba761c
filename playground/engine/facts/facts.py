"""What a fact is: who or what it is about, a prompt, and the words that should follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from playground.engine.decoding.continuation import continuation
from playground.errors import RecipeError

MAX_FACTS = 100
MAX_SUBJECT, MAX_PROMPT, MAX_TARGET = 200, 1_000, 200  # characters


class Fact(BaseModel):
    """``prompt`` contains ``subject`` word for word, and ``target`` continues it.

    The two are kept so that they join without more: spaces at the prompt's end move to the
    target, and a target that lacks a space gets one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str = Field(max_length=MAX_SUBJECT)
    prompt: str = Field(max_length=MAX_PROMPT)
    target: str = Field(max_length=MAX_TARGET)

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        prompt, target = data.get("prompt"), data.get("target")
        if not isinstance(prompt, str) or not isinstance(target, str):
            return data
        bare = prompt.rstrip(" ")
        return {**data, "prompt": bare, "target": continuation(prompt, target)}


Facts = Annotated[tuple[Fact, ...], Field(min_length=1, max_length=MAX_FACTS)]


def check_facts(facts: Sequence[Fact]) -> None:
    """Refuse what can be seen to be wrong without a model.

    :raises RecipeError: naming the fact, counted from 1.
    """
    seen: dict[str, int] = {}
    for number, fact in enumerate(facts, 1):
        if not fact.subject.strip():
            raise RecipeError(
                "Fact {number} has no subject. Write who or what it is about, as in the prompt.", number=number
            )
        if not fact.target.strip():
            raise RecipeError(
                "Fact {number} has no target. Write the words that should follow the prompt.", number=number
            )
        if fact.subject not in fact.prompt:
            raise RecipeError(
                "Fact {number}: the subject {subject!r} is not in the prompt {prompt!r}. Write it "
                "letter for letter as it stands there.",
                number=number,
                subject=fact.subject[:60],
                prompt=fact.prompt[:100],
            )
        if fact.prompt in seen:
            raise RecipeError(
                "Facts {first} and {second} have the same prompt, {prompt!r}. Keep one of them.",
                first=seen[fact.prompt],
                second=number,
                prompt=fact.prompt[:100],
            )
        seen[fact.prompt] = number
