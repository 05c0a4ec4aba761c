from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from playground.engine.fork import Fork
from playground.engine.measuring import token_map
from playground.engine.measuring.token_map import (
    MAX_TEXT,
    MAX_TOKENS,
    flat_map,
    neighbours,
    split_tokens,
    token_text,
    vector,
)
from playground.errors import PlaygroundError


def dense(fork, side="input") -> np.ndarray:
    return fork.tensor(fork.weight_name(side)).detach().double().numpy()


def patched(base, side="input", seed=0, count=40) -> Fork:
    fork, generator = Fork(base), torch.Generator().manual_seed(seed)
    ids = torch.randperm(300, generator=generator)[:count]
    fork.patch_rows(side, ids, torch.randn(count, 32, generator=generator))
    return fork


# Neighbours


@pytest.mark.parametrize("side", ["input", "output"])
def test_neighbours_are_the_highest_cosines_of_all_rows(layout, side):
    for fork in (Fork(layout), patched(layout, side)):
        truth = cosine_similarity(dense(fork, side))
        np.fill_diagonal(truth, -np.inf)
        asked = [0, 7, 299, 7, *fork.embedding(side)[1][:2].tolist()]
        for token, found in zip(asked, neighbours(fork, asked, 12, side), strict=True):
            nearest = np.argsort(-truth[token], kind="stable")[:12]
            assert [each.id for each in found] == nearest.tolist()
            assert [each.cosine for each in found] == pytest.approx(truth[token][nearest], abs=2e-6)


def test_a_vocabulary_of_several_parts_gives_the_same_neighbours(llama, monkeypatch):
    fork = patched(llama)
    whole = neighbours(fork, [1, 2], 299)
    monkeypatch.setattr(token_map, "ROWS_AT_ONCE", 7)
    for one, other in zip(whole, neighbours(fork, [1, 2], 299), strict=True):
        expected = [each.cosine for each in other]
        assert [each.cosine for each in one] == pytest.approx(expected, abs=2e-6)


def test_k_above_the_vocabulary_gives_every_other_row_once(llama):
    (found,) = neighbours(Fork(llama), [5], 1000)
    assert sorted(each.id for each in found) == [n for n in range(300) if n != 5]


def test_k_of_zero_gives_none(llama):
    assert neighbours(Fork(llama), [5, 6], 0) == [[], []]


def test_no_tokens_have_no_neighbours(llama):
    assert neighbours(Fork(llama), [], 5) == []


def test_a_row_that_was_moved_onto_another_is_its_nearest_neighbour(llama):
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([260]), 3 * fork.rows("input", torch.tensor([266])))
    assert neighbours(fork, [260], 1)[0][0].id == 266
    assert neighbours(fork, [266], 1)[0][0].id == 260
    assert neighbours(fork, [266], 1)[0][0].cosine == pytest.approx(1, abs=1e-5)


def test_an_empty_row_has_cosine_zero_with_all_and_is_no_nans_source(llama):
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([4]), torch.zeros(1, 32))
    (found,) = neighbours(fork, [4], 299)
    assert {each.cosine for each in found} == {0.0}
    (others,) = neighbours(fork, [5], 299)
    assert [each.cosine for each in others if each.id == 4] == [0.0]


def test_neighbours_carry_their_text(llama):
    (found,) = neighbours(Fork(llama), [260], 5)
    assert [each.text for each in found] == [token_text(llama.tokenizer, each.id) for each in found]


@pytest.mark.weights
def test_smollm2_has_rome_near_paris(smollm2):
    (paris,) = smollm2.tokenizer(" Paris")["input_ids"]
    (found,) = neighbours(Fork(smollm2), [paris], 20)
    truth = cosine_similarity(dense(Fork(smollm2))[[paris]], dense(Fork(smollm2)))[0]
    assert [each.id for each in found] == np.argsort(-truth)[1:21].tolist()
    assert any("London" in each.text or "Rome" in each.text for each in found)


# The text of a token


def test_plain_tokens_are_shown_as_they_are_written(llama):
    for token, text in {260: " the", 285: " is", 222: " ", 0: "<|im_start|>"}.items():
        assert token_text(llama.tokenizer, token) == text


def test_a_part_of_a_character_is_shown_as_its_bytes(llama):
    ids = llama.tokenizer("안é")["input_ids"]
    assert [token_text(llama.tokenizer, token) for token in ids] == ["⟨EC⟩", "⟨95⟩", "⟨88⟩", "⟨C3⟩", "⟨A9⟩"]


def test_the_shown_bytes_put_together_are_the_texts_own(llama):
    for text in ("안녕하세요, 세계", "naïve café", "🙂", "plain"):
        shown = [token_text(llama.tokenizer, n) for n in llama.tokenizer(text)["input_ids"]]
        raw = b"".join(bytes.fromhex(each[1:-1]) if each.startswith("⟨") else each.encode() for each in shown)
        assert raw == text.encode()


@pytest.mark.weights
def test_korean_in_smollm2_is_shown_as_its_bytes(smollm2):
    ids = smollm2.tokenizer("똠방각하")["input_ids"]
    shown = [token_text(smollm2.tokenizer, token) for token in ids]
    assert any(each.startswith("⟨") for each in shown)
    assert not any("\ufffd" in each for each in shown)


def test_a_byte_token_of_a_sentencepiece_vocabulary_is_shown_as_its_byte():
    """Gemma's and Llama 2's tokenizers name single bytes like this."""
    words = {"<unk>": 0, "▁a": 1} | {f"<0x{byte:02X}>": 2 + byte for byte in range(256)}
    inner = Tokenizer(models.BPE(words, [], unk_token="<unk>", byte_fallback=True))
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
    assert token_text(tokenizer, words["<0x41>"]) == "A"
    assert token_text(tokenizer, words["<0xEC>"]) == "⟨EC⟩"


