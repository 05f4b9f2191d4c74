"""The verdict of a run in sentences that need no other page and no knowledge of the field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.checks.contents import RunContents
from engine.judge.gates import Verdict
from engine.judge.noise import Told
from engine.publish.standing import Standing
from engine.publish.verification import verified
from engine.records.evaluation import EvalResult
from engine.records.report_card import CardVerdict, Tone
from engine.records.run import Decision, DecisionKind

_HEADLINES: dict[DecisionKind, tuple[str, Tone]] = {
    DecisionKind.SHIP: ("Shipped", "good"),
    DecisionKind.REJECT: ("Rejected", "bad"),
    DecisionKind.RETRY_DATA: ("To be tried again with other data", "open"),
    DecisionKind.RETRY_TRAINING: ("To be trained again", "open"),
    DecisionKind.RETRY_EVAL: ("To be measured again", "open"),
    DecisionKind.PARK: ("Put aside", "open"),
}


def routed(contents: RunContents) -> str | None:
    """Where alone the artifact may be used, where that was limited."""
    artifact = contents.artifact
    if artifact is None or not artifact.routed:
        return None
    return (artifact.routing_constraint or "").strip()


def verdict(contents: RunContents, suites: Sequence[Standing]) -> CardVerdict:
    """The decision, and what stands behind it."""
    decision = contents.decision
    where = routed(contents)
    headline, tone = _headline(contents, decision, where)
    links = verified(contents)
    return CardVerdict(
        decision=decision.decision if decision else None,
        routed=where,
        tone=tone,
        headline=headline,
        sentences=[*_sentences(contents, suites)],
        reason=decision.reason if decision else None,
        next_action=decision.next_action if decision else None,
        decided=decision.decided if decision else None,
        verified=links.ok,
        unverified=list(links.reasons),
    )


def _headline(
    contents: RunContents, decision: Decision | None, where: str | None
) -> tuple[str, Tone]:
    if decision is not None:
        text, tone = _HEADLINES[decision.decision]
        if decision.decision is DecisionKind.SHIP and where:
            return f"{text}, routed", tone
        return text, tone
    if "decision.json" in contents.names:
        return "The decision cannot be read", "open"
    return "Not decided yet", "open"


def _sentences(contents: RunContents, suites: Sequence[Standing]) -> Iterator[str]:
    where = routed(contents)
    if where:
        yield f"It may be used only here (routed): {where}"
    yield _scores(suites[0])
    if (told := _told(suites[0])) is not None:
        yield told
    pairs = [one for one in suites[1:] if one.comparison is not None and not one.mismatch]
    # Where there are many, those that lost the most.
    for one in sorted(pairs, key=_gain)[:_OLD_SKILLS]:
        yield _kept(one)
    if len(pairs) > _OLD_SKILLS:
        yield f"{len(pairs) - _OLD_SKILLS} more suites of old skills are in the table."
    yield _gates(contents)


_OLD_SKILLS = 3
"""Regression suites that have a sentence of their own."""


def _gain(suite: Standing) -> float:
    return suite.comparison.gain if suite.comparison is not None else 0.0


def _scores(primary: Standing) -> str:
    before, after = primary.before, primary.after
    if after is None:
        return f"What the trained model can do on {primary.suite} is not recorded."
    if before is None:
        return (
            f"On {primary.suite} the trained model {_did(primary, after)}; what it could do "
            "before training is not recorded."
        )
    if primary.mismatch:
        return f"On {primary.suite} the trained model {_did(primary, after)}. {primary.mismatch}"
    was, now = _right(before), _right(after)
    if was is not None and now is not None and before.n == after.n:
        return (
            f"Of the {after.n:,} questions of {primary.suite} the model answered {was:,} right "
            f"before training, and {now:,} after it."
        )
    return (
        f"On {primary.suite} the model {_did(primary, before)} before training; after it, it "
        f"{_did(primary, after)}."
    )


def _right(record: EvalResult) -> int | None:
    """How many answers were right, where the score is a count of them."""
    if record.metric not in (None, "accuracy") or not record.n or not 0 <= record.score <= 1:
        return None
    count = record.score * record.n
    return round(count) if abs(count - round(count)) < 0.01 else None


def _did(suite: Standing, record: EvalResult) -> str:
    right = _right(record)
    if right is not None:
        return f"answered {right:,} of {record.n:,} questions right"
    return f"scored {100 * record.score:.1f} %" if suite.share else f"scored {record.score:.3f}"


_TOLD = {
    Told.BETTER: "That is a real gain: chance alone would hardly ever give it",
    Told.WORSE: "That is a real loss: chance alone would hardly ever give it",
    Told.NOISE: "That is within the noise: chance alone could well give such a difference",
    Told.NOTHING: "Whether that is more than chance cannot be told",
}


def _told(primary: Standing) -> str | None:
    found, pair = primary.told, primary.comparison
    if found is None or pair is None:
        return None
    text = _TOLD[found.told]
    if found.told is Told.NOTHING:
        return f"{text}."
    if pair.paired is None:
        return f"{text} (by the number of questions alone: the answers could not be paired)."
    fixed, broken = pair.flips or (0, 0)
    return f"{text} ({fixed} answers became right, {broken} became wrong)."


def _kept(suite: Standing) -> str:
    assert suite.before is not None and suite.after is not None
    was, now = suite.before.score, suite.after.score
    fell = now < was if suite.direction == "higher" else now > was
    scale, unit = (100, " %") if suite.share else (1, "")
    digits = 1 if suite.share else 3
    numbers = f"{scale * was:.{digits}f}{unit} before, {scale * now:.{digits}f}{unit} after"
    if not fell:
        return f"What it could do before ({suite.suite}) was kept: {numbers}."
    much = "some"
    if suite.share and suite.direction == "higher":
        much = "all" if now == 0 else "most" if now < was / 2 else "some"
    noise = suite.told is not None and suite.told.told is Told.NOISE
    how = ", a drop within the noise" if noise else ""
    return f"Of what it could do before ({suite.suite}) it lost {much}{how}: {numbers}."


def _gates(contents: RunContents) -> str:
    gates = contents.gates
    if not gates:
        return "There are no bounds that it was judged by."
    passed = sum(gate.verdict is Verdict.PASS for gate in gates)
    if passed == len(gates):
        return f"All {passed} bounds that were set before are met."
    parts = []
    for verdict_, words in ((Verdict.FAIL, "not met"), (Verdict.UNDECIDED, "cannot be decided")):
        names = [gate.title for gate in gates if gate.verdict is verdict_]
        if names:
            parts.append(f"{words}: {', '.join(names)}")
    return f"{passed} of {len(gates)} bounds that were set before are met; {'; '.join(parts)}."
