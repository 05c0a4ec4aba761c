"""Korean: the Compare tab."""

TEXT = {
    "compare_right": "맞는 답 (없어도 됨)",
    "compare_right_info": "답마다 맞음과 틀림을 표시합니다.",
    "mark_differing": "첫 답과 다른 곳 표시",
    "add_contestant": "+ 참가자 추가",
    "drop_contestant": "− 마지막 빼기",
    "compare_intro": "질문 하나에 여러 참가자가 답합니다. 누구의 가중치로, 어떤 단락을 보고 답하는지 "
    "고르세요. 작은 숫자는 답을 가져온 단락을 가리킵니다. 예제로 시작해 보세요.",
    "example_retrieve": "모델이 알 수 없는 사실: 검색이 찾아냅니다",
    "example_changes": "답을 바꾸는 밀기",
    "example_breaks": "같은 밀기가 다른 답을 망칩니다",
    "prompt": "질문",
    "compare": "비교하기",
    "contestants": "### 참가자",
    "weights_of_1": "1: 누구의 가중치",
    "weights_of_2": "2: 누구의 가중치",
    "weights_of_3": "3: 누구의 가중치",
    "weights_of_4": "4: 누구의 가중치",
    "weights_of_5": "5: 누구의 가중치",
    "weights_of_6": "6: 누구의 가중치",
    "weights_base": "원래 모델",
    "weights_mine": "내 레시피",
    "retrieval": "검색",
    "how_many_k": "단락이나 예시 수 (k)",
    "before_question": "질문 앞에",
    "retriever_none": "없음",
    "retriever_bm25": "BM25",
    "retriever_dense": "밀집",
    "retriever_hybrid": "혼합",
    "new_tokens": "새 토큰 최대",
    "temperature": "온도",
    "temperature_info": "0이면 늘 가장 그럴듯한 토큰을 고르고, 클수록 다양해집니다.",
    "without": "{passage} 없이",
    "without_info": "같은 질문을 모든 단락과, 그리고 {passage} 없이 물었습니다. 달라진 것은 그 단락에서, 그대로인 것은 다른 단락이나 가중치에서 왔습니다.",
    "context_heading": "단락이 프롬프트에 들어가는 방식",
    "context_intro": (
        "단락은 질문 앞에 놓이고, 답의 첫머리는 모델에게 주어집니다. 빈칸은 작은 모델에 맞는 보통 방식을 뜻합니다."
    ),
    "budget_info": "0: 제한 없음. 들어가지 않는 것은 빼고 알려 줍니다.",
    "compare_empty": "미리 견주어 둔 보기입니다. “비교하기”를 눌러 여기서 보거나, 내 질문을 해 보세요.",
    "answer_start": "답의 첫머리",
    "answer_start_info": "모델이 쓴 것처럼 주어집니다. 빈칸은 보통 첫머리입니다.",
    "template_info": "중괄호에 넣은 passages와 question이 단락과 질문의 자리입니다. 빈칸은 보통 틀입니다.",
    "poisoned_heading": "독이 든 단락이란?",
    "poisoned_info": (
        "검색은 남의 말을 프롬프트에 넣고, 그 말은 아무도 확인하지 않습니다. 게시판의 쪽지 하나는 "
        "틀린 시각을 적고 읽는 이에게 그대로 말하라고 명령합니다. **독이 든 단락**을 눌러 모델이 "
        "무엇이라 하는지 보고, *쓰인 단락*에서 그 쪽지를 빼면 다시 묻습니다. 이것이 **프롬프트 "
        "주입**입니다. 재어 보니 이렇게 작은 모델은 명령을 따른다기보다 쪽지를 믿습니다: 명령이 "
        "없어도 똑같이 틀립니다. 여기서는 해가 없습니다: 모델에는 도구도 네트워크도 없고, 쓴 글은 "
        "그냥 글자로만 보입니다."
    ),
    "keep_recipe": "지금 레시피를 비교용으로 두기",
    "keep_file": "레시피 파일 추가…",
    "sources_heading": "한꺼번에 여러 질문: 출처 비교표",
    "sources_intro": (
        "답 하나는 운일 수 있습니다. 문서에 딸린 질문들을 **누구의 가중치**로 답하는지와 **질문 앞에 무엇이 오는지**의 "
        "모든 조합에 묻습니다. 답은 쓰인 글로만 판정합니다. 언제든 멈추어도 됩니다. 다시 물으면 멈춘 곳부터 이어집니다."
    ),
    "sources_corpus": "질문의 출처",
    "sources_weights": "누구의 가중치",
    "sources_both": "그리고 이 변경을 모두 합친 것",
    "sources_before": "질문 앞에",
    "sources_more": "질문 수, 단락 수, 내 질문",
    "sources_count": "질문 수",
    "sources_count_info": "답이 있는 질문에서 고르게 뽑습니다.",
    "sources_size": "{columns}열 × 질문 {questions}개 = 답 {answers}개, 아무도 함께 쓰지 않으면 약 {time}.",
    "sources_none": "가중치를 하나 이상 고르고, 질문 앞에 올 것을 하나 이상 고르세요.",
    "sources_go": "모두 묻기",
    "sources_stopped": "멈췄습니다. 그때까지 물은 질문입니다. “모두 묻기”를 누르면 여기서 이어집니다.",
    "sources_kind": "질문 종류",
    "sources_empty": "이 종류의 질문에는 아직 답이 없습니다.",
    "sources_lost": "지난 표가 더는 남아 있지 않습니다. 모두 묻기를 다시 누르세요.",
    "sources_example": "SmolLM2-135M으로 잰 예입니다. 표는 이렇게 보입니다.",
    "sources_chart": "맞은 답과 95 % 구간",
    "sources_best": "가장 자주 맞은 것: {name}, {share}. 이 질문들로는 다른 {level}개도 그만큼 좋을 수 있습니다.",
    "sources_best_tied": "가장 자주 맞은 것: {name}, {share}. 다른 {ties}개도 똑같이 맞았습니다.",
    "sources_alike": "같은 가중치는 한 번만 묻습니다. 빈 레시피는 원래 모델과 같습니다.",
    "sources_best_alone": "운을 넘어 가장 자주 맞은 것: {name}, {share}.",
    "sources_left": "질문 {done}개를 물었고 {left}개가 남았습니다.",
    "sources_few": "질문이 {few}개보다 적으면 퍼센트가 아니라 구간을 읽으세요.",
    "sources_caption": "맞은 답: 누구의 가중치인지, 질문 앞에 무엇이 왔는지",
    "sources_itself": "비교 기준",
    "sources_level": "질문이 적어 알 수 없음",
    "sources_same": "차이 없음",
    "sources_more_right": "▲ 더 많이 (p {p})",
    "sources_fewer_right": "▼ 더 적게 (p {p})",
    "sources_compared": (
        "모두 같은 질문에서 {name}와(과) 비교했습니다(정확 맥니마 검정, 여러 비교에 대한 홀름 보정). "
        "청록: 더 자주 맞음, 주황: 덜 맞음, 회색: 알 수 없음. "
        "숫자를 누르면 답을 읽거나 그것을 기준으로 삼을 수 있습니다."
    ),
    "sources_questions": "질문 {count}개 모두와, 각각을 맞힌 열의 수",
    "sources_question": "질문",
    "sources_right": "맞는 답",
    "sources_answer": "이 열의 답",
    "sources_other": "비교 기준의 답",
    "sources_source": "열",
    "sources_passages": "단락",
    "sources_cell": "기준이 틀린 곳에서 맞음: {more}. 그 반대: {fewer}. 프롬프트 토큰 수의 중앙값은 {tokens}개입니다.",
    "sources_against": "다른 것을 모두 이것과 비교",
    "sources_cell_caption": "{name}의 답, 둘이 다른 것부터",
    "retriever_few_shot": "예시(few-shot)",
}
