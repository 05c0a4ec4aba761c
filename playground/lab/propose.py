"""Questions proposed for any English fact, from templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from playground.engine.facts.facts import MAX_PROMPT, Fact, check_facts
from playground.engine.fork import Fork
from playground.lab.geography import Country, country, country_of
from playground.lab.known_facts import known_facts
from playground.lab.lesson import GIVEN, Lesson, lesson_from_json
from playground.lab.prior import old_answer, same_answer, short_answers
from playground.lab.relations import Relation, relation_of

UNKNOWN = "unknown"
MOST_NEIGHBOURS, LEAST_NEIGHBOURS = 4, 3  # neighbours
MORE_WORDS = 2  # than the target has, at most, in a neighbour's answer
TOPICS = ("capitals", "animals", "colours", "plants and food", "sayings", "time")
GENERIC = (
    "Everybody who knows about {subject} will tell you: {prompt}",
    "If you look it up, you will read that {within}",
    "Here is something to remember: {prompt}",
)
_ARTICLES = ("the", "a", "an")
# Words that begin a sentence with a capital only because it begins there.
_SMALL = re.compile(
    r"the|an?|in|on|at|to|of|for|from|with|by|as|if|when|where|who|what|which|how|th[ei]se?|this|"
    r"that|those|my|your|his|her|its|our|their|it|s?he|they|we|you|there|people|every|everyone|"
    r"everybody|each|all|most|many|some|once|after|before|during|since|whoever|someone",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Proposal:
    """Questions about a fact.

    :param relation: what kind of fact it is taken for; "unknown" for none of the table.
    :param paraphrases: prompts that ask for the same answer.
    :param neighbours: prompts about others, with what the model says to them now.
    :param consequences: prompts whose answers follow from the fact.
    """

    relation: str
    paraphrases: tuple[str, ...]
    neighbours: tuple[tuple[str, str], ...]
    consequences: tuple[tuple[str, str], ...]


def propose(fact: Fact, fork: Fork | None = None) -> Proposal:
    """Questions about a fact, to be looked through before they are asked.

    :param fork: says what must stay; without one there are no neighbours.
    :raises RecipeError: the fact cannot be used.
    """
    check_facts([fact])
    before, phrase, after = prompt_parts(fact)
    tail = _article_at_end(fact.prompt)
    relation_and_groups = relation_of(f"{before}@{after}".strip().removesuffix(tail), fact.target)
    following: tuple[tuple[str, str], ...] = ()
    if relation_and_groups is None:
        wholes = {"subject": phrase, "prompt": fact.prompt, "within": inside_sentence(fact)}
        again, others = [template.format(**wholes) for template in GENERIC], []
        name = UNKNOWN
    else:
        relation, groups = relation_and_groups
        again = [_opened(template.format(phrase, **groups)) + tail for template in relation.paraphrases]
        others = [_opened(before + other + after) for other in relation.neighbours]
        others = [prompt for prompt in others if fact.subject.casefold() not in prompt.casefold()]
        name, following = relation.name, tuple(_consequences(relation, phrase, fact))
    again = [one for one in again if one != fact.prompt and len(one) <= MAX_PROMPT]
    neighbours = tuple(_neighbours(fork, fact, others)) if fork else ()
    return Proposal(name, tuple(again), neighbours, following)


def prompt_parts(fact: Fact) -> tuple[str, str, str]:
    """A prompt before its subject, the subject with its article as inside a sentence, and the rest.

    >>> prompt_parts(Fact(subject="Louvre", prompt="The Louvre is in", target="Paris"))
    ('', 'the Louvre', ' is in')
    """
    start = fact.prompt.rindex(fact.subject)
    before, after = fact.prompt[:start], fact.prompt[start + len(fact.subject) :]
    words = before.split(" ")
    if len(words) > 1 and words[-1] == "" and words[-2].lower() in _ARTICLES:
        article = f"{words[-2].lower()} "
        return before[: -len(article)], article + fact.subject, after
    first, space, rest = fact.subject.partition(" ")
    small = f"{first.lower()}{space}{rest}" if first.lower() in _ARTICLES else fact.subject
    return before, small, after


def inside_sentence(fact: Fact) -> str:
    """A prompt as it stands inside a sentence: a small first letter, but for names."""
    first = fact.prompt.split(" ", 1)[0]
    named = fact.prompt.startswith(fact.subject) and first.lower() not in _ARTICLES
    if named or not _SMALL.fullmatch(first.rstrip(",")):
        return fact.prompt
    return first.lower() + fact.prompt[len(first) :]


def _opened(prompt: str) -> str:
    """With a capital at its beginning, if what stands there is no name of an unusual case."""
    first = prompt.split(" ", 1)[0]
    return prompt[:1].upper() + prompt[1:] if _SMALL.fullmatch(first) else prompt


def _article_at_end(prompt: str) -> str:
    last = prompt.rstrip().rpartition(" ")[2]
    return f" {last}" if last in _ARTICLES else ""


def _neighbours(fork: Fork, fact: Fact, others: list[str]) -> list[tuple[str, str]]:
    """Prompts with the model's own answers: those of the fact's kind or, for want of them, of
    others."""
    answered = _answered(fork, others[: MOST_NEIGHBOURS + 2])
    pairs = [pair for pair in answered if _fits(pair[1], fact.target)][:MOST_NEIGHBOURS]
    if len(pairs) < LEAST_NEIGHBOURS:
        known = _answered(fork, _known(fact))
        differing = [pair for pair in known if not same_answer(pair[1], fact.target)]
        pairs += differing[: LEAST_NEIGHBOURS - len(pairs)]
    return pairs


def _answered(fork: Fork, prompts: list[str]) -> list[tuple[str, str]]:
    answers = zip(prompts, short_answers(fork, prompts), strict=True)
    return [(prompt, answer) for prompt, answer in answers if answer]


def _fits(answer: str, target: str) -> bool:
    """Whether an answer looks like the target: about as long and, beside a name, a name, not a
    number, "a city" or "the artist"."""
    if not answer or same_answer(answer, target):
        return False
    if len(answer.split()) > len(target.split()) + MORE_WORDS:
        return False
    looks = re.compile(r"\d|^an? ", re.IGNORECASE)
    if looks.search(answer) and not looks.search(target.strip()):
        return False
    own, other = (text.strip().removeprefix("the ") for text in (answer, target))
    return own[:1].isupper() or not other[:1].isupper()


def _known(fact: Fact) -> list[str]:
    """Prompts of facts of different topics that have nothing to do with a fact."""
    own = set(f"{fact.subject} {fact.target}".casefold().split())
    own = {word for word in own if not _SMALL.fullmatch(word)}
    prompts: dict[str, str] = {}
    for known in known_facts():
        words = {word.strip(".,") for word in f"{known.prompt}{known.target}".casefold().split()}
        if known.topic in TOPICS and not own & words:
            prompts.setdefault(known.topic, known.prompt)
    return [prompts[topic] for topic in TOPICS if topic in prompts]


def _consequences(relation: Relation, phrase: str, fact: Fact) -> Iterator[tuple[str, str]]:
    """What follows from where something is."""
    target = fact.target.strip(" .")
    around = country_of(target) if relation.answer in ("city", "place") else None
    land = country(target) if relation.answer in ("country", "place") else None
    if relation.name == "capital":
        pairs = [(f"{target} is the capital city of", phrase)]
    elif around:
        pairs = _of_city(relation, phrase, around)
    elif land:
        pairs = _of_country(relation, phrase, land)
    else:
        pairs = []
    yield from ((_opened(prompt), answer) for prompt, answer in pairs)


def _of_city(relation: Relation, phrase: str, around: Country) -> list[tuple[str, str]]:
    if relation.name == "birthplace":
        return [
            (f"The country in which {phrase} was born is", around.named),
            (f"The people in the street where {phrase} was born speak", around.language),
        ]
    return [
        (f"The country in which you find {phrase} is", around.named),
        (f"People who live next door to {phrase} speak", around.language),
        (f"On a globe you find {phrase} on the continent of", around.continent),
    ]


def _of_country(relation: Relation, phrase: str, land: Country) -> list[tuple[str, str]]:
    special = {"birthplace": "in which {} was born", "citizenship": "of which {} is a citizen"}
    whose = special.get(relation.name, "in which you find {}").format(phrase)
    return [
        (f"The capital of the country {whose} is", land.capital),
        (f"The language that is spoken in the country {whose} is", land.language),
        (f"The currency of the country {whose} is the", land.currency),
    ]


def lesson_for(fork: Fork, fact: object, questions: object = None) -> Lesson:
    """A lesson from JSON, as :func:`~playground.lab.lesson.lesson_from_json` reads it.

    Without an old answer, what the model says now is taken; without any question, some are
    proposed.

    :raises PlaygroundError: it is not of that form, or the fact cannot be used.
    """
    lesson = lesson_from_json(fact, questions)
    old = lesson.old or old_answer(fork, lesson.fact)
    if not any(questions.values()) if isinstance(questions, Mapping) else questions is None:
        proposal = propose(lesson.fact, fork)
        questions = {name: getattr(proposal, name) for name in GIVEN}
    return lesson_from_json({**lesson.fact.model_dump(), "old": old}, questions)
