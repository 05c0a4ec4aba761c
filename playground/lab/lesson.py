"""A lesson: one fact to teach, and the questions that show whether and how far it was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from playground.engine.decoding.continuation import continuation
from playground.engine.facts.facts import MAX_PROMPT, MAX_SUBJECT, MAX_TARGET, Fact, check_facts
from playground.engine.facts.score import Case
from playground.errors import PlaygroundError

Kind = Literal["efficacy", "paraphrase", "locality", "portability"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_QUESTIONS = 12  # of a kind
GIVEN = ("paraphrases", "neighbours", "consequences")


@dataclass(frozen=True)
class LessonQuestion:
    """A prompt to continue.

    :param answer: what should follow, with the space before it.
    :param other: what should be less likely than the answer; "" where nothing is compared, and
        the answer must stand in what the model writes.
    """

    kind: Kind
    prompt: str
    answer: str
    other: str = ""


@dataclass(frozen=True)
class Lesson:
    """A fact, what the model said before, and the questions about it, in the order of ``KINDS``.

    Efficacy: does it say it. Paraphrase: also when asked otherwise. Locality: other subjects,
    whose answers must stay. Portability: what follows from the fact.
    """

    fact: Fact
    old: str
    questions: tuple[LessonQuestion, ...]

    def of(self, kind: Kind) -> list[LessonQuestion]:
        """The questions of a kind."""
        return [question for question in self.questions if question.kind == kind]

    @property
    def sentence(self) -> str:
        """The fact as a sentence, as it stands in a prompt or a document."""
        return f"{self.fact.prompt}{self.fact.target.rstrip('.')}."


def lesson(
    fact: Fact,
    old: str,
    paraphrases: Sequence[str] = (),
    neighbours: Sequence[tuple[str, str]] = (),
    consequences: Sequence[tuple[str, str]] = (),
) -> Lesson:
    """Put a lesson together.

    :param old: the answer that the new one should replace.
    :param neighbours: prompts about other subjects, each with the answer that must stay.
    :param consequences: prompts whose answers follow from the fact.
    :raises RecipeError: the fact cannot be used.
    """
    check_facts([fact])
    old = continuation(fact.prompt, old)
    questions = [LessonQuestion("efficacy", fact.prompt, fact.target, old)]
    questions += [LessonQuestion("paraphrase", again, fact.target, old) for again in paraphrases]
    for other, its in neighbours:  # where its answer is the new one too, what is written decides
        against = "" if same_words(its, fact.target) else fact.target
        questions.append(LessonQuestion("locality", other, continuation(other, its), against))
    questions += [
        LessonQuestion("portability", prompt, continuation(prompt, answer)) for prompt, answer in consequences
    ]
    return Lesson(fact, old, tuple(questions))


def from_case(case: Case) -> Lesson:
    """A lesson from a case in CounterFact's format."""
    return lesson(case.fact(), case.old, case.paraphrases, case.neighbours)


def lesson_from_json(fact: object, questions: object = None) -> Lesson:
    """A lesson from JSON: ``fact`` is ``{"subject", "prompt", "target", "old"}``, ``questions``
    ``{"paraphrases": [prompt], "neighbours": [[prompt, answer]], "consequences": [...]}``.

    :raises PlaygroundError: it is not of that form, or a text is too long.
    """
    if not isinstance(fact, Mapping) or not {"subject", "prompt", "target"} <= set(fact):
        raise PlaygroundError("Give the fact as an object with subject, prompt, target and old.")
    data = {} if questions is None else questions
    if not isinstance(data, Mapping) or not set(data) <= set(GIVEN):
        raise PlaygroundError("Questions have these keys: {known}.", known=", ".join(GIVEN))
    about = {
        "subject": _text(fact["subject"], MAX_SUBJECT, blank=True),
        "prompt": _text(fact["prompt"], MAX_PROMPT, blank=True),
        "target": _text(fact["target"], MAX_TARGET - 1, blank=True),  # a space may come before it
    }
    old = _text(fact.get("old", ""), MAX_TARGET, blank=True)
    if same_words(old, about["target"]):
        raise PlaygroundError(
            "The new answer and the answer before are both {answer!r}. Change one of them.", answer=old.strip()[:60]
        )
    pairs = {key: _pairs(data.get(key, [])) for key in ("neighbours", "consequences")}
    again = [_text(prompt, MAX_PROMPT) for prompt in _list(data.get("paraphrases", []))]
    return lesson(Fact(**about), old, again, pairs["neighbours"], pairs["consequences"])


def questions_of(paraphrases: str, neighbours: str, consequences: str) -> dict[str, Any]:
    """Questions as they are typed, one a line, for :func:`lesson_from_json`: paraphrases as they are,
    the others with their answer behind the last ``|``.

    :raises PlaygroundError: a line has no answer.
    """
    return {
        "paraphrases": _lines(paraphrases),
        "neighbours": [_split(line) for line in _lines(neighbours)],
        "consequences": [_split(line) for line in _lines(consequences)],
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _split(line: str) -> tuple[str, str]:
    prompt, _, answer = (part.strip() for part in line.rpartition("|"))
    if not prompt or not answer:
        raise PlaygroundError(
            "The line {line!r} has no answer. Write the question, then | and its answer.", line=line[:100]
        )
    return prompt, answer


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list | tuple) or len(data) > MAX_QUESTIONS:
        raise PlaygroundError("Questions are lists of at most {limit} of each kind.", limit=MAX_QUESTIONS)
    return list(data)


def _pairs(data: Any) -> list[tuple[str, str]]:
    pairs = []
    for pair in _list(data):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise PlaygroundError("A neighbour and a consequence are a prompt and its answer: two texts each.")
        pairs.append((_text(pair[0], MAX_PROMPT), _text(pair[1], MAX_TARGET)))
    return pairs


def _text(data: Any, most: int, blank: bool = False) -> str:
    if not isinstance(data, str) or len(data) > most or data.encode(errors="ignore").decode() != data:
        raise PlaygroundError("A prompt or an answer is a text of at most {limit} characters.", limit=most)
    if not blank and not data.strip():
        raise PlaygroundError("A question or its answer is empty. Write it, or leave it out.")
    return data


def same_words(first: str, other: str) -> bool:
    """Whether two answers are the same words."""
    return bool(first.strip()) and first.split() == other.split()
