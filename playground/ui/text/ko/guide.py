"""Korean of the Learn tab."""

TEXT = {
    "tab_guide": "배우기",
    "guide_intro": (
        "이 놀이터가 다루는 것을 장마다 설명합니다. 같은 글이 문서 탭의 자료이기도 하니, 거기서 물어보세요."
    ),
    "guide_wait": "장을 고르세요.",
    "guide_try": "해 보기 ▸",
    "guide_minutes": "{n}분",
    "guide_group_start": "시작",
    "guide_group_model": "모델이란",
    "guide_group_weights": "가중치 바꾸기",
    "guide_group_training": "학습",
    "guide_group_retrieval": "검색",
    "guide_chapter": "장",
    # 장의 그림: 그 안의 글, 아래의 글, 그리고 그림을 말로 옮긴 것
    "figure_prompt": "프롬프트",
    "figure_answer": "답",
    "figure_yes": "예",
    "figure_no": "아니요",
    "figure_ways": "답을 바꾸는 세 가지 길. 둘은 가중치를 바꾸고, 하나는 모델이 읽는 글을 바꿉니다.",
    "figure_ways_label": (
        "프롬프트가 가중치 {n}개인 모델에 들어가고 답이 나옵니다. 검색은 프롬프트를, 편집과 미세 조정은 가중치를 가리킵니다."
    ),
    "figure_ways_model": "모델: 가중치 {n}개",
    "figure_ways_retrieve": "검색: 도움이 될 글 넣기",
    "figure_ways_edit": "편집: 가중치를 손으로 바꾸기",
    "figure_ways_tune": "미세 조정: 예시로 더 배우기",
    "figure_choosing": "시험 질문을 통과하는 가장 싼 길이 맞는 길입니다.",
    "figure_choosing_label": (
        "차례로 묻는 네 가지 질문이고, 처음 '예'가 길을 정합니다. 지시를 다듬어서 되면 가중치를 그대로 둡니다. 바뀌거나 "
        "출처가 필요한 사실이면 검색합니다. 말투, 형식, 좁은 일이면 미세 조정합니다. 작고 급한 사실 하나면 편집합니다. "
        "모두 아니면 무엇이면 충분한지부터 잽니다."
    ),
    "figure_choosing_prompt": "지시를 다듬거나 예시 두 개를 보여 주면 되나요?",
    "figure_choosing_leave": "가중치는 그대로",
    "figure_choosing_facts": "바뀌는 사실인가요? 출처가 필요한가요?",
    "figure_choosing_retrieve": "검색",
    "figure_choosing_style": "말투나 형식, 좁은 일인가요?",
    "figure_choosing_tune": "미세 조정(LoRA)",
    "figure_choosing_one": "작고 급한 사실 하나인가요?",
    "figure_choosing_edit": "가중치 편집",
    "figure_choosing_last": "무엇이면 충분한지부터 재기",
    "figure_anatomy": "SmolLM2-135M을 한 번 지나는 길입니다. “{prompt}” 다음 토큰은 {token}일 확률이 가장 높습니다.",
    "figure_anatomy_label": (
        "위에서 아래로: “{prompt}”의 토큰, 숫자 {width}개짜리 줄이 {rows}개인 임베딩 표, 층 {n}개(층마다 어텐션의 가중치 "
        "{attention}개와 MLP의 가중치 {mlp}개), 점수를 내는 같은 표, 그리고 가장 그럴듯한 다음 토큰 {token}, {share}퍼센트."
    ),
    "figure_anatomy_table": "임베딩 표: {rows} × {width}",
    "figure_anatomy_layers": "층 {n}개, 층마다",
    "figure_anatomy_attention": "어텐션: 가중치 {n}개",
    "figure_anatomy_mlp": "MLP: 가중치 {n}개",
    "figure_anatomy_head": "같은 표: 토큰마다 점수 하나",
    "figure_tokens": "SmolLM2의 토크나이저가 실제로 나눈 조각과 그 번호입니다. ␣는 빈칸입니다.",
    "figure_tokens_label": (
        "“{text}”은 토큰 {n}개로 나뉩니다: {pieces}. 앞에 빈칸이 있는 Paris와 없는 Paris는 서로 다른 토큰입니다. "
        "한국어 낱말 {word}은 바이트마다 하나씩 토큰 {bytes}개를 씁니다."
    ),
    "figure_tokens_rare": "드문 낱말은 여러 조각이 됩니다",
    "figure_tokens_space": "빈칸도 토큰에 들어갑니다",
    "figure_tokens_bytes": "한국어 낱말은 바이트 하나하나로",
    "figure_cosines": "SmolLM2-135M의 실제 줄입니다. ␣Paris와 이루는 각이 작을수록 코사인이 큽니다.",
    "figure_cosines_label": (
        "토큰의 줄이 Paris의 줄과 이루는 각대로 그린 화살표와 코사인 유사도. 빈칸 없는 Paris가 {same}로 가장 가깝고, "
        "그다음은 {list}이며 마지막은 거의 직각입니다."
    ),
    "figure_cosines_read": "␣Paris와 이루는 실제 각도",
    "figure_pruned": "같은 가중치 {of}개에서 {n}개씩 지웠습니다. 색이 진할수록 큰 가중치입니다.",
    "figure_pruned_label": (
        "같은 가중치 {of}개에서 {n}개를 지운 격자 세 개. 하나씩 지우면 구멍이 아무 데나 있습니다. 네 개마다 두 개를 지우면 "
        "반 줄마다 구멍이 둘입니다. 행을 통째로 지우면 네 행이 없어지고 행렬이 정말 작아집니다."
    ),
    "figure_pruned_single": "작은 것부터 하나씩",
    "figure_pruned_fours": "2:4, 네 개마다 둘",
    "figure_pruned_rows": "행을 통째로",
    "figure_levels": "64개 묶음에서 가장 큰 가중치를 1로 맞추면, 반올림은 이 자리로만 갑니다. int4의 한 단계는 {step}입니다.",
    "figure_levels_label": (
        "모델의 가중치가 -1부터 1까지 어디에 얼마나 있는지: 0에서 가장 높은 종 모양입니다. 그 아래에 단계가 있습니다. "
        "int4는 고르게 {even}개, nf4는 0 가까이에서 촘촘하고 끝에서 성긴 {dense}개입니다."
    ),
    "figure_levels_weights": "실제 가중치와 그 아래의 단계",
    "figure_levels_even": "int4(대칭): 고른 단계 {n}개",
    "figure_levels_dense": "nf4: 0 가까이에서 촘촘한 단계 {n}개",
    "figure_formats": "지수 비트는 범위를, 가수 비트는 촘촘함을 정합니다.",
    "figure_formats_label": "형식마다 부호, 지수, 가수의 비트 수, 또는 정수의 비트 수: {list}.",
    "figure_formats_sign": "부호",
    "figure_formats_exponent": "지수",
    "figure_formats_fraction": "가수",
    "figure_formats_whole": "정수",
    "figure_rome": "ROME은 가운데 층 하나의 down 행렬에 사실 하나를 씁니다.",
    "figure_rome_label": (
        "실제 비율로 그린 {value} x {key} 행렬. 위에는 주어가 만드는 키(숫자 {key}개), 옆에는 새 답으로 이끄는 값(숫자 "
        "{value}개)이 있습니다. 변화는 값과 키의 곱이고, 숫자 {n}개가 가중치 {all}개를 모두 움직일 수 있습니다."
    ),
    "figure_rome_subject": "주어의 마지막 토큰",
    "figure_rome_key": "키: 숫자 {n}개",
    "figure_rome_matrix": "down 행렬",
    "figure_rome_value": "값: 숫자 {n}개",
    "figure_rome_answer": "→ 새 답",
    "figure_rome_change": "변화 = 값 × 키: 숫자 {n}개가 가중치 {all}개를 모두 움직일 수 있습니다.",
    "figure_arc": "방향이 직각인 두 모델 사이의 중간점입니다.",
    "figure_arc_label": (
        "길이 1인 두 화살표가 직각을 이룹니다. 두 끝을 잇는 직선의 중간점은 길이가 {n}이고, 호의 중간점은 길이가 1입니다."
    ),
    "figure_arc_first": "첫째 모델",
    "figure_arc_second": "둘째 모델",
    "figure_arc_slerp": "SLERP: 길이 {n}",
    "figure_arc_linear": "선형: 길이 {n}",
    "figure_ties": "TIES는 합이 큰 쪽의 부호를 뽑고, 그 부호의 변화만 평균합니다.",
    "figure_ties_label": (
        "세 모델이 가중치 하나를 {list}만큼 바꿉니다. 그냥 평균하면 {average}입니다. TIES는 부호가 진 {out}를 빼고 "
        "나머지를 평균하여 {kept}를 냅니다."
    ),
    "figure_ties_model": "모델 {n}",
    "figure_ties_average": "평균",
    "figure_lora": "실제 비율입니다. 얼린 {side} × {side} 행렬과 그 옆의 랭크 {rank} LoRA.",
    "figure_lora_label": (
        "얼린 숫자 {whole}개인 {side} x {side} 정사각형과 얇은 띠 두 개, {side} x {rank}인 B와 {rank} x {side}인 A. "
        "두 띠의 숫자 {n}개만 배우며, {share}퍼센트입니다."
    ),
    "figure_lora_whole": "숫자 {n}개",
    "figure_lora_frozen": "얼림",
    "figure_lora_learned": "숫자 {n}개가 배웁니다: 행렬의 {share}\u00a0%",
    "figure_stored": "SmolLM2-135M을 바꾼 뒤 저장할 것. 바뀐 숫자마다 2바이트입니다.",
    "figure_stored_label": "바이트를 한 눈금으로 그린 막대. {list}.",
    "figure_stored_all": "전체 미세 조정: 모든 가중치",
    "figure_stored_last": "마지막 네 층",
    "figure_stored_lora": "행렬 210개에 랭크 {rank}인 LoRA",
    "figure_stored_norms": "BitFit: 정규화 층",
    "figure_stored_rome": "고친 사실 하나(ROME): 벡터 두 개",
    "figure_memory": "SmolLM2-135M을 float32와 Adam으로 학습할 때, 활성값은 빼고.",
    "figure_memory_label": (
        "전체 미세 조정은 가중치 {weights}, 같은 크기의 그래디언트, 모멘트 {moments}, 모두 {full}를 씁니다. 랭크 {rank}인 "
        "LoRA는 얼린 가중치와 제 몫 {lora}만 있으면 되어 {sum}입니다."
    ),
    "figure_memory_full": "전체 미세 조정: {size}",
    "figure_memory_weights": "가중치",
    "figure_memory_gradients": "그래디언트",
    "figure_memory_moments": "Adam의 두 모멘트",
    "figure_memory_lora": "행렬 210개에 랭크 {rank}인 LoRA: {size}",
    "figure_memory_frozen": "얼린 가중치",
    "figure_memory_own": "{size}: LoRA의 몫은 이것뿐",
    "figure_path": "가중치는 그대로입니다. 문서를 고치면 다음 답이 바뀝니다.",
    "figure_path_label": (
        "문서를 길어야 {n}어절인 단락으로 자릅니다. 질문에 맞는 단락이 프롬프트에서 질문 위에 놓입니다. 모델은 바뀌지 "
        "않은 채 둘을 읽고 답하며, 출처를 보여 줄 수 있습니다."
    ),
    "figure_path_document": "문서",
    "figure_path_cut": "단락은 ≤ {n}어절",
    "figure_path_order": "이것을 보고 답하세요:",
    "figure_path_passage": "찾은 단락",
    "figure_path_question": "질문",
    "figure_path_model": "모델(그대로)",
    "figure_path_answer": "답과 그 출처",
    "figure_repeated": "k1이 {k1}인 BM25에서, 보통 길이의 단락에 되풀이된 낱말이 받는 점수입니다.",
    "figure_repeated_label": (
        "빠르게 오르다가 평평해지는 곡선. 낱말이 나온 횟수와 점수: {list}. {limit}에는 결코 닿지 않습니다."
    ),
    "figure_repeated_limit": "닿지 않는 한계: {n}",
    "figure_repeated_times": "낱말이 나온 횟수",
    "figure_fusion": "예를 들면 두 단락은 두 목록에 모두 있어서 맨 위로 올라옵니다.",
    "figure_fusion_label": (
        "BM25가 찾은 단락은 {words}, 밀집 검색이 찾은 단락은 {meaning}입니다(좋은 것부터). 순위마다 1을 {k}와 순위의 합으로 "
        "나눈 점수를 받고, 점수를 더합니다: {list}."
    ),
    "figure_fusion_words": "낱말로",
    "figure_fusion_both": "융합",
    "figure_fusion_meaning": "뜻으로",
    "figure_fusion_rule": "목록마다 1 / ({k} + 순위)점",
}
