"""Where the rows of drone-router come from: a small grammar and a seed.

Standard library only, so that it runs wherever Python does. Three kinds of chat rows come out:

- ``generate``: what a person says to a drone, and the command it means, as JSON;
- ``breadth``: four small skills that have nothing to do with drones (repeat, swap, sum, last);
- ``pretrain_rows``: what the tiny base model learns before anything else. It is mostly breadth,
  and a few router rows in one plain phrasing a command, so that the base knows the answer's
  shape and next to nothing of how people talk.

Gold and training rows never meet: a hash of the normalised prompt says to which side a prompt
belongs (``reserved``). A training seed cannot draw a gold prompt, whatever the seed is. What the
two sides do share is the grammar below, so gold measures new combinations of known turns of
phrase, and no new turns of phrase.

The same seed gives the same rows on every Python: only ``random.Random.random`` is used, whose
sequence the language promises, seeded with an integer.

Run ``python generator.py`` in this folder to write ``dataset/*.jsonl`` anew.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

Row = dict[str, Any]
Args = dict[str, Any]
T = TypeVar("T")

GOLD_SEED = 7_001
GOLD_ROWS = 180
BREADTH_ROWS = 180
CANONICAL_ROWS = 45
RESERVED_PART = 5
"""One prompt in so many belongs to gold."""

PATIENCE = 2_000
"""After so many draws in vain the next command (or skill) has its turn."""

SURE, UNSURE, NO_COMMAND = 0.95, 0.6, 0.0
"""The confidences: said plainly, said with a hedge ("maybe"), and not a command at all."""

DEFAULT_ALTITUDE_M = 10
DEFAULT_STEP_M = 5
DEFAULT_RADIUS_M = 30

# --- the grammar ------------------------------------------------------------------------------
# [a|b|c] is one of a, b, c; {slot} is filled in with a value that the answer repeats.
# A phrasing that starts with ~ is no imperative: "could you" does not go before it.

PHRASINGS: dict[str, list[str]] = {
    "takeoff": [
        "[take off|lift off|launch|get airborne]",
        "[take off|lift off|launch] [to|and climb to|and hold at|up to] {alt}",
        "[take off|lift off|launch] to [an altitude|a height] of {alt}",
        "[get|bring] [it|the drone|her] [off the ground|in the air|airborne]",
        "[start|initiate|begin] [takeoff|the takeoff|launch][| to {alt}]",
        "~[takeoff|liftoff|launch][| to {alt}| altitude {alt}]",
        "~wheels up[| to {alt}]",
    ],
    "land": [
        "land [|now|here|at base|on the pad|right there|safely|in the field]",
        "[set|put] [it|the drone|her] down [|here|now|on the pad|on the ground]",
        "touch down [|here|now|on the pad|at base]",
        "bring [it|the drone|her] down to the ground",
        "[end|finish|stop] the flight and land",
        "[start|initiate|begin] [landing|the landing]",
        "~[landing|touchdown] [here|now|please]",
    ],
    "goto_waypoint": [
        "[fly|go|head|move|proceed|navigate] to [|grid |waypoint |square |sector ]{grid}",
        "[fly|go|head] to [coordinates |position ]{latlon}",
        "[take|bring|send] [it|the drone|her] to [|grid |waypoint |sector ]{grid}",
        "[check|inspect|look at|scan|visit] [grid|waypoint|square|sector] {grid}",
        "[return|go back|come back] to [grid|waypoint|square|sector] {grid}",
        "~[next|new] [waypoint|stop|target] [|is ]{grid}",
        "~[I need|we want] [it|the drone|her] [at|over] {grid}",
    ],
    "rtl": [
        "return [home|to base|to launch|to the launch point|to me]",
        "[come|go|fly|head] [home|back|back home|back to base|back to the launch point]",
        "[bring|fly|send] [it|the drone|her] [back|home|back home|back to base]",
        "[abort|stop|cancel] [the mission |]and [come|fly|go] [home|back]",
        "[start|initiate|begin] [return to launch|the return to launch]",
        "~RTL [|now|sequence]",
        "~[time|ready] to [come|go|fly|head] home",
        "~back to where [you|we|it] started",
    ],
    "hover": [
        "hover [|here|in place|there|right here][| for {dur}]",
        "hold [position|your position|still|it there|steady][| for {dur}]",
        "stay [here|put|where you are|in place|there][| for {dur}]",
        "[wait|pause|stop] [here|there|in the air][| for {dur}]",
        "keep [this|your] [spot|position|place][| for {dur}]",
        "freeze [|there|right there][| for {dur}]",
        "~do not move [|now|at all][| for {dur}]",
    ],
    "loiter": [
        "loiter [|here|over the area|over the field][| for {dur}]",
        "loiter [|here|over the area] [with a radius of|at a radius of|at] {rad}",
        "[circle|orbit] [the area|this spot|the field|the tower|the house][| for {dur}]",
        "[circle|orbit] [the area|this spot|the field|the tower] at {rad}",
        "[fly|do|make] [circles|rings|orbits] of {rad}",
        "keep [circling|orbiting|loitering] [|here|the field|the tower][| for {dur}]",
        "[hold|stay in] a circle [|here|over the field][| for {dur}]",
        "[hold|stay in] a circle of {rad}",
    ],
    "ascend": [
        "[go|climb|move|fly|come] up [|by ]{step}",
        "[climb|ascend|rise] [|by |another ]{step}",
        "gain {step}[| of altitude| of height]",
        "[raise|lift] [it|the drone|her] [|by ]{step}",
        "[go|climb|fly|move] [higher|up a bit|up|a bit higher|a little higher]",
        "take [it|the drone|her] up [|a bit|a little|by {step}]",
        "~{step} [higher|up|more altitude]",
    ],
    "descend": [
        "[go|drop|move|fly|come] down [|by ]{step}",
        "[descend|sink|drop] [|by |another ]{step}",
        "lose {step}[| of altitude| of height]",
        "[lower|drop] [it|the drone|her] [|by ]{step}",
        "[go|drop|fly|move] [lower|down a bit|down|a bit lower|a little lower]",
        "take [it|the drone|her] down [|a bit|a little|by {step}]",
        "~{step} [lower|down|less altitude]",
    ],
    "unknown": [
        "play [some music|some jazz|a song|my list|the radio]",
        "tell me [a joke|a story|the time|the news|about yourself]",
        "[order|buy|get] [a pizza|two coffees|some bread|a new battery|lunch]",
        "[take|send|show] [a photo|a picture|a video][| of the field| of the house]",
        "set [a timer|an alarm] for {dur}",
        "[call|text|email] [mum|the office|my friend|the pilot|Anna]",
        "turn [on|off] the [lights|radio|heating|camera]",
        "[sing|dance|smile|write a poem|do my homework]",
        "~[what is|how is] the [weather|wind|altitude|battery|signal][| like| today| at {grid}]",
        "~how [high|fast|far|old] [are you|is it|is the tower|is the field]",
        "~what does [hover|loiter|RTL|takeoff|land|descend] mean",
        "~is it [safe|legal|possible] to [land|fly|take off|hover] [here|now|today]",
        "~[who|where|what] is [Anna|the pilot|the launch point|{grid}|my phone]",
        "~[thanks|good morning|hello|well done|nice work|never mind]",
        "~{noise}",
        "~{noise} {noise}",
    ],
}

COMMANDS: tuple[str, ...] = tuple(PHRASINGS)

PLAIN: dict[str, str] = {
    "takeoff": "take off to {alt}",
    "land": "land now",
    "goto_waypoint": "fly to [{grid}|{latlon}]",
    "rtl": "return to launch point",
    "hover": "hover for {dur}",
    "loiter": "loiter at {rad}",
    "ascend": "ascend {step}",
    "descend": "descend {step}",
    "unknown": "{noise} {noise}",
}
"""The one phrasing a command that the base model is shown."""

OPENERS = ["please ", "ok ", "ok, ", "uh, ", "um ", "hey, ", "drone, ", "now ", "alright, ", "so, "]
ASKING = ["can you ", "could you ", "would you ", "you should ", "I want you to ", "time to "]
HEDGES = ["maybe ", "perhaps ", "I guess ", "I think ", "not sure, but "]
CLOSERS = [" please", ", please", " now", " thanks", ", thanks", ", over", ", ok?", " then"]
MARKS = ["", "", "", "", ".", ".", "!"]

_WORDS = (
    "cat dog sun moon tree fish bird rock lake hill boat door lamp book cup hat shoe ball ring "
    "bell rose leaf sand snow rain wind fire gold iron salt milk corn rice plum pear lime mint "
    "bear wolf deer goat lion frog crab swan duck crow road wall roof farm city king queen ship "
    "star cloud river stone bread sugar apple lemon tiger horse mouse sheep green white black"
)
_SYLLABLES = "ba blo dru fli gur jop ka klu mog nib ork plu qua rix sno tep ush vab wug zim"
WORDS, SYLLABLES = _WORDS.split(), _SYLLABLES.split()
NUMBER_WORDS = {"five": 5, "ten": 10, "twenty": 20, "thirty": 30, "fifty": 50}
COLUMNS = "ABCDEFGHJKLM"


class _Dice:
    """Draws that are the same on every Python for the same purpose and seed."""

    def __init__(self, purpose: str, seed: int) -> None:
        digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))

    def below(self, n: int) -> int:
        return int(self._random.random() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def chance(self, p: float) -> bool:
        return self._random.random() < p


# --- slots: (what is said, what it means) ------------------------------------------------------


def _metres(dice: _Dice, high: int) -> tuple[str, int]:
    if dice.chance(0.15):
        word = dice.pick(sorted(NUMBER_WORDS))
        return f"{word} {dice.pick(['meters', 'metres'])}", NUMBER_WORDS[word]
    value = 5 * dice.between(1, high // 5)  # people say round numbers
    return f"{value}{dice.pick([' m', 'm', ' meters', ' metres'])}", value


def _duration(dice: _Dice) -> tuple[str, int]:
    if dice.chance(0.3):
        minutes = dice.between(1, 3)
        return f"{minutes} {'minute' if minutes == 1 else 'minutes'}", 60 * minutes
    seconds = 5 * dice.between(1, 18)
    return f"{seconds}{dice.pick([' s', ' seconds', ' sec'])}", seconds


def _latlon(dice: _Dice) -> tuple[str, Args]:
    lat, lon = dice.between(10, 69), dice.between(10, 99)
    return f"{lat}{dice.pick([', ', ' ', ','])}{lon}", {"lat": lat, "lon": lon}


def _noise(dice: _Dice) -> str:
    return "".join(dice.pick(SYLLABLES) for _ in range(2))


def _fill(slot: str, dice: _Dice) -> tuple[str, Args]:
    if slot == "noise":
        return _noise(dice), {}
    if slot == "grid":
        said = f"{dice.pick(COLUMNS)}{dice.between(1, 9)}"
        return said, {"grid": said}
    if slot == "latlon":
        return _latlon(dice)
    if slot == "dur":
        said, seconds = _duration(dice)
        return said, {"duration_s": seconds}
    name, high = {"alt": ("altitude_m", 95), "rad": ("radius_m", 95), "step": ("delta_m", 60)}[slot]
    said, metres = _metres(dice, high)
    return said, {name: metres}


_DEFAULTS: dict[str, Args] = {
    "takeoff": {"altitude_m": DEFAULT_ALTITUDE_M},
    "hover": {"duration_s": None},
    "loiter": {"radius_m": DEFAULT_RADIUS_M, "duration_s": None},
    "ascend": {"delta_m": DEFAULT_STEP_M},
    "descend": {"delta_m": DEFAULT_STEP_M},
}
"""What an argument is where nothing was said of it. The keys' order is the answer's."""


def _expand(phrasing: str, dice: _Dice) -> tuple[str, Args]:
    """Choose the alternatives, fill in the slots."""
    said = re.sub(r"\[([^\]]*)\]", lambda m: dice.pick(m[1].split("|")), phrasing)
    args: Args = {}

    def fill(match: re.Match[str]) -> str:
        text, values = _fill(match[1], dice)
        args.update(values)
        return text

    return " ".join(re.sub(r"\{(\w+)\}", fill, said).split()), args


def _say(command: str, phrasing: str, dice: _Dice) -> tuple[str, Args, bool]:
    """One wording with what people put around it; True where it is hedged."""
    said, args = _expand(phrasing.removeprefix("~"), dice)
    hedged = command != "unknown" and dice.chance(0.15)
    if hedged:
        said = dice.pick(HEDGES) + said
    elif not phrasing.startswith("~") and dice.chance(0.2):
        said = dice.pick(ASKING) + said
    if dice.chance(0.3):
        said = dice.pick(OPENERS) + said
    if dice.chance(0.3):
        said += dice.pick(CLOSERS)
    said += dice.pick(MARKS)
    if dice.chance(0.4):
        said = said[0].upper() + said[1:]
    return said, args, hedged


def _row(prompt: str, answer: str, category: str) -> Row:
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "category": category}


def _answer(command: str, args: Args, confidence: float) -> str:
    known = {} if command == "unknown" else {**_DEFAULTS.get(command, {}), **args}
    answer = {"cmd": command, "args": known, "confidence": confidence}
    return json.dumps(answer, separators=(",", ":"))


def _router_row(command: str, dice: _Dice) -> Row:
    said, args, hedged = _say(command, dice.pick(PHRASINGS[command]), dice)
    confidence = NO_COMMAND if command == "unknown" else UNSURE if hedged else SURE
    return _row(said, _answer(command, args, confidence), command)


def _plain_row(command: str, dice: _Dice) -> Row:
    said, args = _expand(PLAIN[command], dice)
    return _row(said, _answer(command, args, NO_COMMAND if command == "unknown" else SURE), command)


# --- the unrelated skills ----------------------------------------------------------------------


def _thing(dice: _Dice) -> str:
    """A word, or now and then a number: so the base learns to copy both."""
    return str(dice.between(10, 99)) if dice.chance(0.05) else dice.pick(WORDS)


def _repeat(dice: _Dice) -> tuple[str, str]:
    word, n = _thing(dice), dice.between(2, 4)
    said = dice.pick(["repeat {w} {n}", "say {w} {n} times", "{w} times {n}", "{n} times {w}"])
    return said.format(w=word, n=n), " ".join([word] * n)


def _swap(dice: _Dice) -> tuple[str, str]:
    a, b = _thing(dice), _thing(dice)
    said = dice.pick(["swap {a} {b}", "swap {a} and {b}", "turn around {a} {b}", "reverse {a} {b}"])
    return said.format(a=a, b=b), f"{b} {a}"


def _sum(dice: _Dice) -> tuple[str, str]:
    a, b = dice.below(10), dice.below(10)
    said = dice.pick(["{a} + {b}", "{a} plus {b}"])
    return said.format(a=a, b=b), str(a + b)


def _last(dice: _Dice) -> tuple[str, str]:
    words = [_thing(dice) for _ in range(dice.between(3, 5))]
    said = dice.pick(["last of {w}", "last word: {w}", "which is last: {w}", "end of {w}"])
    return said.format(w=" ".join(words)), words[-1]


SKILLS: dict[str, Callable[[_Dice], tuple[str, str]]] = {
    "repeat": _repeat,
    "swap": _swap,
    "sum": _sum,
    "last": _last,
}

LESSONS = ("sum", "repeat", "swap", "sum", "last", "repeat", "sum", "swap")
"""The skills as they take turns in training: sums are known by heart only, and need more."""


def _breadth_row(skill: str, dice: _Dice) -> Row:
    prompt, answer = SKILLS[skill](dice)
    return _row(prompt, answer, skill)


# --- what others call --------------------------------------------------------------------------


def normalise(prompt: str) -> str:
    """A prompt without case, punctuation and extra white space."""
    return " ".join(re.findall(r"\w+", prompt.casefold()))


def reserved(prompt: str) -> bool:
    """Whether the prompt belongs to gold (about one in five) and so to no training row."""
    digest = hashlib.sha256(normalise(prompt).encode()).digest()
    return digest[0] % RESERVED_PART == 0


def _collect(n: int, draw: Callable[[int], Row], *, gold: bool, unique: bool) -> list[Row]:
    """``n`` rows of one side of the hash; new prompts only while the grammar still has some."""
    rows: list[Row] = []
    seen: set[str] = set()
    stale = 0
    while len(rows) < n:
        row = draw(len(rows) + stale // PATIENCE)
        prompt = normalise(row["messages"][0]["content"])
        if reserved(prompt) != gold or (unique and prompt in seen):
            stale += 1
            continue
        seen.add(prompt)
        rows.append(row)
    return rows


def generate(
    n: int, focus: Sequence[str] | None = None, seed: int = 0, *, gold: bool = False
) -> list[Row]:
    """``n`` router rows, the commands in equal parts; none of them is in any gold set.

    ``focus`` names commands to emphasise: about seven rows in ten are of those.
    ``gold`` draws from the other side: rows that no training seed ever gives.
    ValueError for an unknown command.
    """
    unknown = sorted(set(focus or ()) - set(COMMANDS))
    if unknown:
        raise ValueError(f"no such command: {', '.join(unknown)}; known: {', '.join(COMMANDS)}")
    dice = _Dice("gold" if gold else "router", seed)

    def draw(index: int) -> Row:
        pool = focus if focus and dice.chance(0.7) else COMMANDS
        return _router_row(pool[index % len(pool)], dice)

    return _collect(n, draw, gold=gold, unique=True)


def breadth(n: int, seed: int = 0, *, gold: bool = False) -> list[Row]:
    """``n`` rows of the unrelated skills; ``gold`` as in ``generate``, and in equal parts."""
    dice = _Dice("breadth-gold" if gold else "breadth", seed)
    skills = tuple(SKILLS) if gold else LESSONS
    return _collect(
        n, lambda i: _breadth_row(skills[i % len(skills)], dice), gold=gold, unique=gold
    )


def pretrain_rows(n: int, seed: int = 0, router_share: float = 0.15) -> list[Row]:
    """``n`` rows for the base model: breadth, and ``router_share`` (0 to 1) plain router rows."""
    dice = _Dice("pretrain", seed)

    def draw(index: int) -> Row:
        if dice.chance(router_share):
            return _plain_row(dice.pick(COMMANDS), dice)
        return _breadth_row(LESSONS[index % len(LESSONS)], dice)

    return _collect(n, draw, gold=False, unique=False)


def write_datasets(folder: Path) -> None:
    """Write gold, breadth and canonical rows into ``folder``, the same bytes every time."""
    files = {
        "gold.jsonl": generate(GOLD_ROWS, None, GOLD_SEED, gold=True),
        "breadth.jsonl": breadth(BREADTH_ROWS, GOLD_SEED, gold=True),
        "canonical.jsonl": generate(CANONICAL_ROWS, None, GOLD_SEED),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {len(rows)} rows", file=sys.stderr)


if __name__ == "__main__":
    write_datasets(Path(__file__).parent / "dataset")
