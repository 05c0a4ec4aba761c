"""English of the Fact lab's verdict, sentence by sentence."""

TEXT = {
    "verdict_best": "“{way}” fits best what you ticked. Beside “{other}”, the next: {reasons}.",
    "verdict_level": "As good as each other for what you ticked: {ways}. No figure here tells the first two apart.",
    "verdict_level_but": "As good as each other for what you ticked: {ways}. What most tells “{way}” from “{other}”: "
    "{reasons}.",
    "verdict_only_tried": "“{way}” is the only way that was tried so far, so there is nothing to choose from: "
    "{reasons}. Try others beside it.",
    "verdict_only_able": "Of the {count} ways tried, “{way}” is the only one that can do what you need: {reasons}.",
    "verdict_only_says": "Of the {count} ways tried, “{way}” is the only one left that says the fact: {reasons}.",
    "verdict_only_better": "Of the {count} ways tried, “{way}” is the only one left that beats the untaught model: "
    "{reasons}.",
    "verdict_no_figures": "No way has figures yet. Teach the fact in one way at least.",
    "verdict_none_able": "None of the ways tried can do what you need. Try one of these: {ways}.",
    "verdict_not_measured": "Nothing that you ticked was measured here. Tick something else, or add questions.",
    "verdict_none_says": "No way tried here writes the fact. The nearest is “{way}”, which gives the answer a "
    "probability of {figure}.",
    "verdict_none_better": "For what you ticked, no way beats leaving the model as it is. The nearest is “{way}”; "
    "beside the untaught model: {reasons}.",
    "verdict_none_differs": "For what you ticked, no way differs from the model as it is.",
    "verdict_style": "These questions are about a fact and cannot tell which way teaches a style. LoRA, which learns "
    "from examples, is the usual one; this table does not measure that.",
    "verdict_known": "The model says this fact without being taught, so the table tells little about teaching it: "
    "choose a fact that it does not know.",
    "verdict_many_prompt": "Left out, because you have many facts: “{way}”, which puts {figure} into every prompt for "
    "this one alone.",
    "verdict_many_single": "Left out, because you have many facts: “{way}”, which writes one at a time, while “{other}”"
    " writes many at once.",
    "verdict_cite": "Left out, because only a text in the prompt can be shown as the source: {ways}.",
    "verdict_time_counts": "Because the fact changes often, the time to teach it and to undo it counts too.",
    "verdict_short": "Even with “{way}” the fact does not reach far: {reasons}.",
    "verdict_damage": "Even “{way}” does some damage, beside the untaught model: {reasons}.",
    "verdict_cost": "What “{way}” costs: {apply} to teach, {answer} for an answer, {undo} to undo, {held} held.",
    "verdict_too_few": "Too few questions to tell “{way}” from “{other}” by these, whose 95 % intervals overlap: "
    "{reasons}. Ask more, or teach more facts.",
    "verdict_coarse": "Shares of few questions are coarse: one answer more moves “{what}” by {figure}.",
    "verdict_if_many_prompt": "If there were many facts: “{way}”, because “{other}” puts {figure} into every prompt for"
    " this one alone.",
    "verdict_if_many_single": "If there were many facts: “{way}”, because “{other}” writes one at a time. Between the "
    "two: {reasons}.",
    "verdict_if_changes": "If the fact changed often: “{way}”. Beside “{other}”: {reasons}.",
    "verdict_if_cite": "If the source had to be cited: “{way}”, because only a text in the prompt can be shown. Beside "
    "“{other}”: {reasons}.",
    "verdict_if_alone": "If only one of these counted, “{way}” would be chosen over “{other}”: {reasons}.",
    "verdict_silent": "Did not say the fact even when asked for it word for word: {ways}.",
    "verdict_broken": "Could not be used, as the table says: {ways}.",
}
