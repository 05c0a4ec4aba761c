"""Questions put to every source, several in one batch, from where an earlier run ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from playground.ask.judging import says_right
from playground.compare import Answer, Contestant, answer_each
from playground.engine.decoding.generate import Sampling
from playground.engine.recipe import Recipe
from playground.engine.work import QUIET, Stopped, Work
from playground.errors import Message
from playground.retrieval.answers import supported, supported_share, token_f1
from playground.retrieval.few_shot import FEW_SHOT
from playground.retrieval.passages import Corpus, Question
from playground.retrieval.retrievers import NONE, RETRIEVERS
from playground.sources.table import Answered, Source, SourcesTable

_T = TypeVar("_T")
MOST_QUESTIONS, MOST_WEIGHTS = 100, 4  # of one table
NEW_TOKENS = 32  # of an answer
SHOTS = 4  # examples before a question
TOGETHER = 16  # rows of one batch


def ask_table(table: SourcesTable, contestants: Sequence[Contestant], work: Work = QUIET) -> Iterator[SourcesTable]:
    """The table with the answers of more and more questions.

    :param contestants: one for each source, in their order.
    :raises PlaygroundError: a recipe, a retriever, a corpus or a question cannot be used.
    :raises Stopped: ``work`` says so.
    """
    weights = len({source.weights for source in table.sources})
    at_once = max(1, TOGETHER * weights // len(table.sources))
    for batch in _pieces(table.left(), at_once):
        done, of = len(table.answers), len(table.questions)
        work.step(done, of, Message("Question {done} of {of}…", {"done": done + 1, "of": of}))
        pairs = [(contestant, question.question) for question in batch for contestant in contestants]
        *_, answers = answer_each(pairs, Sampling(NEW_TOKENS), work.stopped)
        if work.stopped():
            raise Stopped("Stopped. Your recipe is as it was.")
        rows = zip(batch, _pieces(answers, len(contestants)), strict=True)
        table = table.with_answers(
            {question.id: tuple(judged_answer(question, answer) for answer in row) for question, row in rows}
        )
        yield table


def source_contestant(source: Source, recipe: Recipe, corpus: Corpus, k: int) -> Contestant:
    """Who answers for a source.

    :param k: passages, where it searches.
    """
    return Contestant(
        label="",
        recipe=recipe,
        retriever=source.before,
        corpus_id="" if source.before == NONE else corpus.id,
        k=SHOTS if source.before == FEW_SHOT else k if source.before in RETRIEVERS else 1,
        examples=corpus.questions if source.before == FEW_SHOT else (),
    )


def _pieces(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def judged_answer(question: Question, answer: Answer) -> Answered:
    """Compare an answer with the right one, and with its passages."""
    text = answer.text.removeprefix(answer.begun).strip()
    return Answered(
        text=text,
        right=says_right(question.answer, text),
        f1=token_f1(question.answer, text),
        supported=supported_share(text, supported(text, answer.texts)) if answer.texts else None,
        passages=tuple(hit.passage.id for hit in answer.hits),
        prompt_tokens=answer.prompt_tokens,
    )
