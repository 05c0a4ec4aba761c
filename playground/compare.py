"""Contestants x prompt -> answers side by side. The one place where engine and retrieval meet.

A contestant is a recipe and a retrieval mode. Contestants that share a recipe are decoded in one
batch; batches of different weights take turns, so that all columns grow together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, ValidationError

from playground.checked import whole
from playground.engine.build import Built, build
from playground.engine.decoding import generate
from playground.engine.decoding.answering import answering
from playground.engine.decoding.generate import Row, Sampling
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import token_ids
from playground.engine.recipe import Recipe, parse
from playground.engine.work import Work
from playground.errors import PlaygroundError
from playground.retrieval.context import USUAL_CONTEXT, Context, arranged, asked
from playground.retrieval.corpus import load_corpus
from playground.retrieval.few_shot import FEW_SHOT, shot_prompt, shots
from playground.retrieval.low_scores import Low, is_low
from playground.retrieval.passages import Question
from playground.retrieval.retrievers import NONE, RETRIEVERS, Trace
from playground.retrieval.search import Found, Hit, check_k, search

MAX_CONTESTANTS = 6
MAX_LABEL = 80  # characters
DEFAULT_K = 1
SPELLED = 4  # tokens of a growing answer after which it is spelled out again


def source_names() -> tuple[str, ...]:
    """What may stand before a question: nothing, examples, or what a retriever finds."""
    return NONE, FEW_SHOT, *RETRIEVERS


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One column: whose weights answer, and which passages go into its prompt.

    :param retriever: ``none``, a retriever's name, or ``few_shot``: questions of the corpus with their answers.
    :param k: how many passages, or examples.
    """

    label: str
    recipe: Recipe
    retriever: str = NONE
    corpus_id: str = ""
    k: int = DEFAULT_K
    context: Context = USUAL_CONTEXT
    without: tuple[str, ...] = ()  # ids of found passages that are kept out of the prompt
    examples: tuple[Question, ...] = ()  # among which few-shot ones are chosen; () for the corpus's own


@dataclass(kw_only=True)
class Answer:
    """One column's answer, growing while it is decoded.

    ``prompt`` is the exact text sent; with passages it ends with ``begun``, the first words of
    the answer, which ``text`` repeats so that it can be read. ``hits`` are the passages in it, in
    its order; ``cut`` were found too and did not fit (of the best, ``shortened``, its start did).
    ``low`` says that the best score is low for the corpus. ``stages`` are seconds.
    """

    label: str
    prompt: str
    hits: tuple[Hit, ...]
    begun: str
    prompt_tokens: int
    text: str = ""
    tokens: int = 0
    spelled: int = 0  # of the tokens, those that ``text`` has
    seconds: float = 0.0
    done: bool = False
    texts: tuple[str, ...] = ()  # of the hits, as they stand in the prompt
    cut: tuple[Hit, ...] = ()
    shortened: bool = False
    low: Low | None = None
    waits: tuple[int, float] = (0, 0.0)  # whose turn comes before, and about how many seconds that takes
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Tokens per second, the batch's other answers decoded meanwhile."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


def parse_contestants(data: object) -> list[Contestant]:
    """Contestants from JSON data.

    :raises PlaygroundError: not a list of one to six objects, or one has a wrong value.
    """
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_CONTESTANTS:
        raise PlaygroundError(
            "Give a list of 1 to {limit} contestants; this is {given}.",
            limit=MAX_CONTESTANTS,
            given=len(data) if isinstance(data, list) else type(data).__name__,
        )
    return [_contestant(item, number) for number, item in enumerate(data, 1)]


