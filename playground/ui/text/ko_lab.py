"""Korean of teaching facts, and what the engine says about it."""

LAB = {
    "title_edit_fact": "{method}(으)로 가르침: {facts}",
    "more_facts": "{fact} 외 {more}개",
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
        "다른 말로 물어도 답하고 다른 것이 그대로여야 사실을 배운 것입니다. 비워 두면 가르칠 때 질문을 "
        "만들어 드립니다."
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
    "lab_ways_info": "모두 사이드바에 있는 지금의 레시피에서 시작합니다.",
    "lab_settings": "설정",
    "lab_corpus": "검색이 이 사실을 찾아내야 할 문서",
    "lab_corpus_info": "문서가 많으면 그중 300개 단락.",
    "lab_teach": "방법마다 가르치기",
    "lab_empty": (
        "아직 표가 없습니다. 준비된 사실을 고르거나 직접 쓰고 ‘방법마다 가르치기’를 누르세요."
    ),
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
    "lab_stacked": "{way}을(를) 레시피에 올렸습니다. 사이드바의 실행 취소로 되돌립니다.",
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
        "한 줄에 하나: 주어 | 문장 앞부분 | 새 답 | 이전 답. 비워 두면 엉뚱한 수도 같은 준비된 것을 "
        "씁니다."
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
        "모델이 바르게 끝맺는 문장들의 정해진 목록을 **사이드바에 있는 지금의 내 레시피**에 다시 묻습니다. "
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


MESSAGES = {
    "A neighbour and a consequence are a prompt and its answer: two texts each.": "이웃과 결과는 프롬프트와 그 답, 글 두 개씩입니다.",
    "A prompt or an answer is a text of at most {limit} characters.": "프롬프트와 답은 {limit}자까지의 글입니다.",
    "Asking: {done} of {of} prompts…": "묻는 중: 프롬프트 {of}개 중 {done}개…",
    "Fact {number} has no subject. Write who or what it is about, as in the prompt.": "사실 {number}에 주어가 없습니다. 무엇에 관한 것인지 프롬프트에 있는 대로 쓰세요.",
    "Fact {number} has no target. Write the words that should follow the prompt.": "사실 {number}에 목표가 없습니다. 프롬프트 뒤에 올 말을 쓰세요.",
    "{subject!r} is the first token of its prompt, where this model reads no word apart, so the fact is written for texts with words before it, as in “{words}{subject}…”.": "{subject!r}: 문장의 첫 토큰입니다. 이 모델은 그 자리의 단어를 가려 읽지 못하므로, “{words}{subject}…”처럼 앞에 말이 있는 글에만 통하도록 써 넣습니다.",
    "{subject!r} is the first token of the sentence, where this model reads no word apart: an edit teaches it behind words, as in “{words}{subject}…”. Begin with some yourself.": "{subject!r}: 문장의 첫 토큰입니다. 이 모델은 그 자리의 단어를 가려 읽지 못합니다. 그래서 편집은 “{words}{subject}…”처럼 앞에 말을 두고 가르칩니다. 문장을 다른 말로 시작해 보세요.",
    "Withdrawn: {learned} of {count} facts were learned, and for that a matrix would change by {relative:.0%} of itself and perplexity of general text become × {ratio:.2f}. Try a smaller clamp, another layer, or other words around the subject.": "거두었습니다. 사실 {count}개 가운데 {learned}개만 배우는데 행렬이 {relative:.0%}만큼 바뀌고 일반 글의 퍼플렉서티가 {ratio:.2f}배가 됩니다. 클램프를 줄이거나 층을 바꾸거나 주어 앞뒤의 말을 바꿔 보세요.",
    "Fact {number} was not learned: after this edit {target!r} follows its prompt with a probability of {probability:.1%}. Try more steps, a larger clamp, another layer or fewer facts.": "사실 {number}을(를) 배우지 못했습니다. 편집 뒤 {target!r}이(가) 이어질 확률이 {probability:.1%}입니다. 단계를 늘리거나 제한을 키우거나 다른 층을 고르거나 사실을 줄이세요.",
    "Fact {number}: the model continues {prompt!r} with {target!r} already (probability {probability:.0%}): there is nothing to do. Remove this fact.": "사실 {number}: 모델이 이미 {prompt!r} 뒤에 {target!r}을(를) 씁니다 (확률 {probability:.0%}). 할 일이 없으니 이 사실을 빼세요.",
    "Fact {number}: the prompt has {count} tokens, and at most {limit} are read here. Shorten it.": "사실 {number}: 프롬프트가 {count}토큰이고 {limit}토큰까지 읽습니다. 줄이세요.",
    "Fact {number}: the subject {subject!r} is not in the prompt {prompt!r}. Write it letter for letter as it stands there.": "사실 {number}: 주어 {subject!r}이(가) 프롬프트 {prompt!r}에 없습니다. 거기 쓰인 그대로 쓰세요.",
    "Fact {number}: the target has {count} tokens, and 1 to {limit} can be taught at once. Change it.": "사실 {number}: 목표가 {count}토큰인데 한 번에 1~{limit}토큰을 가르칠 수 있습니다. 바꾸세요.",
    "Facts {first} and {second} have the same prompt, {prompt!r}. Keep one of them.": "사실 {first}과(와) {second}의 프롬프트가 {prompt!r}(으)로 같습니다. 하나만 남기세요.",
    "Facts: {done} of {of} learned; the next, step {step} of {steps}…": "사실 {of}개 중 {done}개 배움, 다음 것 {steps}단계 중 {step}단계…",
    "Fine-tuning, step {n} of {of}…": "미세 조정, {of}단계 중 {n}단계…",
    "Give the fact as an object with subject, prompt, target and old.": "사실은 subject, prompt, target, old가 있는 객체로 주세요.",
    "Layer {layer} has no MLP whose output matrix is known here, so no fact can be written into it. Choose another model.": "{layer}층에는 여기서 아는 MLP 출력 행렬이 없어 사실을 써 넣을 수 없습니다. 다른 모델을 고르세요.",
    "Layer {layer} is not in this model: its layers are 0 to {last}.": "{layer}층은 이 모델에 없습니다. 층은 0부터 {last}까지입니다.",
    "Layer {layer} was taken out of the model by an earlier step. Name another one.": "{layer}층은 앞 단계에서 빠졌습니다. 다른 층을 고르세요.",
    "LoRA: step {done} of {of}…": "LoRA: {of}단계 중 {done}단계…",
    "Questions are lists of at most {limit} of each kind.": "질문은 종류마다 {limit}개까지의 목록입니다.",
    "Samples is {given}: choose 1 to {limit}.": "표본 수가 {given}입니다. 1에서 {limit}까지 고르세요.",
    "The layers are {layers}. Name each once, the lowest first.": "층이 {layers}입니다. 낮은 것부터 한 번씩 적으세요.",
    "The method {method} changes one layer, and {count} are named. Name one, or choose memit or alphaedit.": "{method}는 한 층만 바꾸는데 {count}개가 적혔습니다. 하나만 적거나 memit이나 alphaedit를 고르세요.",
    "The prompt and the answer have {count} tokens: tracing takes {limit}. Shorten them.": "프롬프트와 답이 {count}토큰입니다. 추적은 {limit}토큰까지입니다. 줄이세요.",
    "The recipe is an ensemble, and no single model of it can be taught a fact here. Switch that step off first.": "레시피가 앙상블이라 그 안의 한 모델에 사실을 가르칠 수 없습니다. 먼저 그 단계를 끄세요.",
    "The subject {subject!r} is not in the prompt {prompt!r}. Write it letter for letter as it stands there.": "주어 {subject!r}이(가) 프롬프트 {prompt!r}에 없습니다. 거기 쓰인 그대로 쓰세요.",
    "The tokenizer of this model does not say which letters a token stands for, so a subject cannot be found in it. Choose another model.": "이 모델의 토크나이저는 토큰이 어느 글자인지 알려 주지 않아 주어를 찾을 수 없습니다. 다른 모델을 고르세요.",
    "The tokenizer of this model makes no token of the subject {subject!r}. Write it in other letters.": "이 모델의 토크나이저는 주어 {subject!r}에서 토큰을 만들지 못합니다. 다른 글자로 쓰세요.",
    "The way {way} is unknown. Choose from: {known}.": "방법 {way}을(를) 알 수 없습니다. 다음 가운데 고르세요: {known}.",
    "Tracing: layer {n} of {of}…": "추적: {of}층 중 {n}층…",
    "{count} of {of} facts were not learned; the first {named} of them are named.": "사실 {of}개 중 {count}개를 배우지 못했습니다. 그 가운데 처음 {named}개를 적었습니다.",
    "{done} of {of}: {way}…": "{of}개 중 {done}: {way}…",
    "Facts asked again: {done} of {of}…": "사실을 다시 묻는 중: {of}개 중 {done}개…",
    "Facts in a row: {done} of {of}…": "사실을 줄줄이: {of}개 중 {done}번째…",
    "Give the ways as a list. Choose from: {known}.": "방법은 목록으로 주세요. 고를 수 있는 것: {known}.",
    "In a row: {method}…": "줄줄이: {method}…",
    "Line {line} is too long: a subject has at most {subject} characters, a prompt {prompt}, an answer {answer}.": "{line}번째 줄이 너무 깁니다. 주어는 {subject}자, 프롬프트는 {prompt}자, 답은 {answer}자까지입니다.",
    "Line {line}: the new answer and the old one are both {answer!r}. Change one of them.": "{line}번째 줄: 새 답과 이전 답이 모두 {answer!r}입니다. 하나를 바꾸세요.",
    "Line {line}: the subject {subject!r} is not in the prompt {prompt!r}. Write it letter for letter as it stands there.": "{line}번째 줄: 주어 {subject!r}이(가) 프롬프트 {prompt!r}에 없습니다. 거기 쓰인 그대로 쓰세요.",
    "Line {line}: write subject | prompt | new answer, and | old answer if you know it.": "{line}번째 줄: 주어 | 프롬프트 | 새 답, 그리고 안다면 | 이전 답을 쓰세요.",
    "Lines {first} and {second} have the same prompt, {prompt!r}. Keep one of them.": "{first}번째와 {second}번째 줄의 프롬프트가 {prompt!r}(으)로 같습니다. 하나만 남기세요.",
    "The line {line!r} has no answer. Write the question, then | and its answer.": "{line!r} 줄에 답이 없습니다. 질문을 쓰고 | 뒤에 답을 쓰세요.",
    "The method {method} is unknown. Choose from: {known}.": "{method}라는 방법은 모릅니다. 고를 수 있는 것: {known}.",
    "The old answer has {count} tokens, and at most {limit} are compared. Shorten it.": "이전 답이 {count}토큰인데 {limit}토큰까지 견줍니다. 줄이세요.",
    "The prompt ends in {mark!r}, after which a model begins something new. End it where the answer follows, as in “The capital of France is”.": "프롬프트가 {mark!r}(으)로 끝나 모델이 새로 시작합니다. “The capital of France is”처럼 답이 이어질 자리에서 끝내세요.",
    "The prompt's end and the target's beginning are read together, as {token!r}. End the prompt with a whole word, and let the target begin with one.": "프롬프트의 끝과 목표의 처음이 {token!r}(으)로 함께 읽힙니다. 프롬프트를 온전한 단어로 끝내고 목표를 온전한 단어로 시작하세요.",
    "The seed is a whole number from 0 to {limit}.": "시드는 0에서 {limit}까지의 정수입니다.",
    "The subject {subject!r} stands {count} times in the prompt; its last mention counts.": "주어 {subject!r}이(가) 프롬프트에 {count}번 나옵니다. 마지막 것을 씁니다.",
    "The table that your browser kept cannot be read. Teach the fact again.": "브라우저에 남은 표를 읽을 수 없습니다. 사실을 다시 가르치세요.",
    "The target has {count} tokens: {tokens}. Up to {limit} are learned more surely.": "목표가 {count}토큰입니다: {tokens}. {limit}토큰까지가 더 잘 배워집니다.",
    "The tokens of the subject {subject!r} reach beyond its letters in the prompt: {tokens}. Let it begin and end where a word does.": "주어 {subject!r}의 토큰이 프롬프트에서 그 글자들을 넘어섭니다: {tokens}. 단어가 시작하고 끝나는 자리에 맞추세요.",
    "There is no table yet. Teach a fact first.": "아직 표가 없습니다. 먼저 사실을 가르치세요.",
    "This way left no edit that could be put on a recipe.": "이 방법은 레시피에 올릴 편집을 남기지 않았습니다.",
    "{count} facts cannot be taught in a row: give 1 to {limit}.": "사실 {count}개를 줄줄이 가르칠 수 없습니다. 1개에서 {limit}개까지 주세요.",
    "A question or its answer is empty. Write it, or leave it out.": "질문이나 그 답이 비어 있습니다. 쓰거나 빼세요.",
    "Questions have these keys: {known}.": "질문에는 이런 키가 있습니다: {known}.",
    "Something went wrong on our side in this way.": "이 방법에서 저희 쪽에 문제가 생겼습니다.",
    "The new answer and the answer before are both {answer!r}. Change one of them.": "새 답과 이전 답이 모두 {answer!r}입니다. 하나를 바꾸세요.",
    "The table was made with the model {model}. Choose it in the sidebar first.": "이 표는 모델 {model}(으)로 만들었습니다. 먼저 사이드바에서 그 모델을 고르세요.",
    "Two methods are drawn beside one another, and {count} are ticked. Untick some.": "두 방법까지 나란히 그리는데 {count}개를 골랐습니다. 몇 개를 빼세요.",
    "Writing answers…": "답을 쓰는 중…",
    "{text}": "{text}",
    "No way is ticked. Tick at least one.": "고른 방법이 없습니다. 하나 이상 고르세요.",
}
