"""LoRA, rsLoRA and DoRA: two thin matrices beside each weight, in PEFT's format."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.adapters.base import (
    MAX_RANK,
    PREFIX,
    Adapter,
    AdapterError,
    Kind,
    Read,
    expect,
    linear_layers,
    matrix_of,
    plain_config,
    unknown_tensor,
)
from playground.engine.adapters.patterns import Matcher
from playground.engine.adapters.starts import Start, start_of, taken_out, undone
from playground.engine.adapters.targets import by_path, check_targets
from playground.engine.adapters.thin_matrices import thin_norm
from playground.engine.fork import Fork, TensorChange
from playground.engine.fork.side_layers import LowRank
from playground.engine.fork.structure import Matrix, matrices

KEPT: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 8.0,
    "use_rslora": False,
    "use_dora": False,
    "rank_pattern": {},
    "alpha_pattern": {},
    "bias": "none",
}
# These say how it was trained. What ``init_lora_weights`` means for the base is in ``starts``, and
# ``ensure_weight_tying`` saves what it ties.
TRAINED_WITH = (
    "lora_dropout",
    "init_lora_weights",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "qalora_group_size",
    "ensure_weight_tying",
)
LARGEST_NORM = 1e5  # of scaling B A; a whole weight matrix has a few hundred
BASE = re.compile(rf"{re.escape(PREFIX)}(?P<path>.+)\.base_layer\.(?P<part>weight|bias)")
TENSOR = re.compile(
    rf"{re.escape(PREFIX)}(?P<path>.+)\.lora_(?:"
    r"(?P<pair>A|B)(?:\.default)?\.weight|(?P<table>embedding_[AB])(?:\.default)?|"
    r"(?P<length>magnitude_vector)(?:(?:\.default)?\.weight)?)"
)
LINEAR, TABLE, LENGTH = ("A.weight", "B.weight"), ("embedding_A", "embedding_B"), "magnitude_vector"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The thin matrices beside one weight.

    ``scaling`` is alpha / r, or alpha / sqrt(r) for rsLoRA. ``magnitude`` (out,) is DoRA's.
    """

    path: str
    down: Tensor  # A, (r, in)
    up: Tensor  # B, (out, r)
    scaling: float
    magnitude: Tensor | None

    @property
    def rank(self) -> int:
        """r."""
        return len(self.down)

    def norm(self) -> float:
        """Frobenius norm of scaling B A."""
        return abs(self.scaling) * thin_norm(self.down, self.up)


def pairs(adapter: Adapter) -> Iterator[Pair]:
    """The thin matrices of a LoRA, in its file's order.

    Beside an embedding PEFT keeps them the other way round: A (r, tokens) and B (d_model, r). As a
    pair they are those of its weight (tokens, d_model).
    """
    for path, parts in _parts(adapter.tensors).items():
        if TABLE[0] in parts:
            down, up = parts[TABLE[1]].T, parts[TABLE[0]].T
        else:
            down, up = parts[LINEAR[0]], parts[LINEAR[1]]
        scaling = scaling_of(adapter.config, path, len(down))
        yield Pair(path=path, down=down, up=up, scaling=scaling, magnitude=parts.get(LENGTH))


def scaling_of(config: Mapping[str, Any], path: str, rank: int) -> float:
    """What B A is multiplied by."""
    alpha = float(config["alpha_pattern"].get(path, config["lora_alpha"]))
    return alpha / (math.sqrt(rank) if config["use_rslora"] else rank)


