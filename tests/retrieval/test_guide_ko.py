"""The figures in the Korean guide: each is computed here and must stand in its document.

A figure comes from torch's own tables, from rank_bm25, from a model built without storage, or
from arithmetic on the shape below; never from the document.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from statistics import NormalDist

import pytest
import torch
from rank_bm25 import BM25Okapi

from playground.retrieval.chunking.markdown import MAX_WORDS
from playground.retrieval.corpus import load_corpus
from playground.retrieval.dense.index import DIMENSION
from playground.retrieval.lexical.terms import words
from playground.retrieval.search import retrieve

CORPUS = "guide-ko"
FOLDER = Path(__file__).parents[2] / "corpora" / CORPUS / "documents"

# SmolLM2-135M; test_the_shape_is_the_models checks what is counted from it
VOCABULARY, WIDTH, LAYERS, INNER = 49_152, 576, 30, 1_536
HEADS, KEY_HEADS, HEAD = 9, 3, 64
KEY = KEY_HEADS * HEAD

ATTENTION = [(WIDTH, WIDTH), (WIDTH, KEY), (WIDTH, KEY), (WIDTH, WIDTH)]  # q, k, v, o: in, out
MLP = [(WIDTH, INNER), (WIDTH, INNER), (INNER, WIDTH)]  # gate, up, down
MATRICES = LAYERS * [*ATTENTION, *MLP]


def weights(matrices: list[tuple[int, int]]) -> int:
    return sum(rows * columns for rows, columns in matrices)


def lora(rank: int, matrices: list[tuple[int, int]]) -> int:
    return sum(rank * (rows + columns) for rows, columns in matrices)


EMBEDDINGS = VOCABULARY * WIDTH
LAYER = weights([*ATTENTION, *MLP]) + 2 * WIDTH  # with two norms
TOTAL = EMBEDDINGS + LAYERS * LAYER + WIDTH  # with the last norm
MILLIONS = 135_000_000
ROUNDED = f"{MILLIONS // 10**8}억 {MILLIONS % 10**8 // 10**4:,}만 개 가중치"
CACHE = 2 * LAYERS * KEY * 2  # bytes per token: keys and values of two bytes

FP32, FP16, BF16 = (torch.finfo(d) for d in (torch.float32, torch.float16, torch.bfloat16))
E4M3, E5M2 = torch.finfo(torch.float8_e4m3fn), torch.finfo(torch.float8_e5m2)
INT8 = torch.iinfo(torch.int8)
OKAPI = BM25Okapi([["a"], ["b"]])

# Dettmers et al. 2023: 8 quantiles above zero and 7 below it, scaled to 1
_TAIL = 0.9677083
NF4_ABOVE = [NormalDist().inv_cdf(_TAIL + (0.5 - _TAIL) * step / 8) for step in range(8)]


def parts(info: torch.finfo) -> str:
    mantissa = round(-math.log2(info.eps))
    return f"부호 1비트, 지수 {info.bits - 1 - mantissa}비트, 가수 {mantissa}비트"


def percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f} %"


def decimal(value: float) -> str:
    """Without an exponent or zeros at the end."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


def idf(passages: int, having: int) -> float:
    return math.log((passages - having + 0.5) / (having + 0.5))


def tf(count: float, length: float) -> float:
    """BM25's factor for a word ``count`` times in a passage ``length`` times the average."""
    k1, b = OKAPI.k1, OKAPI.b
    return count * (k1 + 1) / (count + k1 * (1 - b + b * length))


def bits(code: float, group: int, scale: float = 32) -> float:
    return code + scale / group


def ties(*changes: float) -> float:
    sign = math.copysign(1, sum(changes))
    agreeing = [change for change in changes if change * sign > 0]
    return sum(agreeing) / len(agreeing)


