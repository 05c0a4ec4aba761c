"""From a question and its answer to the sentence that says it, split where the answer begins.

Edits of facts are written at the last token of a subject, for a prompt that the answer continues: so a question
has to be turned round first. By rules for how English asks; what they do not know keeps the question's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playground.ask.english import BE, finite_forms, participles, verbs
from playground.ask.subject import HANGUL, subject_of
from playground.errors import PlaygroundError

_PREPOSITION = re.compile(r"(at|in|on|from|by|to|near|under|after|before|since|until)\s+(?=\S)", re.I)
_ARTICLES = ("a", "an", "the", "of", "for")  # a noun follows, whatever else the word may be
_MEASURES = {
    "tall": "height",
    "high": "height",
    "long": "length",
    "wide": "width",
    "deep": "depth",
    "old": "age",
    "far": "distance",
    "heavy": "weight",
    "big": "size",
    "large": "size",
    "fast": "speed",
    "thick": "thickness",
}
# 정원의 입장료는 얼마인가요: what it is about up to its particle, then the word that asks
_KOREAN = re.compile(r"(.{2,}?[은는이가])\s+(?=(?:얼마|무엇|뭐|언제|어디|누구|몇|어느|어떤|무슨|왜))")


@dataclass(frozen=True)
class Statement:
    """A sentence's beginning, the subject in it, letter for letter, and the words that end it."""

    prompt: str
    subject: str
    target: str

    @property
    def sentence(self) -> str:
        """The whole sentence."""
        return f"{self.prompt} {self.target.strip().rstrip('.')}."


class NoStatementError(PlaygroundError):
    """No sentence was found that says it."""


def statement_of(question: str, answer: str) -> Statement:
    """The sentence that answers a question, or continues its first half.

    :raises NoStatementError: the question names nothing that a fact could be about, or there is no answer.
    """
    question, answer = " ".join(question.split()), answer.split("|")[0].strip()
    if not answer:
        raise NoStatementError("Give the right answer: without it there is no fact to write into the weights.")
    prompt, target = _turned(question, answer)
    subject = subject_of(prompt if question.endswith(("?", "？")) else question)
    if not subject or subject not in prompt:
        raise NoStatementError(
            "No sentence was found that says this: name who or what the question is about, or write the sentence "
            "yourself."
        )
    return Statement(prompt, subject, target)


def _turned(question: str, answer: str) -> tuple[str, str]:
    bare = question.rstrip("?？ ").strip()
    if HANGUL.search(question):
        asked = _KOREAN.match(bare)
        return (asked[1] if asked else f"질문: {question} 답:"), answer
    if bare == question.rstrip("."):
        return bare, answer  # half a sentence already
    for pattern, turn in _RULES:
        match = re.fullmatch(pattern, bare, re.I)
        found = turn(match, answer) if match else None
        if found:
            prompt, target = found
            return prompt[:1].upper() + prompt[1:], target
    return f"The answer to the question “{question}” is", answer


def _of_be(match: re.Match[str], answer: str) -> tuple[str, str]:
    """What is the capital of France: The capital of France is."""
    return f"{match['s']} {match['be'].lower()}", answer


def _of_place(match: re.Match[str], answer: str) -> tuple[str, str]:
    preposition = _PREPOSITION.match(answer)
    placed = match.groupdict().get("v")
    words = [match["s"], match["be"].lower(), *([placed] if placed else [])]
    words.append(preposition[1].lower() if preposition else "in")
    return " ".join(words), answer[preposition.end() :] if preposition else answer


def _of_noun(match: re.Match[str], answer: str) -> tuple[str, str]:
    """What colour is the door: The colour of the door is. How many rooms are in X: The number of rooms in X is."""
    return f"the {match['n']} of {match['s']} {match['be'].lower()}", answer


