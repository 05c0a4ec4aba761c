"""What mergekit calls the methods, parameters and parts that both it and this playground know."""

from __future__ import annotations

from playground.engine.merging import METHODS

KNOWN = (*METHODS, "passthrough")
# What parts of a model are called in names of tensors; the first that is found in a name counts,
# and there are norms of queries and keys (self_attn.q_norm).
FILTERS = {
    "norm": "norms", "self_attn": "attention", "mlp": "mlp", "embed_tokens": "embeddings",
    "lm_head": "embeddings",
}  # fmt: skip


def own_parameters(method: str) -> list[str]:
    """The parameters that mergekit has for each model; its Karcher mean has no weights."""
    known = ("weight", "density", "epsilon", "gamma")
    return [key for key in known if key in METHODS[method].uses and method != "karcher"]


def shared_parameters(method: str) -> list[str]:
    """The parameters that mergekit has once for all models."""
    uses, from_base = METHODS[method].uses, METHODS[method].from_base
    has = {
        "t": method == "slerp", "lambda": from_base and "weight" in uses,
        "normalize": "normalize" in uses, "select_topk": "select" in uses,
    }  # fmt: skip
    return [key for key, known in has.items() if known]
