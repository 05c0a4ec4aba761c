"""Prompt tuning, P-tuning and prefix tuning: learned tokens before every text, in PEFT's format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from playground.engine.adapters.base import (
    Adapter,
    AdapterError,
    Kind,
    Read,
    expect,
    plain_config,
    unknown_tensor,
    unusable,
)
from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.side_layers import VirtualTokens
from playground.engine.fork.structure import key_shape

MAX_VIRTUAL = 128
TENSOR = "prompt_embeddings"
TYPES = ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
TRAINED_WITH = (
    "prompt_tuning_init",
    "prompt_tuning_init_text",
    "tokenizer_name_or_path",
    "tokenizer_kwargs",
    "encoder_hidden_size",
    "encoder_reparameterization_type",
    "encoder_dropout",
    "encoder_num_layers",
    "prefix_projection",
    "init_weights",
    "token_dim",
    "num_layers",
    "num_attention_heads",
)


def read_virtual_tokens(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Read:
    """Check learned tokens against a model."""
    plain = plain_config(config, {"num_virtual_tokens": 0, "num_transformer_submodules": 1}, TRAINED_WITH)
    plain["peft_type"] = config["peft_type"].rpartition(".")[2]
    if plain["num_transformer_submodules"] != 1:
        raise unusable("num_transformer_submodules", plain["num_transformer_submodules"])
    count = plain["num_virtual_tokens"]
    if not 1 <= count <= MAX_VIRTUAL:
        raise AdapterError(
            "The adapter has {given} virtual tokens: 1 to {limit} are usable.", given=count, limit=MAX_VIRTUAL
        )
    strange = sorted(set(tensors) - {TENSOR})
    if strange:
        raise unknown_tensor(strange[0])
    if plain["peft_type"] == "PREFIX_TUNING":
        layers, heads, size = key_shape(fork.base.model.config)
        sizes = {"num_layers": layers, "num_attention_heads": heads, "token_dim": heads * size}
        for key, wanted in sizes.items():  # PEFT cuts the prefix up by these
            if config.get(key) not in (None, wanted):
                raise unusable(key, config[key])
        expect(TENSOR, tensors[TENSOR], (count, layers * 2 * heads * size))
    else:
        expect(TENSOR, tensors[TENSOR], (count, fork.embedding("input")[0].shape[1]))
    return plain, dict(tensors)


def attach_virtual_tokens(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Let the model see the tokens before everything else; they have no scale."""
    if scale != 1:
        raise AdapterError(
            "This adapter is made of learned tokens before the text: they are there or not, so "
            "its scale is 1, not {given}. Set it to 1, or switch the step off.",
            given=scale,
        )
    if fork.virtual is not None:
        raise AdapterError(
            "The recipe already has learned tokens before the text. Switch that step off first: "
            "only one such adapter works at a time."
        )
    if hasattr(fork.model, Ensemble.NAME):
        raise AdapterError(
            "Learned tokens before the text do not work in an ensemble, whose models share one "
            "count of what was read. Switch that step off, or choose another adapter."
        )
    learned = adapter.tensors[TENSOR].float()
    if adapter.config["peft_type"] == "PREFIX_TUNING":
        layers, heads, size = key_shape(fork.base.model.config)
        stacked = learned.view(len(learned), layers * 2, heads, size).permute(1, 2, 0, 3)
        tokens = VirtualTokens(None, list(zip(stacked[::2], stacked[1::2], strict=True)))
    else:
        tokens = VirtualTokens(learned)
    tokens.attach(fork.model)
    return [TensorChange(VirtualTokens.NAME, float(learned.norm()))]


KIND = Kind(name="virtual", types=TYPES, read=read_virtual_tokens, attach=attach_virtual_tokens, foldable=False)
