"""What a run was made from and on: data, hashes, versions, the machine. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.judge.gates import BASELINE, CANDIDATE
from engine.publish.how_scored import how_scored
from engine.publish.markdown import clip
from engine.publish.numbers import NOT_RECORDED
from engine.records.provenance import Machine, Provenance
from engine.records.report_card import CardFact, CardFile

_PACKAGES = ("factory-tui", "mlx", "mlx-lm", "transformers", "numpy")
"""What bears on the numbers; the others stand in provenance.json."""


def _fact(name: str, text: str | None) -> CardFact:
    return CardFact(name=name, text=clip(text, 400) if text else NOT_RECORDED)


def data_facts(contents: RunContents) -> Iterator[CardFact]:
    """The data set in words."""
    dataset = contents.dataset
    if dataset is None:
        return
    yield _fact("Data set", dataset.dataset_id)
    counts = dataset.counts
    numbers = counts.train_rows, counts.heldout_rows, counts.dropped_rows
    # A data set without a row is none: three zeros mean that nobody counted.
    shown = [f"{one:,}" if any(numbers) else None for one in numbers]
    for name, text in zip(("Training rows", "Held-out rows", "Dropped rows"), shown, strict=True):
        yield _fact(name, text)


def files(contents: RunContents) -> Iterator[CardFile]:
    """Everything with a hash that the scores depend on, suites first."""
    yield from _suites(contents)
    yield from _sources(contents)
    yield from _read(contents)


def _suites(contents: RunContents) -> Iterator[CardFile]:
    config = contents.config
    for name, digest in (config.eval.suites if config else {}).items():
        yield CardFile(what="suite, frozen", name=clip(name, 200), sha256=digest)
    if config is None or not config.eval.suites:
        seen = set()
        for record in contents.evals.values():
            if record.suite not in seen:
                seen.add(record.suite)
                yield CardFile(
                    what="suite",
                    name=clip(record.suite, 200),
                    sha256=record.suite_sha256,
                    rows=record.n,
                )


def _sources(contents: RunContents) -> Iterator[CardFile]:
    for one in contents.dataset.sources if contents.dataset else []:
        yield CardFile(
            what=clip(f"data, {one.kind}", 100),
            name=clip(one.path, 200),
            sha256=one.sha256,
            rows=one.rows,
        )


def _read(contents: RunContents) -> Iterator[CardFile]:
    found = contents.record("provenance.json", Provenance)
    named = {one.path for one in contents.dataset.sources} if contents.dataset else set()
    for path, digest in (found.datasets if found else {}).items():
        if path not in named:
            yield CardFile(what="file that was read", name=clip(path, 200), sha256=digest)


def provenance_facts(contents: RunContents) -> Iterator[CardFact]:
    """How the numbers came about: commands, code, versions, machine."""
    config = contents.config
    if config is not None:
        base = config.base_model
        exactly = ", ".join(part for part in (base.revision, base.precision) if part)
        yield _fact("Base model", base.id + (f" ({exactly})" if exactly else ""))
        yield _fact("Training command", config.candidate.training_command)
        yield _fact("Training seed", None if config.seed is None else str(config.seed))
        if config.parent_run_id:
            yield _fact("Parent run", config.parent_run_id)
    for side, file in (("before", BASELINE), ("after", CANDIDATE)):
        record = contents.evals.get(file)
        if record is not None:
            yield _fact(f"Evaluation command, {side}", record.command)
    for file, record in sorted(contents.evals.items()):
        if "baseline" not in file and (how := how_scored(record)):
            yield _fact(f"Scoring of {clip(record.suite, 60)}", how[0].upper() + how[1:])
    found = contents.record("provenance.json", Provenance)
    if found is None:
        yield _fact("Versions and machine", None)
        return
    commit = found.git_commit
    if commit and found.git_dirty:
        commit += ", with changes that were not committed"
    yield _fact("Git commit", commit)
    yield _fact("Python", found.python)
    named = [f"{name} {found.packages[name]}" for name in _PACKAGES if name in found.packages]
    yield _fact("Packages", ", ".join(named))
    yield _fact("Machine", _machine(found.machine))


def _machine(machine: Machine | None) -> str | None:
    if machine is None:
        return None
    memory = machine.memory_bytes
    parts = (
        machine.chip or machine.machine,
        f"{machine.cores} cores" if machine.cores else None,
        f"{memory / 2**30:.0f} GB" if memory else None,
        " ".join(part for part in (machine.system, machine.release) if part),
        machine.accelerator,
    )
    return ", ".join(part for part in parts if part)