CLAIMS = [
    # first-steps
    ("first-steps", f"평균 손실이 2이면 퍼플렉시티는 {math.exp(2):.2f}입니다."),
    ("first-steps", f"어휘가 {VOCABULARY:,}개이면 고르게 찍는 모델의 손실은 {math.log(VOCABULARY):.2f}입니다."),
    # smollm2
    ("smollm2", f"SmolLM2-135M의 매개변수(parameter)는 모두 {TOTAL:,}개입니다."),
    ("smollm2", f"이름의 {TOTAL / 1e6:.0f}M은 이 수를 백만 단위로 반올림한 것입니다."),
    ("smollm2", f"SmolLM2-135M의 임베딩(embedding) 표는 토큰마다 한 줄씩 모두 {VOCABULARY:,}줄입니다."),
    ("smollm2", f"임베딩 표 한 줄에는 숫자 {WIDTH}개가 있습니다."),
    ("smollm2", f"임베딩 표의 숫자는 {EMBEDDINGS:,}개입니다."),
    ("smollm2", f"임베딩 표는 전체 매개변수의 {percent(EMBEDDINGS / TOTAL, 1)}를 차지합니다."),
    ("smollm2", f"표를 따로 두면 매개변수는 {TOTAL + EMBEDDINGS:,}개로 늘어납니다."),
    ("smollm2", f"SmolLM2-135M은 똑같이 생긴 층(layer) {LAYERS}개를 쌓은 모델입니다."),
    ("smollm2", f"층 하나에는 행렬 {len(ATTENTION) + len(MLP)}개가 있습니다."),
    ("smollm2", f"층 하나의 매개변수는 {LAYER:,}개입니다."),
    ("smollm2", f"층 {LAYERS}개에 있는 행렬은 모두 {len(MATRICES)}개입니다."),
    ("smollm2", f"SmolLM2-135M의 층마다 질의(query) 헤드가 {HEADS}개 있습니다."),
    ("smollm2", f"키(key)와 값(value)의 헤드는 {KEY_HEADS}개뿐입니다."),
    ("smollm2", f"질의 헤드 {HEADS // KEY_HEADS}개가 키와 값의 헤드 하나를 함께 씁니다."),
    ("smollm2", f"SmolLM2-135M의 MLP는 너비 {WIDTH}인 입력을 {INNER:,}으로 넓혔다가 다시 {WIDTH}으로 줄입니다."),
    ("smollm2", f"MLP 하나의 가중치는 {weights(MLP):,}개입니다."),
    ("smollm2", f"MLP의 가중치는 어텐션 가중치의 {decimal(weights(MLP) / weights(ATTENTION))}배입니다."),
    # fine-tuning, small-additions
    ("fine-tuning", f"SmolLM2-135M의 마지막 두 층에는 매개변수가 {2 * LAYER:,}개 있습니다."),
    ("small-additions", f"SmolLM2-135M에서 BitFit이 학습하는 숫자는 {(2 * LAYERS + 1) * WIDTH:,}개입니다."),
    ("small-additions", f"너비 {WIDTH}인 모델에서 가상 토큰 20개는 숫자 {20 * WIDTH:,}개입니다."),
    ("small-additions", f"SmolLM2-135M에서 길이 20인 프리픽스는 숫자 {20 * LAYERS * 2 * KEY:,}개입니다."),
    ("small-additions", f"SmolLM2-135M의 모든 층에 붙인 IA³는 숫자 {LAYERS * (2 * KEY + INNER):,}개를 학습합니다."),
    (
        "small-additions",
        f"너비 {WIDTH}에서 64로 좁히는 병목 어댑터 하나는 편향까지 숫자 {2 * WIDTH * 64 + 64 + WIDTH:,}개입니다.",
    ),
    # lora, lora-relatives
    ("lora", f"랭크 8인 LoRA를 {WIDTH} x {WIDTH} 행렬에 붙이면 숫자 {lora(8, [(WIDTH, WIDTH)]):,}개를 학습합니다."),
    ("lora", f"같은 행렬을 통째로 학습하면 숫자는 {WIDTH * WIDTH:,}개입니다."),
    (
        "lora",
        f"SmolLM2-135M의 행렬 {len(MATRICES)}개 모두에 랭크 8인 LoRA를 붙이면 숫자 "
        f"{lora(8, MATRICES):,}개를 학습합니다.",
    ),
    ("lora", f"이 LoRA의 숫자는 모델 매개변수의 {percent(lora(8, MATRICES) / TOTAL, 2)}입니다."),
    (
        "lora",
        "SmolLM2-135M의 질의와 값 행렬에만 랭크 8인 LoRA를 붙이면 숫자 "
        f"{LAYERS * lora(8, [ATTENTION[0], ATTENTION[2]]):,}개를 학습합니다.",
    ),
    ("lora", f"랭크 8에 알파 16이면 배율은 {decimal(16 / 8)}입니다."),
    ("lora-relatives", f"가중치 64개마다 float32 배율을 두면 가중치당 {decimal(bits(0, 64))}비트가 듭니다."),
    ("lora-relatives", f"배율을 8비트로 줄이고 256개씩 묶으면 가중치당 {bits(0, 64, bits(8, 256)):.3f}비트가 듭니다."),
    ("lora-relatives", f"랭크 64에 알파 16이면 보통 LoRA의 배율은 {decimal(16 / 64)}입니다."),
    ("lora-relatives", f"랭크 64에 알파 16이면 rsLoRA의 배율은 {decimal(16 / math.sqrt(64))}입니다."),
    (
        "lora-relatives",
        f"랭크 8인 DoRA를 {WIDTH} x {WIDTH} 행렬에 붙이면 숫자 {lora(8, [(WIDTH, WIDTH)]) + WIDTH:,}개를 학습합니다.",
    ),
    ("lora-relatives", f"70억 개 가중치를 16비트로 두면 {decimal(7e9 * 16 / 8 / 1e9)} GB입니다."),
    (
        "lora-relatives",
        f"70억 개 가중치를 가중치당 {decimal(bits(4, 64))}비트로 두면 {7e9 * bits(4, 64) / 8 / 1e9:.2f} GB입니다.",
    ),
    # number-formats
    ("number-formats", f"fp32는 숫자 하나에 {FP32.bits}비트를 쓰는 부동소수 형식입니다."),
    ("number-formats", f"fp32는 {parts(FP32)}입니다."),
    ("number-formats", f"fp32 숫자 하나는 {FP32.bits // 8}바이트입니다."),
    ("number-formats", f"fp16은 {parts(FP16)}입니다."),
    ("number-formats", f"fp16이 나타내는 가장 큰 수는 {FP16.max:,.0f}입니다."),
    ("number-formats", f"1 바로 위의 fp16 수는 1보다 {decimal(FP16.eps)}만큼 큽니다."),
    ("number-formats", f"bf16(bfloat16)은 {parts(BF16)}입니다."),
    ("number-formats", f"1 바로 위의 bf16 수는 1보다 {decimal(BF16.eps)}만큼 큽니다."),
    ("number-formats", f"bf16에서 256 다음의 수는 {decimal(256 * (1 + BF16.eps))}입니다."),
    (
        "number-formats",
        f"그래서 bf16에서 256에 1을 더하면 {(torch.tensor(256, dtype=torch.bfloat16) + 1).item():.0f} 그대로입니다.",
    ),
    ("number-formats", f"fp8 e4m3은 {parts(E4M3)}인 {E4M3.bits}비트 부동소수입니다."),
    ("number-formats", f"fp8 e4m3이 나타내는 가장 큰 수는 {E4M3.max:,.0f}입니다."),
    ("number-formats", f"fp8 e5m2는 {parts(E5M2)}인 {E5M2.bits}비트 부동소수입니다."),
    ("number-formats", f"fp8 e5m2가 나타내는 가장 큰 수는 {E5M2.max:,.0f}입니다."),
    # quantization, few-levels
    ("quantization", f"int8의 정수는 {INT8.min}부터 {INT8.max}까지입니다."),
    ("quantization", f"이 놀이터의 대칭 양자화는 {INT8.min}을 쓰지 않고 {2 * INT8.max + 1}단계를 씁니다."),
    ("quantization", f"int4는 가중치 하나에 4비트를 쓰므로 단계가 {2**4}개까지 있습니다."),
    ("quantization", f"0을 중심으로 대칭인 int4는 {2**4 - 1}단계만 씁니다."),
    (
        "quantization",
        f"int4에 가중치 64개마다 float32 배율을 두면 실제 비트는 {decimal(bits(4, 64, FP32.bits))}입니다.",
    ),
    ("quantization", f"묶음을 32개로 줄이면 실제 비트는 {decimal(bits(4, 32))}입니다."),
    ("few-levels", f"nf4(NormalFloat 4)는 정규 분포의 분위수에 단계 {2**4}개를 놓은 4비트 형식입니다."),
    ("few-levels", f"nf4에서 가장 작은 양의 단계는 {NF4_ABOVE[-1] / NF4_ABOVE[0]:.4f}입니다."),
    ("few-levels", f"음의 단계는 {2**4 - 1 - len(NF4_ABOVE)}개이고 양의 단계는 {len(NF4_ABOVE)}개입니다."),
    ("few-levels", f"세 값을 담는 데 필요한 정보는 {math.log2(3):.2f}비트입니다."),
    ("few-levels", f"{WIDTH}개씩 float32 배율을 두는 이진 가중치의 실제 비트는 {bits(1, WIDTH):.3f}입니다."),
    (
        "few-levels",
        f"3의 다섯제곱은 {3**5}이므로 한 바이트에 삼진 가중치 {math.floor(8 / math.log2(3))}개가 들어갑니다.",
    ),
    ("few-levels", f"이렇게 담으면 삼진 가중치 하나에 {decimal(8 / 5)}비트가 듭니다."),
    # memory
    ("memory", f"{ROUNDED}는 bf16으로 {MILLIONS * BF16.bits / 8e6:.0f} MB를 차지합니다."),
    ("memory", f"같은 가중치는 fp32로 {MILLIONS * FP32.bits / 8e6:.0f} MB를 차지합니다."),
    ("memory", f"fp32 모멘트 두 개는 가중치당 {2 * FP32.bits // 8}바이트입니다."),
    ("memory", f"fp32로 Adam을 쓰는 전체 미세 조정은 가중치당 {(1 + 1 + 2) * FP32.bits // 8}바이트를 씁니다."),
    ("memory", f"이 {(1 + 1 + 2) * FP32.bits // 8}바이트는 가중치, 그래디언트, 두 모멘트의 합입니다."),
    ("memory", f"{ROUNDED}의 전체 미세 조정에는 활성값 없이 {MILLIONS * 4 * 4 / 1e9:.2f} GB가 듭니다."),
    ("memory", f"SmolLM2-135M의 KV 캐시는 bf16으로 토큰당 {CACHE:,}바이트입니다."),
    ("memory", f"토큰 2,048개의 KV 캐시는 {2048 * CACHE:,}바이트입니다."),
    (
        "memory",
        f"질의 헤드 {HEADS}개가 저마다 키와 값을 가졌다면 KV 캐시는 토큰당 "
        f"{2 * LAYERS * HEADS * HEAD * 2:,}바이트입니다.",
    ),
    # pruning
    ("pruning", f"SmolLM2-135M의 행렬 {len(MATRICES)}개에서 절반을 지우면 0이 {weights(MATRICES) // 2:,}개 생깁니다."),
    ("pruning", f"가중치 0.5의 입력 노름이 4이면 Wanda 점수는 {decimal(0.5 * 4)}입니다."),
    ("pruning", f"16비트 2:4 행렬은 위치 정보까지 원래 크기의 {percent((2 * 16 + 2 * 2) / (4 * 16), 2)}에 담깁니다."),
    ("pruning", f"SmolLM2-135M에서 층 하나를 빼면 매개변수의 {percent(LAYER / TOTAL, 2)}가 없어집니다."),
    # merging, task-vectors
    ("merging", f"비중이 0.3과 0.7이고 가중치가 1과 2이면 결과는 {decimal(0.3 * 1 + 0.7 * 2)}입니다."),
    ("merging", f"길이 1인 두 벡터가 직각일 때 선형 평균의 길이는 {math.hypot(0.5, 0.5):.3f}입니다."),
    (
        "merging",
        "같은 두 벡터의 SLERP 중간점은 길이가 "
        f"{decimal(math.hypot(*(2 * [math.sin(math.pi / 4) / math.sin(math.pi / 2)])))}입니다.",
    ),
    (
        "task-vectors",
        "기반이 1.0이고 두 모델이 1.2와 0.9이면 작업 벡터를 모두 더한 값은 "
        f"{decimal(1.0 + (1.2 - 1.0) + (0.9 - 1.0))}입니다.",
    ),
    ("task-vectors", f"TIES는 음의 변화를 빼고 나머지를 평균하여 {decimal(ties(3, 1, -2))}를 냅니다."),
    ("task-vectors", f"변화의 90 %를 버리면 DARE는 남은 변화를 {decimal(1 / (1 - 0.9))}배로 키웁니다."),
    ("task-vectors", f"밀도가 0.2이면 변화의 {percent(1 - 0.2, 0)}를 버립니다."),
    # hyperparameters
    ("hyperparameters", f"배치 4개를 8번 누적하면 실제 배치는 {4 * 8}개입니다."),
    ("hyperparameters", f"예시 1,000개를 배치 32로 3에포크 학습하면 {3 * math.ceil(1000 / 32)}걸음입니다."),
    (
        "hyperparameters",
        f"곧게 오르는 워밍업이 10걸음이고 학습률이 0.0002이면 5걸음째 학습률은 {decimal(0.0002 * 5 / 10)}입니다.",
    ),
    (
        "hyperparameters",
        f"학습률이 0.001이고 감쇠가 0.01이면 AdamW는 걸음마다 가중치에 {decimal(1 - 0.001 * 0.01)}를 곱합니다.",
    ),
    (
        "hyperparameters",
        "0까지 내려가는 코사인 스케줄의 한가운데에서 학습률은 최댓값의 "
        f"{percent((1 + math.cos(math.pi / 2)) / 2, 0)}입니다.",
    ),
    # tokens-and-embeddings, fact-editing
    ("tokens-and-embeddings", f"한글 음절 하나는 UTF-8로 {len('글'.encode())}바이트입니다."),
    (
        "tokens-and-embeddings",
        f"두 임베딩의 각이 60도이면 코사인 유사도는 {decimal(math.cos(math.radians(60)))}입니다.",
    ),
    ("tokens-and-embeddings", f"세기 0.25로 밀면 두 줄 사이의 {decimal(1 / 0.25)}분의 1만큼 움직입니다."),
    ("fact-editing", f"SmolLM2-135M의 down 행렬에 더하는 랭크 1 변화는 숫자 {lora(1, [MLP[2]]):,}개로 나타냅니다."),
    # bm25, dense-and-hybrid
    ("bm25", f"단락 100개 가운데 1개에만 있는 낱말의 idf는 {idf(100, 1):.2f}입니다."),
    ("bm25", f"단락의 절반에 있는 낱말의 idf는 {decimal(idf(100, 50))}입니다."),
    ("bm25", f"이 놀이터의 BM25는 k1로 {OKAPI.k1}를 씁니다."),
    ("bm25", f"보통 길이의 단락에서 낱말이 한 번에서 세 번으로 늘면 점수는 {tf(3, 1) / tf(1, 1):.2f}배가 됩니다."),
    ("bm25", f"끝없이 되풀이해도 점수는 {tf(1e12, 1) / tf(1, 1):.1f}배를 넘지 못합니다."),
    ("bm25", f"이 놀이터의 BM25는 b로 {OKAPI.b}를 씁니다."),
    ("bm25", f"길이가 평균의 두 배인 단락에 한 번 나온 낱말은 점수가 {tf(1, 2) / tf(1, 1):.2f}배입니다."),
    ("bm25", f"다섯 음절 낱말에서는 음절 쌍이 {sum(len(term) == 2 for term in words('가나다라마'))}개 나옵니다."),
    ("dense-and-hybrid", f"MiniLM은 글 하나를 숫자 {DIMENSION}개로 바꿉니다."),
    ("dense-and-hybrid", f"단락 1,000개의 MiniLM 임베딩은 float32로 {1000 * DIMENSION * 4:,}바이트입니다."),
    ("dense-and-hybrid", f"k가 60이면 1등 단락은 목록 하나에서 1/{60 + 1}을 받습니다."),
    ("dense-and-hybrid", f"RRF에서 두 목록의 3등인 단락은 {2 / (60 + 3):.4f}을 받습니다."),
    ("dense-and-hybrid", f"RRF에서 한 목록에만 1등으로 나온 단락은 {1 / (60 + 1):.4f}를 받습니다."),
    # measuring-search, retrieval-augmented
    (
        "measuring-search",
        f"질문 40개 가운데 34개의 근거가 처음 5개 안에 있으면 recall@5는 {percent(34 / 40, 0)}입니다.",
    ),
    ("measuring-search", f"세 질문의 근거가 1등, 2등, 4등이면 MRR은 {(1 + 1 / 2 + 1 / 4) / 3:.3f}입니다."),
    ("measuring-search", f"맞는 단락 하나가 3등이면 nDCG는 {decimal(1 / math.log2(3 + 1))}입니다."),
    ("retrieval-augmented", f"이 놀이터의 단락은 길어야 {MAX_WORDS}어절입니다."),
]

