"""The cards and the verdict as HTML."""

from __future__ import annotations

import json

from markupsafe import Markup

from playground.ask.cards import WayCard, Wording
from playground.ask.pace import usually
from playground.ask.phrasings import WAYS_TO_ASK
from playground.ask.question import Asked
from playground.ask.sheet import AskSheet
from playground.ask.statement import NoStatementError
from playground.ask.verdict import AskVerdict, Remark, ask_verdict
from playground.ask.ways import ASK_WAYS
from playground.engine.models import catalog
from playground.ui.ask.examples import ASK_EXAMPLES
from playground.ui.parts.answers_html import YES_OR_NO, sign
from playground.ui.parts.html import clock, details, duration, join, link, note, receipt, size, tag
from playground.ui.text import say, tell

NOTICED = 0.05  # seconds; less is nothing to wait for
LINK_FIELDS = ("question", "answer", "prompt", "subject", "needs", "cut", "begun")  # in a link, beside text and recipe
CHOOSING = "#learn/choosing"  # the address of the chapter about it
MOST_LINKED = 4_000  # bytes of a text or a recipe


def ask_way_name(way: object, language: str) -> str:
    """What a way is called."""
    return say(language, f"ask_way_{way}")


def sheet_html(sheet: AskSheet, language: str, running: bool = False, opened: str = "") -> Markup:
    """All cards and, below them, the verdict so far.

    :param opened: the way whose other wordings stand open.
    """
    cards = [_card(sheet, way, language, running, way == opened) for way in sheet.ways]
    grid = tag("div", *cards, class_="pg-ask", aria_live="polite")
    changed = _then(sheet, language) if sheet.then else Markup()
    return (
        tag("h3", sheet.about.question, class_="pg-asked")
        + _unread(sheet, language)
        + grid
        + _untaught(sheet, language)
        + _left_over(sheet, language)
        + _verdict(sheet, language)
        + changed
    )


def _unread(sheet: AskSheet, language: str) -> Markup:
    """That the model hardly reads the question's language, where that is so."""
    entry = next((entry for entry in catalog.PRESETS if entry.id == sheet.model), None)
    if entry is None or not entry.languages or sheet.about.language in entry.languages:
        return Markup()
    return note(say(language, "ask_unread"), "warn")


def _untaught(sheet: AskSheet, language: str) -> Markup:
    """Why nothing is edited or trained where no right answer is known."""
    return Markup() if sheet.about.answer.strip() else note(say(language, "ask_untaught"))


def _left_over(sheet: AskSheet, language: str) -> Markup:
    """That a right answer still is an example's, where the question is another one."""
    about = sheet.about
    own = {example.question for example in ASK_EXAMPLES if example.answer == about.answer}
    if not own or about.question in own:
        return Markup()
    return note(say(language, "ask_left_over", answer=about.answer), "warn")


# A card


def _card(sheet: AskSheet, way: str, language: str, running: bool, opened: bool) -> Markup:
    card = next((card for card in sheet.cards if card.way == way), None)
    title = tag("h4", ask_way_name(way, language))
    if card is None:
        state = _state(way, language) if running else "–"
        return tag("section", title, tag("p", state, class_="pg-hint"), class_="pg-card pg-waits")
    if card.error:
        return tag("section", title, note(tell(language, card.error), "warn"), class_="pg-card")
    if not card.wordings:
        return tag("section", title, _cursor(), class_="pg-card")
    first = card.wordings[0]
    look = YES_OR_NO[first.right]
    return tag(
        "section",
        title,
        tag(
            "p",
            sign(first.right, language),
            tag("q", _short(first.text) or say(language, "ask_silent")),
            class_="pg-said",
        ),
        _sure(card, language),
        _source(first, language),
        receipt(_bill(card, language)),
        Markup() if running else _misread(card, sheet.about, language),
        _behind(sheet, card, language, running, opened),
        class_=f"pg-card {look}".strip(),
    )


def _state(way: str, language: str) -> str:
    if not ASK_WAYS[way].slow:
        return say(language, "ask_waits")
    return say(language, "ask_waits_slow", time=about_time(usually(way)))


def about_time(seconds: float) -> str:
    """A time as one says it beforehand: 20 s, 2 min."""
    return f"{10 * max(1, round(seconds / 10))} s" if seconds < 55 else f"{round(seconds / 60)} min"


