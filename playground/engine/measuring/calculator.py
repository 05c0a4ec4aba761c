"""Memory for running and for training a model of any size, by arithmetic alone.

Bytes are decimal: 1 GB is 10^9. Nothing is loaded or measured here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from playground.engine.fork.structure import inner_width, key_shape
from playground.errors import PlaygroundError
from playground.settings import LOADING

Dtype = Literal["float32", "16 bits", "8 bits", "4 bits"]
Optimizer = Literal["sgd", "momentum", "adam", "adam_8bit", "paged_adam_8bit"]
Tuning = Literal["full", "lora"]
BYTES: dict[Dtype, float] = {"float32": 4, "16 bits": 2, "8 bits": 1, "4 bits": 0.5}
STATES: dict[Optimizer, int] = {"sgd": 0, "momentum": 1, "adam": 2, "adam_8bit": 2, "paged_adam_8bit": 2}
RULE = 1.2  # inference takes about this much times the weights
MACHINES: dict[str, float] = {  # GB
    "Laptop 8 GB": 8,
    "Laptop 16 GB": 16,
    "T4": 16,
    "L4": 24,
    "Laptop 32 GB": 32,
    "A100 40 GB": 40,
    "A100 80 GB": 80,
    "H100": 80,
}
MAX_LAYERS, MAX_WIDTH, MAX_VOCABULARY = 512, 131_072, 2_000_000
MAX_CONFIG = 100_000  # characters
TYPES = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gpt2",
    "gpt_neox",
    "opt",
    "phi",
    "phi3",
    "olmo",
    "olmo2",
    "smollm3",
    "starcoder2",
    "bloom",
    "gptj",
)
NOT_SHAPE = ("auto_map", "quantization_config", "model_type", "architectures", "_name_or_path")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What of a model the arithmetic needs.

    :param parameters: all of them.
    :param width: of the residual stream.
    :param key_width: heads of keys times numbers in each.
    """

    parameters: float
    layers: int
    width: int
    key_width: int
    inner: int  # of the MLP


@dataclass(frozen=True)
class Inference:
    """Bytes for answering: ``rule`` is the rule of thumb, the others the parts of it."""

    weights: float
    cache: float
    rule: float

    @property
    def total(self) -> float:
        """The parts together."""
        return self.weights + self.cache


@dataclass(frozen=True, kw_only=True)
class Training:
    """Bytes for training, by part; ``trained`` counts the numbers that learn."""

    trained: float
    weights: float
    gradients: float
    states: float
    activations: float

    @property
    def total(self) -> float:
        """The parts together."""
        return self.weights + self.gradients + self.states + self.activations


def inference(shape: Shape, dtype: Dtype, tokens: int, batch: int) -> Inference:
    """Weights in a dtype; keys and values of ``batch`` texts of ``tokens`` tokens in 16 bits."""
    weights = shape.parameters * BYTES[dtype]
    cache = 2 * shape.layers * shape.key_width * tokens * batch * 2.0
    return Inference(weights, cache, weights * RULE)


def lora_parameters(rank: int, matrices: int, layers: int, width: int) -> int:
    """Of LoRA beside ``matrices`` square matrices in each layer: r (in + out) for each."""
    return rank * 2 * width * matrices * layers


def training(
    shape: Shape,
    dtype: Dtype,
    tuning: Tuning,
    rank: int,
    matrices: int,
    optimizer: Optimizer,
    tokens: int,
    batch: int,
    checkpointing: bool,
) -> Training:
    """Weights, gradients and optimizer states in a dtype (what learns never below 16 bits), and
    activations in 16 bits.

    Activations by layer, token and width d are 34 d bytes and the MLP's inner ones, after
    Korthikanti et al. 2022 with attention that keeps no scores; with checkpointing 2 d.
    """
    if tuning == "full":
        trained = shape.parameters
    else:
        trained = float(lora_parameters(rank, matrices, shape.layers, shape.width))
    wide = max(2.0, BYTES[dtype])
    weights = shape.parameters * (wide if tuning == "full" else BYTES[dtype])
    weights += 0 if tuning == "full" else trained * wide
    state = 1.0 if optimizer in ("adam_8bit", "paged_adam_8bit") else wide
    on_card = 0 if optimizer == "paged_adam_8bit" else STATES[optimizer]
    each = 2 * shape.width if checkpointing else 18 * shape.width + 4 * shape.inner
    activations = float(each * shape.layers * tokens * batch)
    return Training(
        trained=trained,
        weights=weights,
        gradients=trained * wide,
        states=trained * state * on_card,
        activations=activations,
    )


def fits(total: float) -> list[str]:
    """The machines in whose memory so many bytes are."""
    return [name for name, size in MACHINES.items() if total <= size * 1e9]


def read_config(text: str) -> Shape:
    """A model's shape from the text of its ``config.json``; its parameters are counted exactly, on
    a model that has no memory.

    :raises PlaygroundError: it is not the configuration of a causal language model known here.
    """
    bad = PlaygroundError(
        "This is not the config.json of a causal language model that is known here. Paste one as "
        "it stands, or type the figures."
    )
    if len(text) > MAX_CONFIG:
        raise bad
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad from error
    if not isinstance(data, dict):
        raise bad
    try:
        return _shape(data)
    except PlaygroundError:
        raise
    except Exception as error:  # whatever a library makes of a made-up configuration
        raise bad from error


def _shape(data: Mapping[str, Any]) -> Shape:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    known = {key: value for key, value in data.items() if key not in NOT_SHAPE}
    if str(data.get("model_type")) not in TYPES:
        raise PlaygroundError(
            "Models of the type {given!r} are not known to the calculator. Type the figures.",
            given=str(data.get("model_type"))[:40],
        )
    config: Any = AutoConfig.for_model(str(data.get("model_type")), **known)
    _bounded("num_hidden_layers", config.num_hidden_layers, MAX_LAYERS)
    _bounded("hidden_size", config.hidden_size, MAX_WIDTH)
    _bounded("vocab_size", config.vocab_size, MAX_VOCABULARY)
    _bounded("intermediate_size", inner_width(config), 8 * MAX_WIDTH)
    with LOADING, torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return shape_of(model)


def _bounded(name: str, value: Any, most: int) -> None:
    if not isinstance(value, int) or not 1 <= value <= most:
        raise PlaygroundError(
            "The configuration's {key} is {given}: 1 to {limit} can be calculated with.",
            key=name,
            given=repr(value)[:40],
            limit=most,
        )


def shape_of(model: Any) -> Shape:
    """The shape of a model that is there, or of one without memory."""
    config = model.config
    depth, heads, size = key_shape(config)
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=depth,
        width=config.hidden_size,
        key_width=heads * size,
        inner=inner_width(config),
    )
