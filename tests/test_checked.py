from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from playground.checked import Whole, checked
from playground.errors import CorpusError, Message
from playground.retrieval.context import Context
from playground.retrieval.lexical.bm25 import Scoring
from playground.retrieval.options import Options

SIDE = Message("The {field} of {name} is {given}, not {most} or less.", {"most": 9})


@checked(CorpusError, {"name": Message("{given} is no name."), "size": SIDE, "kind": SIDE})
class Box:
    name: Annotated[str, Field(max_length=99)] = "a"
    size: Annotated[Whole, Field(le=9)] = 1
    kind: Literal["wood", "tin"] = "tin"


def test_a_refusal_is_filled_with_the_fields_their_names_and_the_wrong_value():
    assert Box("b", 2.0) == Box("b", 2)
    for refused in (lambda: Box("b", 10), lambda: Box(size=10, name="b")):
        with pytest.raises(CorpusError, match=r"^The size of b is 10, not 9 or less\.$"):
            refused()
    with pytest.raises(CorpusError, match=r"^The kind of a is None, not 9 or less\.$"):
        Box(kind=None)
    with pytest.raises(CorpusError, match=r"^5 is no name\.$"):
        Box(5, 10)  # the first of them


@pytest.mark.parametrize("refusals", [{}, {"size": SIDE}, {"size": SIDE, "name": SIDE, "old": SIDE}])
def test_each_field_has_a_refusal_and_no_other(refusals):
    class Crate:
        name: str = "a"
        size: int = 1

    with pytest.raises(AssertionError, match="Crate: each field needs a refusal"):
        checked(CorpusError, refusals)(Crate)


@pytest.mark.parametrize("text", ["\ud800", "a \udc00", "{passages}{question}\ud83d"])
def test_half_a_character_in_a_text_is_told_as_what_it_is(text):
    for refused in (lambda: Box(text), lambda: Context(template=text), lambda: Context(start=text)):
        with pytest.raises(CorpusError, match="half a character") as caught:
            refused()
        assert str(caught.value).encode()


@pytest.mark.parametrize("field", ["scoring", "terms", "rerank", "encoder"])
@pytest.mark.parametrize("value", [5, b"minilm", ["minilm"], {}, Scoring])
def test_an_option_of_another_type_is_told_by_its_name(field, value):
    with pytest.raises(CorpusError, match=f"^The option {field} is .* the wrong type"):
        Options(**{field: value})
