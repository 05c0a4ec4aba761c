"""How to search, beside the retriever."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from playground.checked import checked
from playground.errors import CorpusError, Message
from playground.retrieval.dense import encoders
from playground.retrieval.fusion import FUSIONS, Fusion
from playground.retrieval.lexical.bm25 import USUAL, Scoring
from playground.retrieval.lexical.terms import Terms

Share = Annotated[float, Field(ge=0, le=1)]
_SHARES = Message("The share of dense search and the diversity go from 0 to 1; they are {dense_share} and {diversity}.")
_WRONG_TYPE = Message("The option {field} is {given}, which is the wrong type. Leave it out to search as usual.")


@checked(
    CorpusError,
    {
        "scoring": _WRONG_TYPE,
        "terms": _WRONG_TYPE,
        "fusion": Message("Fusion {fusion} is unknown. Choose one of: {fusions}.", {"fusions": ", ".join(FUSIONS)}),
        "dense_share": _SHARES,
        "diversity": _SHARES,
        "rerank": _WRONG_TYPE,
        "encoder": _WRONG_TYPE,
    },
)
class Options:
    """How to search; a retriever heeds what it has a use for.

    :param terms: how texts are split into words; None: as the retriever's row says.
    :param fusion: of hybrid search: by reciprocal ranks or by a weighted sum of scores.
    :param dense_share: weight of dense search in hybrid, 0 to 1, the rest BM25's; None: a half, or
        next to nothing where the encoder does not read the corpus's language.
    :param diversity: 0 to 1: how much a passage that resembles a better one is held back.
    :param rerank: let a cross-encoder put the best in order.
    :param encoder: of dense search, of its part in hybrid, and of likeness: an id of encoders.py.
    """

    scoring: Scoring = USUAL
    terms: Terms | None = None
    fusion: Fusion = "rrf"
    dense_share: Share | None = None
    diversity: Share = 0.0
    rerank: bool = False
    encoder: str = encoders.MINILM


USUALLY = Options()
