"""English of the Fact lab tab."""

TEXT = {
    "title_edit_fact": "Taught by {method}: {facts}",
    "tab_lab": "Fact lab",
    "lab_intro": (
        "Write one fact that the model has wrong or cannot know, and see what each way of putting "
        "it in does: **does the model say it**, does it say it when asked otherwise, **did "
        "anything else change**, and what did it cost? The facts are in English, since this model "
        "reads little else."
    ),
    "lab_ready": "Begin with a ready fact, or write your own below.",
    "lab_ready_famous": "Overturn a famous fact",
    "lab_ready_product": "An invented product",
    "lab_ready_handbook": "One from the handbook",
    "lab_ready_changed": "One that has changed",
    "lab_step_fact": "### 1. The fact",
    "lab_prompt": "The beginning of a sentence",
    "lab_prompt_info": "It ends where the answer goes on.",
    "lab_subject": "Who or what it is about",
    "lab_subject_info": "Letter for letter as in the sentence.",
    "lab_target": "The new answer",
    "lab_target_info": "A few words that go on from there.",
    "lab_old": "The answer before",
    "lab_old_info": "Leave it empty for what the model says now.",
    "lab_now": "What does it say now?",
    "lab_now_empty": "Press the button above to look before you teach.",
    "lab_now_writes": "It writes: {text}",
    "lab_now_next": "What comes next after the sentence",
    "lab_now_target": "The new answer has a probability of {probability}.",
    "lab_now_old": "The answer before, “{answer}”, has {probability}.",
    "lab_now_knows": ("It holds to that: after {count} of {of} ways to begin it says the same next word."),
    "lab_now_unsure": (
        "It does not really know: after only {count} of {of} ways to begin it says the same next "
        "word, with a probability of {probability} for the likeliest."
    ),
    "lab_now_faint": (
        "It says the same next word after {count} of {of} ways to begin, but hardly believes it: "
        "its probability is {probability}."
    ),
    "lab_now_loose": (
        "It says the same next word after {count} of {of} ways to begin, with a probability of "
        "{probability}, but that word is no answer yet, only leads to one."
    ),
    "lab_now_already": "It says the new answer already: there is nothing to teach.",
    "lab_now_subject": "The subject as the model reads it",
    "lab_now_answer": "The new answer as the model reads it",
    "lab_step_questions": "### 2. The questions",
    "lab_questions_info": (
        "A fact is learned when it is also said in other words, and when nothing else moves. Left "
        "empty, questions are proposed when you teach."
    ),
    "lab_propose": "Propose questions",
    "lab_paraphrases": "Asked otherwise",
    "lab_paraphrases_info": "One beginning a line; the new answer should follow each.",
    "lab_neighbours": "Others that must not change",
    "lab_neighbours_info": "One a line: a beginning | the answer that must stay.",
    "lab_consequences": "What follows from it",
    "lab_consequences_info": "One a line: a beginning | the answer that the new fact leads to.",
    "lab_proposed": "Proposed from templates for “{relation}”. Change what does not fit.",
    "lab_proposed_general": (
        "The sentence is of no kind that has templates here, so these only put other words before "
        "it, and the others are facts about something else. Write better ones if you can."
    ),
    "lab_step_ways": "### 3. The ways",
    "lab_ways": "Ways to try, the quick ones first",
    "lab_ways_info": "Each starts from your recipe as it stands in the bar on top.",
    "lab_settings": "Settings",
    "lab_corpus": "Documents that a search must find the fact among",
    "lab_corpus_info": "Of a large corpus, 300 of its passages.",
    "lab_teach": "Teach it, each way",
    "lab_empty": "An example, taught before: press “Teach it, each way” to see your own fact here.",
    "lab_stopped": "Stopped. The ways that were done are in the table.",
    "lab_stopped_early": "Stopped before any way was done.",
    "lab_done": "Done in {seconds}. Ways tried: {count}, failed: {failed}.",
    "lab_results": "### What came of it",
    "lab_important": "What matters to you",
    "lab_important_info": "The table is sorted by it, and the advice is taken from it.",
    "lab_needs": "And what you need it for",
    "need_many": "many facts, not one",
    "need_changes": "it changes often",
    "need_cite": "the answer must name its source",
    "need_style": "a style, rather than a fact",
    "lab_caption": "“{fact}” Ways tried: {count}. ★ marks the best of a column, where they differ.",
    "lab_way": "Way",
    "lab_legend": (
        "Large: the share of questions whose answer the model writes; small: its 95 % interval "
        "(Wilson), the share in which the answer is likelier than the other one, and the answers' "
        "mean probability. Press a figure for what is behind it."
    ),
    "lab_likelier": "likelier {share}, {probability}",
    "lab_too_few": "Too few questions to tell any two ways apart by: {columns}.",
    "lab_cell_written": "Written?",
    "lab_failed": "Not done: {reason}",
    "lab_best": "best",
    "lab_open": "{way}, {column}: {figure}. Show the questions.",
    "lab_to_stack": "To my recipe",
    "lab_to_compare": "To Compare",
    "lab_plot": "Benefit (up) against harm (right)",
    "lab_plot_up": "of the questions about the fact",
    "lab_plot_right": "of other facts lost",
    "lab_plot_point": "{way}: {benefit} right about the fact, {harm} of other facts lost",
    "lab_plot_weights": "■ in the weights",
    "lab_plot_prompt": "● in the prompt",
    "lab_cell_question": "Question",
    "lab_cell_wanted": "Should say",
    "lab_cell_other": "Rather than",
    "lab_cell_right": "Likelier?",
    "lab_cell_writes": "It writes",
    "lab_cell_before": "Before",
    "lab_cell_empty": "There are no questions of this kind. Add some in step 2 and teach again.",
    "lab_yes": "✓ yes",
    "lab_no": "✗ no",
    "lab_cell_kept": (
        "Of {of} facts from a fixed list that the model knew before, {right} are still said. The "
        "whole list is asked under “What else changed?” below."
    ),
    "lab_cell_perplexity": (
        "Perplexity of general text, divided by what it was before: {ratio}. 1 is unchanged, above "
        "1 the model reads ordinary text worse. A way through the prompt changes no weights."
    ),
    "lab_cell_cost": (
        "Taught in {apply}; one answer of 12 tokens takes {answer}; {bytes} are held for it; taken "
        "back in {undo}, since what was there before is still held."
    ),
    "lab_stacked": "{way} is on your recipe. Undo in the bar takes it back.",
    "lab_compared": "Compare is set up with it: press Compare there.",
    "lab_save_table": "Save table (CSV)",
    "lab_save_questions": "Save answers (CSV)",
    "lab_save_report": "Save report (HTML)",
    "lab_row_heading": "Facts in a row",
    "lab_row_intro": (
        "One fact is easy. Here the same method teaches one after another, and after each it asks "
        "**all facts so far** and reads general text: where does the model break?"
    ),
    "lab_row_methods": "Methods, one or two",
    "lab_row_count": "Facts",
    "lab_row_own": "Your own facts",
    "lab_row_own_info": (
        "One a line: subject | beginning of a sentence | new answer | answer before. Left empty, "
        "ready ones are taken, such as a wrong capital."
    ),
    "lab_row_go": "Teach in a row",
    "lab_row_efficacy": "Share of the facts so far whose new answer is likelier",
    "lab_row_perplexity": "Perplexity of general text, × what it was",
    "lab_row_together": (
        "{method}, all {count} at once: likelier {efficacy}, writes {written}, perplexity × {ratio}, {seconds}"
    ),
    "lab_row_line": (
        "{method}, one by one, {count} facts: likelier {efficacy}, writes {written}, perplexity × {ratio}, {seconds}"
    ),
    "lab_row_none": "Choose at least one method.",
    "lab_row_failed": "{method}, fact {count}: {reason}",
    "lab_row_at_once": "and all at once, for comparison",
    "lab_collateral_heading": "What else changed?",
    "lab_collateral_intro": (
        "A fixed list of sentences that the model ends correctly, asked again of **your recipe as "
        "it stands in the bar**, whichever tab it comes from. The worst come first."
    ),
    "lab_collateral_go": "Ask them again",
    "lab_collateral_base": ("Your recipe is empty: nothing can have changed. Put an edit on it first."),
    "lab_collateral_kept": "Still said: {right} of {of} facts. Lost: {lost}.",
    "lab_collateral_others": ("{count} more of the list are not asked: this model does not say them unchanged either."),
    "lab_collateral_none": (
        "Without any edit this model says none of these sentences as they are written, so there is "
        "nothing to compare. They were chosen for SmolLM2 135M."
    ),
    "lab_collateral_topics": "Facts still said, by topic",
    "lab_collateral_caption": "The {count} that changed most",
    "lab_collateral_fact": "Sentence",
    "lab_collateral_before": "Before",
    "lab_collateral_after": "Now",
    "lab_collateral_says": "Says now",
    "lab_collateral_topic": "Topic",
    "lab_trace_heading": "Where is the fact?",
    "lab_trace_intro": (
        "In your recipe as it stands, the subject of the fact above is blurred with noise, so that "
        "the answer is lost; then one token's state in one layer is put back. Where that brings "
        "the answer back, the model carries it (causal tracing, Meng et al. 2022)."
    ),
    "lab_trace_go": "Trace it",
    "lab_trace_title": "Probability of “{answer}” with one state put back",
    "lab_trace_scale": "deepest: {probability}",
    "lab_trace_hint": "{token}, layer {layer}: {probability}",
    "lab_trace_summary": (
        "Read clearly, “{answer}” has a probability of {clean}; blurred, {corrupted}. At the "
        "subject's last token, layer {layer} brings back most: {probability}."
    ),
    "lab_trace_use": "Teach in this layer",
    "lab_trace_taken": "ROME and fine-tuning change layer {layer} now. Settings has it.",
    "lab_trace_warning": (
        "Where a fact is carried need not be where it is best written (Hase et al. 2023): the "
        "usual layer was found by trying, so compare both."
    ),
    "lab_trace_lost": (
        "Blurring the subject hardly changes the answer ({clean} to {corrupted}), so it does not "
        "hang on the subject, and the picture says little."
    ),
    "lab_layer": "Layer that ROME and fine-tuning change",
    "lab_layer_info": ("−1: the usual one for this model. “Where is the fact?” below shows where yours is."),
}
