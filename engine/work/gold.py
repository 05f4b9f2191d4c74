"""The gold prompts of a target, as the data stage holds them against training rows."""

from __future__ import annotations

from dataclasses import dataclass

from engine.folder import sha256_file
from engine.judge.leakage import prompt_text
from engine.judge.leaks import LeakIndex, Prompt, marked
from engine.judge.near import NearSettings
from engine.judge.suite_rows import BadRow, read_object
from engine.records.base import utc_now
from engine.records.leakage import Leakage
from engine.work.chats import Row, prompt_of, refuse
from engine.work.runtime import Refusal, WorkerContext
from engine.work.sieve import Sieve

FILE = "leakage.json"


@dataclass(frozen=True, slots=True)
class Gold:
    """One gold file. ``suite`` is its name in the plan, else the file's."""

    suite: str
    file: str
    sha256: str
    index: LeakIndex


def read_gold(ctx: WorkerContext, files: list[str], shown: list[str]) -> list[Gold]:
    """The gold files, whatever form their rows have; rows that stand in a file of ``shown`` are
    marked. Refusal lists every line that cannot be read."""
    names = _suite_names(ctx)
    texts = [one.text for file in shown for one in _prompts(ctx, file)]
    found = []
    for file in dict.fromkeys(files):
        prompts = marked(_prompts(ctx, file), texts)
        digest = sha256_file(ctx.target_path(file))
        found.append(Gold(names.get(file, file), file, digest, LeakIndex(prompts)))
    return found


def leakage_of(gold: list[Gold], train: list[Row], file: str, sha256: str, sieve: Sieve) -> Leakage:
    """The search in the rows that are left, ``train`` in the order of ``file``."""
    prompts = [Prompt(file, line, prompt_of(row)) for line, row in enumerate(train, start=1)]
    settings = gold[0].index.settings if gold else NearSettings()
    return Leakage(
        training_file=file,
        training_sha256=sha256,
        training_rows=len(train),
        threshold=settings.threshold,
        gram=settings.gram,
        template_share=settings.template_share,
        numbers_matter=settings.numbers_matter,
        refused=dict(sieve.refused),
        suites=[
            one.index.search(prompts).of_suite(one.suite, one.file, one.sha256) for one in gold
        ],
        date=utc_now(),
    )


def _suite_names(ctx: WorkerContext) -> dict[str, str]:
    """Gold file to the name of the suite, as the plan's eval stages have it."""
    names: dict[str, str] = {}
    for stage in ctx.plan.stages:
        suites = stage.spec.get("suites")
        for suite in suites if isinstance(suites, list) else []:
            if isinstance(suite, dict) and isinstance(suite.get("file"), str):
                names.setdefault(suite["file"], str(suite.get("name") or suite["file"]))
    return names


def _prompts(ctx: WorkerContext, name: str) -> list[Prompt]:
    """The prompts of a file, blank lines and a suite's header left out."""
    try:
        lines = ctx.target_path(name).read_bytes().split(b"\n")
    except OSError as error:
        raise Refusal(f"{name} cannot be read ({error.strerror}).") from error
    prompts: list[Prompt] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = read_object(line)
        except BadRow as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        text = prompt_text(row)
        if text and text.strip():
            prompts.append(Prompt(name, number, text))
        elif set(row) != {"suite"}:
            problems.append(f"{name}:{number}: has no prompt")
    refuse(problems, "Correct these lines.")
    return prompts
