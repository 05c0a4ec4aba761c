"""The model hub: whether it answers, what is stored of a repository, what it lists, and its files.

The one place that asks the Hub's library. Which files may be had, how large, and what is said where they cannot,
its callers know.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx  # the one that huggingface_hub uses
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, XetDownloadError
from huggingface_hub.utils import validate_repo_id

from playground.errors import PlaygroundError

ANSWER_SECONDS = 3.0  # how long the Hub may take to say anything
REMEMBER_SECONDS = 60.0
_last_look: tuple[float, bool] | None = None


def hub_answers() -> bool:
    """Whether the Hub can be reached from here; looked at most once a minute."""
    global _last_look
    now = time.monotonic()
    if _last_look is None or now - _last_look[0] > REMEMBER_SECONDS:
        _last_look = (now, _answers_now())
    return _last_look[1]


def _answers_now() -> bool:
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        httpx.head(constants.ENDPOINT, timeout=ANSWER_SECONDS)
    except httpx.HTTPError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One on the Hub, and what is raised where it cannot be had.

    :param files: patterns of the only files that are fetched.
    :param failed: no connection, or it broke off.
    :param unknown: there is none of this id, or it is no id; None: as ``failed``.
    :param gated: its terms have to be accepted first; None: as ``unknown``.
    :param revision: the commit wanted, None for the newest.
    :param seconds: how long the Hub may take to begin an answer.
    """

    id: str
    files: tuple[str, ...]
    failed: PlaygroundError
    unknown: PlaygroundError | None = None
    gated: PlaygroundError | None = None
    revision: str | None = None
    seconds: float = ANSWER_SECONDS

    def stored(self) -> Path | None:
        """The folder of what the local cache has of it, perhaps not all; the Hub is not asked."""
        with self._refusals():
            try:
                return self._snapshot(local_files_only=True)
            except OSError:
                return None

    def sizes(self) -> dict[str, int]:
        """Bytes of every file that the Hub lists; 0 where it does not say."""
        with self._refusals():
            info = HfApi().model_info(self.id, revision=self.revision, files_metadata=True, timeout=self.seconds)
        return {file.rfilename: file.size or 0 for file in info.siblings or []}

    def download(self) -> Path:
        """The folder of its files, from the local cache what is there and current."""
        with self._refusals():
            return self._snapshot(etag_timeout=self.seconds)

    def _snapshot(self, **how: Any) -> Path:
        return Path(snapshot_download(self.id, revision=self.revision, allow_patterns=[*self.files], **how))

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        unknown = self.unknown or self.failed
        try:
            validate_repo_id(self.id)
            yield
        except GatedRepoError as error:
            raise (self.gated or unknown) from error
        except (RepositoryNotFoundError, HFValidationError) as error:
            raise unknown from error
        except (httpx.HTTPError, OSError, ValueError, XetDownloadError) as error:  # ValueError: a proxy's own page
            raise self.failed from error
