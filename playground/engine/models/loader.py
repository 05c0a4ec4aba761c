"""From files to a shared, read-only model and tokenizer.

A packaged GGUF is converted once to safetensors in the cache folder and memory-mapped from then
on. Models are loaded once per process and never written to.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from operator import methodcaller
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging as transformers_log

from playground import disk
from playground.cache import Cache
from playground.engine.models import catalog, download
from playground.engine.models.catalog import ModelEntry, Package
from playground.engine.models.float32_head import PreciseHead
from playground.engine.models.fused import fuse
from playground.engine.models.tiny import build_tiny_gpt2
from playground.errors import Message, ModelError
from playground.hub import hub_answers
from playground.precision import native_dtype
from playground.settings import LOADING, settings

OnStep = Callable[[Message], None]
CONVERSION = 1  # raise when the conversion below changes what it writes
REFUSED_SECONDS = 60.0  # how long a disk that refused a conversion is not asked again
TINY_TOKENIZER_FROM = "smollm2-135m-instruct"
# The one place where heavy things of models live: bases, forks, adapters, statistics.
CACHE = Cache(entries=512, budget=lambda: settings().memory_bytes, memory=methodcaller("storages"))
# The host's log is for the host: no bars, and no warnings about models that are opened as meant.
transformers_log.set_verbosity_error()
transformers_log.disable_progress_bar()


@dataclass(frozen=True, eq=False, kw_only=True)
class Base:
    """A loaded base model: shared by all forks, in eval mode, without gradients."""

    entry: ModelEntry
    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    notes: tuple[Message, ...] = ()
    root: Base | None = None  # the base whose layers this one stacks in another way
    ends: dict[str, str] = field(default_factory=dict)  # weights' names by side, see Fork
    _norms: dict[str, float] = field(default_factory=dict)
    _storages: dict[Hashable, int] = field(default_factory=dict)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of its weights."""
        return next(self.model.parameters()).dtype

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter and buffer by name; tied ones come once for each name."""
        yield from self.model.named_parameters(remove_duplicate=False)
        yield from self.model.named_buffers(remove_duplicate=False)

    def has(self, name: str) -> bool:
        """Whether it has a parameter of this name."""
        try:
            self.model.get_parameter(name)
        except AttributeError:
            return False
        return True

    def tied(self) -> bool:
        """Whether its architecture has one tensor for the embedding and the output head."""
        head = self.model.get_output_embeddings()  # type: ignore[operator]
        return self.model.get_input_embeddings().weight is head.weight  # type: ignore[operator]

    def norm(self, name: str) -> float:
        """Frobenius norm of a tensor, computed once."""
        if name not in self._norms:
            self._norms[name] = float(self.model.get_parameter(name).float().norm())
        return self._norms[name]

    def storages(self) -> dict[Hashable, int]:
        """Bytes by memory address of everything that the model holds; looked up once."""
        if not self._storages:
            self._storages.update({t.data_ptr(): t.nbytes for _, t in self.tensors()})
        return self._storages


def load(model_id: str, on_step: OnStep = lambda step: None) -> Base:
    """The base model of an id: loaded at the first call, shared from then on.

    Two callers that ask at once wait for one load.

    :param on_step: told what is being done, for a progress line.
    :raises ModelError: unknown id, missing package, wrong checksum, unreachable Hub, or not a
        causal language model, each with its own message.
    """
    entry = catalog.find_model(model_id)
    return CACHE.get_or_build(("base", entry.id), lambda: _load(entry, on_step))


def _load(entry: ModelEntry, on_step: OnStep) -> Base:
    torch.set_num_threads(settings().threads)
    if entry.source == "packaged":
        assert entry.package is not None
        return _load_converted(entry, entry.package, on_step)
    if entry.source == "built":
        return _load_tiny(entry, on_step)
    assert entry.hub_id is not None
    folder = download.download_model(entry.hub_id, on_step, entry.revision)
    try:
        return load_folder(folder, entry, native_dtype(), on_step)
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        raise ModelError(
            "{model} cannot be opened here: its files are incomplete, or of a form that this "
            "version does not read. Choose another model.",
            model=entry.id,
        ) from error


def _load_tiny(entry: ModelEntry, on_step: OnStep) -> Base:
    """Tiny GPT-2 from the Hub where it answers with safetensors, else built here."""
    assert entry.hub_id is not None
    if settings().hub != "off" and hub_answers():
        try:
            folder = download.download_model(entry.hub_id, on_step)
            return load_folder(folder, entry, torch.float32, on_step)
        except ModelError:  # published as a pickle only, or not to be had: build it
            pass
    tokenizer = load(TINY_TOKENIZER_FROM, on_step).tokenizer
    with LOADING:
        model = build_tiny_gpt2(tokenizer.bos_token_id, tokenizer.eos_token_id)
    note = Message(
        "Tiny GPT-2 was built here from its published shape (2 layers, width 2, 2 heads) with "
        "random weights and SmolLM2's tokenizer: it shows the mechanics, its answers mean nothing."
    )
    return Base(entry=entry, model=frozen(model), tokenizer=tokenizer, notes=(note,))


def _load_converted(entry: ModelEntry, package: Package, on_step: OnStep) -> Base:
    """A packaged model from its converted copy; a damaged copy is made again, once."""
    dtype = native_dtype()
    name = f"{entry.id}-{package.sha256[:12]}-{str(dtype).removeprefix('torch.')}-v{CONVERSION}"
    folder = settings().home / "models" / name
    convert_once(package, folder, dtype, on_step)
    try:
        return load_folder(folder, entry, dtype, on_step)
    except (OSError, ValueError, SafetensorError, ModelError) as damage:
        logging.getLogger(__name__).warning("Converting %s again: %s", entry.id, damage)
        shutil.rmtree(folder, ignore_errors=True)
        convert_once(package, folder, dtype, on_step)
        return load_folder(folder, entry, dtype, on_step)


_refused: dict[Path, tuple[Message, float]] = {}  # conversions, and when each may be tried again


def convert_once(package: Package, folder: Path, dtype: torch.dtype, on_step: OnStep) -> None:
    """Write a packaged GGUF as safetensors, config and tokenizer files into ``folder``.

    Written aside and renamed, under a lock, so that a folder is whole whenever it exists and a
    second process waits for the first instead of doing the work again.

    :raises ModelError: the package is missing, its checksum is wrong, or the host's disk refuses,
        which is then remembered for a minute.
    """
    if folder.is_dir():
        return
    told, until = _refused.get(folder, (None, 0.0))
    if told is not None and time.monotonic() < until:
        raise ModelError(told.template, **told.values)
    try:
        with disk.writing():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                _convert_first(package, folder, dtype, on_step)
    except disk.DiskError as error:
        _refused[folder] = error.message, time.monotonic() + REFUSED_SECONDS
        raise ModelError(error.message.template, **error.message.values) from error


def _convert_first(package: Package, folder: Path, dtype: torch.dtype, on_step: OnStep) -> None:
    """Convert, unless another did while this one waited for the lock."""
    if folder.is_dir():
        return
    on_step(Message("Checking the packaged weights (once)…"))
    source = catalog.package_file(package)
    catalog.verify(source, package.sha256)
    on_step(Message("Converting the packaged weights (once, about 20 seconds)…"))
    with disk.aside(folder, folder=True) as part, LOADING:
        _convert(source, part, dtype)


def _convert(source: Path, folder: Path, dtype: torch.dtype) -> None:
    where: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **where)
    model = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **where)
    config = model.config.to_dict() | {
        "architectures": [type(model).__name__],
        "dtype": str(dtype).removeprefix("torch."),
    }
    for key in ("quantization_config", "_name_or_path"):
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, default=str))
    tokenizer.save_pretrained(folder)
    state, seen = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:  # a tied head is written once
            seen.add(tensor.data_ptr())
            state[name] = tensor.to(dtype).contiguous()
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def load_folder(folder: Path, entry: ModelEntry, dtype: torch.dtype, on_step: OnStep = lambda step: None) -> Base:
    """Load a folder of safetensors, config and tokenizer files.

    :raises ModelError: the configuration is not a causal language model's.
    """
    check_architecture(folder, entry.id)
    on_step(Message("Opening {title}…", {"title": entry.title}))
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    with LOADING:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, **safe)
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
    return Base(entry=entry, model=frozen(model), tokenizer=tokenizer)


def check_architecture(folder: Path, model_id: str) -> None:
    """Refuse what transformers does not know as a causal language model.

    :raises ModelError: naming the architecture found.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    config = config if isinstance(config, dict) else {}
    kind, named = str(config.get("model_type", "unknown")), config.get("architectures") or []
    if MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind, "") not in named:
        raise ModelError(
            "{model} is not a causal language model that can be edited here (its architecture "
            "is {architecture}). Choose one that generates text, such as Llama, Qwen, Gemma, "
            "GPT-2, GPT-NeoX or OPT.",
            model=model_id,
            architecture=", ".join(map(str, named))[:80] or kind[:80],
        )


def frozen(model: nn.Module) -> nn.Module:
    """The model for reading only, with a head that can answer in float32."""
    head = model.get_output_embeddings()  # type: ignore[operator]
    if isinstance(head, nn.Linear):
        model.set_output_embeddings(PreciseHead.sharing(head))  # type: ignore[operator]
    fuse(model)
    return model.eval().requires_grad_(False)
