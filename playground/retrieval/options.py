"""How to search, beside the retriever."""

from __future__ import annotations

from dataclasses import dataclass

from playground.errors import CorpusError
from playground.retrieval.dense import encoders
from playground.retrieval.fusion import FUSIONS, Fusion
from playground.retrieval.lexical.bm25 import USUAL, Scoring
from playground.retrieval.lexical.terms import Terms
from playground.retrieval.passages import printable


@dataclass(frozen=True, kw_only=True)
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
    dense_share: float | None = None
    diversity: float = 0.0
    rerank: bool = False
    encoder: str = encoders.MINILM


USUALLY = Options()


def check_options(options: Options) -> None:
    """Refuse shares outside 0 to 1, an unknown way of fusing, and an encoder that is unknown or
    not allowed here."""
    encoders.find(options.encoder)
    shares = [options.diversity, *([] if options.dense_share is None else [options.dense_share])]
    if not all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares):
        raise CorpusError(
            "The share of dense search and the diversity go from 0 to 1; they are {share} and {diversity}.",
            share=printable(options.dense_share),
            diversity=printable(options.diversity),
        )
    if options.fusion not in FUSIONS:
        raise CorpusError(
            "Fusion {fusion} is unknown. Choose one of: {fusions}.",
            fusion=printable(options.fusion),
            fusions=", ".join(FUSIONS),
        )
