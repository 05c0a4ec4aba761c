"""The names of tensors in a checkpoint's files, and the model's own for them.

Files are written by many programs: with a wrapper's prefix or without the model's, with buffers
that every loader passes over, with codes instead of weights, or with an adapter's matrices alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from playground.engine.fork import Fork
from playground.engine.merging.method import MergeError

# Of wrappers: PEFT's, torch.compile's, those that train on several devices, an older transformers.
PREFIXES = (
    "base_model.model.",
    "base_model.",
    "_orig_mod.",
    "_fsdp_wrapped_module.",
    "module.",
    "model.",
    "transformer.",
    "language_model.",
)
# Frequencies of positions and masks of attention: worked out again by whoever loads a model.
BUFFERS = re.compile(r"(^|\.)(rotary_(pos_)?emb\.(inv_freq|cos_cached|sin_cached)|(attn|attention)\.(masked_)?bias)$")
ADAPTERS = re.compile(
    r"(^|\.)(lora_(A|B|E|embedding_A|embedding_B|magnitude_vector)|ia3_l|vera_lambda_[bd]|"
    r"hada_w[12]_[ab]|lokr_w[12](_[ab])?|oft_r|boft_R|prompt_embeddings|prompt_encoder|"
    r"modules_to_save|adapter_(down|up))(\.|$)"
)
CODES = {
    "bitsandbytes": re.compile(r"(\.weight\.(absmax|quant_map|nested_absmax|quant_state\.\w+)|\.SCB|\.weight_format)$"),
    "GPTQ or AWQ": re.compile(r"\.(qweight|qzeros|g_idx)$"),
    "8-bit floats": re.compile(r"\.(weight_scale|weight_scale_inv|input_scale|scale_weight)$"),
    "packed codes": re.compile(r"\.(weight_packed|weight_zero_point|scales|_packed_weight)$"),
}


def own_names(stored: Iterable[str], like: Fork, label: str) -> dict[str, str]:
    """The stored name of each tensor by its name in the model.

    What is not in the model keeps its name. Left out are buffers.

    :param like: a fork of the architecture.
    :param label: what messages call the checkpoint.
    :raises MergeError: it is not a model's weights but something else, which is named.
    """
    model = like.base.model
    known = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    known |= {like.weight_name("input"), like.weight_name("output")}
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    own = f"{getattr(model, 'base_model_prefix', '')}."
    names = list(stored)
    own_name = {name: name for name in names if name in known}
    for name in names:
        if name in known:
            continue
        _check_kind(name, label)
        if name in buffers or BUFFERS.search(name):
            continue
        mine = _without_prefix(name, known, own)
        own_name[name if mine in own_name else mine] = name  # twice in the files: one is left over
    return own_name


def _check_kind(name: str, label: str) -> None:
    """Refuse what only looks like weights.

    :raises MergeError: saying what it is.
    """
    if ADAPTERS.search(name):
        raise MergeError(
            "{name} holds an adapter's matrices, not a whole model: {tensor}. Upload it as an "
            "adapter in the Adapters tab, and merge your model with that; or fold it into its "
            "model before you save (merge_and_unload).",
            name=label,
            tensor=name[:80],
        )
    kind = next((kind for kind, pattern in CODES.items() if pattern.search(name)), None)
    if kind is not None:
        raise MergeError(
            "{name} is quantized ({kind}): {tensor} belongs to codes in the place of weights. "
            "Choose the model in 16 or 32 bits; it can be quantized here afterwards.",
            name=label,
            kind=kind,
            tensor=name[:80],
        )


def _without_prefix(name: str, known: set[str], own: str) -> str:
    """A parameter's name, whatever a wrapper put before it or a bare model left out."""
    bare = name
    for _ in range(4):  # wrappers in wrappers
        for candidate in (bare, own + bare):
            if candidate in known:
                return candidate
        prefix = next((prefix for prefix in PREFIXES if bare.startswith(prefix)), None)
        if prefix is None:
            return name
        bare = bare.removeprefix(prefix)
    return name
