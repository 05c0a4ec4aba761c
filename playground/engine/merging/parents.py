"""The models that are merged: tensors by name, one at a time, from a variant or from a file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from torch import Tensor

from playground.engine.fork import Fork
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.finite import all_finite
from playground.engine.fork.side_layers import Bottleneck
from playground.engine.merging.headers import check_header, check_tensor_count
from playground.engine.merging.mapped import MappedFile
from playground.engine.merging.method import MergeError
from playground.engine.work import QUIET, Work
from playground.errors import Message

Shape = tuple[int, ...]
NAMED = 3  # differences that a message names
LONGEST = 80  # characters of a name in a message


class Parent(Protocol):
    """A model to merge."""

    @property
    def label(self) -> str:
        """What messages call it."""

    @property
    def tokens(self) -> Mapping[str, int] | None:
        """Its vocabulary, where it is known."""

    def shapes(self) -> dict[str, Shape]:
        """Its parameters' shapes by name, tied ones under both names."""

    def tensor(self, name: str) -> Tensor:
        """One of them."""

    def identity(self, name: str) -> Hashable:
        """The same for two names that are one tensor, and for two parents that share one."""


@dataclass(frozen=True, eq=False)
class Variant:
    """A recipe's fork. What adapters add is worked out tensor by tensor, as it is asked for."""

    label: str
    fork: Fork

    @cached_property
    def tokens(self) -> Mapping[str, int]:
        """The vocabulary of its tokenizer, which takes a while to write out."""
        tokens: dict[str, int] = self.fork.base.tokenizer.get_vocab()
        return tokens

    def shapes(self) -> dict[str, Shape]:
        """Of the parameters that its base has and it still has."""
        named = self.fork.base.model.named_parameters(remove_duplicate=False)
        return {name: tuple(p.shape) for name, p in named if self.fork.has(name)}

    def tensor(self, name: str) -> Tensor:
        """With every adapter and row patch applied."""
        return self.fork.tensor(name)

    def identity(self, name: str) -> Hashable:
        """Where the tensor is; one that adapters change is like no other."""
        identity = self.fork.identity(name)
        return (id(self), name) if identity == name else identity


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """Safetensors files, memory-mapped: a tensor is read when it is asked for.

    :param names: what each tensor is called in the files, by its name in the model.
    :param like: a fork of the architecture, for what is tied.
    """

    label: str
    files: Mapping[str, Any]  # open files by the name of each tensor in them
    names: Mapping[str, str]
    like: Fork
    tokens: Mapping[str, int] | None = None

    def shapes(self) -> dict[str, Shape]:
        """A tied head that is not in the file is there all the same, also beside models that have
        one of their own: the embedding is in its place."""
        shapes = {mine: tuple(self.files[name].get_slice(name).get_shape()) for mine, name in self.names.items()}
        embedding, head = self.like.weight_name("input"), self.like.weight_name("output")
        if embedding in shapes:
            shapes.setdefault(head, shapes[embedding])
        elif head in shapes and self.like.base.tied():
            shapes[embedding] = shapes[head]
        return shapes

    def tensor(self, name: str) -> Tensor:
        """Read from the file.

        :raises MergeError: it holds what is not a number, or cannot be read.
        """
        stored = self.names[self._stored(name)]
        try:
            tensor: Tensor = self.files[stored].get_tensor(stored)
            usable = tensor.is_floating_point() and all_finite(tensor)
        except (SafetensorError, OSError, RuntimeError) as error:
            raise MergeError("The checkpoint {name} cannot be read.", name=self.label) from error
        if not usable:
            raise MergeError(
                "The checkpoint {name} holds values in {tensor} that are not numbers. Choose another.",
                name=self.label,
                tensor=name,
            )
        return tensor

    def identity(self, name: str) -> Hashable:
        """Like no other's."""
        return id(self), self._stored(name)

    def _stored(self, name: str) -> str:
        """The name of what is in the files: of a tied pair one is left out."""
        ends = self.like.weight_name("input"), self.like.weight_name("output")
        return name if name in self.names else ends[name == ends[0]]


def open_files(paths: Sequence[Path], stack: ExitStack, work: Work = QUIET) -> dict[str, Any]:
    """Safetensors files by the names of the tensors in them; closed with the stack.

    :raises MergeError: one is not readable, or lists more than any model has.
    :raises Stopped: ``work`` says so.
    """
    files: dict[str, Any] = {}
    for done, path in enumerate(paths):
        work.step(done, len(paths), Message("Checking {name}…", {"name": file_name(path)}))
        try:
            check_header(path, file_name(path))
            file = stack.enter_context(MappedFile(path))
        except (SafetensorError, OSError) as error:
            raise MergeError(
                "{name} is not a safetensors file that can be read. Export the model again.", name=file_name(path)
            ) from error
        files |= dict.fromkeys(file.keys(), file)
        check_tensor_count(len(files), file_name(path))
    return files


def file_name(path: Path) -> str:
    """What messages call a file: short, and text whatever bytes its name is."""
    return path.name.encode(errors="replace").decode()[:LONGEST]


