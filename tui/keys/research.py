"""The keys of a research campaign."""

from __future__ import annotations

from tui.keys.key import Key

_ACCEPT = "Keep the try at the cursor against the rule; asks for the reason."
_DISCARD = "Take back the try at the cursor, which was kept; asks for the reason."
_EDIT = "Propose a try: edit the files that may change in your editor, describe it."
_DIFF = "Open the diff of the try in your editor."

KEYS = (
    Key("open", "enter", "open", "research", "Open the run at the cursor in Live.", palette=False),
    Key("live", "l", "live", "research", "Open the repetition that runs now in Live."),
    Key("edit", "e", "edit", "research", _EDIT),
    Key("accept", "a", "accept", "research", _ACCEPT),
    Key("discard", "d", "discard", "research", _DISCARD),
    Key("rerun", "m", "more seeds", "research", "Measure the try with more seeds, judge it anew."),
    Key("replay", "b", "best again", "research", "Measure the best once more."),
    Key("pause", "p", "pause", "research", "Pause after this step; once more takes it back."),
    Key("stop", "s", "stop", "research", "Stop after this try; once more takes it back."),
    Key("cancel", "C", "cancel", "research", "Stop the campaign now; asks first."),
    Key("resume", "R", "resume", "research", "Go on with a campaign that stands still."),
    Key("new", "n", "new", "research", "A new campaign: a form asks, and shows what will run."),
    Key("filter", "slash", "filter", "research", "Only tries with these words.", display="/"),
    Key("order", "o", "order", "research", "Sort: newest, best, gain, time, memory, verdict."),
    Key("rules", "r", "rules", "research", "The rules and whether they were kept, or the try."),
    Key("diff", "v", "diff", "research", _DIFF),
    Key("results", "t", "results", "research", "Open the results log (results.tsv)."),
    Key("copy", "y", "copy commit", "research", "Copy the commit of the try."),
    Key("choose", "c", "campaigns", "research", "Choose among the campaigns."),
    Key("pane(1)", "tab", "panes", "research", "Go to the next pane.", False, False, display="⇥"),
    Key("pane(-1)", "shift+tab", "pane back", "research", "Go to the pane before.", False, False),
    Key("step(-1)", "left", "try before", "research", "The try before, by number.", False, False),
    Key("step(1)", "right", "try after", "research", "The try after, by number.", False, False),
    Key("refresh", "f5", "read again", "research", "Read it all again.", False, display="F5"),
)
