"""What each training method makes trainable, and the adapter that it leaves.

PEFT does its own methods; the others change weights that the model has. To add one, write a
function from a fork and settings to a :class:`Trainable` and a line in ``METHODS``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from peft import (
    IA3Config,
    LoraConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
    get_peft_model_state_dict,
)
from torch import Tensor, nn

from playground.engine.adapted import Bottleneck
from playground.engine.adapters import Adapter, bottleneck, files
from playground.engine.adapters.base import linear_layers
from playground.engine.adapters.changed import IDS, ROWS
from playground.engine.fork import Fork
from playground.engine.seeded import seeded
from playground.engine.structure import Matrix, layers, select
from playground.engine.training.settings import MethodName, Settings
from playground.errors import PlaygroundError


class TrainingError(PlaygroundError):
    """A run cannot be done as asked."""


@dataclass(frozen=True)
class Trainable:
    """A model in which some parameters learn.

    :param model: called with ``input_ids`` and ``attention_mask``.
    :param parameters: what learns, by name.
    :param adapter: what has been learned so far, as an adapter for the fork that it started from.
    :param before: places that the model's answers have before those of the text.
    """

    model: nn.Module
    parameters: Mapping[str, nn.Parameter]
    adapter: Callable[[], Adapter]
    before: int = 0

    def count(self) -> int:
        """How many numbers learn."""
        return sum(parameter.numel() for parameter in self.parameters.values())


def prepare(fork: Fork, settings: Settings) -> Trainable:
    """A private clone of a fork, ready to learn by a method; the fork stays as it is.

    :raises TrainingError: the method does not fit the model.
    :raises RecipeError: a target names nothing.
    """
    if settings.checkpointing and fork.virtual is not None:
        raise TrainingError(
            "The recipe has learned tokens before the text, which gradient checkpointing would "
            "leave out. Switch one of them off."
        )
    own = fork.clone()
    own.make_plain()
    with seeded(settings.seed), torch.inference_mode(False), torch.enable_grad():
        return METHODS[settings.method](own, fork, settings)


def _targets(fork: Fork, settings: Settings) -> list[Matrix]:
    chosen = [matrix for matrix in select(fork, settings.targets) if matrix.layer is not None]
    if not chosen:
        raise TrainingError(
            "The targets name no matrix inside the layers. Choose linear, attention or mlp."
        )
    return chosen


def _paths(fork: Fork, settings: Settings) -> list[str]:
    return [matrix.name.removesuffix(".weight") for matrix in _targets(fork, settings)]


# PEFT's methods


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


def _lora(own: Fork, fork: Fork, settings: Settings, **more: Any) -> Trainable:
    paths = _paths(fork, settings)
    smallest = min(min(matrix.shape) for matrix in _targets(fork, settings))
    if settings.rank > smallest:
        raise TrainingError(
            "Rank {given} is above the smaller side of one of the matrices, {limit}. Choose a "
            "rank of {limit} or less.",
            given=settings.rank,
            limit=smallest,
        )
    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout,  # type: ignore[arg-type]
        target_modules=paths, task_type="CAUSAL_LM", **more,
    )  # fmt: skip
    return _by_peft(own, fork, config)


def _rslora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    return _lora(own, fork, settings, use_rslora=True)


def _dora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    return _lora(own, fork, settings, use_dora=True)


def _qlora(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """LoRA beside bitsandbytes' 4-bit layers (Dettmers et al. 2023): nf4, blocks of 64."""
    for matrix in select(own, ("linear",)):
        own.four_bits(matrix.name)
    own.model.is_loaded_in_4bit = True  # type: ignore[assignment]  # what PEFT asks
    return _lora(own, fork, settings)


