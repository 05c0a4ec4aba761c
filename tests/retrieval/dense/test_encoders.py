"""Encoders besides MiniLM. A tiny random sentence-transformers folder stands for the Hub's."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path
from types import SimpleNamespace

import httpx2 as httpx
import numpy as np
import pytest
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from playground.errors import CorpusError
from playground.retrieval.dense import encoders, vectors
from playground.retrieval.dense import index as dense
from playground.retrieval.dense.encoders import FILES, MOST_BYTES, NEEDED, PACKED_E5
from playground.retrieval.dense.index import dense_index, embed, query_vector, reads
from playground.retrieval.search import Options, search
from playground.settings import settings

E5, BGE = "intfloat/multilingual-e5-small", "BAAI/bge-small-en-v1.5"
PLAIN = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
UNLISTED = "somebody/an-encoder.v1"
TEXTS = ["the cat sleeps on the sill.", "ships come in at high tide.", "", "bread " * 50, "bread"]


def make_folder(folder: Path, width: int = 16, **saved) -> Path:
    """A sentence-transformers folder as the library itself writes it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = string.ascii_letters + ":."
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{one}" for one in letters)]
    ids = {name: place for place, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(
        vocab_size=len(ids),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(width)
        BertModel(config).save_pretrained(folder / "bert")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=128
    ).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(width), Normalize()]
    SentenceTransformer(modules=modules, device="cpu", **saved).save(str(folder / "whole"))
    return folder / "whole"


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def library(tiny_folder):
    """The library's own reading of the folder, in float32."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(tiny_folder), device="cpu", local_files_only=True)


@pytest.fixture(autouse=True)
def nothing_loaded():
    def clear():
        vectors._models.clear()
        encoders._folders.clear()
        query_vector.cache_clear()

    clear()
    yield
    clear()


def allow(monkeypatch, policy):
    monkeypatch.setenv("PLAYGROUND_HUB", policy)
    settings.cache_clear()


class Hub:
    """A Hub with one encoder; it notes what it is asked."""

    def __init__(self, folder):
        self.folder, self.stored, self.error = folder, False, None
        self.sizes: dict[str, int | None] = dict.fromkeys(FILES, 1000)
        self.asked = []

    def snapshot_download(self, hub_id, local_files_only=False, **more):
        if local_files_only:
            if not self.stored:
                raise FileNotFoundError("nothing stored")
            return str(self.folder)
        self.asked.append({"id": hub_id, **more})
        if isinstance(self.error, OSError):
            raise self.error
        return str(self.folder)

    def model_info(self, hub_id, files_metadata, timeout, **_):
        assert files_metadata
        assert timeout <= 10
        self.asked.append(hub_id)
        if self.error:
            raise self.error
        files = [SimpleNamespace(rfilename=name, size=size) for name, size in self.sizes.items()]
        return SimpleNamespace(siblings=files)

    @property
    def downloads(self):
        return [one for one in self.asked if isinstance(one, dict)]


@pytest.fixture
def hub(monkeypatch, tiny_folder, tmp_path):
    copy = tmp_path / ("0123456789ab" + "c" * 28)  # named for its commit, as in the Hub's cache
    shutil.copytree(tiny_folder, copy)
    made = Hub(copy)
    monkeypatch.setattr("playground.hub.snapshot_download", made.snapshot_download)
    monkeypatch.setattr("playground.hub.HfApi", lambda: made)
    allow(monkeypatch, "any")
    return made


# Which there are


def test_what_can_be_chosen_depends_on_the_host(monkeypatch, tmp_path):
    monkeypatch.setattr(encoders, "e5_file", lambda: None)
    allow(monkeypatch, "off")
    assert [one.id for one in encoders.choices()] == ["minilm"]
    monkeypatch.setattr(encoders, "e5_file", lambda: tmp_path)
    assert [one.id for one in encoders.choices()] == ["minilm", PACKED_E5]
    for policy in ("presets", "any"):
        allow(monkeypatch, policy)
        assert [one.id for one in encoders.choices()] == ["minilm", PACKED_E5, E5, PLAIN, BGE]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "MiniLM",
        "minilm ",
        "owner/",
        "/name",
        "a/b/c",
        "../../etc",
        "owner/../name",
        "o/na me",
        "-owner/name",
        "owner/.name",
        "owner\\name",
        "https://hub.invalid/a/b",
        "o/" + "n" * 97,
        "한/글",
        "owner/n한",
        "owner/name\n",
        None,
        5,
        ["minilm"],
        "\ud800/a",
    ],
)
def test_an_id_of_no_such_form_is_refused_before_anything_is_asked(monkeypatch, hub, name):
    for use in (encoders.find_encoder, lambda one: embed(["a"], encoder=one)):
        with pytest.raises(CorpusError, match=r"is unknown\. Choose one of: minilm.*owner/name"):
            use(name)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("policy", "allowed", "refused"),
    [("off", [], [E5, UNLISTED]), ("presets", [E5, BGE, PLAIN], [UNLISTED]), ("any", [E5, UNLISTED], [])],
)
def test_the_host_decides_which_of_the_hub(monkeypatch, hub, make_corpus, policy, allowed, refused):
    allow(monkeypatch, policy)
    for name in allowed:
        assert encoders.find_encoder(name).id == name
    for name in refused:
        wanted = rf"{name}.*PLAYGROUND_HUB is {policy}\)\. Choose one of: minilm"
        for use in (
            encoders.find_encoder,
            lambda one: dense_index(make_corpus("a"), encoder=one),
            lambda one: search(make_corpus("a"), "a", "bm25", 1, Options(encoder=one)),
        ):
            with pytest.raises(CorpusError, match=wanted):
                use(name)
    assert hub.asked == []


def test_which_languages_each_reads():
    assert (reads("en"), reads("ko")) == (True, False)
    assert (reads("en", PACKED_E5), reads("ko", PACKED_E5)) == (True, True)


def test_which_languages_those_of_the_hub_read(hub):
    assert (reads("en", BGE), reads("ko", BGE)) == (True, False)
    assert reads("ko", E5)
    assert reads("ko", PLAIN)
    assert reads("ko", UNLISTED)


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        (E5, "query: ", "passage: "),
        ("intfloat/e5-base-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large-instruct", "", ""),
        ("BAAI/bge-base-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("BAAI/bge-m3", "", ""),
        (PLAIN, "", ""),
        (UNLISTED, "", ""),
    ],
)
def test_prefixes_are_those_of_the_family(hub, name, query, passage):
    found = encoders.find_encoder(name)
    assert (found.query_prefix, found.passage_prefix) == (query, passage)


# What they make


@pytest.fixture(params=["torch.float32", "torch.bfloat16"])
def each_dtype(request, monkeypatch):
    import torch

    dtype = getattr(torch, request.param.removeprefix("torch."))
    monkeypatch.setattr(dense, "native_dtype", lambda: dtype)
    monkeypatch.setattr(vectors, "native_dtype", lambda: dtype)
    return dtype


@pytest.mark.parametrize("name", [E5, BGE, PLAIN, UNLISTED])
@pytest.mark.parametrize("as_query", [False, True])
def test_vectors_are_the_librarys_own_of_prefix_and_text(hub, library, each_dtype, name, as_query):
    found = embed(TEXTS, encoder=name, as_query=as_query)
    known = encoders.find_encoder(name)
    before = known.query_prefix if as_query else known.passage_prefix
    expected = library.encode([before + text for text in TEXTS], normalize_embeddings=True)
    assert found.shape == (5, 16)
    assert found.dtype == np.float32
    assert (found * expected).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert {one.dtype for one in vectors.model(name).parameters()} == {each_dtype}
    if before:
        bare = library.encode(TEXTS, normalize_embeddings=True)
        assert (found * bare).sum(axis=1).min() < 0.99  # so the prefix did change something


def test_prompts_that_the_files_ask_for_are_used(hub, tmp_path, library):
    hub.folder = make_folder(tmp_path, prompts={"query": "ask: ", "document": "told: "}, default_prompt_name="document")
    for as_query, before in ((True, "ask: "), (False, "told: ")):
        expected = library.encode([f"{before}bread"], normalize_embeddings=True)
        found = embed(["bread"], encoder=UNLISTED, as_query=as_query)
        assert float((found * expected).sum()) > 0.999


def test_a_search_meets_prefixed_passages_with_a_prefixed_query(hub, library, make_corpus):
    corpus = make_corpus(*(text for text in TEXTS if text))
    hits = search(corpus, "bread", "dense", 4, Options(encoder=E5)).hits
    rows = library.encode([f"passage: {one.text}" for one in corpus.passages])
    cosines = rows @ library.encode(["query: bread"])[0]
    assert [hit.position for hit in hits] == np.argsort(-cosines).tolist()
    assert [hit.score for hit in hits] == pytest.approx(np.sort(cosines)[::-1], abs=0.01)


def test_diversity_and_hybrid_search_use_the_encoder(hub, make_corpus, monkeypatch):
    monkeypatch.setattr(dense, "encoder", None)  # MiniLM must not be asked
    corpus = make_corpus(*(text for text in TEXTS if text), language="ko")
    for retriever in ("bm25", "hybrid"):
        assert search(corpus, "bread", retriever, 2, Options(diversity=0.5, encoder=E5)).hits


def test_hybrid_search_trusts_an_encoder_that_reads_the_language(hub, make_corpus):
    corpus = make_corpus(*(text for text in TEXTS if text), language="ko")
    for name, share in ((E5, 0.5), (BGE, 0.01)):
        first = search(corpus, "bread tide", "hybrid", 4, Options(encoder=name)).hits[0]
        ranks = {name: rank for name, (rank, _) in first.parts.items()}
        expected = share / (60 + ranks["dense"]) + ((1 - share) / (60 + ranks["bm25"]) if "bm25" in ranks else 0)
        assert first.score == pytest.approx(expected)


def test_indexes_of_encoders_are_kept_apart_in_memory_and_on_disk(hub, make_corpus, home, monkeypatch, tmp_path):
    class MiniLM:
        def encode(self, texts, **_):
            return np.ones((len(texts), 384), dtype=np.float32)

    monkeypatch.setattr(dense, "encoder", MiniLM)
    corpus = make_corpus("a", "b")
    found = {name: dense_index(corpus, encoder=name) for name in ("minilm", E5, BGE)}
    assert [one.vectors([0]).shape[1] for one in found.values()] == [384, 16, 16]
    assert dense_index(corpus, encoder=E5) is found[E5]
    files = sorted(path.name for path in (home / "indexes").iterdir())
    assert [name.split("-", 1)[1].rsplit("-", 1)[0] for name in files] == [
        "BAAI--bge-small-en-v1.5-0123456789ab",
        "intfloat--multilingual-e5-small-0123456789ab",
        "minilm-v2",
    ]
    dense._indexes.clear()
    before = [path.read_bytes() for path in sorted((home / "indexes").iterdir())]
    again = dense_index(corpus, encoder=E5)
    np.testing.assert_array_equal(again.vectors([0, 1]), found[E5].vectors([0, 1]))
    assert [path.read_bytes() for path in sorted((home / "indexes").iterdir())] == before


def test_an_edit_embeds_only_what_it_changed_with_any_encoder(hub, make_corpus, monkeypatch):
    dense_index(make_corpus("a", "b", own=True), encoder=E5)
    seen, real = [], vectors.model(E5).encode
    monkeypatch.setattr(vectors.model(E5), "encode", lambda texts, **more: seen.extend(texts) or real(texts, **more))
    dense_index(make_corpus("a", "c", own=True), encoder=E5)
    assert seen == ["c"]
    seen.clear()
    dense_index(make_corpus("a", "c", own=True), encoder=E5)
    assert seen == []


def test_an_encoder_is_loaded_once_and_the_two_used_last_are_kept(hub, monkeypatch):
    loaded, real = [], encoders.open_folder

    def load(folder, dtype):
        loaded.append(folder.name)
        return real(folder, dtype)

    monkeypatch.setattr(encoders, "open_folder", load)
    for name in (E5, BGE, E5, BGE):
        embed(["a"], encoder=name)
    assert len(loaded) == 2
    embed(["a"], encoder=PLAIN)
    embed(["a"], encoder=BGE)
    assert len(loaded) == 3
    embed(["a"], encoder=E5)
    assert len(loaded) == 4


def test_what_cannot_be_had_pushes_out_nothing(hub, monkeypatch):
    for name in (E5, BGE):
        embed(["a"], encoder=name)
    kept = [vectors.model(name) for name in (E5, BGE)]
    hub.error = httpx.ConnectError("no")
    monkeypatch.setattr(encoders, "e5_file", lambda: None)
    for name in (UNLISTED, PLAIN, PACKED_E5):
        with pytest.raises(CorpusError):
            embed(["a"], encoder=name)
    assert [vectors.model(name) for name in (E5, BGE)] == kept


# From the Hub


def test_only_the_files_of_a_plain_folder_are_fetched_and_only_once(hub):
    embed(["a"], encoder=UNLISTED)
    embed(["b"], encoder=UNLISTED)
    (download,) = hub.downloads
    assert download["id"] == UNLISTED
    others = [
        "pytorch_model.bin",
        "modeling_x.py",
        "onnx/model.onnx",
        "model.pkl",
        "README.md",
        "2_Dense/pytorch_model.bin",
        "onnx/model.safetensors",
        "tf_model.h5",
    ]
    asked = filter_repo_objects([*NEEDED, *others], allow_patterns=download["allow_patterns"])
    assert list(asked) == [*NEEDED]


def test_a_stored_encoder_is_used_without_asking_the_hub(hub):
    hub.stored = True
    assert embed(["a"], encoder=E5).shape == (1, 16)
    assert hub.asked == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_folder_that_was_stored_in_part_is_fetched(hub, tmp_path, name):
    hub.stored, whole = True, hub.folder
    hub.folder = tmp_path / "part"
    shutil.copytree(whole, hub.folder)
    (hub.folder / name).unlink()

    def complete(hub_id, local_files_only=False, **more):
        if not local_files_only:
            hub.folder = whole
        return hub.snapshot_download(hub_id, local_files_only, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.hub.snapshot_download", complete)
        assert embed(["a"], encoder=E5).shape == (1, 16)
    assert len(hub.downloads) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
        OSError("no network"),
        HfHubHTTPError("broken", response=httpx.Response(500, request=httpx.Request("GET", "http://hub.invalid"))),
    ],
)
def test_an_unreachable_hub_is_said_to_be(hub, error):
    hub.error = error
    with pytest.raises(CorpusError, match=r"intfloat.*not stored.*choose a packaged encoder"):
        embed(["a"], encoder=E5)
    hub.error = None
    assert embed(["a"], encoder=E5).shape == (1, 16)


@pytest.mark.parametrize("kind", [RepositoryNotFoundError, GatedRepoError])
def test_an_id_that_nobody_or_not_everybody_may_load_says_so(hub, kind):
    request = httpx.Request("GET", "http://hub.invalid")
    hub.error = kind("no", response=httpx.Response(404, request=request))
    with pytest.raises(CorpusError, match=rf"no encoder {UNLISTED}.*Check the spelling"):
        embed(["a"], encoder=UNLISTED)
    assert hub.downloads == []


@pytest.mark.parametrize("name", ["own--er/model", "a..b/model", "owner/model.git"])
def test_an_id_that_the_hub_would_never_give_is_refused_in_words(monkeypatch, name):
    """The Hub's own library checks the id before anything else; no network is touched."""
    allow(monkeypatch, "any")
    with pytest.raises(CorpusError, match="Check the spelling"):
        embed(["a"], encoder=name)


