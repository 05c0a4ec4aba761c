"""A lesson: one fact to teach, and the questions that show whether and how far it was learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

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
    try:
        about = _FactJson.model_validate(fact)
        asked = _QuestionsJson.model_validate({} if questions is None else questions)
    except ValidationError as error:
        raise _refusal(error) from error
    if same_words(about.old, about.target):
        raise PlaygroundError(
            "The new answer and the answer before are both {answer!r}. Change one of them.",
            answer=about.old.strip()[:60],
        )
    said = Fact(subject=about.subject, prompt=about.prompt, target=about.target)
    return lesson(said, about.old, asked.paraphrases, asked.neighbours, asked.consequences)


def _text(most: int, blank: bool = False) -> BeforeValidator:
    """A text of so many characters, which stands there as somebody gave it.

    :param blank: whether it may be empty: whoever needs it says so in words of its own.
    """

    def check(text: Any) -> str:
        if not isinstance(text, str) or len(text) > most or text.encode(errors="replace").decode() != text:
            raise PlaygroundError("A prompt or an answer is a text of at most {limit} characters.", limit=most)
        if not blank and not text.strip():
            raise PlaygroundError("A question or its answer is empty. Write it, or leave it out.")
        return text

    return BeforeValidator(check)


class _FactJson(BaseModel):
    """A fact as JSON; what else an object holds is of no matter."""

    subject: Annotated[str, _text(MAX_SUBJECT, blank=True)]
    prompt: Annotated[str, _text(MAX_PROMPT, blank=True)]
    target: Annotated[str, _text(MAX_TARGET - 1, blank=True)]  # a space may come before it
    old: Annotated[str, _text(MAX_TARGET, blank=True)] = ""


_Prompt = Annotated[str, _text(MAX_PROMPT)]
_Pairs = Annotated[list[tuple[_Prompt, Annotated[str, _text(MAX_TARGET)]]], Field(max_length=MAX_QUESTIONS)]


class _QuestionsJson(BaseModel):
    """Questions as JSON."""

    model_config = ConfigDict(extra="forbid")

    neighbours: _Pairs = []
    consequences: _Pairs = []
    paraphrases: Annotated[list[_Prompt], Field(max_length=MAX_QUESTIONS)] = []


def _refusal(error: ValidationError) -> PlaygroundError:
    """What is wrong with the form of a lesson, in a sentence."""
    wrong = error.errors(include_url=False)
    if error.title == _FactJson.__name__:
        return PlaygroundError("Give the fact as an object with subject, prompt, target and old.")
    if {each["type"] for each in wrong} & {"extra_forbidden", "model_type", "invalid_key"}:
        return PlaygroundError("Questions have these keys: {known}.", known=", ".join(GIVEN))
    if len(wrong[0]["loc"]) == 1:
        return PlaygroundError("Questions are lists of at most {limit} of each kind.", limit=MAX_QUESTIONS)
    return PlaygroundError("A neighbour and a consequence are a prompt and its answer: two texts each.")


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


def same_words(first: str, other: str) -> bool:
    """Whether two answers are the same words."""
    return bool(first.strip()) and first.split() == other.split()