def _cursor() -> Markup:
    return tag("p", tag("span", "▍", class_="pg-cursor", aria_hidden="true"), class_="pg-said")


def _short(text: str) -> str:
    """The first lines of an answer; all of it stands behind the card."""
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159] + "…"


def _sure(card: WayCard, language: str) -> Markup:
    if not card.judged:
        return Markup()
    dots = "".join("●" if wording.right else "○" for wording in card.wordings)
    text = say(language, "ask_sure", right=card.right, of=WAYS_TO_ASK)
    return tag("p", tag("span", dots, aria_hidden="true", class_="pg-dots"), f" {text}", class_="pg-sure")


def _source(wording: Wording, language: str) -> Markup:
    if not wording.passage:
        return Markup()
    held = say(language, "ask_held" if wording.held else "ask_not_held")
    told = "" if wording.held is None else tag("small", held)
    return tag("blockquote", tag("cite", f"[1] {wording.passage}"), tag("p", wording.stood), told, class_="pg-from")


def _bill(card: WayCard, language: str) -> str:
    """Seconds and bytes of making it."""
    made = duration(card.seconds) if card.seconds >= NOTICED else say(language, "ask_at_once")
    return f"{made} · {size(card.bytes)}"


def _misread(card: WayCard, about: Asked, language: str) -> Markup:
    if not card.misread:
        return Markup()
    pieces = len(about.of_text())
    cut = ["smaller"] if about.cut == "paragraphs" else ["larger"] if pieces > 1 or not about.text.strip() else []
    hows = [*cut, *([] if about.begun else ["begin"]), "reword"]
    offers = (link(say(language, f"ask_offer_{how}"), "offer", how=how, way=card.way) for how in hows)
    return tag("div", tag("p", say(language, "ask_misread")), tag("p", join(offers, " ")), class_="pg-warn")


def _behind(sheet: AskSheet, card: WayCard, language: str, running: bool, opened: bool) -> Markup:
    """Other wordings, what else changed, what each question costs, and the way to its own room."""
    asked = (
        _wording(wording, language, Markup() if running else _overrule(wording, card.way, place, language))
        for place, wording in enumerate(card.wordings)
    )
    lines = []
    if card.continued:
        try:
            prompt = sheet.about.statement().prompt
        except NoStatementError:
            prompt = ""
        lines.append(say(language, "ask_continued", prompt=prompt, text=" ".join(card.continued.split())))
    if card.kept is not None:
        lost = card.kept.of - card.kept.right
        lines.append(say(language, "ask_lost" if lost else "ask_none_lost", lost=lost, of=card.kept.of))
    lines.append(say(language, "ask_cost", tokens=card.prompt_tokens, seconds=duration(card.answer_seconds)))
    inside = link(say(language, "ask_inside"), "inside", way=card.way)
    return details(
        say(language, "ask_behind"),
        tag("ol", *asked, class_="pg-wordings"),
        join(tag("p", line, class_="pg-hint") for line in lines),
        tag("p", inside),
        open=opened,
    )


def _wording(wording: Wording, language: str, more: Markup) -> Markup:
    """One way to ask, and its answer."""
    by_hand = tag("small", " ", say(language, "ask_by_hand")) if wording.by_hand else ""
    said = tag("p", sign(wording.right, language), tag("q", wording.text), by_hand)
    return tag("li", tag("span", wording.question), said, more)


def _overrule(wording: Wording, way: str, place: int, language: str) -> Markup:
    """A press for those who read an answer otherwise than it was judged."""
    if wording.right is None:
        return Markup()
    text = say(language, "ask_count_wrong" if wording.right else "ask_count_right")
    return link(text, "overrule", f"{text}: {wording.question}", way=way, place=place)


# The verdict


def _verdict(sheet: AskSheet, language: str) -> Markup:
    if not sheet.cards:
        return Markup()
    judged = ask_verdict(sheet.cards, sheet.about.needs, sheet.about.texts)
    so_far = "" if sheet.done else tag("small", say(language, "ask_so_far"))
    return tag(
        "section",
        tag("h4", _head(judged, language), " ", so_far),
        tag("p", remark(judged.why, language)),
        _remarks(say(language, "ask_against"), " ".join(remark(one, language) for one in judged.against)),
        _remarks(say(language, "ask_flips"), "; ".join(remark(one, language).rstrip(".") for one in judged.flips)),
        tag("p", *_next(sheet, judged, language), class_="pg-next"),
        tag("p", say(language, "ask_judged"), class_="pg-hint") if sheet.about.answer.strip() else "",
        class_="pg-verdict pg-final",
        aria_live="polite",
        data_best=judged.best or "",
    )


