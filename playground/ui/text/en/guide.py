"""English of the Learn tab."""

TEXT = {
    "tab_guide": "Learn",
    "guide_intro": (
        "What this playground is about, chapter by chapter. The same text is a corpus on the "
        "Documents tab: ask it something there."
    ),
    "guide_wait": "Choose a chapter.",
    "guide_try": "Try it ▸",
    "guide_minutes": "{n} min",
    "guide_group_start": "To begin",
    "guide_group_model": "What a model is",
    "guide_group_weights": "Changing weights",
    "guide_group_training": "Training",
    "guide_group_retrieval": "Retrieval",
    "guide_chapter": "Chapter",
    # Pictures of the chapters: what stands in them, below them, and what they show in words
    "figure_prompt": "Prompt",
    "figure_answer": "Answer",
    "figure_yes": "yes",
    "figure_no": "no",
    "figure_ways": "Three ways to another answer: two change the weights, one changes what the model reads.",
    "figure_ways_label": (
        "A prompt goes into a model of {n} weights, and an answer comes out. Retrieval points at the prompt; "
        "editing and fine-tuning point at the weights."
    ),
    "figure_ways_model": "Model: {n} weights",
    "figure_ways_retrieve": "Retrieve: add a text that helps",
    "figure_ways_edit": "Edit: change weights by hand",
    "figure_ways_tune": "Fine-tune: learn weights from examples",
    "figure_choosing": "The cheapest way that passes your test questions is the right one.",
    "figure_choosing_label": (
        "Four questions, one after the other; the first yes decides. Better instructions do it: leave the weights "
        "as they are. Facts that change or need a source: retrieve. A style, a format, a task: fine-tune. One "
        "small, urgent fact: edit. None of them: measure what would be enough."
    ),
    "figure_choosing_prompt": "Do better instructions or two examples in the prompt do it?",
    "figure_choosing_leave": "Leave the weights",
    "figure_choosing_facts": "Is it about facts that change, or that need a source?",
    "figure_choosing_retrieve": "Retrieve",
    "figure_choosing_style": "Is it a style, a format or a narrow task?",
    "figure_choosing_tune": "Fine-tune (LoRA)",
    "figure_choosing_one": "Is it one small, urgent fact?",
    "figure_choosing_edit": "Edit the weights",
    "figure_choosing_last": "Measure first what would be enough",
    "figure_anatomy": "One pass through SmolLM2-135M: “{prompt}” goes in, and {token} is the likeliest next token.",
    "figure_anatomy_label": (
        "From top to bottom: the tokens of “{prompt}”; the embedding table of {rows} rows of {width} numbers; {n} "
        "layers, each with attention ({attention} weights) and an MLP ({mlp} weights); the same table again, which "
        "gives scores; the likeliest next token, {token}, with {share} percent."
    ),
    "figure_anatomy_table": "embedding table: {rows} × {width}",
    "figure_anatomy_layers": "{n} layers, each with",
    "figure_anatomy_attention": "attention: {n} weights",
    "figure_anatomy_mlp": "MLP: {n} weights",
    "figure_anatomy_head": "the same table: a score for every token",
    "figure_tokens": "Cut by SmolLM2’s own tokenizer, each piece above its number. ␣ is a space.",
    "figure_tokens_label": (
        "“{text}” is cut into {n} tokens: {pieces}. Paris with and without a space before it are two tokens. The "
        "Korean word {word} takes {bytes} tokens, one for each of its bytes."
    ),
    "figure_tokens_rare": "A rare word is cut into several",
    "figure_tokens_space": "The space belongs to the token",
    "figure_tokens_bytes": "A Korean word, byte by byte",
    "figure_cosines": "Real rows of SmolLM2-135M: the smaller the angle to ␣Paris, the higher the cosine.",
    "figure_cosines_label": (
        "Arrows at the angles that tokens’ rows have with the row of Paris, with their cosines. Without its space it "
        "is closest, at {same}; then {list}, which is almost at a right angle."
    ),
    "figure_cosines_read": "Each at its true angle to ␣Paris",
    "figure_pruned": "The same {of} weights, {n} of them removed each time. The stronger the colour, the larger.",
    "figure_pruned_label": (
        "Three grids of the same {of} weights with {n} removed. Single weights: the holes are anywhere. Two of every "
        "four: each half of a row has two holes. Whole rows: four rows are gone, and the matrix is truly smaller."
    ),
    "figure_pruned_single": "the smallest, anywhere",
    "figure_pruned_fours": "2:4, two of every four",
    "figure_pruned_rows": "whole rows",
    "figure_levels": (
        "Where rounding may put a weight, once the largest of its group of 64 is 1. A step of int4 is {step}."
    ),
    "figure_levels_label": (
        "How often a model’s weights have which size, from minus one to one: a bell, highest at zero. Below it the "
        "levels: {even} of int4, evenly spread, and {dense} of nf4, dense near zero and sparse at the ends."
    ),
    "figure_levels_weights": "Real weights, and the levels below",
    "figure_levels_even": "int4, symmetric: {n} even levels",
    "figure_levels_dense": "nf4: {n} levels, dense near zero",
    "figure_formats": "Exponent bits give reach, fraction bits give fine steps.",
    "figure_formats_label": "Bits of each format, as sign, exponent and fraction, or as a whole number: {list}.",
    "figure_formats_sign": "sign",
    "figure_formats_exponent": "exponent",
    "figure_formats_fraction": "fraction",
    "figure_formats_whole": "whole number",
    "figure_rome": "ROME writes one fact into the down matrix of one middle layer.",
    "figure_rome_label": (
        "A matrix of {value} times {key} weights, to scale. Above it the key, {key} numbers, which the subject makes; "
        "beside it the value, {value} numbers, which lead to the new answer. The change is value times key: {n} "
        "numbers may move all {all} weights."
    ),
    "figure_rome_subject": "the subject, last token",
    "figure_rome_key": "key: {n} numbers",
    "figure_rome_matrix": "the down matrix",
    "figure_rome_value": "value: {n} numbers",
    "figure_rome_answer": "→ the new answer",
    "figure_rome_change": "Change = value × key: {n} numbers may move all {all} weights.",
    "figure_arc": "Halfway between two models whose directions stand at a right angle.",
    "figure_arc_label": (
        "Two arrows of length 1 at a right angle. The middle of the straight line between their ends has length {n}; "
        "the middle of the arc has length 1."
    ),
    "figure_arc_first": "first model",
    "figure_arc_second": "second model",
    "figure_arc_slerp": "SLERP: length {n}",
    "figure_arc_linear": "linear: length {n}",
    "figure_ties": "TIES elects the sign with the larger sum, and averages only the changes that have it.",
    "figure_ties_label": (
        "Three models change one weight by {list}. The plain average is {average}. TIES leaves {out} out, whose sign "
        "lost, and averages the others: {kept}."
    ),
    "figure_ties_model": "model {n}",
    "figure_ties_average": "average",
    "figure_lora": "Drawn to scale: the frozen matrix of {side} × {side}, and a LoRA of rank {rank} beside it.",
    "figure_lora_label": (
        "A square of {side} by {side}, which is {whole} frozen numbers, and two thin stripes, B of {side} by {rank} "
        "and A of {rank} by {side}: together {n} numbers that learn, {share} percent."
    ),
    "figure_lora_whole": "{n} numbers",
    "figure_lora_frozen": "frozen",
    "figure_lora_learned": "{n} numbers learn: {share}\u00a0% of the matrix",
    "figure_stored": "What there is to keep of SmolLM2-135M afterwards, at two bytes for each number that changed.",
    "figure_stored_label": "Bars of bytes to one scale. {list}.",
    "figure_stored_all": "Full fine-tuning: every weight",
    "figure_stored_last": "The last 4 layers",
    "figure_stored_lora": "LoRA of rank {rank} on all 210 matrices",
    "figure_stored_norms": "BitFit: the norms",
    "figure_stored_rome": "An edited fact (ROME): two vectors",
    "figure_memory": "Training SmolLM2-135M in float32 with Adam, without activations.",
    "figure_memory_label": (
        "Full fine-tuning holds weights, {weights}, gradients, as much again, and moments, {moments}: {full} together. "
        "A LoRA of rank {rank} needs the frozen weights and {lora} of its own: {sum}."
    ),
    "figure_memory_full": "Full fine-tuning: {size}",
    "figure_memory_weights": "weights",
    "figure_memory_gradients": "gradients",
    "figure_memory_moments": "Adam’s two moments",
    "figure_memory_lora": "LoRA of rank {rank} on all 210 matrices: {size}",
    "figure_memory_frozen": "frozen weights",
    "figure_memory_own": "{size}: all that the LoRA holds",
    "figure_path": "The weights stay as they are; a changed document changes the next answer.",
    "figure_path_label": (
        "A document is cut into passages of at most {n} words. The passage that fits the question goes into the "
        "prompt, above the question. The model, unchanged, reads both and answers, and the source can be shown."
    ),
    "figure_path_document": "Document",
    "figure_path_cut": "≤ {n} words each",
    "figure_path_order": "answer from this:",
    "figure_path_passage": "the passage found",
    "figure_path_question": "the question",
    "figure_path_model": "model, unchanged",
    "figure_path_answer": "answer, with its source",
    "figure_repeated": "What a repeated word counts in BM25 with k1 = {k1}, in a passage of average length.",
    "figure_repeated_label": (
        "A curve that rises quickly and then flattens. How often the word occurs, and what it counts: {list}. It never "
        "reaches {limit}."
    ),
    "figure_repeated_limit": "never reached: {n}",
    "figure_repeated_times": "times that the word occurs",
    "figure_fusion": "A worked example: two passages stand in both lists, and come out on top.",
    "figure_fusion_label": (
        "BM25 finds the passages {words}, dense search {meaning}, best first. Each place earns 1 divided by {k} plus "
        "its rank, and the points are added up: {list}."
    ),
    "figure_fusion_words": "by words",
    "figure_fusion_both": "fused",
    "figure_fusion_meaning": "by meaning",
    "figure_fusion_rule": "each list gives 1 / ({k} + rank) points",
}
