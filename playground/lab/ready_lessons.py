"""Ready lessons: facts to teach at once, with questions that suit the small base model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from playground.engine.facts.facts import Fact
from playground.lab.lesson import Lesson, lesson

FILE = Path(__file__).resolve().parents[2] / "assets" / "lab" / "ready.json"
CORPUS = "lantern-handbook"


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A fact and its questions.

    :param old: what the small base model says before.
    :param neighbours: prompts about others, each with what that model says.
    :param corpus: the shipped corpus in which retrieval looks for the fact.
    :param in_corpus: whether the fact stands there already, word for word.
    """

    key: str
    subject: str
    prompt: str
    target: str
    old: str
    paraphrases: tuple[str, ...]
    neighbours: tuple[tuple[str, str], ...]
    consequences: tuple[tuple[str, str], ...]
    corpus: str = CORPUS
    in_corpus: bool = False

    def fact(self) -> Fact:
        """What is to be taught."""
        return Fact(subject=self.subject, prompt=self.prompt, target=self.target)

    def lesson(self) -> Lesson:
        """The fact with its questions."""
        return lesson(self.fact(), self.old, self.paraphrases, self.neighbours, self.consequences)


@lru_cache(maxsize=1)
def ready() -> tuple[Ready, ...]:
    """The ready lessons, in the order in which they are offered."""
    return TypeAdapter(tuple[Ready, ...]).validate_json(FILE.read_bytes())
