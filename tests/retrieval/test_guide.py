"""The guide in ``corpora/guide``: its figures, computed here anew, and its paraphrases.

Every row of ``CLAIMS`` is a sentence with the computed figures put in: it has to stand in the
document as it is. The one given thing is the shape of SmolLM2-135M, as its ``config.json`` has it.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from rank_bm25 import BM25Okapi
from torch.nn import functional

from playground.retrieval.chunking.markdown import MAX_WORDS
from playground.retrieval.lexical.terms import words
from playground.retrieval.search import STOP_WORDS
from tests.retrieval.test_shipped import answerable, documents, plain, sections

GUIDE = "guide"

# SmolLM2-135M
LAYERS, WIDTH, HEADS, KEY_HEADS, INNER, VOCABULARY, CONTEXT = 30, 576, 9, 3, 1536, 49_152, 8_192
HEAD = WIDTH // HEADS
KEYS = KEY_HEADS * HEAD
SHAPES = {  # in, out
    "q": (WIDTH, WIDTH),
    "k": (WIDTH, KEYS),
    "v": (WIDTH, KEYS),
    "o": (WIDTH, WIDTH),
    "gate": (WIDTH, INNER),
    "up": (WIDTH, INNER),
    "down": (INNER, WIDTH),
}
ATTENTION = sum(math.prod(SHAPES[name]) for name in "qkvo")
MLP = sum(math.prod(SHAPES[name]) for name in ("gate", "up", "down"))
LAYER = ATTENTION + MLP + 2 * WIDTH
TABLE = VOCABULARY * WIDTH
NORMS = (2 * LAYERS + 1) * WIDTH
LINEAR = LAYERS * (ATTENTION + MLP)
ALL = LAYERS * LAYER + TABLE + WIDTH
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}


def lora(rank: int, inputs: int, outputs: int) -> int:
    return torch.zeros(rank, inputs).numel() + torch.zeros(outputs, rank).numel()


LORA_ALL = LAYERS * sum(lora(8, *shape) for shape in SHAPES.values())


def percent(part: float, whole: float = 1, digits: int = 1) -> str:
    return f"{100 * part / whole:.{digits}f} percent"


def mb(size: float, digits: int = 0) -> str:
    return f"{size / 1e6:.{digits}f} MB"


def gb(size: float) -> str:
    return f"{size / 1e9:.3g} GB"


def exponent_bits(dtype: torch.dtype) -> int:
    """What is left of the format's bits without the sign and the fraction."""
    return torch.finfo(dtype).bits - 1 - fraction_bits(dtype)


def fraction_bits(dtype: torch.dtype) -> int:
    return round(-math.log2(torch.finfo(dtype).eps))


def largest(dtype: torch.dtype) -> str:
    return f"{round(torch.finfo(dtype).max):,}"


def softmax(*logits: float) -> float:
    return float(functional.softmax(torch.tensor(logits, dtype=torch.float64), 0)[0])


def cosine(a: list[float], b: list[float]) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def kv_cache(key_heads: int, tokens: int = 1) -> int:
    """Bytes in 16 bits: keys and values of every layer."""
    return torch.zeros(2, LAYERS, key_heads, HEAD, dtype=torch.bfloat16).nbytes * tokens


def idf(holding: int, passages: int) -> float:
    return math.log((passages - holding + 0.5) / (holding + 0.5))


def counts(times: float, length: float = 1.0, k1: float = 1.5, b: float = 0.75) -> float:
    """BM25's share of the count; ``length`` is relative to the average."""
    return times * (k1 + 1) / (times + k1 * (1 - b + b * length))


def ndcg(rank: int) -> float:
    return math.log2(2) / math.log2(rank + 1)


def ties(*changes: float) -> float:
    positive = [change for change in changes if change > 0]
    negative = [change for change in changes if change < 0]
    return float(np.mean(positive if sum(positive) > -sum(negative) else negative))


def adamw_shrink(rate: float, decay: float) -> float:
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    weight.grad = torch.zeros_like(weight)
    torch.optim.AdamW([weight], lr=rate, weight_decay=decay).step()
    return 1 - weight.item()


def clipped(norm: float, limit: float) -> float:
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    weight.grad = torch.full_like(weight, norm)
    torch.nn.utils.clip_grad_norm_([weight], limit)
    return weight.grad.item() / norm


