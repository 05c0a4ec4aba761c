"""What a result was made of: the browser greys it where the inputs are others by now.

A result carries a mark with the values of its inputs; ``assets/page.js`` compares them with what
stands in the fields, and says "belongs to an earlier input" where they differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup


def belongs(inputs: Mapping[str, Any], also: Sequence[str] = (), holds: Mapping[str, str] | None = None) -> Markup:
    """The mark of a result, which is not seen: HTML to be put into it.

    :param inputs: ids of fields (text, numbers, sliders) and the values that the result is of.
    :param also: ids of other results that are of the same inputs.
    :param holds: ids of fields and the texts that they were filled with: these are greyed in the
        place of the result, each for as long as it holds its text.
    """
    spec = json.dumps({"of": dict(inputs), "also": list(also), "holds": dict(holds or {})}, ensure_ascii=False)
    return Markup('<i class="pg-of" hidden data-spec="{}"></i>').format(spec)


def each(results: Iterable[str], mark: str) -> Iterator[str]:
    """Results that grow, each with a mark."""
    for result in results:
        yield result + mark


def touches(menus: Sequence[Any], *results: str) -> None:
    """Grey results when a visitor chooses something else in menus, whose values have no text.

    :param results: ids of results with a mark.
    """
    js = f"() => {{ playgroundTouched(...{json.dumps(results)}); }}"
    for menu in menus:
        menu.select(None, None, None, js=js, api_visibility="private")
