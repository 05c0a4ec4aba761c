"""Models with adapters made by plain PEFT, to compare with."""

from __future__ import annotations

from typing import Any

import torch
from peft import IA3Config, LoraConfig, PeftModel, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig

from playground.engine.fork import Fork
from playground.engine.fork.structure import matrices
from playground.engine.models.loader import Base

METHODS = ("lora", "patterns", "rslora", "dora", "ia3", "prompt", "p_tuning", "prefix")
VIRTUAL = ("prompt", "p_tuning", "prefix")


def roles(base: Base) -> list[str]:
    """The last part of the names of the linear layers inside a model's layers."""
    inside = [m.role.rpartition(".")[2] for m in matrices(Fork(base)) if m.layer is not None]
    return list(dict.fromkeys(inside))


def table_of(base: Base) -> str:
    """The embedding's name in its module."""
    return next(n for n, m in base.model.named_modules() if m is base.model.get_input_embeddings()).rpartition(".")[2]


def config_of(method: str, base: Base) -> Any:
    """A configuration that touches every linear layer, or puts 5 tokens before the text."""
    every, task = roles(base), {"task_type": "CAUSAL_LM"}
    makers = {
        "lora": lambda: LoraConfig(r=4, lora_alpha=12, target_modules=every, **task),
        "table": lambda: LoraConfig(r=4, lora_alpha=12, target_modules=[table_of(base)], **task),
        "patterns": lambda: LoraConfig(
            r=4, lora_alpha=12, target_modules=every, rank_pattern={every[0]: 2}, alpha_pattern={every[-1]: 3}, **task
        ),
        "rslora": lambda: LoraConfig(r=4, lora_alpha=12, target_modules=every, use_rslora=True, **task),
        "dora": lambda: LoraConfig(r=4, lora_alpha=12, target_modules=every, use_dora=True, **task),
        "ia3": lambda: IA3Config(target_modules=every, feedforward_modules=[every[-1]], **task),
        "prompt": lambda: PromptTuningConfig(num_virtual_tokens=5, **task),
        "p_tuning": lambda: PromptEncoderConfig(num_virtual_tokens=5, encoder_hidden_size=16, **task),
        "prefix": lambda: PrefixTuningConfig(num_virtual_tokens=5, **task),
    }
    return makers[method]()


def make_noisy(model: PeftModel, seed: int) -> PeftModel:
    """Every trainable number is moved, so that none can be left out unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data += 0.3 * noise.to(parameter.dtype)
    return model.eval()