def test_one_above_the_limit_is_not_fetched(hub):
    rest = sum(hub.sizes.values()) - 1000
    hub.sizes["model.safetensors"] = MOST_BYTES - rest
    hub.sizes["pytorch_model.bin"] = 10 * MOST_BYTES  # not fetched, not counted
    embed(["a"], encoder=E5)
    assert len(hub.downloads) == 1
    hub.sizes["model.safetensors"] += 1
    with pytest.raises(CorpusError, match=rf"{BGE} is 601 MB; the limit is 600 MB"):
        embed(["a"], encoder=BGE)
    assert len(hub.downloads) == 1


def test_one_that_turns_out_to_be_above_the_limit_is_not_loaded(hub, monkeypatch):
    monkeypatch.setattr(encoders, "MOST_BYTES", 10_000)
    monkeypatch.setattr(encoders, "open_folder", None)
    hub.sizes = dict.fromkeys(FILES)  # the Hub does not say
    with pytest.raises(CorpusError, match="the limit is 0 MB"):
        embed(["a"], encoder=E5)


@pytest.mark.parametrize("missing", ["model.safetensors", "modules.json", "1_Pooling/config.json"])
def test_one_without_safetensors_or_pooling_is_not_fetched(hub, missing):
    del hub.sizes[missing]
    hub.sizes |= {"pytorch_model.bin": 1000, "onnx/model.safetensors": 1000}
    with pytest.raises(CorpusError, match="not published as a plain sentence-transformers"):
        embed(["a"], encoder=E5)
    assert hub.downloads == []


