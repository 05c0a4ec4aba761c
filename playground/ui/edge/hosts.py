"""Who asks, and by which name of this host.

A page of a stranger can point its own name at a visitor's machine (DNS rebinding) and then drive
the playground there as if it were its own. For that it needs a name, so only known names are
answered; an address written as numbers is always meant.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

from playground.settings import Settings

LOCAL = ("localhost", "127.0.0.1", "::1")
# Headers by which a proxy, or anybody who pretends to be one, says where the page lives.
PRETENDED = (b"x-forwarded-host", b"x-gradio-server")


def host_name(host: str) -> str:
    """A Host header without its port, in small letters: ``[::1]:7860`` gives ``::1``."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def names(settings: Settings, served_as: str = "") -> frozenset[str]:
    """Every name that this host answers to besides addresses; ``*`` for any.

    :param served_as: the name that it is bound to (GRADIO_SERVER_NAME).
    """
    own = host_name(socket.gethostname())
    return frozenset({*LOCAL, host_name(served_as), own, f"{own}.local", *settings.hosts} - {""})


def is_ours(host: str, known: Iterable[str]) -> bool:
    """Whether a Host header names this host; without one (old probes) there is nothing to fear."""
    name = host_name(host)
    if not name or "*" in known or name in known or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return any(rule.startswith("*.") and name.endswith(rule[1:]) for rule in known)
    return True


def visitor(scope: Scope, behind_proxy: bool) -> str:
    """The address of whoever asks: the peer's, or what a trusted proxy says of its own peer."""
    address = (scope.get("client") or ("", 0))[0]
    if behind_proxy:
        hops = [hop for line in Headers(scope=scope).getlist("x-forwarded-for") for hop in line.split(",")]
        address = hops[-1].strip() if hops else address  # earlier ones anybody may write
    return str(address)[:64]


def without_pretence(scope: Scope) -> None:
    """Drop what only a trusted proxy may say: it would be written into everybody's page."""
    scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in PRETENDED]