def _ia3(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """On keys, values and the MLP's inner activations, as the paper has it."""
    keys, outputs = ia3_layers(fork)
    config = IA3Config(
        target_modules=[*keys, *outputs], feedforward_modules=outputs, task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config)


def ia3_layers(fork: Fork) -> tuple[list[str], list[str]]:
    """Paths of the layers whose outputs IA³ scales, and of those whose inputs it does."""
    known = linear_layers(fork)
    keys = [
        path for path, matrix in known.items()
        if matrix.part == "attention" and path.rpartition(".")[2] in KEYS_AND_VALUES
    ]  # fmt: skip
    return keys, sorted(p for p in bottleneck.outputs(fork) if known[p].part == "mlp")


PREFIX_START = 0.1
KEYS_AND_VALUES = ("k_proj", "v_proj", "c_attn", "query_key_value")


def _prompt(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Starts from embeddings of tokens that the model has, chosen by the seed."""
    _refuse_second(fork)
    own.fold()  # PEFT takes the table's own weight, without rows that replace its
    config = PromptTuningConfig(
        num_virtual_tokens=settings.virtual_tokens, prompt_tuning_init="SAMPLE_VOCAB",
        task_type="CAUSAL_LM",
    )  # fmt: skip
    return _by_peft(own, fork, config, settings.virtual_tokens)


def _p_tuning(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    _refuse_second(fork)
    own.fold()  # as above
    config = PromptEncoderConfig(
        num_virtual_tokens=settings.virtual_tokens, encoder_hidden_size=128, task_type="CAUSAL_LM"
    )
    return _by_peft(own, fork, config, settings.virtual_tokens)


def _prefix(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    _refuse_second(fork)
    if settings.checkpointing:
        raise TrainingError(
            "Prefix tuning does not work with gradient checkpointing. Switch one of them off."
        )
    config = PrefixTuningConfig(num_virtual_tokens=settings.virtual_tokens, task_type="CAUSAL_LM")
    trainable = _by_peft(own, fork, config)
    for parameter in trainable.parameters.values():
        parameter.data *= PREFIX_START  # PEFT's start, a standard normal, drowns the text
    return trainable


def _refuse_second(fork: Fork) -> None:
    if fork.virtual is not None:
        raise TrainingError(
            "The recipe already has learned tokens before the text. Switch that step off first."
        )


# Weights that the model has


def _weights(own: Fork, fork: Fork, names: list[str]) -> Trainable:
    """Let parameters learn, in copies of their own; tied names share one."""
    learning: dict[str, nn.Parameter] = {}
    groups: dict[Any, list[str]] = {}
    for name in names:
        groups.setdefault(own.identity(name), []).append(name)
    for first, *others in groups.values():
        parameter = nn.Parameter(own.tensor(first).detach().clone())
        own.share([first, *others], parameter)
        learning[first] = parameter

    def adapter() -> Adapter:
        tensors = {name: p.detach().clone() for name, p in learning.items()}
        config = {"peft_type": "CHANGED_TENSORS", "tied": _one_table(fork)}
        return files.checked(config, tensors, fork)

    return Trainable(own.model, learning, adapter)


def _one_table(fork: Fork) -> bool:
    """Whether the embedding and the head are the same: rows of one side may have been edited."""
    return fork.identity(fork.weight_name("input")) == fork.identity(fork.weight_name("output"))


def _bitfit(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Biases only (Ben Zaken et al. 2022), and the norms' weights: most models today have no
    biases at all."""
    names = [name for name, p in _parameters(own) if name.endswith(".bias") or p.ndim == 1]
    return _weights(own, fork, names)


def _last_layers(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    path, stack = layers(fork.model)
    left = [index for index in range(len(stack)) if index not in fork.dropped]
    starts = tuple(f"{path}.{index}." for index in left[-settings.layers :])
    return _weights(own, fork, [name for name, _ in _parameters(own) if name.startswith(starts)])


def _full(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    return _weights(own, fork, [name for name, _ in _parameters(own)])


def _parameters(own: Fork) -> list[tuple[str, Tensor]]:
    named = own.base.model.named_parameters(remove_duplicate=False)
    return [(name, parameter) for name, parameter in named if own.has(name)]


def _embeddings(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """The table of embeddings (and the head, where they are tied); rows that moved are kept."""
    table = own.weight_name("input")
    names = [table, own.weight_name("output")] if _one_table(own) else [table]
    whole = _weights(own, fork, names)
    start = fork.tensor(table)

    def adapter() -> Adapter:
        now = next(iter(whole.parameters.values())).detach()
        ids = (now != start).any(dim=1).nonzero().flatten()
        ids = ids if len(ids) else torch.zeros(1, dtype=torch.long)
        tensors = {table + ROWS: now[ids].clone(), table + IDS: ids}
        config = {"peft_type": "CHANGED_TENSORS", "tied": len(names) == 2}
        return files.checked(config, tensors, fork)

    return Trainable(own.model, whole.parameters, adapter)


def _bottleneck(own: Fork, fork: Fork, settings: Settings) -> Trainable:
    """Small and near the identity to begin with, as in the paper."""
    learning: dict[str, nn.Parameter] = {}
    for path in bottleneck.outputs(own):
        name = f"{path}.weight"
        if not own.has(name):
            continue
        matrix = linear_layers(own)[path]
        width = (matrix.shape[::-1] if matrix.transposed else matrix.shape)[0]
        down = torch.randn(settings.rank, width) / width**0.5
        first = down, torch.zeros(settings.rank)
        second = torch.zeros(width, settings.rank), torch.zeros(width)

        def after(
            inner: nn.Module, transposed: bool, first: Any = first, second: Any = second
        ) -> Bottleneck:
            return Bottleneck(inner, transposed, first, second, 1.0)

        own.wrap(name, after)
        module: Any = own.model.get_submodule(path)
        tensors = (module.down, module.down_bias, module.up, module.up_bias)
        for part, parameter in zip(bottleneck.PARTS, tensors, strict=True):
            learning[f"{path}.{part}"] = parameter.requires_grad_(True)

    def adapter() -> Adapter:
        config = {"peft_type": "BOTTLENECK", "size": settings.rank}
        tensors = {name: p.detach().clone() for name, p in learning.items()}
        return files.checked(config, tensors, fork)

    return Trainable(own.model, learning, adapter)


METHODS: dict[MethodName, Callable[[Fork, Fork, Settings], Trainable]] = {
    "lora": _lora,
    "rslora": _rslora,
    "dora": _dora,
    "qlora": _qlora,
    "ia3": _ia3,
    "prompt": _prompt,
    "p_tuning": _p_tuning,
    "prefix": _prefix,
    "bitfit": _bitfit,
    "bottleneck": _bottleneck,
    "embeddings": _embeddings,
    "last_layers": _last_layers,
    "full": _full,
}
