"""Other questions with their answers before the question: what a model picks up from examples alone.

Brown et al. 2020, Language Models are Few-Shot Learners. Pure functions of texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from playground.errors import CorpusError
from playground.retrieval.lexical.terms import folded
from playground.retrieval.passages import Question

FEW_SHOT = "few_shot"  # in the place of a retriever's name
FORMS = {"en": "Question: {question}\nAnswer: {answer}", "ko": "질문: {question}\n답: {answer}"}


def shots(questions: Sequence[Question], question: str, k: int) -> tuple[Question, ...]:
    """Examples for a question: others that have an answer, evenly spread over their list.

    None of them is the question itself, or has the answer of one that is it: an example must not give the answer away.

    :raises CorpusError: there is none that may stand there.
    """
    asked = _same(question)
    given = {_same(other.answer) for other in questions if _same(other.question) == asked}
    usable = [
        other
        for other in questions
        if other.answer and _same(other.question) != asked and _same(other.answer) not in given
    ]
    if not usable:
        raise CorpusError(
            "There are no other questions with answers to show as examples. Choose documents that come with some."
        )
    count = min(k, len(usable))
    return tuple(usable[place * len(usable) // count] for place in range(count))


def shot_prompt(examples: Sequence[Question], question: str, language: str) -> str:
    """Examples and the question, whose answer is left open."""
    form = FORMS.get(language, FORMS["en"])
    rows = [form.format(question=shot.question, answer=shot.answer) for shot in examples]
    return "\n\n".join([*rows, form.format(question=question, answer="").rstrip()])


def _same(text: str) -> str:
    return " ".join(folded(text).split())