def slerp(t: float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    angle = math.acos(np.dot(a, b))
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def kl(base: list[float], changed: list[float]) -> float:
    given, wanted = torch.tensor(changed).log(), torch.tensor(base)
    return float(functional.kl_div(given, wanted, reduction="sum"))


def even_loss(tokens: int) -> float:
    scores = torch.zeros(1, tokens, dtype=torch.float64)
    return float(functional.cross_entropy(scores, torch.tensor([0])))


OKAPI = inspect.signature(BM25Okapi).parameters  # the playground leaves its settings alone
FP32, FP16, BF16 = torch.float32, torch.float16, torch.bfloat16
E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
NEXT_BF16 = 1 + torch.finfo(BF16).eps
RIGHT_ANGLE = np.array([1.0, 0.0]), np.array([0.0, 1.0])
STEP = 1 / (2**3 - 1)  # of levels from -7 to 7 when the largest weight is 1
SPARSE_LIMIT = 2 / (2 + 4)  # bytes of a value, by bytes of a value and its position
DOUBLE_QUANTIZED = 8 / 64 + 32 / (64 * 256)
TWO_OF_FOUR = 2 * 16 + 2 * 2
HALF_COSINE = 0.0002 * (1 + math.cos(math.pi / 4)) / 2
BOTTLENECK = sum(p.numel() for n in ((576, 64), (64, 576)) for p in torch.nn.Linear(*n).parameters())

CLAIMS = [
    ("start-here.md", f"SmolLM2-135M has {ALL:,} weights."),
    ("tokens.md", f"The vocabulary of SmolLM2-135M has {VOCABULARY:,} tokens."),
    ("tokens.md", f"With logits of 2 and 1, softmax gives the first token a probability of {percent(softmax(2, 1))}."),
    (
        "tokens.md",
        f"With logits of 2 and 1, a temperature of 0.5 raises the first token to {percent(softmax(2 / 0.5, 1 / 0.5))}.",
    ),
    ("embeddings.md", f"A row of SmolLM2-135M has {WIDTH} numbers."),
    (
        "embeddings.md",
        f"The embedding table of SmolLM2-135M has {TABLE:,} numbers, which is "
        f"{percent(TABLE, ALL)} of the whole model.",
    ),
    ("embeddings.md", f"The cosine of the vectors (3, 4) and (4, 3) is {cosine([3, 4], [4, 3]):.2f}."),
    ("anatomy.md", f"SmolLM2-135M is a stack of {LAYERS} layers."),
    (
        "anatomy.md",
        f"The width of SmolLM2-135M is {WIDTH}, so each token travels through the layers as {WIDTH} numbers.",
    ),
    (
        "anatomy.md",
        f"The MLP of SmolLM2-135M has three matrices, named gate, up and down, and an inner width of {INNER:,}.",
    ),
    (
        "embeddings.md",
        f"A nudge changes {WIDTH} numbers of SmolLM2-135M and touches every prompt that contains the token.",
    ),
    ("anatomy.md", f"SmolLM2-135M has {HEADS} query heads and {KEY_HEADS} key and value heads of {HEAD} numbers each."),
    (
        "anatomy.md",
        f"{NUMBERS[HEADS // KEY_HEADS].capitalize()} query heads share one key head, "
        "which is called grouped-query attention.",
    ),
    ("anatomy.md", f"The four attention matrices of one layer hold {ATTENTION:,} weights."),
    ("anatomy.md", f"The three MLP matrices of one layer hold {MLP:,} weights."),
    (
        "anatomy.md",
        f"The MLP matrices hold exactly {NUMBERS[MLP / ATTENTION]} times as many "
        "weights as the attention matrices of the same layer.",
    ),
    ("anatomy.md", f"SmolLM2-135M has {LAYERS * len(SHAPES)} such matrices, {NUMBERS[len(SHAPES)]} in each layer."),
    (
        "anatomy.md",
        f"The {LAYERS * len(SHAPES)} matrices hold {LINEAR:,} weights, or {percent(LINEAR, ALL)} of the model.",
    ),
    ("anatomy.md", f"The norms of SmolLM2-135M hold {NORMS:,} weights together."),
    (
        "number-formats.md",
        f"The format float32 has {torch.finfo(FP32).bits} bits: one sign bit, "
        f"{NUMBERS[exponent_bits(FP32)]} exponent bits and {fraction_bits(FP32)} fraction bits.",
    ),
    ("number-formats.md", f"SmolLM2-135M takes {mb(ALL * FP32.itemsize)} in float32."),
    (
        "number-formats.md",
        "The format float16, also called half precision, has one sign bit, "
        f"{NUMBERS[exponent_bits(FP16)]} exponent bits and {NUMBERS[fraction_bits(FP16)]} fraction "
        "bits.",
    ),
    ("number-formats.md", f"The largest value of float16 is {largest(FP16)}."),
    (
        "number-formats.md",
        f"The format bfloat16 has one sign bit, {NUMBERS[exponent_bits(BF16)]} "
        f"exponent bits and {NUMBERS[fraction_bits(BF16)]} fraction bits.",
    ),
    (
        "number-formats.md",
        "The format bfloat16 reaches as far as float32 but has coarse steps: "
        f"after 1 the next bfloat16 number is {NEXT_BF16}.",
    ),
    ("number-formats.md", f"135 million weights in bfloat16 take {mb(135_000_000 * BF16.itemsize)}."),
    (
        "number-formats.md",
        f"The format e4m3 has {NUMBERS[exponent_bits(E4M3)]} exponent bits and "
        f"{NUMBERS[fraction_bits(E4M3)]} fraction bits, and its largest value is {largest(E4M3)}.",
    ),
    (
        "number-formats.md",
        f"The format e5m2 has {NUMBERS[exponent_bits(E5M2)]} exponent bits and "
        f"{NUMBERS[fraction_bits(E5M2)]} fraction bits, and its largest value is {largest(E5M2)}.",
    ),
    (
        "number-formats.md",
        f"With {NUMBERS[torch.iinfo(torch.int8).bits]} bits, int8 has {2**8} "
        f"codes from {torch.iinfo(torch.int8).min} to {torch.iinfo(torch.int8).max}.",
    ),
    ("number-formats.md", f"With four bits, int4 has {2**4} codes from {-(2**3)} to {2**3 - 1}."),
    ("number-formats.md", f"A ternary weight carries {math.log2(3):.3f} bits of information."),
    (
        "number-formats.md",
        f"{NUMBERS[int(8 / math.log2(3))].capitalize()} ternary weights fit into "
        f"one byte, since three to the power of five is {3**5}.",
    ),
    ("quantization.md", f"When the largest weight is 1 and the levels run from -7 to 7, one step is {STEP:.3f}."),
    ("quantization.md", f"No weight inside that group is then rounded by more than {STEP / 2:.3f}."),
    (
        "quantization.md",
        "Codes of four bits with one float32 scale for every 64 weights come to "
        f"{4 + torch.finfo(FP32).bits / 64} effective bits.",
    ),
    (
        "quantization.md",
        f"With a float16 scale for every 32 weights the sum is also {4 + torch.finfo(FP16).bits / 32} effective bits.",
    ),
    ("quantization.md", f"The 210 matrices of SmolLM2-135M take {mb(LINEAR * BF16.itemsize, 1)} in bfloat16."),
    ("quantization.md", f"At 4.5 effective bits the same matrices take {mb(LINEAR * 4.5 / 8, 1)}."),
    ("pruning.md", f"At a sparsity of 50 percent the 210 matrices of SmolLM2-135M keep {LINEAR // 2:,} weights."),
    (
        "pruning.md",
        f"A weight of 0.1 on an input of norm 20 scores {0.1 * 20:.1f}, and a weight of "
        f"0.5 on an input of norm 1 scores {0.5 * 1:.1f}.",
    ),
    (
        "pruning.md",
        f"In 16 bits, a group of four takes {TWO_OF_FOUR} bits instead of {4 * 16}: two "
        "values and two positions of two bits each.",
    ),
    ("pruning.md", f"One layer of SmolLM2-135M holds {LAYER:,} weights, which is {percent(LAYER, ALL)} of the model."),
    (
        "pruning.md",
        "With two bytes for a value and four bytes for its position, the list is "
        f"smaller only when less than {percent(SPARSE_LIMIT)} of the weights remain.",
    ),
    ("fine-tuning.md", f"The result is a complete second model: {mb(ALL * 2)} for SmolLM2-135M in 16 bits."),
    (
        "fine-tuning.md",
        f"The last 4 layers of SmolLM2-135M hold {4 * LAYER:,} weights, which is "
        f"{percent(4 * LAYER, ALL)} of the model.",
    ),
    (
        "fine-tuning.md",
        f"The playground therefore lets BitFit train the norms as well, which are {NORMS:,} weights in SmolLM2-135M.",
    ),
    ("light-methods.md", f"Prompt tuning with 16 vectors learns {16 * WIDTH:,} numbers in SmolLM2-135M."),
    ("light-methods.md", f"Prefix tuning with 16 places learns {16 * 2 * LAYERS * KEYS:,} numbers in SmolLM2-135M."),
    ("light-methods.md", f"In SmolLM2-135M these are {LAYERS * (KEYS + KEYS + INNER):,} numbers."),
    ("light-methods.md", f"With biases, a bottleneck of 64 at width 576 has {BOTTLENECK:,} numbers."),
    ("lora.md", f"A LoRA of rank 8 on a 576 x 576 matrix has {lora(8, 576, 576):,} numbers."),
    (
        "lora.md",
        f"The matrix itself has {576 * 576:,} numbers, so the LoRA has "
        f"{percent(lora(8, 576, 576), 576 * 576)} of them.",
    ),
    ("lora.md", f"With alpha 16 and rank 8 the scale is {Fraction(16, 8)}."),
    (
        "lora.md",
        f"A LoRA of rank 8 on all 210 matrices of SmolLM2-135M has {LORA_ALL:,} numbers, "
        f"which is {percent(LORA_ALL, ALL)} of the model.",
    ),
    ("lora.md", f"A LoRA of rank 8 on all 210 matrices of SmolLM2-135M takes {mb(2 * LORA_ALL, 1)} in 16 bits."),
    (
        "lora-relatives.md",
        f"The cost beside the codes falls from {32 / 64} bits to {DOUBLE_QUANTIZED:.3f} bits for each weight.",
    ),
    (
        "lora-relatives.md",
        f"With alpha 16 and rank 64 the ordinary scale is {16 / 64} and the "
        f"scale of rsLoRA is {16 / math.sqrt(64):.0f}.",
    ),
    (
        "lora-relatives.md",
        f"DoRA of rank 8 on a 576 x 576 matrix has {lora(8, 576, 576) + 576:,} numbers, 576 more than LoRA.",
    ),
    ("hyperparameters.md", f"Batches of 4 examples accumulated 8 times act like one batch of {4 * 8} examples."),
    (
        "hyperparameters.md",
        f"With 1,000 examples, a batch size of 8 and 3 epochs, training takes {math.ceil(1000 / 8) * 3} steps.",
    ),
    (
        "hyperparameters.md",
        f"With a linear warm-up of 100 steps to 0.0002, the learning rate at step 25 is {0.0002 * 25 / 100:.5f}.",
    ),
    (
        "hyperparameters.md",
        f"A cosine schedule from 0.0002 to zero stands at {HALF_COSINE:.6f} after a quarter of its steps.",
    ),
    (
        "hyperparameters.md",
        "With a learning rate of 0.001 and a decay of 0.1, one step shrinks a "
        f"weight by {percent(adamw_shrink(0.001, 0.1), digits=2)}.",
    ),
    ("hyperparameters.md", f"With a limit of 1 and a norm of 5 the factor is {clipped(5, 1):.1f}."),
    ("training-memory.md", f"In float32 the two moments take {2 * FP32.itemsize} bytes for each weight."),
    (
        "training-memory.md",
        "Training everything in float32 with Adam takes "
        f"{4 + 4 + 2 * 4} bytes for each weight: {FP32.itemsize} for the weight, {FP32.itemsize} for "
        f"the gradient and {2 * FP32.itemsize} for the moments.",
    ),
    (
        "training-memory.md",
        "Mixed precision with a float32 copy of the weights takes "
        f"{2 + 2 + 4 + 2 * 4} bytes too: {BF16.itemsize} for the weight, {BF16.itemsize} for the "
        f"gradient, {FP32.itemsize} for the copy and {2 * FP32.itemsize} for the moments.",
    ),
    (
        "training-memory.md",
        f"Adam in float32 needs {gb(ALL * (4 + 4 + 8))} for the weights, gradients and moments of SmolLM2-135M.",
    ),
    ("training-memory.md", f"A model of 7 billion weights needs {gb(7e9 * (4 + 4 + 8))} for the same things."),
    (
        "training-memory.md",
        "For a LoRA of rank 8 on all 210 matrices of SmolLM2-135M, weights, "
        f"gradients and moments in float32 take {mb(LORA_ALL * (4 + 4 + 8), 1)}.",
    ),
    (
        "training-memory.md",
        f"The two moments then take about {2 * torch.int8.itemsize} bytes for "
        f"each weight instead of {2 * FP32.itemsize} bytes.",
    ),
    (
        "training-memory.md",
        f"The scores alone take {torch.zeros(VOCABULARY).nbytes:,} bytes for "
        f"each token in float32, because SmolLM2-135M has {VOCABULARY:,} tokens to score.",
    ),
    ("running-memory.md", f"SmolLM2-135M takes {mb(ALL * 2)} in 16 bits."),
    (
        "running-memory.md",
        f"A model of 7 billion weights takes {gb(7e9 * 2)} in 16 bits and {gb(7e9 / 2)} in four bits, without scales.",
    ),
    (
        "running-memory.md",
        f"The KV cache of SmolLM2-135M takes {kv_cache(KEY_HEADS):,} bytes for each token in 16 bits.",
    ),
    ("running-memory.md", f"The context of SmolLM2-135M may be {CONTEXT:,} tokens long."),
    (
        "running-memory.md",
        f"A full context of {CONTEXT:,} tokens has a KV cache of {mb(kv_cache(KEY_HEADS, CONTEXT))} in 16 bits.",
    ),
    (
        "running-memory.md",
        f"With nine key heads the KV cache would take {kv_cache(HEADS):,} bytes "
        f"for each token, {NUMBERS[kv_cache(HEADS) / kv_cache(KEY_HEADS)]} times as much.",
    ),
    (
        "running-memory.md",
        "A computer that reads 50 GB in a second writes fewer than "
        f"{math.ceil(50e9 / (ALL * 2))} tokens a second with SmolLM2-135M in 16 bits.",
    ),
    ("running-memory.md", f"One mebibyte, MiB, is {2**20:,} bytes, which is {percent(2**20 / 10**6 - 1)} more."),
    ("running-memory.md", f"A gibibyte is {percent(2**30 / 10**9 - 1)} larger than a gigabyte."),
    (
        "merging.md",
        "A weight that is 2 in one model and 6 in the other becomes "
        f"{np.average([2, 6], weights=[75, 25]):.0f} when the first model counts 75 percent.",
    ),
    (
        "merging.md",
        "Halfway between two vectors of length 1 at a right angle, a linear average has "
        f"length {np.linalg.norm(np.mean(RIGHT_ANGLE, 0)):.3f}, and SLERP keeps length "
        f"{np.linalg.norm(slerp(0.5, *RIGHT_ANGLE)):.0f}.",
    ),
    ("task-vectors.md", f"A weight of 2.0 in the base and 2.5 after tuning has a task vector of {2.5 - 2.0}."),
    ("task-vectors.md", f"Adding half of that task vector gives {2.0 + (2.5 - 2.0) / 2}."),
    (
        "task-vectors.md",
        f"For the changes +3, +2 and -1, TIES gives {ties(3, 2, -1)}, while a "
        f"plain average gives {np.mean([3, 2, -1]):.3f}.",
    ),
    ("task-vectors.md", f"With 90 percent dropped, every remaining change is multiplied by {1 / (1 - 0.9):.0f}."),
    (
        "fact-editing.md",
        f"For SmolLM2-135M the two vectors have {INNER + WIDTH:,} numbers "
        f"together, but the change may move all {math.prod(SHAPES['down']):,} weights of the "
        "matrix.",
    ),
    ("word-search.md", f"The playground uses a k1 of {OKAPI['k1'].default}."),
    ("word-search.md", f"The playground uses a b of {OKAPI['b'].default}."),
    ("retrieval.md", f"The playground cuts at headings and paragraphs into passages of at most {MAX_WORDS} words."),
    ("word-search.md", f"A word in 10 of 1,000 passages has an idf of {idf(10, 1000):.2f}."),
    ("word-search.md", f"A word in 500 of 1,000 passages has an idf of {idf(500, 1000):.0f}."),
    (
        "word-search.md",
        "In a passage of average length a word that occurs once counts "
        f"{counts(1):.2f}, twice counts {counts(2):.2f} and ten times counts {counts(10):.2f}.",
    ),
    ("word-search.md", f"However often the word is repeated, the count stays below {counts(1e12):.1f}."),
    (
        "word-search.md",
        f"With k1 = 1.5, a word that occurs once counts {counts(1, 2):.2f} in a passage of twice the average length.",
    ),
    ("meaning-search.md", f"With 384 numbers in float32 a vector takes {torch.zeros(384).nbytes:,} bytes."),
    ("meaning-search.md", f"An index of 10,000 such vectors takes {mb(10_000 * torch.zeros(384).nbytes, 1)}."),
    (
        "meaning-search.md",
        f"First place earns {Fraction(1, 60 + 1)}, which is {1 / 61:.4f}, and tenth place earns {1 / (60 + 10):.4f}.",
    ),
    ("meaning-search.md", f"A passage that is first in both lists earns {2 / (60 + 1):.4f}."),
    ("judging-search.md", f"If 2 of 4 relevant passages are among the first five, recall at 5 is {2 / 4}."),
    ("judging-search.md", f"If 2 of the first 5 results are relevant, precision at 5 is {2 / 5}."),
    (
        "judging-search.md",
        f"Three questions with ranks 1, 2 and 4 have an MRR of {np.mean([1 / rank for rank in (1, 2, 4)]):.3f}.",
    ),
    (
        "judging-search.md",
        f"A single relevant passage at rank 2 gives nDCG {ndcg(2):.3f}, and at rank 3 gives nDCG {ndcg(3):.1f}.",
    ),
    ("judging-models.md", f"A loss of 2 means a perplexity of {math.exp(2):.2f}."),
    (
        "judging-models.md",
        f"A model that guesses evenly among {VOCABULARY:,} tokens has a "
        f"perplexity of {math.exp(even_loss(VOCABULARY)):,.0f}.",
    ),
    ("judging-models.md", f"A loss of 2 for each token is {2 / math.log(2):.3f} bits for each token."),
    (
        "judging-models.md",
        "If the base says 50 and 50 percent, and the changed model says 90 and "
        f"10 percent, the KL divergence is {kl([0.5, 0.5], [0.9, 0.1]):.2f}.",
    ),
]


@pytest.mark.parametrize(("document", "sentence"), CLAIMS)
def test_the_guide_states_the_figure_that_follows_from_arithmetic(document, sentence):
    assert sentence in plain(documents(GUIDE)[document])


def test_the_guide_states_a_figure_for_one_thing_once():
    """A sentence that stands twice could be right here and wrong there."""
    for (document, sentence), times in Counter(CLAIMS).items():
        assert times == 1, sentence
        assert plain(documents(GUIDE)[document]).count(sentence) == 1, sentence


def test_the_guide_has_as_many_weights_as_the_model():
    """The shape above, as the library builds it from a configuration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == ALL
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "layers" in n]
    assert (len(matrices), sum(p.numel() for p in matrices)) == (LAYERS * len(SHAPES), LINEAR)


def test_the_guide_says_what_four_bits_of_nf4_are():
    functional_bnb = pytest.importorskip("bitsandbytes.functional")
    levels = functional_bnb.get_4bit_type("nf4", device="cpu").tolist()
    assert f"The {len(set(levels))} levels of nf4" in documents(GUIDE)["number-formats.md"]
    assert levels.count(0.0) == 1
    assert f"One of the {len(levels)} levels is exactly zero." in plain(documents(GUIDE)["number-formats.md"])


def test_a_paraphrase_shares_at_most_three_content_words_with_its_section():
    for question in answerable(GUIDE):
        if question["kind"] != "paraphrase":
            continue
        [evidence] = question["evidence"]
        [section] = [
            section for section in sections(documents(GUIDE)[evidence["document"]]) if evidence["quote"] in section
        ]
        shared = (set(words(question["question"])) & set(words(section))) - STOP_WORDS
        assert len(shared) <= 3, (question["id"], shared)


def test_ids_count_up():
    ids = [question["id"] for question in answerable(GUIDE)]
    assert all(re.fullmatch(r"g\d\d", name) for name in ids)
    assert ids == sorted(ids)
