"""English of the Merge tab."""

TEXT = {
    "tab_merge": "Merge",
    "merge_intro": (
        "Models of one shape can be **merged**: their weights are averaged, or what each of "
        "them learned is added up. Nothing is trained. Choose models and a method, look at "
        "the answer on the way from your recipe to the merge, and keep what you like."
    ),
    "merge_example": "Start with an example",
    "merge_example_walk": "Half a pirate: from your recipe to the pirate adapter",
    "merge_example_pirate_json": "Pirate and JSON, by TIES",
    "merge_example_pirate_handbook": "Pirate and handbook, by DARE",
    "merge_example_json_handbook": "JSON and handbook, added up",
    "merge_example_ensemble": "Base and pirate answering together, nothing merged",
    "merge_example_upscale": "A deeper model: layers 0-20 and 10-30 stacked",
    "merge_models": "Models to merge",
    "merge_models_info": ("Your recipe, as it is before this step, is the base that changes are counted from."),
    "merge_model_base": "The plain model",
    "merge_model_adapter": "With adapter: {title}",
    "merge_model_checkpoint": "Checkpoint {name}",
    "merge_model_file": "A recipe file…",
    "merge_recipe_file": "A recipe saved from this page",
    "merge_method": "Method",
    "merge_method_linear": "Linear: weighted average",
    "merge_method_slerp": "SLERP: along an arc",
    "merge_method_nuslerp": "NuSLERP: between two, along an arc",
    "merge_method_multislerp": "Multi-SLERP: several, on a sphere",
    "merge_method_karcher": "Karcher mean: the middle on a sphere",
    "merge_method_model_stock": "Model Stock: as far as the models agree",
    "merge_method_task_arithmetic": "Task arithmetic: changes added up",
    "merge_method_ties": "TIES: large changes that agree",
    "merge_method_dare_linear": "DARE: random changes, made larger",
    "merge_method_dare_ties": "DARE-TIES: random changes that agree",
    "merge_method_della": "DELLA: random, large ones likelier",
    "merge_method_della_linear": "DELLA, linear: random, large ones likelier, added up",
    "merge_method_breadcrumbs": "Breadcrumbs: neither largest nor smallest",
    "merge_method_breadcrumbs_ties": "Breadcrumbs-TIES: the middle, where it agrees",
    "merge_method_sce": "SCE: where the models differ most",
    "merge_method_nearswap": "NearSwap: where the numbers are near",
    "merge_method_arcee_fusion": "Arcee Fusion: only what matters most",
    "merge_method_passthrough": "Passthrough: layers stacked",
    "merge_method_concat": "Concat: LoRAs side by side",
    "merge_method_ensemble": "Ensemble: answers averaged, nothing merged",
    "merge_hint_linear": (
        "A straight average of the weights, a model soup. Good for models that started from "
        "the same base and are close to each other."
    ),
    "merge_hint_slerp": (
        "From your recipe to one other model, turning instead of cutting across, so that "
        "weights keep their size. Good for two models that are far apart."
    ),
    "merge_hint_nuslerp": "The same arc between two models, the weights saying how near to which.",
    "merge_hint_multislerp": (
        "The weighted mean of several models' directions, as long as they are on average: a quick middle on the sphere."
    ),
    "merge_hint_karcher": (
        "The point with the least sum of squared angles to all of the models: SLERP for more than two."
    ),
    "merge_hint_model_stock": (
        "Between your recipe and the models' average: near the average where their changes "
        "point the same way, near your recipe where they do not. Made for several trainings "
        "of the same task."
    ),
    "merge_hint_task_arithmetic": (
        "What each model learned, added to your recipe. Simple, and good for few models with "
        "different skills; weights below 0 unlearn."
    ),
    "merge_hint_ties": (
        "Keeps only the largest changes of each (the density), and of those the ones that "
        "agree in sign, so that skills disturb each other less. Good for three or more."
    ),
    "merge_hint_dare_linear": (
        "Drops changes at random and makes the rest larger to match: much of what is learned "
        "is redundant. Good for full fine-tunings with many small changes."
    ),
    "merge_hint_dare_ties": "DARE, and then only changes that agree in sign.",
    "merge_hint_della": "Like DARE-TIES, but larger changes of a row are likelier to stay.",
    "merge_hint_della_linear": "DELLA without the vote on signs: what is kept is added up.",
    "merge_hint_breadcrumbs": (
        "Leaves out the smallest changes, which are noise, and the very largest, which upset the rest."
    ),
    "merge_hint_breadcrumbs_ties": "Breadcrumbs, and then only changes that agree in sign.",
    "merge_hint_sce": (
        "Weighs each model by how much it changed, matrix by matrix, and erases minority signs. No weights to choose."
    ),
    "merge_hint_nearswap": (
        "Moves each number of your recipe towards the other model's, by a fixed distance at most: "
        "what was near is swapped, what is far apart hardly moves."
    ),
    "merge_hint_arcee_fusion": (
        "Takes over only the other model's numbers that matter most: those that differ much, in "
        "rows whose balance changes. The rest stays your recipe's. Nothing to set."
    ),
    "merge_hint_passthrough": (
        "Builds a model from ranges of layers, of several models or of one repeated. Deeper, "
        "slower, and usually worse until it is trained further."
    ),
    "merge_hint_concat": (
        "Puts LoRAs side by side, kept apart: exactly the sum of their changes, for a few megabytes."
    ),
    "merge_hint_ensemble": (
        "For contrast: every model answers, and their probabilities are averaged. Nothing is "
        "merged, and each model is run."
    ),
    "merge_paper": "After {paper}.",
    "merge_t": "t: how far from your recipe (0) to the merge (1)",
    "merge_t_info": "Let go of it, and the prompt is answered there.",
    "merge_weight_1": "Weight 1",
    "merge_weight_2": "Weight 2",
    "merge_weight_3": "Weight 3",
    "merge_weight_4": "Weight 4",
    "merge_density": "Density: the share of each model's changes that is kept",
    "merge_density_info": "1 keeps everything, 0 nothing.",
    "merge_layers": "Layers",
    "merge_layers_info": (
        "Ranges, one after another: the first layer, and the one after the last. 0-20, 10-30 stacks 40 layers."
    ),
    "merge_normalize": "Normalize: divide by the sum of the weights",
    "merge_normalize_info": "Then only the proportion of the weights matters.",
    "merge_targets": "Which parts",
    "merge_targets_info": ("The rest stays your recipe's. A part, a range like mlp@0-9, or a pattern of names."),
    "merge_part_all": "Everything",
    "merge_part_attention": "Attention",
    "merge_part_mlp": "MLP",
    "merge_part_embeddings": "Embeddings and output head",
    "merge_part_norms": "Norms",
    "merge_epsilon": "Epsilon: how much likelier large changes stay",
    "merge_gamma": "Gamma: the share of the largest changes left out",
    "merge_select": "The share of places kept, where the models differ most",
    "merge_near": "Distance: how far a number moves at most",
    "merge_near_info": "Changes of a fine-tuning are often about 0.001. Small keeps your recipe.",
    "merge_rescale": "Rescale: make what is kept larger for what was dropped",
    "merge_rescale_usual": "As the method's paper has it",
    "merge_rescale_yes": "Yes",
    "merge_rescale_no": "No",
    "merge_rescale_info": ("DARE and DELLA divide by the chance to stay; the others keep the sum of sizes."),
    "merge_by_text": "Match vocabularies by the tokens' texts",
    "merge_by_text_info": ("For a model whose vocabulary differs. Tokens that only it has are left out."),
    "merge": "Merge",
    "merge_needs_heading": "What merging needs",
    "merge_needs": (
        "The same architecture and shape, the same vocabulary, and best of all a common "
        "base: then the models' weights still mean the same things. Two models trained from "
        "scratch apart cannot be merged, however alike they are; that is refused where it "
        "can be seen (shapes, vocabulary) and shows in a bad walk where it cannot.\n\n- One "
        "model and a way to it: **linear**, or **SLERP**.\n- Two or three skills on one "
        "base: **task arithmetic** first, **TIES** or **DARE-TIES** where they disturb each "
        "other.\n- Several trainings of one task: **linear** or **Model Stock**.\n- LoRAs "
        "only, and memory counts: **concat**."
    ),
    "merge_first_prompt": "What do plants need to grow?",
    "walk_heading": "### The path",
    "walk_prompt": "Prompt",
    "walk_try": "Answer",
    "walk": "Walk the path",
    "walk_empty": (
        "Move t, or press “Answer”, to see how the answer changes. “Walk "
        "the path” measures eleven places on it; about a minute."
    ),
    "walk_texts": "What the walk measures",
    "walk_texts_info": ("Two texts: one that your recipe is good at, and one that the merged models are good at."),
    "walk_text_base": "Text for your recipe",
    "walk_text_base_empty": "Empty: the general text that comes with the playground",
    "walk_text_models": "Text for the merged models",
    "walk_text_models_empty": "Empty: what the first adapter was taught to write",
    "walk_probe": "An answer to look for",
    "walk_probe_info": ("How likely the model is to give it to the prompt, word for word. Empty: not measured."),
    "walk_here": "Your recipe (t = 0)",
    "walk_there": "{method} at t = {t}",
    "walk_there_whole": "{method}",
    "walk_press": "Walked: {method} of {models}. Press a point to put that merge on your recipe.",
    "walk_chart_base": "Perplexity: your recipe's text",
    "walk_chart_models": "Perplexity: the merged models' text",
    "walk_chart_probe": "Probability of the answer, %",
    "walk_caption": "Along the path (lower perplexity is better)",
    "walk_t": "t",
    "walk_base": "Your recipe's text",
    "walk_models": "The models' text",
    "walk_probed": "Answer",
    "walk_point": "t = {t}: perplexity {base} and {models}",
    "picture_heading": "What the method does to one matrix",
    "picture_intro": (
        "Above the line, how much a model changed the numbers of a matrix; below, what the "
        "method keeps of that before it adds the models up. *Likeness* compares two models' "
        "changes in every matrix: the deeper the colour, the more they overlap, and the more "
        "they may disturb each other."
    ),
    "picture_tensor": "Matrix",
    "picture_draw": "Draw",
    "picture_alike": "Likeness, matrix by matrix",
    "picture_model": "{name}",
    "picture_change": "its change (norm {norm})",
    "picture_kept": "what is kept: {share} of the changed numbers",
    "picture_agree": ("Where at least two models change a number, they agree in sign at {share} of the places."),
    "picture_outside": ("The outermost bars hold what lies beyond; the two sides have scales of their own."),
    "picture_same": "No model changes this matrix. Choose another.",
    "likeness_title": "Cosine between the two models' changes",
    "likeness_line": "Crossed out: one of the two does not change it.",
    "mergekit_heading": "As mergekit's YAML",
    "mergekit_intro": (
        "Copy this merge for mergekit, or paste a configuration whose models are known here "
        "(`model`, `model+adapter`, a checkpoint's name). Values along the layers, by part and by "
        "matrix can be written here: `weight: [0, 1]`, or a list of `filter` and `value`, such as "
        "`mlp` or `q_proj`. Where mergekit would do otherwise, it is said."
    ),
    "mergekit_yaml": "Configuration",
    "mergekit_write": "Write this merge",
    "mergekit_read": "Merge as written",
    "mergekit_ignored": (
        "Without effect here: {keys}. Merges are computed in float32, and your model keeps its "
        "format, its tokenizer and its chat template."
    ),
    "checkpoint_heading": "Upload a checkpoint",
    "checkpoint_intro": (
        "The .safetensors files of a model of the same architecture, up to 600 MB, and its "
        "tokenizer.json if its vocabulary differs. Only this browser knows it; it is deleted "
        "here after 7 days without use."
    ),
    "checkpoint_files": ".safetensors files, tokenizer.json",
    "checkpoint_kept": "Kept as {name}: it is among the models to merge now.",
    "title_merge": "Merged: {method} of {models}",
}
