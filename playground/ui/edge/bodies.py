"""Bodies of requests: how large, how slow and how deep they may be, before gradio sees them."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import Counter
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive

from playground.ui.edge.refusal import Refused

MEGABYTE = 1_000_000
MOST_BODY = 6 * MEGABYTE  # a recipe has 4 MB at most
MOST_UPLOAD = 620 * MEGABYTE  # a checkpoint of 600 MB, and what multipart adds
MOST_READING = 128 * MEGABYTE  # of bodies that are being read, all together
MOST_READING_EACH = 48 * MEGABYTE  # and of one address
MOST_VALUES = 100_000  # a list or an object takes thirty times its text
MOST_DEPTH = 100
GRACE_SECONDS = 30.0  # before the pace of a body counts
LEAST_PACE = 10_000.0  # bytes a second
STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # an open one ends with the text
HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


async def next_part(receive: Receive, begun: float, got: int) -> Message:
    """The next message of a body.

    :param begun: when the body began, ``time.monotonic()``.
    :param got: bytes of it so far.
    :raises Refused: it comes more slowly than a telephone sends.
    """
    left = begun + GRACE_SECONDS + got / LEAST_PACE - time.monotonic()
    try:
        return await asyncio.wait_for(receive(), max(left, 0.0))
    except TimeoutError:
        raise Refused(408, "edge_slow") from None


def check_size(headers: Headers, most: int) -> None:
    """:raises Refused: the body is announced as larger than it may be."""
    size = headers.get("content-length", "0")
    if not size.isdecimal() or int(size) > most:
        raise Refused(413, "edge_large", limit=most // MEGABYTE)


class Reading:
    """Bodies while they are read: bounded one by one, for one address, and all together."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    async def body(self, receive: Receive, headers: Headers, address: str) -> bytes | None:
        """A whole body; None if its sender left.

        :raises Refused: it is too large or too slow, or too much is being read already.
        """
        check_size(headers, MOST_BODY)
        begun, parts, size = time.monotonic(), [], 0
        try:
            while True:
                message = await next_part(receive, begun, size)
                if message["type"] == "http.disconnect":
                    return None
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                self._held[address] += len(part)
                self._check(address, size)
                if not message.get("more_body"):
                    return b"".join(parts)
        finally:
            self._held[address] -= size
            if self._held[address] <= 0:
                del self._held[address]

    def _check(self, address: str, size: int) -> None:
        if size > MOST_BODY:
            raise Refused(413, "edge_large", limit=MOST_BODY // MEGABYTE)
        if self._held[address] > MOST_READING_EACH or self._held.total() > MOST_READING:
            raise Refused(429, "edge_busy")


def parsed(body: bytes) -> Any:
    """What a JSON text says, read strictly; None of an empty one.

    :raises Refused: it is no JSON, too deep, has too many values, or characters or numbers that
        no text or float can hold (half a surrogate pair, NaN).
    """
    if not body.strip():
        return None
    _check_shape(body)
    try:
        data = json.loads(body.decode(), parse_constant=_finite, parse_float=_finite)
        if HALF_PAIR.search(body):  # two halves make one character; one cannot be written down
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refused(400, "edge_surrogate") from None
    except (ValueError, RecursionError):
        raise Refused(400, "edge_json") from None
    return data


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _check_shape(body: bytes) -> None:
    """Count values and depth without making any of them."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MOST_DEPTH and body.count(b",") <= MOST_VALUES:
        return
    bare = STRINGS.sub(b"", body)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > MOST_VALUES:
        raise Refused(413, "edge_values", limit=MOST_VALUES)
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > MOST_DEPTH:
            raise Refused(400, "edge_deep", limit=MOST_DEPTH)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, and then whatever its sender does next."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class Files:
    """An upload on its way to gradio: watched for its size, its pace, and for holding files only.

    gradio holds a field that is no file in memory, whatever its size. And it deletes the files of
    an upload that fails only when the parser says so: hence its error, also for a sender who left.

    :ivar refused: why the upload was ended, if it was.
    """

    def __init__(self, receive: Receive, headers: Headers, language: str) -> None:
        self._receive, self._language = receive, language
        self._begun, self._got = time.monotonic(), 0
        self.refused: Refused | None = None
        self._disposition, self._name, self._value = b"", b"", b""
        _, options = parse_options_header(headers.get("content-type", ""))
        callbacks = {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._check_part,
        }
        boundary = options.get(b"boundary")
        self._parser = MultipartParser(boundary, callbacks) if boundary else None  # type: ignore[arg-type]

    def _part_begins(self) -> None:
        self._disposition = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _check_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" not in options:
            raise Refused(400, "edge_files")

    async def receive(self) -> Message:
        """The upload's next part.

        :raises MultiPartException: it goes no further; gradio deletes what it has of it.
        """
        try:
            message = await next_part(self._receive, self._begun, self._got)
            if message["type"] == "http.disconnect":
                raise Refused(400, "edge_left")
            self._got += len(message.get("body", b""))
            if self._got > MOST_UPLOAD:
                raise Refused(413, "edge_large", limit=MOST_UPLOAD // MEGABYTE)
            if self._parser:
                self._parser.write(message.get("body", b""))
        except MultipartParseError as error:
            raise MultiPartException(str(error)) from error
        except Refused as refused:
            self.refused = refused
            raise MultiPartException(refused.text(self._language)) from refused
        return message