def _parts(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by module path and part."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = TENSOR.fullmatch(name)
        if match is None:
            raise unknown_tensor(name)
        part = match["table"] or match["length"] or f"{match['pair']}.weight"
        if part in parts.setdefault(match["path"], {}):  # two spellings of one name
            raise unknown_tensor(name)
        parts[match["path"]][part] = tensor
    return parts


def read_lora(config: Mapping[str, Any], tensors: Mapping[str, Tensor], fork: Fork) -> Read:
    """Check a LoRA against a model, and bring it into the form that is kept: plain names, patterns
    by full path, and what its start took out of the base in the thin matrices."""
    kept = plain_config(config, KEPT, TRAINED_WITH)
    start = start_of(config.get("init_lora_weights", True))
    if kept["bias"] != "none":
        raise AdapterError(
            "This adapter also trains biases (bias={given}), which is not supported here. Train it with bias=none.",
            given=repr(kept["bias"])[:40],
        )
    known, matcher = _places(fork), Matcher()
    parts = _parts(_without_base(tensors, fork))
    for path, own in parts.items():
        matrix = matrix_of(path, known, fork)
        _check_pair(path, own, matrix, matrix.name == fork.weight_name("input"), kept["use_dora"])
    together = _tied_ends(fork) if config.get("ensure_weight_tying") else ()
    check_targets(config, parts, linear_layers(fork), together)
    alphas = by_path(kept, "alpha_pattern", "lora_alpha", parts, matcher)
    ranks = by_path(kept, "rank_pattern", "r", parts, matcher)
    if start != "plain":
        _undo_start(start, kept, parts, alphas, ranks, fork)
    plain = {f"{PREFIX}{path}.lora_{part}": t for path, own in parts.items() for part, t in own.items()}
    kept = _by_full_names(kept, parts, alphas)
    for pair in pairs(Adapter("lora", kept, plain)):
        if not pair.norm() <= LARGEST_NORM:
            raise AdapterError(
                "{name} holds numbers that are not finite, or far too large. The training of "
                "this adapter went wrong; choose another.",
                name=pair.path[:120],
            )
    return kept, dict(sorted(plain.items()))


def _places(fork: Fork) -> dict[str, Matrix]:
    """The matrices that a LoRA can be beside: in the layers, the embedding and the head."""
    return {matrix.name.removesuffix(".weight"): matrix for matrix in matrices(fork)}


def _tied_ends(fork: Fork) -> tuple[str, ...]:
    """The paths of embedding and head where the base has one tensor for both."""
    names = fork.weight_name("input"), fork.weight_name("output")
    return tuple(name.removesuffix(".weight") for name in names) if fork.base.tied() else ()


def _without_base(tensors: Mapping[str, Tensor], fork: Fork) -> dict[str, Tensor]:
    """An adapter's own tensors: PEFT saves the embedding and the head beside their LoRAs.

    :raises AdapterError: they are not this model's.
    """
    own = dict(tensors)
    for name, tensor in tensors.items():
        match = BASE.fullmatch(name)
        if match is None or not fork.base.has(f"{match['path']}.{match['part']}"):
            continue
        here = fork.base.model.get_parameter(f"{match['path']}.{match['part']}")
        if here.shape != tensor.shape or not torch.equal(here.float(), tensor.float()):
            raise AdapterError(
                "The file brings a {name} of its own, which is not this model's: it was trained, "
                "or the adapter is for another model. Save it with save_embedding_layers=False if "
                "only the LoRA is wanted.",
                name=match["path"][:120],
            )
        del own[name]
    return own


def _undo_start(
    start: Start,
    config: dict[str, Any],
    parts: dict[str, dict[str, Tensor]],
    alphas: dict[str, float],
    ranks: Mapping[str, float],
    fork: Fork,
) -> None:
    """Put what a start took out of the base into the thin matrices, which get twice the rank."""
    known, ends = _places(fork), _tied_ends(fork)
    for path, own in parts.items():
        if TABLE[0] in own:  # PEFT starts an embedding's in the plain way
            continue
        rank, matrix = len(own[LINEAR[0]]), known[path]
        scaling = scaling_of({**config, "alpha_pattern": alphas}, path, rank)
        if rank != ranks[path] or 2 * rank > MAX_RANK or scaling <= 0 or path in ends:
            raise AdapterError(
                "This adapter was started by {given}, which takes a part of the base out, and at "
                "{name} that part cannot be worked out (rank {rank}, up to {limit}). Save it with "
                "PEFT's path_initial_model_for_weight_conversion.",
                given=start,
                name=path[:120],
                rank=rank,
                limit=MAX_RANK // 2,
            )
        weight = fork.base.model.get_parameter(f"{path}.weight")
        taken = taken_out(start, weight, matrix, rank, scaling)
        own[LINEAR[0]], own[LINEAR[1]] = undone(own[LINEAR[0]], own[LINEAR[1]], taken)
    for path, own in parts.items():
        if TABLE[0] not in own:  # the same scaling at twice the rank
            alphas[path] *= math.sqrt(2) if config["use_rslora"] else 2


def _by_full_names(
    config: Mapping[str, Any], parts: Mapping[str, Mapping[str, Tensor]], alphas: Mapping[str, float]
) -> dict[str, Any]:
    """A configuration whose patterns are full paths, and whose rank is that of the tensors: what
    it says may not be what it has."""
    ranks = {path: len(own[LINEAR[0]]) if LINEAR[0] in own else len(own[TABLE[0]]) for path, own in parts.items()}
    most = max(ranks.values(), default=1)
    usual = config["lora_alpha"]
    if alphas and usual not in alphas.values():
        usual = next(iter(alphas.values()))
    return {
        **config,
        "r": most,
        "lora_alpha": usual,
        "rank_pattern": {path: rank for path, rank in ranks.items() if rank != most},
        "alpha_pattern": {path: alpha for path, alpha in alphas.items() if alpha != usual},
    }


def _check_pair(path: str, parts: dict[str, Tensor], matrix: Matrix, table: bool, dora: bool) -> None:
    names = TABLE if table else LINEAR
    if set(parts) != {*names, *([LENGTH] if dora else [])}:
        raise AdapterError(
            "The adapter's tensors for {name} are incomplete or too many: it needs {wanted}.",
            name=path[:120],
            wanted=", ".join(f"lora_{part}" for part in (*names, *([LENGTH] if dora else []))),
        )
    if table and dora:
        raise AdapterError(
            "This adapter is a DoRA beside the embedding ({name}), which is not supported here. "
            "Train it without that target, or as a plain LoRA.",
            name=path[:120],
        )
    down, up = (parts[name] for name in names)
    rank = len(down) if down.ndim == 2 else 0
    if not 1 <= rank <= MAX_RANK:
        raise AdapterError(
            "The adapter's rank at {name} is {given}: 1 to {limit} is usable.",
            name=path[:120],
            given=rank,
            limit=MAX_RANK,
        )
    turned = matrix.transposed or table
    rows, columns = matrix.shape[::-1] if turned else matrix.shape
    expect(f"{path}.lora_{names[0].removesuffix('.weight')}", down, (rank, columns))
    expect(f"{path}.lora_{names[1].removesuffix('.weight')}", up, (rows, rank))
    if dora:
        expect(f"{path}.lora_{LENGTH}", parts[LENGTH], (rows,))


def attach_lora(adapter: Adapter, fork: Fork, scale: float) -> list[TensorChange]:
    """Put the thin matrices beside their weights."""
    changes = []
    for pair in pairs(adapter):
        name = f"{pair.path}.weight"
        if not fork.has(name):  # of a dropped layer
            continue
        plain = fork.tensor(name).float() if pair.magnitude is not None else None

        def beside(inner: nn.Module, transposed: bool, pair: Pair = pair) -> LowRank:
            return LowRank(inner, transposed, pair.down, pair.up, scale * pair.scaling, pair.magnitude)

        fork.wrap(name, beside)
        moved = abs(scale) * pair.norm()
        if plain is not None:
            moved = float((fork.tensor(name).float() - plain).norm())
        changes.append(TensorChange(name, moved))
    return changes


KIND = Kind(name="lora", types=("LORA",), read=read_lora, attach=attach_lora)


def make(
    thin: Mapping[str, tuple[Tensor, Tensor]], dtype: torch.dtype = torch.float32, tables: Container[str] = ()
) -> Adapter:
    """A plain LoRA whose scaling is 1, from (A, B) by module path.

    :param tables: the paths that are embeddings'.
    """
    rank = max((len(down) for down, _ in thin.values()), default=1)
    own = {path: len(down) for path, (down, _) in thin.items() if len(down) != rank}
    tensors = {}
    for path, (down, up) in thin.items():
        names, pair = (TABLE, (up.T, down.T)) if path in tables else (LINEAR, (down, up))
        for name, tensor in zip(names, pair, strict=True):
            tensors[f"{PREFIX}{path}.lora_{name}"] = tensor.to(dtype).contiguous()
    config = KEPT | {
        "r": rank,
        "lora_alpha": float(rank),
        "rank_pattern": own,
        "alpha_pattern": {path: float(r) for path, r in own.items()},
    }
    return Adapter("lora", config, tensors)