# Splitting


def test_a_text_is_split_as_the_tokenizer_does_with_each_rows_norm(llama):
    fork = patched(llama, "output", count=150)
    for side in ("input", "output"):
        found = split_tokens(fork, " the of 안", side)
        ids = llama.tokenizer(" the of 안")["input_ids"]
        assert [token.id for token in found] == ids
        assert [token.text for token in found][:2] == [" the", " of"]
        norms = np.linalg.norm(dense(fork, side)[ids], axis=1)
        assert [token.norm for token in found] == pytest.approx(norms, rel=1e-5)


@pytest.mark.parametrize("text", ["", None, 5, ["a"]])
def test_nothing_to_split_is_refused(llama, text):
    with pytest.raises(PlaygroundError, match="text is empty"):
        split_tokens(Fork(llama), text)


def test_too_much_to_split_is_refused_with_both_limits(llama):
    assert len(split_tokens(Fork(llama), " the" * MAX_TOKENS)) == MAX_TOKENS
    for text in (" the" * (MAX_TOKENS + 1), "x" * (MAX_TEXT + 1), "x" * 10_000_000):
        with pytest.raises(PlaygroundError, match=f"{MAX_TEXT} characters and {MAX_TOKENS} tokens"):
            split_tokens(Fork(llama), text)


def test_white_space_alone_is_split(llama):
    assert split_tokens(Fork(llama), " ")[0].text == " "
    assert split_tokens(Fork(llama), "\n")[0].text == "\n"


def test_half_a_character_is_refused_in_words(llama):
    with pytest.raises(PlaygroundError):
        split_tokens(Fork(llama), "half \ud800")


# A row as a strip of colours


def test_a_vector_is_the_row_scaled_to_its_largest_entry(llama):
    row = dense(Fork(llama))[9]
    assert vector(Fork(llama), 9) == pytest.approx(row / np.abs(row).max(), abs=1e-6)
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([9]), torch.zeros(1, 32))
    assert vector(fork, 9) == [0.0] * 32


# The flat map


def places(found) -> np.ndarray:
    points = [found.before, *found.others, found.after]
    return np.array([(point.x, point.y) for point in points])


def same_up_to_sign(found: np.ndarray, truth: np.ndarray) -> bool:
    return all(
        np.allclose(found[:, axis], truth[:, axis], atol=1e-5)
        or np.allclose(found[:, axis], -truth[:, axis], atol=1e-5)
        for axis in (0, 1)
    )


@pytest.mark.parametrize("side", ["input", "output"])
def test_the_map_is_the_first_two_principal_components(layout, side):
    before, token, others = patched(layout, side), 5, [9, 200, 31, 7, 299, 100]
    after = before.clone()
    after.patch_rows(side, torch.tensor([token]), torch.linspace(-2, 3, 32)[None])
    found = flat_map(before, after, token, others, side)
    rows = dense(before, side)[[token, *others]]
    pca = PCA(2, svd_solver="full").fit(rows)
    truth = pca.transform(np.vstack([rows, dense(after, side)[[token]]]))
    assert same_up_to_sign(places(found), truth)
    assert found.kept == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-6)
    assert [point.id for point in found.others] == others
    assert found.before.id == found.after.id == token


def test_a_map_of_a_token_that_did_not_move_has_no_arrow(llama):
    found = flat_map(Fork(llama), Fork(llama), 5, [6, 7, 8])
    assert (found.before.x, found.before.y) == pytest.approx((found.after.x, found.after.y))


def test_a_map_looks_the_same_every_time(llama):
    first = flat_map(Fork(llama), Fork(llama), 5, [6, 7, 8])
    assert flat_map(Fork(llama), Fork(llama), 5, [6, 7, 8]) == first


def test_a_map_with_one_other_point_is_a_line(llama):
    found = flat_map(Fork(llama), Fork(llama), 5, [6])
    rows = dense(Fork(llama))
    half = np.linalg.norm(rows[5] - rows[6]) / 2
    assert sorted([found.before.x, found.others[0].x]) == pytest.approx([-half, half], abs=1e-5)
    assert [found.before.y, found.others[0].y] == pytest.approx([0, 0], abs=1e-5)
    assert found.kept == pytest.approx(1)


def test_a_map_without_other_points_has_both_places_in_the_middle(llama):
    after = patched(llama, count=300)
    found = flat_map(Fork(llama), after, 5, [])
    assert places(found).shape == (2, 2)
    assert np.isfinite(places(found)).all()
    assert found.others == ()
    assert found.kept == 0


def test_a_map_of_rows_that_are_all_alike_is_one_place(llama):
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([5, 6, 7]), torch.zeros(3, 32))
    found = flat_map(fork, fork, 5, [6, 7])
    assert not places(found).any()
    assert found.kept == 0


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_map_of_rows_that_are_not_numbers_has_no_places(llama, wrong):
    fork = Fork(llama)
    fork.patch_rows("input", torch.tensor([5, 6]), torch.full((2, 32), wrong))
    assert not np.isfinite(places(flat_map(fork, fork, 5, [6, 7]))).any()
    assert np.isfinite(places(flat_map(Fork(llama), fork, 5, [6, 7]))).any()


@hypothesis_settings(deadline=None, max_examples=30)
@given(ids=st.lists(st.integers(0, 299), min_size=1, max_size=12, unique=True))
def test_any_map_keeps_between_none_and_all_of_the_variance(tiny, ids):
    fork = Fork(tiny["tiny-llama"])
    found = flat_map(fork, fork, ids[0], ids[1:])
    assert -1e-9 <= found.kept <= 1 + 1e-9
    assert np.isfinite(places(found)).all()
