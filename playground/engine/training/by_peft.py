"""The methods that PEFT does: LoRA and its relatives, IA³, and learned tokens before the text."""

from __future__ import annotations

import warnings
from typing import Any

from peft import (
    IA3Config,
    LoraConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
    get_peft_model_state_dict,
)
from transformers.pytorch_utils import Conv1D

from playground.engine.adapters import Adapter, files
from playground.engine.adapters.ia3 import ia3_layers
from playground.engine.fork import Fork
from playground.engine.fork.packed_linear import trainable_four_bits
from playground.engine.fork.structure import Matrix, select
from playground.engine.training.settings import P_TUNING_WIDTH, Settings
from playground.engine.training.trainable import Trainable, TrainingError

PREFIX_START = 0.1


def _by_peft(own: Fork, fork: Fork, config: Any, before: int = 0) -> Trainable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that GPT-2's Conv1D is transposed, and the like
        model: Any = get_peft_model(own.model, config)

    def adapter() -> Adapter:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = get_peft_model_state_dict(model, save_embedding_layers=False)
        tensors = {name: t.detach().float().clone() for name, t in state.items()}
        plain = {key: _plain(value) for key, value in config.to_dict().items()}
        return files.checked(plain, tensors, fork)

    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return Trainable(model, learning, adapter, before)


def _plain(value: Any) -> Any:
    """A configuration's value as JSON has it."""
    if isinstance(value, set):
        return sorted(value)
    return str(value.value) if hasattr(value, "value") else value


def _targets(fork: Fork, settings: Settings) -> list[Matrix]:
    chosen = [matrix for matrix in select(fork, settings.targets) if matrix.layer is not None]
    if not chosen:
        raise TrainingError("The targets name no matrix inside the layers. Choose linear, attention or mlp.")
    return chosen


def _paths(fork: Fork, settings: Settings) -> list[str]:
    return [matrix.name.removesuffix(".weight") for matrix in _targets(fork, settings)]


def lora(own: Fork, fork: Fork, settings: Settings, **more: Any) -> Trainable:
    """Two thin matrices beside each target (Hu et al. 2021); the rank fits all of them."""
    paths = _paths(fork, settings)
    smallest = min(min(matrix.shape) for matrix in _targets(fork, settings))
    if settings.rank > smallest:
        raise TrainingError(
            "Rank {given} is above the smaller side of one of the matrices, {limit}. Choose a rank of {limit} or less.",
            given=settings.rank,
            limit=smallest,
        )
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        lora_dropout=settings.dropout,
        target_modules=paths,
        task_type="CAUSAL_LM",
        **more,
    )
    return _by_peft(own, fork, config)


def rslora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """LoRA scaled by alpha / sqrt(r) (Kalajdzievski 2023)."""
    return lora(own, fork, settings, use_rslora=True)


def dora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """LoRA for directions, and a learned length for each row (Liu et al. 2024)."""
    return lora(own, fork, settings, use_dora=True)


def qlora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """LoRA beside bitsandbytes' 4-bit layers (Dettmers et al. 2023): nf4, blocks of 64."""
    for matrix in select(own, ("linear",)):
        _four_bits(own, matrix.name)
    own.model.is_loaded_in_4bit = True  # type: ignore[assignment]  # what PEFT asks
    return lora(own, fork, settings)


def _four_bits(own: Fork, name: str) -> None:
    """Put bitsandbytes' frozen 4-bit layer in a linear layer's place, to train beside it."""
    path = name.rpartition(".")[0]
    layer: Any = own.model.get_submodule(path)
    if isinstance(layer, Conv1D):
        raise TrainingError("QLoRA needs plain linear layers, and this model has GPT-2's. Choose LoRA.")
    own.model.set_submodule(path, trainable_four_bits(layer.weight, layer.bias))


def ia3(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """On keys, values and the MLP's inner activations, as the paper has it."""
    keys, outputs = ia3_layers(fork)
    config = IA3Config(target_modules=[*keys, *outputs], feedforward_modules=outputs, task_type="CAUSAL_LM")
    return _by_peft(own, fork, config)


def prompt(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Starts from embeddings of tokens that the model has, chosen by the seed."""
    _refuse_second(fork)
    own.fold()  # PEFT takes the table's own weight, without rows that replace its
    config = PromptTuningConfig(
        num_virtual_tokens=settings.virtual_tokens, prompt_tuning_init="SAMPLE_VOCAB", task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config, settings.virtual_tokens)


def p_tuning(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Learned tokens that an encoder makes (Liu et al. 2021); only they are kept."""
    _refuse_second(fork)
    own.fold()  # as above
    config = PromptEncoderConfig(
        num_virtual_tokens=settings.virtual_tokens, encoder_hidden_size=P_TUNING_WIDTH, task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config, settings.virtual_tokens)


def prefix(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Keys and values of learned tokens in every layer (Li and Liang 2021)."""
    _refuse_second(fork)
    if settings.checkpointing:
        raise TrainingError("Prefix tuning does not work with gradient checkpointing. Switch one of them off.")
    config = PrefixTuningConfig(num_virtual_tokens=settings.virtual_tokens, task_type="CAUSAL_LM")
    trainable = _by_peft(own, fork, config)
    for parameter in trainable.parameters.values():
        parameter.data *= PREFIX_START  # PEFT's start, a standard normal, drowns the text
    return trainable


def _refuse_second(fork: Fork) -> None:
    if fork.virtual is not None:
        raise TrainingError("The recipe already has learned tokens before the text. Switch that step off first.")
