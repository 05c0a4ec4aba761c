"""The methods that PEFT does: LoRA and its relatives, IA³, and learned tokens before the text.

PEFT is imported when one of them is used: that takes seconds.
"""

from __future__ import annotations

import warnings
from typing import Any

from transformers.pytorch_utils import Conv1D

from playground.engine.adapters import Adapter, files
from playground.engine.adapters.base import linear_layers
from playground.engine.adapters.ia3 import ia3_layers
from playground.engine.fork import Fork
from playground.engine.fork.packed_linear import trainable_four_bits
from playground.engine.fork.structure import Matrix, key_shape, select
from playground.engine.training.methods import training_method
from playground.engine.training.settings import P_TUNING_WIDTH, TrainingSettings
from playground.engine.training.trainable import Trainable, TrainingError

PREFIX_START = 0.1


def _by_peft(own: Fork, fork: Fork, config: Any, before: int = 0) -> Trainable:
    from peft import get_peft_model, get_peft_model_state_dict

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that GPT-2's Conv1D is transposed, and the like
        model: Any = get_peft_model(own.model, config)

    def adapter() -> Adapter:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = get_peft_model_state_dict(model, save_embedding_layers=False)
        tensors = {name: t.detach().float().clone() for name, t in state.items()}
        plain = {key: _plain(value) for key, value in config.to_dict().items()}
        return files.checked_adapter(plain, tensors, fork)

    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return Trainable(model, learning, adapter, before)


def _plain(value: Any) -> Any:
    """A configuration's value as JSON has it."""
    if isinstance(value, set):
        return sorted(value)
    return str(value.value) if hasattr(value, "value") else value


def _rows(matrix: Matrix) -> int:
    return (matrix.shape[::-1] if matrix.transposed else matrix.shape)[0]


def _pairs(fork: Fork, settings: TrainingSettings) -> int:
    """Numbers of two thin matrices beside each target."""
    return sum(settings.rank * sum(matrix.shape) for matrix in _chosen(fork, settings))


def _pairs_and_lengths(fork: Fork, settings: TrainingSettings) -> int:
    return _pairs(fork, settings) + sum(_rows(matrix) for matrix in _chosen(fork, settings))


def _scales(fork: Fork, settings: TrainingSettings) -> int:
    keys, inner = ia3_layers(fork)
    known = linear_layers(fork)
    return sum(_rows(known[p]) for p in keys) + sum(known[p].columns for p in inner)


def _embedded(fork: Fork, settings: TrainingSettings) -> int:
    """Numbers of the learned tokens' embeddings."""
    return settings.virtual_tokens * int(fork.embedding("input")[0].shape[1])


def _encoded(fork: Fork, settings: TrainingSettings) -> int:
    """The same, and the three layers of the encoder that makes them."""
    w, width = P_TUNING_WIDTH, fork.embedding("input")[0].shape[1]
    return _embedded(fork, settings) + (width * w + w) + (w * w + w) + (w * width + width)


def _keys_and_values(fork: Fork, settings: TrainingSettings) -> int:
    depth, heads, size = key_shape(fork.base.model.config)
    return settings.virtual_tokens * depth * 2 * heads * size


def _chosen(fork: Fork, settings: TrainingSettings) -> list[Matrix]:
    return [matrix for matrix in select(fork, settings.targets) if matrix.layer is not None]


def _targets(fork: Fork, settings: TrainingSettings) -> list[Matrix]:
    chosen = _chosen(fork, settings)
    if not chosen:
        raise TrainingError("The targets name no matrix inside the layers. Choose linear, attention or mlp.")
    return chosen


def _paths(fork: Fork, settings: TrainingSettings) -> list[str]:
    return [matrix.name.removesuffix(".weight") for matrix in _targets(fork, settings)]


@training_method("lora", rate=5e-4, numbers=_pairs, needs=("rank", "targets"))
def lora(own: Fork, fork: Fork, settings: TrainingSettings, **more: Any) -> Trainable:
    """Two thin matrices beside each target (Hu et al. 2021); the rank fits all of them."""
    from peft import LoraConfig

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


@training_method("rslora", rate=3e-4, numbers=_pairs, needs=("rank", "targets"))
def rslora(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """LoRA scaled by alpha / sqrt(r) (Kalajdzievski 2023)."""
    return lora(own, fork, settings, use_rslora=True)


@training_method("dora", rate=5e-4, numbers=_pairs_and_lengths, needs=("rank", "targets"))
def dora(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """LoRA for directions, and a learned length for each row (Liu et al. 2024)."""
    return lora(own, fork, settings, use_dora=True)


@training_method("qlora", rate=5e-4, numbers=_pairs, needs=("rank", "targets"))
def qlora(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
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


@training_method("ia3", rate=1e-2, numbers=_scales)
def ia3(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """On keys, values and the MLP's inner activations, as the paper has it."""
    from peft import IA3Config

    keys, outputs = ia3_layers(fork)
    config = IA3Config(target_modules=[*keys, *outputs], feedforward_modules=outputs, task_type="CAUSAL_LM")
    return _by_peft(own, fork, config)


@training_method("prompt", rate=3e-2, numbers=_embedded, needs=("virtual_tokens",))
def prompt(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Starts from embeddings of tokens that the model has, chosen by the seed."""
    from peft import PromptTuningConfig

    _refuse_second(fork)
    own.fold()  # PEFT takes the table's own weight, without rows that replace its
    config = PromptTuningConfig(
        num_virtual_tokens=settings.virtual_tokens, prompt_tuning_init="SAMPLE_VOCAB", task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config, settings.virtual_tokens)


@training_method("p_tuning", rate=3e-3, numbers=_encoded, needs=("virtual_tokens",))
def p_tuning(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Learned tokens that an encoder makes (Liu et al. 2021); only they are kept."""
    from peft import PromptEncoderConfig

    _refuse_second(fork)
    own.fold()  # as above
    config = PromptEncoderConfig(
        num_virtual_tokens=settings.virtual_tokens, encoder_hidden_size=P_TUNING_WIDTH, task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config, settings.virtual_tokens)


@training_method("prefix", rate=1e-2, numbers=_keys_and_values, needs=("virtual_tokens",))
def prefix(own: Fork, fork: Fork, settings: TrainingSettings) -> Trainable:
    """Keys and values of learned tokens in every layer (Li and Liang 2021)."""
    from peft import PrefixTuningConfig

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
