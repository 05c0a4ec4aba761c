from __future__ import annotations

import pytest
import torch
from transformers import GPT2LMHeadModel

from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling
from playground.engine.fork import Fork
from playground.engine.models import loader
from playground.engine.models.loader import CACHE, Base
from playground.engine.models.tiny import build_tiny_gpt2


def test_it_has_the_published_shape():
    model = build_tiny_gpt2(0, 1)
    config = model.config
    assert isinstance(model, GPT2LMHeadModel)
    assert (config.n_layer, config.n_embd, config.n_head, config.n_positions) == (2, 2, 2, 1024)
    assert model.transformer.wte.weight.shape == (50_257, 2)
    # embeddings of tokens and places; in each block two norms, attention and perceptron; a norm
    block = 2 * 4 + (2 * 6 + 6 + 2 * 2 + 2) + (2 * 8 + 8 + 8 * 2 + 2)
    assert sum(p.numel() for p in model.parameters()) == 50_257 * 2 + 1024 * 2 + 2 * block + 4


def test_it_is_seeded_whatever_torchs_seed_is_and_leaves_that_alone():
    torch.manual_seed(1)
    first = build_tiny_gpt2(0, 1).state_dict()
    torch.manual_seed(2)
    expected = torch.rand(3)
    torch.manual_seed(2)
    second = build_tiny_gpt2(0, 1).state_dict()
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["transformer.wte.weight"].std() > 0


@pytest.fixture
def built(llama, monkeypatch) -> Base:
    """Tiny GPT-2 as the loader gives it where no Hub answers; its tokenizer is a tiny one."""
    monkeypatch.setattr(loader, "TINY_TOKENIZER_FROM", "tiny-llama")
    real = loader.load
    monkeypatch.setattr(loader, "load", lambda name, *more: llama if name == "tiny-llama" else real(name, *more))
    CACHE.clear()
    yield loader.load("tiny-gpt2")
    CACHE.clear()


def test_offline_it_is_built_and_says_so(built):
    (note,) = built.notes
    assert "built here" in str(note)
    assert "random" in str(note)
    assert built.entry.parameters == sum(p.numel() for p in built.model.parameters())
    assert loader.load("sshleifer/tiny-gpt2") is built


def test_a_hub_without_its_safetensors_leaves_it_to_be_built(built, monkeypatch):
    def refuse(hub_id, on_step):
        raise loader.ModelError("No safetensors.")

    monkeypatch.setenv("PLAYGROUND_HUB", "presets")
    loader.settings.cache_clear()
    monkeypatch.setattr(loader, "hub_answers", lambda: True)
    monkeypatch.setattr(loader.download, "download_model", refuse)
    again = loader._load_tiny(built.entry, lambda step: None)
    assert again.notes == built.notes
    monkeypatch.undo()
    loader.settings.cache_clear()


def test_it_answers_something_for_any_prompt(built):
    *_, rows = decode(Fork(built), [[5], [6, 7, 8]], Sampling(5, 1.0))
    assert all(0 < len(row.ids) <= 5 for row in rows)


@pytest.mark.weights
def test_with_smollm2s_tokenizer_it_takes_every_token_of_it(smollm2):
    base = loader.load("tiny-gpt2")
    assert base.tokenizer is smollm2.tokenizer
    assert len(base.tokenizer) <= base.model.config.vocab_size
    assert base.model.config.eos_token_id == smollm2.tokenizer.eos_token_id
