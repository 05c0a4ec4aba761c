"""What mergekit calls the methods, parameters and parts that both it and this playground know."""

from __future__ import annotations

from playground.engine.merging import METHODS

KNOWN = tuple(name for name, method in METHODS.items() if method.in_mergekit)
# What parts of a model are called in names of tensors; the first that is found in a name counts,
# and there are norms of queries and keys (self_attn.q_norm).
FILTERS = {
    "norm": "norms",
    "self_attn": "attention",
    "mlp": "mlp",
    "embed_tokens": "embeddings",
    "lm_head": "embeddings",
}
# The part that a matrix is in, where its name tells: of any layout these are no other part's.
ROLES = {
    **dict.fromkeys(("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "c_attn"), "attention"),
    **dict.fromkeys(("q_norm", "k_norm"), "attention"),
    **dict.fromkeys(("gate_proj", "up_proj", "down_proj", "gate_up_proj", "c_fc"), "mlp"),
    **dict.fromkeys(("input_layernorm", "post_attention_layernorm"), "norms"),
}
# Parameters of one method or another, which mergekit passes over where a method has no such one.
WORDS = (
    "t",
    "weight",
    "density",
    "epsilon",
    "gamma",
    "lambda",
    "normalize",
    "normalize_weights",
    "rescale",
    "select_topk",
    "int8_mask",
)


def own_parameters(method: str) -> list[str]:
    """The parameters that mergekit has for each model; its Karcher mean has no weights."""
    known = ("weight", "density", "epsilon", "gamma")
    return [key for key in known if key in METHODS[method].uses and method != "karcher"]


def shared_parameters(method: str) -> dict[str, str]:
    """The parameters that mergekit has once for all models, and a merge's for each."""
    uses, from_base = METHODS[method].uses, METHODS[method].from_base
    normalize = "normalize_weights" if method == "multislerp" else "normalize"
    known = {
        "t": "t" if method == "slerp" else "near" if "near" in uses else "",
        "lambda": "t" if from_base and "weight" in uses else "",
        normalize: "normalize" if "normalize" in uses else "",
        "rescale": "rescale" if "rescale" in uses else "",
        "select_topk": "select" if "select" in uses else "",
    }
    return {key: ours for key, ours in known.items() if ours}
