"""The blank form of a public artifact, with a word at each part."""

from __future__ import annotations

_FORM = """\
# A public artifact: what someone outside may know and check. Fill in, then:
#   factory-tui artifacts check {id}
id: {id}
title: ""
type: ""            # two or three words: Routed specialist, Process, Demo
# release-ready-metadata, release-ready-weights, candidate-current-best, report-only, blocked or
# parked
state: report-only
# shipped, routed, rejected, undecided: how its decision ended, whatever the state
outcome: undecided
summary: ""         # what it is, in two or three sentences, for someone who knows nothing of it
public_value: ""    # what somebody outside has of it
publishable_now: [] # what may be published today, an item each

# Every number has a record of this workspace or says that it is historical:
#   {{value: 0.94, unit: share, n: 180, record: "runs/<id>/eval-candidate.json#/score"}}
#   {{value: 0.531, unit: share, n: 64, historical: true}}
# headline: {{value: 0.94, unit: share, n: 180, record: "runs/<id>/eval-candidate.json#/score"}}
# headline_label: what the number is, and from where it came
# evidence:
#   - title: Scores before and after
#     columns: [Base, Candidate]
#     rows:
#       - label: Held-out suite
#         cells:
#           - {{}}       # not recorded
#           - {{value: 0.94, unit: share, n: 180, record: "runs/<id>/eval-candidate.json#/score"}}
# performance: a table like those of evidence: latency, memory, tokens a second, time

# What it stands beside. Direct only where suite, rows, scorer, metric and prompt are the same;
# Directional and Not comparable say why in readout.
# competition:
#   - system: Name of the system
#     metric: exact match
#     score: {{value: 0.484, unit: share, n: 64, historical: true}}
#     comparable: Directional
#     readout: Why it is not Direct, and what the number is good for.
#     source: Name of one of sources
# rejected:
#   - attempt: What was tried
#     decision: rejected
#     why: Why it was not taken

# blockers:
#   - blocker: What holds it back
#     why: Why that matters
#     unblock: What takes it away
sources: []         # - name, href (https://… or a path of this workspace), note
# data:
#   - name: Name of the data set
#     licence: as its own page has it
#     provenance: where its rows come from
licence: ""         # of what is published
next_action: ""
"""


def skeleton(artifact_id: str) -> str:
    """The text of a new ``artifacts/<id>.yaml`` in which nothing is filled in."""
    return _FORM.format(id=artifact_id)
