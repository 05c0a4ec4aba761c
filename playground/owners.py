"""Whose an entry on this host's disk is: a keyed hash of an address, so that none is stored.

The address is asked of whoever serves the visitors (the page does so once, see ``ask``); work
that belongs to nobody in particular has the owner "".
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import secrets
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from playground.settings import settings

NOTE = ".owners"  # in an entry's folder: a line for each who keeps it
SECRET = "secret"
MOST_OWNERS = 200  # of one entry

_log = logging.getLogger(__name__)
_address: Callable[[], str] = lambda: ""  # noqa: E731


def ask(address: Callable[[], str]) -> None:
    """Say how to find out the address of the visitor for whom the calling thread works."""
    global _address
    _address = address


def current() -> str:
    """The owner for whom the calling thread works, "" for none."""
    address = _address()
    return owner_of(address) if address else ""


def owner_of(address: str) -> str:
    """16 hex digits that stand for an address's household on this host alone."""
    return keyed(household(address))


def household(address: str) -> str:
    """What shares are counted by: an address, or of IPv6 the network of one home (/64), in which
    everybody may choose any."""
    bare = address.partition("]")[0].removeprefix("[").partition("%")[0]
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:  # a name, as test clients have
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def keyed(text: str) -> str:
    """16 hex digits that stand for a text on this host alone."""
    key = _secret(settings().home)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=key).hexdigest()


@cache
def _secret(home: Path) -> bytes:
    """This host's own key; a home that cannot be written to gets a new one in every process."""
    path = home / SECRET
    try:
        known = path.read_bytes()
    except OSError:
        known = b""
    if len(known) == 32:
        return known
    fresh = secrets.token_bytes(32)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(fresh)
    except OSError:
        _log.debug("the host's secret is not kept")
    return fresh


def of(entry: Path) -> set[str]:
    """Who keeps an entry; {""} where nobody is noted."""
    try:
        return set((entry / NOTE).read_text(encoding="ascii").split()) or {""}
    except (OSError, ValueError):
        return {""}


def note_owner(entry: Path, owner: str | None = None) -> None:
    """Note that an owner keeps an entry too.

    :param owner: None: the one for whom this thread works.
    :raises OSError: the disk refuses.
    """
    owner = current() if owner is None else owner
    known = of(entry) - {""}
    if owner and owner not in known:
        write_owner(entry, [*sorted(known)[: MOST_OWNERS - 1], owner])


def write_owner(entry: Path, names: Iterable[str]) -> None:
    """Note who keeps an entry, and nobody else.

    :raises OSError: the disk refuses.
    """
    (entry / NOTE).write_text("\n".join(sorted(names)) + "\n", encoding="ascii")