def _of_measure(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    noun = _MEASURES.get(match["n"].lower())
    return (f"the {noun} of {match['s']} {match['be'].lower()}", answer) if noun else None


def _of_verb(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """When does Mondfenster open on Sunday: On Sunday, Mondfenster opens."""
    found = _clause(match["rest"], match["aux"].lower())
    if not found:
        return None
    subject, verb, after = found
    fronted = re.fullmatch(r"(?:(.*?) )?((?:on|in|during|at|every) .+)", after)
    if fronted:
        first = fronted[2][:1].upper() + fronted[2][1:]
        after = f" {fronted[1]}" if fronted[1] else ""
        return f"{first}, {subject} {verb}{after}", answer
    return f"{subject} {verb}{f' {after}' if after else ''}", answer


def _of_when(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """When did Ada die: Ada died in."""
    found = _of_verb(match, answer)
    return (found[0] + _dated(answer), answer) if found else None


def _of_done(match: re.Match[str], answer: str) -> tuple[str, str]:
    """When was Ada born in Graz: Ada was born in Graz in."""
    words = match["s"].split()
    for place in range(1, len(words)):
        if words[place].lower() in participles() and words[place - 1].lower() not in _ARTICLES:
            return " ".join([*words[:place], match["be"].lower(), *words[place:]]) + _dated(answer), answer
    return _of_be(match, answer)


def _dated(answer: str) -> str:
    """The preposition before a year or a time of the day that has none of its own."""
    if re.fullmatch(r"(?:[a-z]+ )?\d{4}", answer, re.I) and not _PREPOSITION.match(answer):
        return " in"
    return " at" if re.fullmatch(r"\d{1,2}[:.]\d{2}(?: ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?", answer, re.I) else ""


def _of_which(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """What language do people speak in X: The language that people speak in X is."""
    clause = _clause_words(match)
    return (f"the {match['n']} that {clause} is", answer) if clause else None


def _of_count(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """How many rooms does X have: The number of rooms that X has is."""
    clause = _clause_words(match)
    return (f"the number of {match['n']} that {clause} is", answer) if clause else None


def _of_there(match: re.Match[str], answer: str) -> tuple[str, str]:
    return f"the number of {match['n']} {match['rest']} is", answer


def _of_cost(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """How much does X cost: X costs."""
    clause = _clause_words(match)
    return (clause, answer) if clause else None


def _of_doer(match: re.Match[str], answer: str) -> tuple[str, str]:
    """Who wrote X: The person who wrote X is."""
    return f"the person who {match['rest']} is", answer


def _of_kind(match: re.Match[str], answer: str) -> tuple[str, str] | None:
    """Which bus goes to the lake: The bus that goes to the lake is."""
    verb = match["rest"].split()[0].lower()
    return (f"the {match['n']} that {match['rest']} is", answer) if verb in finite_forms() else None


_AUX = r"(?P<aux>do|does|did)"
_N, _S, _REST = r"(?P<n>[\w-]+(?: [\w-]+)?)", r"(?P<s>.+)", r"(?P<rest>.+)"
_WHEN = r"(?:when|(?:(?:at|on|in|by|from|until) )?(?:what|which) (?:time|day|date|year|month))"
_RULES: tuple[tuple[str, Callable[[re.Match[str], str], tuple[str, str] | None]], ...] = (
    (rf"where (?P<be>{BE}) {_S} (?P<v>located|situated|kept|stored|found|held|made|built|born)", _of_place),
    (rf"where (?P<be>{BE}) {_S}", _of_place),
    (rf"how many {_N} (?:{BE}) there {_REST}", _of_there),
    (rf"how many {_N} {_AUX} {_REST}", _of_count),
    (rf"how much {_AUX} {_REST}", _of_cost),
    (rf"how (?P<n>\w+) (?P<be>{BE}) {_S}", _of_measure),
    (rf"how long {_AUX} {_REST}", _of_cost),
    (rf"(?:when|(?:at )?what time) (?P<be>{BE}) {_S}", _of_done),
    (rf"(?:what|who|which) (?P<be>{BE}) {_S}", _of_be),
    (rf"(?:what|which) {_N} (?P<be>{BE}) {_S}", _of_noun),
    (rf"{_WHEN} {_AUX} {_REST}", _of_when),
    (rf"(?:what|who|where|why|how) {_AUX} {_REST}", _of_verb),
    (rf"(?:what|which) {_N} {_AUX} {_REST}", _of_which),
    (rf"who {_REST}", _of_doer),
    (r"(?:what|which) (?P<n>[\w-]+) (?P<rest>.+)", _of_kind),
)


def _clause_words(match: re.Match[str]) -> str:
    """What follows "does" and the like, as a statement has it; "" where no verb is known in it."""
    return " ".join(filter(None, _clause(match["rest"], match["aux"].lower()) or ()))


def _clause(words: str, auxiliary: str) -> tuple[str, str, str] | None:
    """(subject, verb as a statement has it, what comes after) of what follows "does" and the like."""
    parts = words.split()
    for place in range(1, len(parts)):
        forms = verbs().get(parts[place].lower())
        if forms and parts[place - 1].lower() not in _ARTICLES:
            third, past = forms
            verb = {"does": third, "did": past}.get(auxiliary, parts[place].lower())
            return " ".join(parts[:place]), verb, " ".join(parts[place + 1 :])
    return None
