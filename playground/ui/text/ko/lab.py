"""Korean of the Fact lab tab."""

TEXT = {
    "title_edit_fact": "{method}(으)로 가르침: {facts}",
    "tab_lab": "사실 실험실",
    "lab_intro": (
        "모델이 틀리게 알거나 알 수 없는 사실을 하나 쓰고, 넣는 방법마다 무엇이 달라지는지 보세요. "
        "**모델이 그 사실을 말하는지**, 달리 물어도 말하는지, **다른 것이 바뀌었는지**, 값이 얼마인지를 "
        "잽니다. 이 모델은 영어 말고는 거의 읽지 못해 사실은 영어로 씁니다."
    ),
    "lab_ready": "준비된 사실로 시작하거나 아래에 직접 쓰세요.",
    "lab_ready_famous": "유명한 사실 뒤집기",
    "lab_ready_product": "지어낸 제품",
    "lab_ready_handbook": "안내서에 있는 사실",
    "lab_ready_changed": "그사이 바뀐 사실",
    "lab_step_fact": "### 1. 사실",
    "lab_prompt": "문장의 앞부분",
    "lab_prompt_info": "답이 이어질 자리에서 끝납니다.",
    "lab_subject": "누구 또는 무엇에 관한 것인지",
    "lab_subject_info": "문장에 있는 글자 그대로.",
    "lab_target": "새 답",
    "lab_target_info": "거기서 이어지는 몇 단어.",
    "lab_old": "이전 답",
    "lab_old_info": "비워 두면 모델이 지금 하는 말로 합니다.",
    "lab_now": "지금은 뭐라고 하나요?",
    "lab_now_empty": "가르치기 전에 위의 단추를 눌러 먼저 보세요.",
    "lab_now_writes": "모델이 쓰는 글: {text}",
    "lab_now_next": "문장 다음에 올 말",
    "lab_now_target": "새 답의 확률은 {probability}입니다.",
    "lab_now_old": "이전 답 “{answer}”의 확률은 {probability}입니다.",
    "lab_now_knows": "흔들리지 않습니다. 시작을 {of}가지로 바꿔도 {count}번은 다음 단어가 같습니다.",
    "lab_now_unsure": (
        "제대로 아는 것은 아닙니다. 시작을 {of}가지로 바꾸면 {count}번만 다음 단어가 같고, 가장 그럴듯한 "
        "단어의 확률이 {probability}입니다."
    ),
    "lab_now_faint": (
        "시작을 {of}가지로 바꿔도 {count}번은 다음 단어가 같지만, 확률이 {probability}뿐이라 거의 믿지 않습니다."
    ),
    "lab_now_loose": (
        "시작을 {of}가지로 바꿔도 {count}번은 다음 단어가 같고 확률이 {probability}이지만, 그 단어는 아직 답이 "
        "아니라 답으로 이어지는 말입니다."
    ),
    "lab_now_already": "이미 새 답을 말합니다. 가르칠 것이 없습니다.",
    "lab_now_subject": "모델이 읽는 주어",
    "lab_now_answer": "모델이 읽는 새 답",
    "lab_step_questions": "### 2. 질문",
    "lab_questions_info": (
        "다른 말로 물어도 답하고 다른 것이 그대로여야 사실을 배운 것입니다. 비워 두면 가르칠 때 질문을 만들어 드립니다."
    ),
    "lab_propose": "질문 제안받기",
    "lab_paraphrases": "달리 물은 말",
    "lab_paraphrases_info": "한 줄에 문장 앞부분 하나. 뒤에 새 답이 와야 합니다.",
    "lab_neighbours": "바뀌면 안 되는 다른 것",
    "lab_neighbours_info": "한 줄에 하나: 문장 앞부분 | 그대로여야 할 답.",
    "lab_consequences": "이 사실에서 따라 나오는 것",
    "lab_consequences_info": "한 줄에 하나: 문장 앞부분 | 새 사실이면 나와야 할 답.",
    "lab_proposed": "“{relation}” 틀로 만든 제안입니다. 맞지 않는 것은 고치세요.",
    "lab_proposed_general": (
        "이런 문장에 맞는 틀이 없어, 앞에 다른 말을 붙이기만 하고 전혀 다른 사실들을 곁들였습니다. 할 수 "
        "있다면 더 좋은 질문을 쓰세요."
    ),
    "lab_step_ways": "### 3. 방법",
    "lab_ways": "해 볼 방법, 빠른 것부터",
    "lab_ways_info": "모두 위쪽 막대에 있는 지금의 레시피에서 시작합니다.",
    "lab_settings": "설정",
    "lab_corpus": "검색이 이 사실을 찾아내야 할 문서",
    "lab_corpus_info": "문서가 많으면 그중 300개 단락.",
    "lab_teach": "방법마다 가르치기",
    "lab_empty": "미리 가르쳐 둔 보기입니다. ‘방법마다 가르치기’를 누르면 내 사실의 표가 여기 나옵니다.",
    "lab_stopped": "멈췄습니다. 끝난 방법은 표에 있습니다.",
    "lab_stopped_early": "어떤 방법도 끝나기 전에 멈췄습니다.",
    "lab_done": "끝: {seconds}. 해 본 방법 {count}개, 실패 {failed}개.",
    "lab_results": "### 결과",
    "lab_important": "중요한 것",
    "lab_important_info": "표의 순서와 조언이 이것을 따릅니다.",
    "lab_needs": "어디에 쓰나요",
    "need_many": "사실이 하나가 아니라 많다",
    "need_changes": "자주 바뀐다",
    "need_cite": "답의 출처를 밝혀야 한다",
    "need_style": "사실보다 말투가 필요하다",
    "lab_caption": "“{fact}” 해 본 방법: {count}개. ★는 값이 다를 때 그 열에서 가장 좋은 것.",
    "lab_way": "방법",
    "lab_legend": (
        "큰 글씨는 모델이 답을 글로 쓴 질문의 비율, 작은 글씨는 그 95 % 구간(Wilson), 답이 다른 답보다 "
        "그럴듯한 질문의 비율, 답의 평균 확률입니다. 수를 누르면 그 뒤에 있는 것을 봅니다."
    ),
    "lab_likelier": "더 그럴듯함 {share}, {probability}",
    "lab_too_few": "질문이 적어 다음으로는 어느 두 방법도 가릴 수 없습니다: {columns}.",
    "lab_cell_written": "쓰나요?",
    "lab_failed": "하지 못함: {reason}",
    "lab_best": "가장 좋음",
    "lab_open": "{way}, {column}: {figure}. 질문 보기.",
    "lab_to_stack": "내 레시피에",
    "lab_to_compare": "비교로",
    "lab_plot": "얻은 것(위)과 잃은 것(오른쪽)",
    "lab_plot_up": "이 사실에 관한 질문 중 맞힘",
    "lab_plot_right": "다른 사실 중 잃음",
    "lab_plot_point": "{way}: 이 사실에 관해 {benefit} 맞힘, 다른 사실 {harm} 잃음",
    "lab_plot_weights": "■ 가중치에",
    "lab_plot_prompt": "● 프롬프트에",
    "lab_cell_question": "질문",
    "lab_cell_wanted": "해야 할 답",
    "lab_cell_other": "이것보다",
    "lab_cell_right": "더 그럴듯한가요?",
    "lab_cell_writes": "쓰는 글",
    "lab_cell_before": "이전",
    "lab_cell_empty": "이런 질문이 없습니다. 2단계에서 더하고 다시 가르치세요.",
    "lab_yes": "✓ 예",
    "lab_no": "✗ 아니요",
    "lab_cell_kept": (
        "모델이 전에 알던 정해진 사실 {of}개 가운데 {right}개를 여전히 말합니다. 전체 목록은 아래 "
        "‘또 무엇이 바뀌었나요?’에서 묻습니다."
    ),
    "lab_cell_perplexity": (
        "일반 글의 퍼플렉서티를 전의 값으로 나눈 수: {ratio}. 1이면 그대로, 1보다 크면 보통 글을 더 못 "
        "읽습니다. 프롬프트를 쓰는 방법은 가중치를 바꾸지 않습니다."
    ),
    "lab_cell_cost": (
        "가르치는 데 {apply}, 12토큰짜리 답 하나에 {answer}, 이를 위해 {bytes}을(를) 차지합니다. 전의 것을 "
        "그대로 갖고 있어 되돌리는 데 {undo}입니다."
    ),
    "lab_stacked": "{way}을(를) 레시피에 올렸습니다. 위쪽 막대의 실행 취소로 되돌립니다.",
    "lab_compared": "비교 탭을 차렸습니다. 거기서 비교를 누르세요.",
    "lab_save_table": "표 저장 (CSV)",
    "lab_save_questions": "답 저장 (CSV)",
    "lab_save_report": "보고서 저장 (HTML)",
    "lab_row_heading": "사실을 줄줄이",
    "lab_row_intro": (
        "사실 하나는 쉽습니다. 여기서는 같은 방법으로 하나씩 이어 가르치고, 그때마다 **지금까지의 모든 "
        "사실**을 묻고 일반 글을 읽습니다. 모델은 어디서 무너질까요?"
    ),
    "lab_row_methods": "방법, 하나나 둘",
    "lab_row_count": "사실의 수",
    "lab_row_own": "내 사실들",
    "lab_row_own_info": (
        "한 줄에 하나: 주어 | 문장 앞부분 | 새 답 | 이전 답. 비워 두면 엉뚱한 수도 같은 준비된 것을 씁니다."
    ),
    "lab_row_go": "줄줄이 가르치기",
    "lab_row_efficacy": "지금까지의 사실 중 새 답이 더 그럴듯한 비율",
    "lab_row_perplexity": "일반 글의 퍼플렉서티, 전의 값의 배수",
    "lab_row_together": (
        "{method}, {count}개를 한꺼번에: {efficacy} 더 그럴듯함, {written} 글로 씀, 퍼플렉서티 × {ratio}, {seconds}"
    ),
    "lab_row_line": (
        "{method}, 하나씩: {count}개 중 {efficacy} 더 그럴듯함, {written} 글로 씀, 퍼플렉서티 × {ratio}, {seconds}"
    ),
    "lab_row_none": "방법을 하나 이상 고르세요.",
    "lab_row_failed": "{method}, 사실 {count}: {reason}",
    "lab_row_at_once": "견주어 보게 한꺼번에도",
    "lab_collateral_heading": "또 무엇이 바뀌었나요?",
    "lab_collateral_intro": (
        "모델이 바르게 끝맺는 문장들의 정해진 목록을 **위쪽 막대에 있는 지금의 내 레시피**에 다시 묻습니다. "
        "어느 탭에서 만들었든 상관없습니다. 가장 나빠진 것부터 보입니다."
    ),
    "lab_collateral_go": "다시 묻기",
    "lab_collateral_base": "레시피가 비어 있어 바뀐 것이 없습니다. 먼저 편집을 올리세요.",
    "lab_collateral_kept": "사실 {of}개 중 {right}개를 여전히 말하고 {lost}개를 잃었습니다.",
    "lab_collateral_others": "목록의 {count}개는 이 모델이 편집 전에도 말하지 않아 묻지 않았습니다.",
    "lab_collateral_none": (
        "이 모델은 편집이 없어도 이 문장들을 하나도 그대로 끝맺지 않아 견줄 것이 없습니다. SmolLM2 135M에 "
        "맞추어 고른 문장들입니다."
    ),
    "lab_collateral_topics": "주제별로 여전히 말하는 사실",
    "lab_collateral_caption": "가장 많이 바뀐 {count}개",
    "lab_collateral_fact": "문장",
    "lab_collateral_before": "이전",
    "lab_collateral_after": "지금",
    "lab_collateral_says": "지금 하는 말",
    "lab_collateral_topic": "주제",
    "lab_trace_heading": "그 사실은 어디에 있나요?",
    "lab_trace_intro": (
        "지금의 내 레시피에서 위에 쓴 사실의 주어를 잡음으로 흐려 모델이 답을 잃게 한 다음, 한 층에서 토큰 하나의 상태를 되돌려 "
        "놓습니다. 그래서 답이 돌아오는 자리가 그 사실을 나르는 곳입니다 (인과 추적, Meng 외 2022)."
    ),
    "lab_trace_go": "추적하기",
    "lab_trace_title": "상태 하나를 되돌렸을 때 “{answer}”의 확률",
    "lab_trace_scale": "가장 짙음: {probability}",
    "lab_trace_hint": "{token}, {layer}층: {probability}",
    "lab_trace_summary": (
        "그대로 읽으면 “{answer}”의 확률이 {clean}, 흐리면 {corrupted}입니다. 주어의 마지막 토큰에서는 "
        "{layer}층이 가장 많이 되살립니다: {probability}."
    ),
    "lab_trace_use": "이 층에 가르치기",
    "lab_trace_taken": "이제 ROME과 미세 조정이 {layer}층을 바꿉니다. 설정에 있습니다.",
    "lab_trace_warning": (
        "사실을 나르는 곳이 써 넣기에 가장 좋은 곳은 아닐 수 있습니다 (Hase 외 2023). 보통 층은 해 보고 고른 "
        "것이니 둘을 견주어 보세요."
    ),
    "lab_trace_lost": (
        "주어를 흐려도 답이 거의 그대로라 ({clean}에서 {corrupted}로) 답이 주어에 달려 있지 않고, 이 "
        "그림이 말해 주는 것이 적습니다."
    ),
    "lab_layer": "ROME과 미세 조정이 바꾸는 층",
    "lab_layer_info": "−1: 이 모델의 보통 층. 아래 ‘그 사실은 어디에 있나요?’에서 내 사실의 층을 봅니다.",
}