def modules(*pairs):
    return [{"idx": n, "name": str(n), "path": p, "type": t} for n, (p, t) in enumerate(pairs)]


@pytest.mark.parametrize(
    "wrong",
    [
        modules(("", "modeling_own.Transformer")),
        modules(("", "os.Transformer")),
        modules(("", "sentence_transformers.models.WordEmbeddings")),
        modules(("", "sentence_transformers.models.Transformer"), ("2_Dense", "x.models.Dense")),
        modules(
            ("", "sentence_transformers.models.Transformer"), ("../1_Pooling", "sentence_transformers.models.Pooling")
        ),
        modules(("/etc", "sentence_transformers.models.Transformer")),
        [{}],
        ["Transformer"],
        5,
        {"a": 1},
        None,
    ],
)
def test_modules_that_may_run_or_unpickle_something_are_not_opened(hub, monkeypatch, wrong):
    (hub.folder / "modules.json").write_text(json.dumps(wrong))
    monkeypatch.setattr(encoders, "open_folder", None)
    with pytest.raises(CorpusError, match="without code of its own"):
        embed(["a"], encoder=UNLISTED)


def test_names_of_modules_that_older_versions_wrote_are_known(hub):
    names = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    old = modules(*zip(paths, (f"sentence_transformers.models.{n}" for n in names), strict=True))
    (hub.folder / "modules.json").write_text(json.dumps(old))
    assert embed(["a"], encoder=UNLISTED).shape == (1, 16)


def test_a_model_with_code_of_its_own_is_not_opened(hub, monkeypatch):
    config = json.loads((hub.folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_own.Own"}
    (hub.folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(encoders, "open_folder", None)
    with pytest.raises(CorpusError, match="without code of its own"):
        embed(["a"], encoder=UNLISTED)


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 100, b"\x08\0\0\0\0\0\0\0{}      "],  # the last one is whole and has no weights
)
def test_broken_weights_are_told_and_looked_for_anew(hub, tiny_folder, data):
    (hub.folder / "model.safetensors").write_bytes(data)
    with pytest.raises(CorpusError, match=r"cannot be opened here.*Choose another encoder"):
        embed(["a"], encoder=UNLISTED)
    hub.folder = tiny_folder  # another commit
    assert embed(["a"], encoder=UNLISTED).shape == (1, 16)
