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
}