# Sentences with a figure that names a thing or a rule; nothing can be computed for them
NAMED = {
    "fp32는 정확하지만 16비트 형식보다 메모리를 두 배 씁니다.",
    "QLoRA는 얼린 모델을 4비트 nf4로 두고 LoRA를 16비트나 32비트로 학습하는 방법입니다.",
    "LLM.int8()은 튀는 활성값이 있는 열을 16비트로 따로 계산합니다.",
    "크기 가지치기는 간단하지만 희소도 50 %쯤에서 작은 언어 모델의 품질을 크게 떨어뜨립니다.",
    "상호 순위 융합(reciprocal rank fusion, RRF)은 목록마다 1을 k와 순위의 합으로 나눈 점수를 주고 모두 더합니다.",
}
_NAMES = re.compile(r"SmolLM2-135M|all-MiniLM-L6-v2|BM25|[bf]p?f?16|fp\d+|float32|b1\.58|2:4")


def sentences(document: str) -> list[str]:
    text = (FOLDER / f"{document}.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [s for line in lines for s in re.split(r"(?<=다\.)\s+", line) if s]


@pytest.mark.parametrize(("document", "sentence"), CLAIMS)
def test_the_computed_figure_stands_in_the_guide(document, sentence):
    assert sentences(document).count(sentence) == 1, sentence


def test_every_figure_of_two_digits_is_computed_or_names_something():
    computed = {sentence for _, sentence in CLAIMS}
    with_figures = {
        sentence
        for path in FOLDER.glob("*.md")
        for sentence in sentences(path.stem)
        if re.search(r"\d[\d,.]*\d", _NAMES.sub("", sentence))
    }
    assert with_figures - computed - NAMED == set()


def test_the_shape_is_the_models():
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
    model.tie_weights()
    layer = model.model.layers[0]
    shapes = [p.shape for p in model.model.layers.parameters() if p.ndim == 2]
    assert sum(p.numel() for p in model.parameters()) == TOTAL == 134_515_008
    assert sum(p.numel() for p in layer.parameters()) == LAYER
    assert model.model.embed_tokens.weight.numel() == EMBEDDINGS == 28_311_552
    assert sorted(map(math.prod, shapes)) == sorted(map(math.prod, MATRICES))
    assert sum(p.numel() for p in model.parameters() if p.ndim == 1) == (2 * LAYERS + 1) * WIDTH


def test_there_is_enough_to_search_and_to_ask():
    corpus = load_corpus(CORPUS)
    kinds = [question.kind for question in corpus.questions]
    assert len(corpus.passages) >= 66
    assert len({passage.document for passage in corpus.passages}) >= 12
    assert kinds.count("keyword") >= 18
    assert kinds.count("paraphrase") >= 14
    assert kinds.count("unanswerable") >= 7


@pytest.mark.parametrize(("kind", "k", "least"), [("keyword", 1, 0.9), ("", 5, 0.8)])
def test_bm25_finds_the_evidence(kind, k, least):
    corpus = load_corpus(CORPUS)
    asked = [q for q in corpus.questions if q.evidence and kind in ("", q.kind)]
    found = sum(
        any(
            hit.passage.document == evidence.document and evidence.quote in hit.passage.text
            for hit in retrieve(corpus, question.question, "bm25", k)
            for evidence in question.evidence
        )
        for question in asked
    )
    assert found >= least * len(asked)