def check_mergeable(fork: Fork) -> None:
    """Refuse a variant with an effect that no weight has.

    :raises MergeError: naming it.
    """
    bottleneck = any(isinstance(module, Bottleneck) for module in fork.model.modules())
    if bottleneck or fork.virtual is not None:
        raise MergeError(
            "A recipe to merge has a bottleneck adapter or learned tokens before the text, and no "
            "weight has their effect. Switch that step off, or choose another recipe."
        )
    if hasattr(fork.model, Ensemble.NAME):
        raise MergeError("A recipe to merge is an ensemble, and no weight has its effect. Choose its models instead.")


def check_alike(base: Variant, parents: Sequence[Parent], by_text: bool) -> None:
    """Refuse models that cannot be merged, before anything is computed.

    :param by_text: whether rows of the vocabulary are matched by their tokens' texts.
    :raises MergeError: naming the first differences.
    """
    mine = base.shapes()
    tables = vocabulary_names(base.fork)
    for parent in parents:
        theirs = parent.shapes()
        different = [
            f"{name[:LONGEST]}: {_text(mine.get(name))}, {_text(theirs.get(name))}"
            for name in dict.fromkeys([*mine, *theirs])
            if mine.get(name) != theirs.get(name)
        ]
        rows = {name for name in tables if mine.get(name) != theirs.get(name)}
        only_rows = len(rows) == len(different) and all(
            name in mine and name in theirs and mine[name][1:] == theirs[name][1:] for name in rows
        )
        if different and not only_rows:
            raise MergeError(
                "{name} has another shape than the model it would be merged with. The first of "
                "{count} differences: {named}. Choose a model of the same architecture.",
                name=parent.label,
                count=len(different),
                named="; ".join(different[:NAMED]),
            )
        _check_tokens(base, parent, by_text, bool(different))


def check_bases(fork: Fork, parents: Sequence[Parent]) -> None:
    """Refuse models of another architecture, whatever layers they dropped.

    The same shapes are not enough for what runs a layer: Mistral's look like Llama's.
    """
    variants = [variant for variant in parents if isinstance(variant, Variant)]
    bases = [Variant(variant.label, Fork(variant.fork.base)) for variant in variants]
    files = [variant for variant in parents if not isinstance(variant, Variant)]
    check_alike(Variant(fork.base.entry.id, Fork(fork.base)), [*bases, *files], False)
    own = type(fork.base.model).__name__
    for variant in bases:
        theirs = type(variant.fork.base.model).__name__
        if theirs != own:
            raise MergeError(
                "{name} has another architecture, {given}, than your model, {own}. Choose a model of the same one.",
                name=variant.label,
                given=theirs,
                own=own,
            )


def _check_tokens(base: Variant, parent: Parent, by_text: bool, rows_differ: bool) -> None:
    """The vocabularies are the same, or may be matched."""
    if isinstance(parent, Variant) and parent.fork.base is base.fork.base:
        return
    if parent.tokens is None:
        if rows_differ:
            raise MergeError(
                "{name} has another number of tokens, and no tokenizer.json came with it, so they "
                "cannot be matched. Upload its tokenizer.json too.",
                name=parent.label,
            )
        return
    if by_text or parent.tokens == base.tokens:
        return
    theirs = {id: token for token, id in parent.tokens.items()}
    mine = {id: token for token, id in base.tokens.items()}
    ids = [id for id in sorted({*mine, *theirs}) if mine.get(id) != theirs.get(id)]
    raise MergeError(
        "{name} has another vocabulary: {count} tokens differ, such as {named}. Match them by "
        "their texts (vocabulary: by_text), or choose a model with the same tokenizer.",
        name=parent.label,
        count=len(ids),
        named="; ".join(f"{id}: {_quoted(mine, id)}, {_quoted(theirs, id)}" for id in ids[:NAMED]),
    )


def _quoted(tokens: Mapping[int, str], id: int) -> str:
    return repr(tokens[id][:LONGEST]) if id in tokens else "-"


def _text(shape: Shape | None) -> str:
    return "-" if shape is None else " x ".join(map(str, shape))


def vocabulary_names(fork: Fork) -> list[str]:
    """The parameters with a row, or a number, for each token."""
    output = fork.weight_name("output")
    names = (fork.weight_name("input"), output, output.removesuffix("weight") + "bias")
    return [name for name in dict.fromkeys(names) if fork.base.has(name)]


def matched_rows(tensor: Tensor, parent: Parent, base: Variant, own: Tensor) -> Tensor:
    """A parent's rows of the vocabulary in the base's order, matched by the tokens' texts.

    Tokens that only the base has keep its row, ``own``; those that only the parent has are left
    out, since the base's tokenizer never writes them.

    :param tensor: (their vocabulary, d_model), or (their vocabulary,) for a head's bias.
    :param own: (vocabulary, d_model) or (vocabulary,).
    """
    assert parent.tokens is not None
    pairs = [
        (mine, parent.tokens[token])
        for token, mine in base.tokens.items()
        if token in parent.tokens and mine < len(own) and parent.tokens[token] < len(tensor)
    ]
    rows = own.to(torch.promote_types(own.dtype, tensor.dtype), copy=True)
    if pairs:
        here, there = zip(*pairs, strict=True)
        rows[list(here)] = tensor[list(there)].to(rows.dtype)
    return rows
