"""A collection of documents as it is kept and saved: texts, how they are cut, questions.

Pure data. Knows nothing about where it is kept or who may read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter, ValidationError

from playground.errors import CorpusError
from playground.retrieval.chunking.cutting import USUAL_CUTTING, Cutting, cuts
from playground.retrieval.chunking.markdown import Cut
from playground.retrieval.passages import Corpus, Passage, Question
from playground.retrieval.reading.text_files import MAX_NAME_CHARS, MAX_TOTAL_BYTES

MAX_DOCUMENTS = 30
MAX_PASSAGES = 3_000
MAX_INDEXED_CHARS = 4_000_000  # headings repeat in every passage below them
MAX_QUESTIONS = 1_000
MAX_EVIDENCE, MAX_QUESTION = 10, 2_000  # pieces to a question; characters of each text in it
MAX_TITLE = 80  # characters of a collection's name

_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Stored:
    """A document, or one record of a document of many.

    :param cuts: where its passages are; None: where the collection's cutting puts them.
    """

    name: str
    title: str
    text: str
    cuts: tuple[Cut, ...] | None = None


@dataclass(frozen=True)
class Collection:
    """Documents, and how they are cut; ``title`` "" stands for their names."""

    documents: tuple[Stored, ...]
    title: str = ""
    cutting: Cutting = USUAL_CUTTING
    questions: tuple[Question, ...] = ()


def to_json(collection: Collection) -> str:
    """The collection as it is kept and saved."""
    return json.dumps(asdict(collection), ensure_ascii=False)


_READER = TypeAdapter(Collection)


def collection_from_json(data: bytes) -> Collection:
    """A collection from what :func:`to_json` wrote.

    :raises ValueError: it is not that, or was changed so that its parts do not fit together.
    :raises CorpusError: its cutting is out of bounds.
    """
    try:
        collection = _READER.validate_json(data, strict=True)  # which refuses lone surrogates too
    except (ValidationError, RecursionError) as error:
        raise ValueError("not a saved collection") from error
    for document in collection.documents:
        _check_document(document)
    for question in collection.questions:
        _check_question(question)
    if not collection.documents or len(collection.questions) > MAX_QUESTIONS or not _plain(collection.title):
        raise ValueError("no documents, or too many questions")
    return collection


def _check_document(document: Stored) -> None:
    """Refuse a name that is no name, a text that is no text, and cuts outside of it."""
    held = document.title + document.text + "".join(cut.heading for cut in document.cuts or ())
    if not (document.name and _plain(document.name) and "/" not in document.name) or "\0" in held:
        raise ValueError("a name or a text that cannot be used")
    before = 0
    for cut in document.cuts or ():
        if not before <= cut.start < cut.end <= len(document.text) or len(cut.heading) > 2_000:
            raise ValueError("passages that are not in the text")
        before = cut.start


def _check_question(question: Question) -> None:
    """Refuse a question that cannot be asked, and evidence without end."""
    texts = [question.id, question.answer, *(item.quote for item in question.evidence)]
    well_formed = bool(question.question.strip()) and len(question.question) <= MAX_QUESTION
    if not well_formed or len(question.evidence) > MAX_EVIDENCE or max(map(len, texts)) > MAX_QUESTION:
        raise ValueError("a question that cannot be asked")


def _plain(name: str) -> bool:
    return len(name) <= max(MAX_TITLE, MAX_NAME_CHARS) and name.isprintable()


def cuts_of(document: Stored, cutting: Cutting) -> Iterable[Cut]:
    """Where a document's passages are."""
    return cuts(document.text, cutting) if document.cuts is None else document.cuts


def corpus_of(corpus_id: str, collection: Collection) -> Corpus:
    """Its passages; none spans two documents, nor two records of one.

    :raises CorpusError: a document gives no passage, or a bound is exceeded; the rest is not cut
        then.
    """
    check_count(len({document.name for document in collection.documents}))
    check_collection_size(sum(len((document.title + document.text).encode()) for document in collection.documents))
    passages: dict[str, list[Passage]] = {}
    dropped = {document.name for document in collection.documents if document.cuts is not None}
    count = characters = 0
    for document in collection.documents:
        own = passages.setdefault(document.name, [])
        for cut in cuts_of(document, collection.cutting):
            path, line_end, row = cut.heading.partition("\n")
            heading = " > ".join(part for part in (document.title, path) if part) + line_end + row
            number = f"{document.name}#{len(own) + 1}"
            own.append(Passage(number, document.name, heading, document.text[cut.start : cut.end]))
            count, characters = count + 1, characters + len(own[-1].indexed)
            _check_passages(count, characters)
    for name, own in passages.items():
        if not own and name not in dropped:
            raise CorpusError("{name} holds no text to search. Leave it out.", name=name)
    everything = tuple(passage for own in passages.values() for passage in own)
    if not everything:
        raise CorpusError("This is the last passage. Delete your documents instead.")
    return Corpus(
        id=corpus_id,
        title=title_of(collection),
        language=_language(everything),
        passages=everything,
        questions=collection.questions,
        own=True,
    )


def title_of(collection: Collection) -> str:
    """What a collection is called: its name, or those of its documents."""
    names = list(dict.fromkeys(document.name for document in collection.documents))
    several = f"{names[0]} +{len(names) - 1}"
    return collection.title or (names[0] if len(names) == 1 else several)


def with_document(collection: Collection, documents: Sequence[Stored]) -> Collection:
    """With more documents; one takes the place of those of the same name."""
    new = {document.name for document in documents}
    others = [document for document in collection.documents if document.name not in new]
    return replace(collection, documents=(*others, *documents))


def _language(passages: Iterable[Passage]) -> str:
    """``ko`` where at least three letters in ten are Hangul, else ``en``."""
    text = "".join(passage.text for passage in passages)
    hangul, letters = len(_HANGUL.findall(text)), len(_LETTER.findall(text))
    return "ko" if hangul and hangul >= 0.3 * letters else "en"


def check_count(count: int) -> None:
    """Refuse more documents than one collection holds."""
    if count > MAX_DOCUMENTS:
        raise CorpusError(
            "{count} documents are too many: a collection of your own holds at most {limit}. "
            "Add fewer, or start a new one.",
            count=count,
            limit=MAX_DOCUMENTS,
        )


def check_collection_size(size: int) -> None:
    """Refuse more bytes than one collection holds."""
    if size > MAX_TOTAL_BYTES:
        raise CorpusError(
            "The documents hold {size} MB together; the limit is {limit} MB. Add fewer or shorter ones.",
            size=f"{-(-size // 10_000) / 100:.2f}",
            limit=MAX_TOTAL_BYTES // 1_000_000,
        )


def _check_passages(count: int, characters: int) -> None:
    if count > MAX_PASSAGES:
        raise CorpusError(
            "The documents make more than {limit} passages. Add fewer or shorter ones.", limit=MAX_PASSAGES
        )
    if characters > MAX_INDEXED_CHARS:
        raise CorpusError(
            "The documents make more than {limit} characters to search, as each passage repeats "
            "the headings above it. Shorten the headings, or add fewer documents.",
            limit=f"{MAX_INDEXED_CHARS:,}",
        )