def _head(judged: AskVerdict, language: str) -> str:
    if judged.why.key == "style":
        best = say(language, "ask_best_style")
    else:
        best = say(language, f"ask_best_{judged.best}" if judged.best else "ask_open")
    return f"{say(language, 'ask_verdict')}: {best}"


def _remarks(head: str, text: str) -> Markup:
    """What is remarked, as a whole sentence; nothing where there is nothing."""
    return tag("p", tag("b", head), f" {text.removesuffix('.')}.") if text else Markup()


def remark(said: Remark, language: str) -> str:
    """A remark in words."""
    values = dict(said.values)
    for name in {"way", "other"} & values.keys():
        values[name] = ask_way_name(values[name], language)
    if isinstance(seconds := values.get("seconds"), float):
        values["seconds"] = clock(seconds)
    return say(language, f"ask_{said.key}", **values)


def _next(sheet: AskSheet, judged: AskVerdict, language: str) -> list[Markup]:
    """What to do now."""
    links = []
    if judged.why.key == "style":
        links.append(link(say(language, "ask_do_examples"), "inside", way="lora"))
    elif judged.best not in (None, "base"):
        name = say(language, "ask_do_inside", way=ask_way_name(judged.best, language))
        links.append(link(name, "inside", way=judged.best))
    links.append(tag("a", say(language, "ask_do_why"), href=CHOOSING, class_="pg-link"))
    links.append(_local("share", say(language, "ask_do_share"), ask=link_data(sheet), done=say(language, "ask_copied")))
    links.append(_local("picture", say(language, "ask_do_picture"), picture=_picture(sheet, judged, language)))
    return links


def _local(do: str, text: str, **data: object) -> Markup:
    """A button that the browser answers alone: ``assets/page.js``."""
    values = {
        f"data_{name}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in data.items()
    }
    return tag("button", text, type="button", class_="pg-link", data_local=do, **values)


def link_data(sheet: AskSheet) -> dict[str, object]:
    """What a link to a question carries; a longer text than fits is left out."""
    about = sheet.about
    data: dict[str, object] = {name: getattr(about, name) for name in LINK_FIELDS if getattr(about, name)}
    if len(about.text.encode()) <= MOST_LINKED:
        data["text"] = about.text
    mine = next((card.recipe for card in sheet.cards if card.way == "mine" and card.recipe), None)
    if mine and len(json.dumps(mine)) <= MOST_LINKED:
        data["recipe"] = mine
    return data


def _picture(sheet: AskSheet, judged: AskVerdict, language: str) -> dict[str, object]:
    """What the picture of a verdict says."""
    cards = [
        {
            "name": ask_way_name(card.way, language),
            "text": _short(card.wordings[0].text),
            "right": card.wordings[0].right,
            "sure": say(language, "ask_sure", right=card.right, of=WAYS_TO_ASK) if card.judged else "",
        }
        for card in sheet.cards
        if card.wordings
    ]
    return {
        "question": sheet.about.question,
        "cards": cards[:6],
        "verdict": _head(judged, language),
        "why": remark(judged.why, language),
        "against": " ".join(remark(one, language) for one in judged.against),
        "foot": say(language, "ask_foot", model=sheet.model),
    }


def _then(sheet: AskSheet, language: str) -> Markup:
    """The day on which the answer is another one: who follows, and what it takes the others."""
    rows = []
    for card in sheet.then:
        if card.error or not card.wordings:
            continue
        first = card.wordings[0]
        before = next((old for old in sheet.cards if old.way == card.way), None)
        if first.right:
            told = say(language, "ask_follows")
        elif ASK_WAYS[card.way].writes and before:
            told = say(language, "ask_stays", seconds=clock(before.seconds))
        else:
            told = say(language, "ask_stays_as_is")
        rows.append(
            tag(
                "section",
                tag("h4", ask_way_name(card.way, language)),
                tag("p", sign(first.right, language), tag("q", _short(first.text)), class_="pg-said"),
                receipt(told),
                class_=f"pg-card {'pg-yes' if first.right else 'pg-no'}",
            )
        )
    head = tag("h4", say(language, "ask_then", new=sheet.new))
    return tag("div", head, tag("div", *rows, class_="pg-ask"), class_="pg-then")
