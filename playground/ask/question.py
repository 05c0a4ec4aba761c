"""What a visitor asks, checked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from playground.ask.judging import LEADING
from playground.ask.phrasings import language_of
from playground.ask.statement import NoStatementError, Statement, statement_of
from playground.checked import Whole, checked
from playground.engine.decoding.generate import MAX_SEED
from playground.errors import Message, PlaygroundError
from playground.retrieval.chunking.cutting import Cutting, cuts
from playground.retrieval.corpus import load_corpus
from playground.retrieval.passages import Corpus, Passage

MAX_QUESTION, MAX_ANSWER, MAX_TEXT, MAX_SUBJECT = 400, 150, 60_000, 200  # characters
AskNeed = Literal["changes", "cite", "many", "style", "bare"]
ASK_NEEDS: tuple[AskNeed, ...] = get_args(AskNeed)
TextCut = Literal["sentences", "paragraphs"]
CUTTINGS: dict[str, Cutting] = {"sentences": Cutting("sentences", 1), "paragraphs": Cutting()}
FAR = {"en": "lantern-handbook", "ko": "lantern-handbook-ko"}  # among which a fact stands where no text was given
# Around an answer as a whole: 7:30 is not in 17:30, and a Korean particle may follow
_BEFORE, _AFTER = r"(?<![^\W가-힣])(?<!\d[.,:])", r"(?![^\W가-힣])(?![.,:]\d)"
TEXT = "text"  # what a visitor's pasted text is called


_LONG_ANSWER = Message(
    "The right answer is longer than {limit} characters. Give the words that must stand in an answer.",
    {"limit": MAX_ANSWER},
)


def check_answer(answer: str) -> str:
    """A right answer as it is typed, without spaces around it.

    :raises PlaygroundError: it is too long.
    """
    if len(answer) > MAX_ANSWER:
        raise PlaygroundError(_LONG_ANSWER.template, **_LONG_ANSWER.values)
    return answer.strip()


def _is_written(text: str) -> str:
    if not text.strip():
        raise ValueError("blank")
    return text


def _from_to(least: int, most: int) -> object:
    return Field(min_length=least, max_length=most)


@checked(
    PlaygroundError,
    {
        "question": Message(
            "Write a question first: what you would ask it, in at most {limit} characters.", {"limit": MAX_QUESTION}
        ),
        "answer": _LONG_ANSWER,
        "text": Message(
            "The text is longer than {limit} characters. Drop it as a file under Documents, and choose it here.",
            {"limit": MAX_TEXT},
        ),
        "corpus_id": Message("Choose documents from the menu, or none."),
        "needs": Message("A need is one of: {known}.", {"known": ", ".join(ASK_NEEDS)}),
        "prompt": Message("The sentence is longer than {limit} characters. Shorten it.", {"limit": MAX_QUESTION}),
        "subject": Message("The subject is longer than {limit} characters. Shorten it.", {"limit": MAX_SUBJECT}),
        "cut": Message("Cut the text by one of: {known}.", {"known": ", ".join(CUTTINGS)}),
        "begun": Message("Say whether the answer is begun: true or false."),
        "seed": Message("Seed is {given}: choose a whole number from 0 to {limit}.", {"limit": MAX_SEED}),
    },
)
class Asked:
    """A question and what is known about it.

    :param answer: the right one, or several that are right alike with ``|`` between them; "" for none known.
    :param text: where it stands; "" for none.
    :param corpus_id: of documents where it stands; "" for none.
    :param needs: what is true of the situation: the answer ``changes`` often, an answer must ``cite`` its source,
        there are ``many`` such facts, it is a ``style`` and no fact, it must be known with a ``bare`` prompt.
    :param prompt: the visitor's own beginning of a sentence that says it; "" for the proposed one.
    :param subject: the same for who or what it is about.
    :param cut: how the pasted text becomes passages. A small model reads one sentence more surely than several: of 26
        questions on the handbook it misread 1 passage by sentences, 3 by paragraphs.
    :param begun: begin the answer for the model with the sentence's first words.
    """

    question: Annotated[str, _from_to(1, MAX_QUESTION), AfterValidator(_is_written)]
    answer: Annotated[str, _from_to(0, MAX_ANSWER)] = ""
    text: Annotated[str, _from_to(0, MAX_TEXT)] = ""
    corpus_id: Annotated[str, _from_to(0, 100)] = ""
    needs: tuple[AskNeed, ...] = ()
    prompt: Annotated[str, _from_to(0, MAX_QUESTION)] = ""
    subject: Annotated[str, _from_to(0, MAX_SUBJECT)] = ""
    cut: TextCut = "sentences"
    begun: bool = False
    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 0

    @property
    def language(self) -> str:
        """Of the question."""
        return language_of(self.question)

    def statement(self) -> Statement:
        """The sentence that says the answer: the visitor's own, else the proposed one.

        :raises NoStatementError: none was found, or the subject does not stand in it.
        """
        if not self.prompt.strip():
            found = statement_of(self.question, self.answer)
            return replace(found, subject=self._subject_in(found.prompt)) if self.subject.strip() else found
        if not self.answer.strip():
            raise NoStatementError("Give the right answer: without it there is no fact to write into the weights.")
        prompt = self.prompt.strip()
        if self.subject.strip():
            return Statement(prompt, self._subject_in(prompt), self.answer.split("|")[0].strip())
        return replace(statement_of(prompt, self.answer), prompt=prompt)

    def _subject_in(self, prompt: str) -> str:
        subject = self.subject.strip()
        if subject not in prompt:
            raise NoStatementError(
                "The subject {subject!r} does not stand in the sentence {prompt!r}. Write it letter for letter as it "
                "stands there.",
                subject=subject[:60],
                prompt=prompt[:100],
            )
        return subject

    def sentence(self) -> str:
        """What is said in the prompt: the sentence, or question and answer where no sentence was found."""
        try:
            return self.statement().sentence
        except NoStatementError:
            return f"{self.question.strip()} {self.answer.split('|')[0].strip()}"

    def fact(self) -> str:
        """What a prompt says before the question: the sentence, or all of the text where no answer is known."""
        return self.sentence() if self.answer.strip() else self.text.strip()

    def corpus(self) -> Corpus:
        """The passages of the text, and those of the documents.

        Where neither is given, the sentence is one passage among those of the handbook.

        :raises CorpusError: the documents are unknown or gone, or the text cannot be cut.
        """
        passages = list(load_corpus(self.corpus_id).passages) if self.corpus_id else []
        if self.text.strip():
            passages = [*self.of_text(), *passages]
        elif not passages and self.answer.strip():
            passages = [Passage("fact#1", "fact", "", self.sentence()), *load_corpus(FAR[self.language]).passages]
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]  # found again by who has the text alone
        return Corpus(
            id=f"asked {digest}",
            title="Asked",
            language=self.language,
            passages=tuple(passages),
            questions=(),
            own=True,
        )

    @property
    def texts(self) -> bool:
        """Whether it is said where the answer stands."""
        return bool(self.text.strip() or self.corpus_id)

    def changed(self, new: str) -> Asked:
        """The same question on the day on which its answer is another one: the text says so.

        :raises PlaygroundError: the answer does not stand in the text, or there is none.
        """
        new = check_answer(new)
        old = self.answer.split("|")[0].strip()
        core = LEADING.sub("", old, count=1)
        first = new.split("|")[0].strip()
        fresh = LEADING.sub("", first, count=1)
        whole = re.compile(rf"{_BEFORE}{re.escape(core)}{_AFTER}")
        if not old or not fresh:
            raise PlaygroundError("Give the right answer as it is now, and as it will be.")
        if self.text.strip() and not whole.search(self.text):
            raise PlaygroundError(
                "The text does not say {answer!r} in these words: change the text itself, and try again.",
                answer=core[:60],
            )
        text = whole.sub(lambda found: fresh, self.text)
        return replace(self, answer=new, text=text, corpus_id="" if text.strip() else self.corpus_id)

    def of_text(self) -> list[Passage]:
        """The pasted text's passages."""
        text = self.text.strip()
        return [
            Passage(f"{TEXT}#{number}", TEXT, place.heading, text[place.start : place.end])
            for number, place in enumerate(cuts(text, CUTTINGS[self.cut]), 1)
        ]
