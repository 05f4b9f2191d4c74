"""What becomes of a prompt that goes into a suite, in words."""

from __future__ import annotations

from engine.answers.by_hand import SuitePlace, Written
from tui.views.plain import plain


def place_names(places: list[SuitePlace]) -> dict[str, str]:
    """The files that a row can go to, with what each is."""
    return {one.file: _what(one) for one in places}


def _what(place: SuitePlace) -> str:
    if not place.frozen:
        return "by hand" if place.path.is_file() else "by hand, made now"
    return f"{place.role} suite {plain(place.name, clip=40)}"


def consequence(place: SuitePlace) -> str:
    """What it means that a row is added there."""
    if not place.frozen:
        return (
            f"{place.file} is yours alone: no run is judged on it until forge.yaml names it under "
            "factory.suites.regression."
        )
    return (
        f"Runs are judged on {place.file}. With another row it has another hash and is another "
        "suite: earlier runs stay judged on the one before, and are not comparable with new ones "
        "without evaluating them again."
    )


def written_words(written: Written) -> str:
    """What was done."""
    place = written.place
    rows = f"{written.examples} example{'s' * (written.examples != 1)}"
    if written.before is None:
        return f"{place.file} was made, with 1 example."
    return f"{place.file}, line {written.line}: added. It has {rows} now."


def frozen_words(written: Written) -> str:
    """What changed for a suite that judges."""
    before = (written.before or "")[:12]
    return f"Its hash was {before}…, now it is {written.after[:12]}…."
