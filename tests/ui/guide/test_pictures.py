"""The chapters' pictures, read back with an XML parser: what they show is true, said in words, and fits."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from playground.engine.pruning.masks import lowest, lowest_in_rows, lowest_n_of_m
from playground.engine.quantizing import grids
from playground.retrieval.corpus import load_collection
from playground.ui.guide.chapters import CHAPTER_GROUPS, GUIDES, chapters
from playground.ui.guide.pictures import PICTURES, model, pictures_of, retrieval, start, training, weights
from playground.ui.guide.pictures.drawing import SIZE, WIDTH
from playground.ui.guide.tab import show_guide

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "ko")
OURS = {"svg", "rect", "text", "line", "polyline", "polygon", "circle"}
HANGUL = re.compile("[가-힣]")
NARROWEST = 0.4  # of a letter's height, for what is hidden in a line of many; a mean Latin letter takes about 0.55
PHONE = 390 - 2 * 12  # pixels that a picture has on a small phone


def each() -> Iterator[tuple[str, str, ET.Element]]:
    for name, picture in PICTURES.items():
        for language in LANGUAGES:
            yield name, language, ET.fromstring(picture.html(language))


def texts(svg: ET.Element) -> list[str]:
    return [text.text or "" for text in svg.iter("text")]


def seen(name: str, language: str = "en") -> str:
    """Everything that a picture says, under it and in it."""
    root = ET.fromstring(PICTURES[name].html(language))
    return " | ".join([root[0].attrib["aria-label"], root[1].text or "", *texts(root[0])])


def told(chapter: str, language: str) -> str:
    """A chapter as it is shipped."""
    [text] = [d.text for d in load_collection(GUIDES[language]).documents if d.name == f"{chapter}.md"]
    return text


def boxes(name: str, look: str, language: str = "en") -> list[tuple[float, float, float, float]]:
    """The rectangles of a look: left, top, width, height."""
    root = ET.fromstring(PICTURES[name].html(language))
    return [
        tuple(float(rect.attrib[key]) for key in ("x", "y", "width", "height"))  # type: ignore[misc]
        for rect in root.iter("rect")
        if rect.attrib["class"] == look
    ]


# All of them


def test_every_picture_is_well_formed_and_says_in_words_what_it_shows():
    for name, language, figure in each():
        assert [part.tag for part in figure] == ["svg", "figcaption"], name
        svg, caption = figure
        assert svg.attrib["role"] == "img"
        said = svg.attrib["aria-label"]
        assert len(said) > 40, (name, language)
        assert said != caption.text
        for sentence in (said, caption.text or ""):
            assert bool(HANGUL.search(sentence)) == (language == "ko") or "모" in sentence, (name, sentence)
            assert "{" not in sentence
        for element in svg.iter():
            assert element.tag in OURS, (name, element.tag)
            assert not {"fill", "stroke", "style", "href"} & {*element.attrib} - {"fill"}, (name, element.attrib)
            assert element.attrib.get("fill", "none") == "none"  # colours are the page's


def test_no_text_runs_over_a_pictures_edge():
    for name, language, (svg, _) in each():
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
        assert width == WIDTH
        for text in svg.iter("text"):
            said = text.text or ""
            long = SIZE * sum(1.0 if HANGUL.match(c) else 0.36 if c in " .,:;|il()" else 0.61 for c in said)
            share = {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
            left = float(text.attrib["x"]) - share * long
            assert left >= 0, (name, language, said)
            assert left + long <= width, (name, language, said)
            assert SIZE * 0.8 <= float(text.attrib["y"]) <= height - 3, (name, language, said)


def test_nothing_is_drawn_outside_a_picture():
    for name, language, (svg, _) in each():
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
        for rect in svg.iter("rect"):
            x, y, wide, tall = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
            assert 0 <= x <= x + wide <= width, (name, language, rect.attrib)
            assert 0 <= y <= y + tall <= height, (name, language, rect.attrib)


def test_lines_of_text_do_not_stand_on_each_other():
    for name, language, (svg, _) in each():
        places = []
        for text in svg.iter("text"):
            long = SIZE * sum(0.9 if HANGUL.match(c) else NARROWEST for c in text.text or "")
            share = {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
            left = float(text.attrib["x"]) - share * long
            places.append((left, left + long, float(text.attrib["y"]), text.text))
        for at, (left, right, y, said) in enumerate(places):
            for other_left, other_right, other_y, other in places[:at]:
                apart = right <= other_left or other_right <= left or abs(y - other_y) >= SIZE - 1
                assert apart, (name, language, said, other)


def test_letters_can_be_read_on_a_phone():
    css = (ROOT / "assets" / "style.css").read_text()
    [size] = re.findall(r"\.pg-picture text \{ font-size: (\d+)px", css)
    assert int(size) == SIZE
    assert SIZE * PHONE / WIDTH >= 11


def luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
    shares = [int(full[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_have_the_contrast_that_wcag_asks_for(dark):
    css = (ROOT / "assets" / "style.css").read_text()
    rules = [
        rule for rule in re.findall(r"^(.*)\{(.*--.*)\}", css, re.MULTILINE) if rule[0].startswith(".dark") == dark
    ]
    colour = {name: value for _, rule in rules for name, value in re.findall(r"--([\w-]+): (#\w+)", rule)}
    for ground in ("card", "pic-quiet", "pic-a-soft", "pic-b-soft"):
        assert contrast(colour["pic-ink"], colour[ground]) >= 4.5, ground
    assert contrast(colour["pic-soft"], colour["card"]) >= 4.5
    for fill in ("pic-a", "pic-b"):
        assert contrast(colour["pic-on"], colour[fill]) >= 4.5
        assert contrast(colour[fill], colour["card"]) >= 3
    assert contrast(colour["pic-line"], colour["card"]) >= 3


def test_every_look_is_in_the_style_sheet():
    css = (ROOT / "assets" / "style.css").read_text()
    used = {look for _, _, figure in each() for part in figure.iter() for look in part.attrib.get("class", "").split()}
    assert {look for look in used if not re.search(rf"\.{look}\b(?!-)", css)} == set()


# Where they stand


def test_pictures_stand_in_chapters_that_there_are():
    known = {name for names in CHAPTER_GROUPS.values() for name in names}
    for picture in PICTURES.values():
        assert picture.chapters
        assert set(picture.chapters) <= known, picture.name
    for language in LANGUAGES:  # every picture has a chapter in every language
        there = {chapter.name for chapter in chapters(language)}
        assert all(there & set(picture.chapters) for picture in PICTURES.values()), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chapter_shows_its_pictures_after_its_first_section(language):
    _, _, opening, pictures, rest, _ = show_guide(language, "choosing")
    assert pictures.count("<svg") == 1
    assert opening.count("### ") == 1
    assert rest.startswith("### ")
    [chapter] = [chapter for chapter in chapters(language) if chapter.name == "choosing"]
    assert f"{opening}\n\n{rest}" == chapter.text
    assert pictures_of("hyperparameters", language) == ""
    assert pictures_of("tokens-and-embeddings", language).count("<svg") == 2


# What they show


@pytest.mark.weights
def test_tokens_and_their_numbers_are_the_tokenizers(smollm2):
    def ids(text: str) -> list[int]:
        return list(smollm2.tokenizer(text, add_special_tokens=False)["input_ids"])

    assert [piece.id for piece in model.CUT] == ids("".join(piece.text for piece in model.CUT))
    for piece in (*model.CUT, *model.SPACED):
        assert smollm2.tokenizer.decode([piece.id]) == piece.text
    assert [id_ for ids_ in model.SPELLED.values() for id_ in ids_] == ids("".join(model.SPELLED))
    assert [smollm2.tokenizer.decode([id_]) for id_ in ids("".join(model.PROMPT))] == list(model.PROMPT)


@pytest.mark.weights
def test_the_likeliest_next_tokens_are_the_models(smollm2):
    ids = smollm2.tokenizer("".join(model.PROMPT), add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        chances, places = smollm2.model(ids).logits[0, -1].float().softmax(-1).topk(3)
    assert [smollm2.tokenizer.decode([at]) for at in places.tolist()] == [token for token, _ in model.NEXT]
    assert chances.tolist() == pytest.approx([share for _, share in model.NEXT], abs=0.01)


@pytest.mark.weights
def test_cosines_are_those_of_the_embedding_table(smollm2):
    table = smollm2.model.get_input_embeddings().weight.double().detach()

    def row(token: str) -> torch.Tensor:
        [at] = smollm2.tokenizer(token, add_special_tokens=False)["input_ids"]
        return table[at]

    paris = row(" Paris")
    for token, cosine in model.COSINES.items():
        theirs = row(token)
        assert float(paris @ theirs / paris.norm() / theirs.norm()) == pytest.approx(cosine, abs=0.002), token


def test_arrows_stand_at_the_angles_of_their_cosines():
    root = ET.fromstring(PICTURES["cosines"].html("en"))
    heads = [p.attrib["points"].split()[0] for p in root.iter("polygon")]
    tips = np.array([[float(number) for number in head.split(",")] for head in heads])
    own, others = tips[0], tips[1:]
    start = np.array([30.0, own[1]])
    for tip, cosine in zip(others, model.COSINES.values(), strict=True):
        a, b = own - start, tip - start
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(cosine, abs=0.002)


@pytest.mark.weights
def test_sizes_are_the_models(smollm2):
    config = smollm2.model.config
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (
        model.VOCABULARY,
        model.HIDDEN,
        model.LAYERS,
    )
    layer = smollm2.model.model.layers[0]
    attention, mlp = (sum(p.numel() for p in part.parameters()) for part in (layer.self_attn, layer.mlp))
    assert (attention, mlp) == (model.ATTENTION, model.MLP)
    assert sum(p.numel() for p in smollm2.model.parameters()) == start.WEIGHTS
    assert tuple(layer.mlp.down_proj.weight.shape) == (weights.OUT, weights.IN)
    assert tuple(layer.self_attn.q_proj.weight.shape) == (training.SIDE, training.SIDE)
    last = sum(p.numel() for part in smollm2.model.model.layers[-4:] for p in part.parameters())
    assert last == training.LAST_LAYERS
    linear = [m for m in smollm2.model.model.layers.modules() if isinstance(m, torch.nn.Linear)]
    assert sum(training.RANK * (m.in_features + m.out_features) for m in linear) == training.LORA
    assert sum(p.numel() for name, p in smollm2.model.named_parameters() if "norm" in name) == training.NORMS


@pytest.mark.weights
def test_the_bell_is_that_of_real_weights(smollm2):
    weight = smollm2.model.model.layers[14].mlp.up_proj.weight.detach().bfloat16()  # where it is read as float32, too
    groups = weight.float().reshape(-1, 64)
    counts, _ = np.histogram((groups / groups.abs().amax(1, keepdim=True)).numpy(), bins=40, range=(-1, 1))
    np.testing.assert_allclose(weights.COUNTS, counts / counts.max() * 100, atol=1.01)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_those_of_the_chapters(language):
    for name, numbers in {
        "ways": {"en": {"start-here": ["134,515,008"]}, "ko": {}},
        "anatomy": {
            "en": {"anatomy": ["884,736", "2,654,208", "576", "30"]},
            "ko": {"smollm2": ["49,152", "576", "30", "2,654,208"]},
        },
        "lora": {"en": {"lora": ["9,216", "331,776", "2.8"]}, "ko": {"lora": ["9,216", "331,776"]}},
        "stored": {"en": {"fine-tuning": ["269"], "lora": ["4.9 MB"]}, "ko": {}},
        "memory": {"en": {"training-memory": ["2.15 GB", "39.1 MB"], "number-formats": []}, "ko": {}},
        "rome": {"en": {"fact-editing": ["2,112", "884,736"]}, "ko": {"fact-editing": ["2,112"]}},
        "levels": {"en": {"quantization": ["0.143"]}, "ko": {"quantization": ["15"]}},
        "arc": {"en": {"merging": ["0.707"]}, "ko": {"merging": ["0.707"]}},
        "ties": {"en": {"task-vectors": ["+3", "+2", "-1", "2.5", "1.33"]}, "ko": {"task-vectors": ["3", "-2", "2"]}},
        "repeated": {"en": {"word-search": ["1.43", "2.17", "2.5", "1.5"]}, "ko": {"bm25": ["2.5", "1.67"]}},
        "fusion": {"en": {"meaning-search": ["60", "0.0164"]}, "ko": {"dense-and-hybrid": ["60", "0.0164"]}},
        "path": {"en": {"retrieval": ["40"]}, "ko": {"retrieval-augmented": ["40"]}},
    }.items():
        picture = seen(name, language)
        for chapter, those in numbers[language].items():
            for number in those:
                assert number in told(chapter, language), (name, chapter, number)
                assert number in picture, (name, number)


def test_half_of_the_weights_is_removed_as_the_engine_does_it():
    scores = torch.tensor(weights.EXAMPLE).float().abs()
    gone = weights.removed()
    masks = {name: torch.zeros(8, 8, dtype=torch.bool) for name in gone}
    for name, places in gone.items():
        for row, column in places:
            masks[name][row, column] = True
        assert int(masks[name].sum()) == 32, name
    assert len(boxes("pruned", "pic-hollow")) == 3 * 32
    assert len(boxes("pruned", "pic-a")) == 3 * 32
    assert torch.equal(masks["fours"], lowest_n_of_m(scores, 2, 4))
    assert masks["fours"].reshape(-1, 4).sum(1).eq(2).all()
    assert torch.equal(masks["single"].flatten(), lowest(scores.flatten(), 32).flatten())
    norms = rankdata((scores**2).sum(1).numpy())
    assert masks["rows"].all(1).tolist() == (norms <= 4).tolist()
    assert not torch.equal(masks["single"], lowest_in_rows(scores, 4))  # they may stand anywhere


def test_levels_are_those_that_the_engine_rounds_to():
    assert list(weights.NF4) == pytest.approx(grids.NF4, abs=6e-5)
    fitted = grids.SCHEMES["int4"].fit(torch.linspace(-1, 1, 64)[None], True)
    assert fitted.levels()[0].tolist() == pytest.approx(weights.INT4, abs=1e-6)
    root = ET.fromstring(PICTURES["levels"].html("en"))
    ticks = {
        look: [float(line.attrib["x1"]) for line in root.iter("line") if line.attrib["class"] == look]
        for look in ("pic-line-a", "pic-line-b")
    }
    for look, places in (("pic-line-a", weights.INT4), ("pic-line-b", grids.NF4)):
        assert [(x - 20) / 200 - 1 for x in ticks[look]] == pytest.approx(places, abs=0.001)


def test_bits_are_those_of_the_formats():
    dtypes = {
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "float16": torch.float16,
        "fp8 e4m3": torch.float8_e4m3fn,
    }
    for name, dtype in dtypes.items():
        sign, exponent, fraction = weights.FORMATS[name]
        known = torch.finfo(dtype)
        assert sign + exponent + fraction == known.bits
        assert 2.0**-fraction == known.eps
        assert 2.0 ** (2 - 2 ** (exponent - 1)) == known.smallest_normal
    assert weights.FORMATS["int8"] == (torch.iinfo(torch.int8).bits,)
    assert weights.FORMATS["int4"] == (4,)
    wide = {
        look: [width + 1 for _, _, width, tall in boxes("formats", look) if tall == 26] for look in ("pic-a", "pic-b")
    }
    assert wide["pic-a"][0] / wide["pic-b"][0] == pytest.approx(23 / 8, rel=0.01)


def test_the_lora_and_the_bars_are_drawn_to_scale():
    square = max(boxes("lora", "pic-quiet"))
    b, a = boxes("lora", "pic-b")
    assert b[2] / square[2] == pytest.approx(training.RANK / training.SIDE, abs=0.001)
    assert a[3] / square[3] == pytest.approx(training.RANK / training.SIDE, abs=0.001)
    assert (b[3], a[2]) == (square[3], square[2])
    [whole], some = boxes("stored", "pic-line-fill"), boxes("stored", "pic-b")
    assert [part[2] / whole[2] for part in some[:2]] == pytest.approx([0.1053, 0.0182], abs=0.001)
    frozen = max(boxes("memory", "pic-quiet"))
    [own] = boxes("memory", "pic-b")
    assert own[2] / frozen[2] == pytest.approx(39.1 / 538.1, abs=0.002)
    [matrix] = boxes("rome", "pic-a-soft")
    assert matrix[2] / matrix[3] == pytest.approx(1536 / 576, rel=0.01)


def test_ranks_are_fused_as_by_hand():
    assert retrieval.fused()[:4] == [("C", 1 / 63 + 1 / 61), ("B", 1 / 62 + 1 / 63), ("A", 1 / 61), ("E", 1 / 62)]
    points = {"C": "0.0323", "B": "0.0320", "A": "0.0164", "E": "0.0161"}
    assert all(f"{passage} {point}" in seen("fusion") for passage, point in points.items())


def test_repeated_words_count_as_the_chapter_says():
    assert [round(retrieval.counted(times), 2) for times in (1, 2, 3, 10)] == [1.0, 1.43, 1.67, 2.17]
    assert retrieval.counted(1e9) < 2.5


def test_ties_leaves_the_losing_sign_out():
    assert weights.elected((3, 2, -1)) == (pytest.approx(4 / 3), 2.5)
    assert weights.elected((3, 1, -2)) == (pytest.approx(2 / 3), 2.0)
    assert weights.elected((-3, -1, 2)) == (pytest.approx(-2 / 3), -2.0)