class _ContestantJson(BaseModel):
    """A contestant as JSON; recipe, retriever, k and how passages are placed are checked where they are used."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[StrictStr, Field(max_length=MAX_LABEL)] = ""
    recipe: Any = None
    retriever: Annotated[str, BeforeValidator(str)] = NONE
    corpus_id: Annotated[str, BeforeValidator(lambda given: str(given or ""))] = ""
    k: Annotated[Any, BeforeValidator(whole)] = DEFAULT_K
    order: Any = USUAL_CONTEXT.order
    budget: Any = USUAL_CONTEXT.budget
    template: Any = USUAL_CONTEXT.template
    start: Any = USUAL_CONTEXT.start


KEYS = tuple(_ContestantJson.model_fields)


def _contestant(data: object, number: int) -> Contestant:
    try:
        given = _ContestantJson.model_validate(data)
    except ValidationError as error:
        raise _refusal(error, number) from error
    if given.retriever != NONE and not given.corpus_id:
        raise PlaygroundError("Contestant {number} retrieves but names no corpus. Give a corpus_id.", number=number)
    return Contestant(
        label=given.label if "label" in given.model_fields_set else f"#{number}",
        recipe=parse(given.recipe),
        retriever=given.retriever,
        corpus_id=given.corpus_id,
        k=given.k,
        context=Context(given.order, given.budget, given.template, given.start),
    )


def _refusal(error: ValidationError, number: int) -> PlaygroundError:
    """What is wrong with a contestant, in a sentence: an unknown key first."""
    wrong = error.errors(include_url=False)
    unknown = sorted(str(each["loc"][0]) for each in wrong if each["type"] in ("extra_forbidden", "invalid_key"))
    if unknown:
        return PlaygroundError(
            "Contestant {number} has an unknown key {key!r}. Its keys are: {known}.",
            number=number,
            key=unknown[0][:60],
            known=", ".join(KEYS),
        )
    if wrong[0]["loc"] == ("label",):
        return PlaygroundError(
            "The label of contestant {number} is not a text of up to {limit} characters.",
            number=number,
            limit=MAX_LABEL,
        )
    return PlaygroundError(
        "Contestant {number} is not an object. Its keys are: {known}.", number=number, known=", ".join(KEYS)
    )


def compare(
    contestants: Sequence[Contestant],
    prompt: str,
    sampling: Sampling,
    stopped: Callable[[], bool] = lambda: False,
    chat: bool = True,
) -> Iterator[list[Answer]]:
    """Answer one prompt with every contestant, growing all answers together.

    :param stopped: asked between steps; when true the answers stay as they are.
    :param chat: use the model's chat template, where it has one.
    :raises PlaygroundError: a recipe, a retriever, a corpus or the prompt cannot be used.
    """
    return answer_each([(contestant, prompt) for contestant in contestants], sampling, stopped, chat)


def answer_each(
    pairs: Sequence[tuple[Contestant, str]],
    sampling: Sampling,
    stopped: Callable[[], bool] = lambda: False,
    chat: bool = True,
) -> Iterator[list[Answer]]:
    """Answer prompts, each with its own contestant, growing all answers together.

    The same ``Answer`` objects are yielded after every step. ``seconds`` of an answer is the
    time that its batch was at work until its last token, its company included, the turns of
    other batches left out.

    :param stopped: asked between steps; when true the answers stay as they are.
    :param chat: use the model's chat template, where it has one.
    :raises PlaygroundError: a recipe, a retriever, a corpus or the prompt cannot be used.
    """
    built = {c.recipe.id: build(c.recipe, Work(stopped=stopped)) for c, _ in pairs}
    answers = [_prepared(c, built[c.recipe.id], prompt, sampling, chat) for c, prompt in pairs]
    yield answers
    groups = {key: [a for a, (c, _) in zip(answers, pairs, strict=True) if c.recipe.id == key] for key in built}
    running = {key: _decoding(built[key], group, sampling, stopped) for key, group in groups.items()}
    try:
        while running and not stopped():
            for key in list(running):
                if next(running[key], None) is None:
                    del running[key]
            yield answers
    finally:
        for answering_ in running.values():
            answering_.close()


def _prepared(contestant: Contestant, built: Built, prompt: str, sampling: Sampling, chat: bool) -> Answer:
    """Find the passages and write the exact prompt."""
    base = built.fork.base
    answer = Answer(label=contestant.label, prompt="", hits=(), begun="", prompt_tokens=0)
    timed = Trace()
    text = prompt
    if contestant.retriever == FEW_SHOT:
        corpus = load_corpus(contestant.corpus_id)
        check_k(contestant.k)
        generate.prompt_text(base.tokenizer, prompt, chat=False)  # refuses what is none
        examples = shots(contestant.examples or corpus.questions, prompt, contestant.k)
        text = shot_prompt(examples, prompt, corpus.language)
    elif contestant.retriever != NONE:
        corpus = load_corpus(contestant.corpus_id)
        result = search(corpus, prompt, contestant.retriever, contestant.k)
        answer.low = is_low(corpus, contestant.retriever, result.hits)
        answer.stages.update(result.seconds)
        timed = Trace()
        text = _with_passages(answer, contestant, result, prompt, corpus.language, base)
    chat = chat and bool(base.tokenizer.chat_template)
    exact = generate.prompt_text(base.tokenizer, text, chat)
    exact = exact.then(answer.begun if chat or not answer.begun else f" {answer.begun}")
    room = sampling.max_new_tokens + built.fork.virtual_count()
    answer.prompt, answer.prompt_tokens = exact, len(generate.prompt_ids(base, exact, room))
    timed.lap("prompt")
    answer.stages.update(timed.seconds)
    return answer


def _with_passages(
    answer: Answer, contestant: Contestant, result: Found, prompt: str, language: str, base: Base
) -> str:
    """Note in an answer what stands before the question; the question with it."""
    hits = [hit for hit in result.hits if hit.passage.id not in contestant.without]

    def count(text: str) -> int:
        return len(token_ids(base.tokenizer, text))

    fitting = arranged(hits, contestant.context, count)
    answer.hits, answer.texts = fitting.placed, fitting.texts
    answer.cut, answer.shortened = fitting.cut, fitting.shortened
    if not fitting.texts:
        return prompt
    text, answer.begun = asked(fitting.texts, prompt, language, contestant.context)
    return text


def _decoding(
    built: Built, answers: list[Answer], sampling: Sampling, stopped: Callable[[], bool]
) -> Generator[list[Answer]]:
    rows: list[Row] = []
    try:
        for rows in answering(built.fork, [answer.prompt for answer in answers], sampling, stopped):
            for answer, row in zip(answers, rows, strict=True):
                if not answer.done:
                    answer.tokens, answer.seconds, answer.done = len(row.ids), row.seconds, row.done
                    answer.waits = row.place, row.wait
                    if answer.tokens:
                        first = answer.stages.setdefault("first_token", row.seconds)
                        answer.stages["rest"] = row.seconds - first
                    if answer.done or answer.tokens >= answer.spelled + SPELLED or answer.spelled == 0:
                        _spell(answer, row, built.fork.base)  # a tokenizer's work, beside which others wait
            yield answers
    finally:  # who stopped keeps all that was written
        for answer, row in zip(answers, rows, strict=False):
            if answer.spelled < answer.tokens:
                _spell(answer, row, built.fork.base)


def _spell(answer: Answer, row: Row, base: Base) -> None:
    written = replace(row, ids=row.ids[: answer.tokens])  # others' steps may have brought more meanwhile
    answer.text = f"{answer.begun} {generate.answer_text(base, written)}".strip()
    answer.spelled = answer.tokens
