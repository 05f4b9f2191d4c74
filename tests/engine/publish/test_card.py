"""The report card: whole, from the records alone, and with nothing in it that does anything."""

from __future__ import annotations

import json
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import checks
from engine.checks.contents import load
from engine.cli.app import main
from engine.fixing import apply, check
from engine.publish.card.build import MOST
from engine.publish.card.charts import HEIGHT, WIDTH, loss_picture
from engine.publish.card.curves import BUCKETS, decimate, loss_curves
from engine.publish.card.flips import SHOWN
from engine.publish.card.page import card_page
from engine.publish.card.writing import card_text, make_card, write_card
from engine.publish.report import write_report
from engine.records.report_card import CardCurve, CardVerdict, ReportCard
from tests.engine import folders
from tests.engine.folders import put

VOID = {"meta", "line", "circle", "path", "br"}
KNOWN = frozenset(
    {"html", "head", "meta", "title", "style", "body", "main", "header", "section", "nav"}
    | {"footer", "h1", "h2", "h3", "h4", "p", "a", "ul", "ol", "li", "dl", "dt", "dd", "div"}
    | {"span", "strong", "b", "code", "figure", "figcaption", "table", "caption", "thead"}
    | {"tbody", "tr", "th", "td", "svg", "line", "circle", "path", "text"}
)


class Page(HTMLParser):
    """A page's tags with their attributes, its text, and whether each tag that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def assert_inert(text: str) -> Page:
    """Nothing runs, nothing is loaded, every tag is one of the page's own and is closed."""
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= KNOWN
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert not {"src", "srcset", "style", "action", "xlink:href", "ping"} & set(attributes)
        if "href" in attributes:
            assert (attributes["href"] or "").startswith("#"), attributes
    assert "url(" not in text and "@import" not in text
    assert "default-src 'none'" in text
    return page


def card_of(run: Path) -> tuple[ReportCard, Page]:
    card, text = make_card(run)
    return card, assert_inert(text)


# --- from the records -----------------------------------------------------------------------------


def test_a_stranger_reads_what_happened(tmp_path: Path) -> None:
    card, page = card_of(folders.make_shipped(tmp_path))
    assert card.verdict.headline == "Shipped" and card.verdict.tone == "good"
    said = " ".join(card.verdict.sentences)
    assert "Of the 40 questions of router-gold the model answered 8 right before training" in said
    assert "and 38 after it" in said and "real gain" in said and "All 3 bounds" in said
    for sentence in card.verdict.sentences:
        assert sentence in page.text
    primary, breadth = card.suites
    assert (primary.before.value, primary.after.value) == (0.2, 0.95)
    assert primary.told == "better" and primary.difference.method == "Newcombe, paired"
    assert primary.bound == 0.9 and breadth.bound == pytest.approx(0.975 - 0.08)
    assert breadth.told == "within the noise"
    assert [gate.verdict for gate in card.gates] == ["pass"] * len(card.gates)
    assert card.flips[0].fixed == 30 and card.flips[0].broken == 0
    assert len(card.flips[0].fixed_examples) == SHOWN
    assert card.attempts[-1].this and card.attempts[-1].decision == "ship"
    assert [row.cells[1] for row in card.performance if row.name == "Time of training"] == [
        "30.0 s"
    ]
    assert any(one.sha256 == folders.read_json(tmp_path / "runs" / card.run_id / "config.json")
               ["eval"]["suites"]["router-gold"] for one in card.files)  # fmt: skip


def test_headings_come_in_order_and_everything_has_its_name(tmp_path: Path) -> None:
    _, page = card_of(folders.make_shipped(tmp_path))
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {
        attributes[key]
        for _, attributes in page.tags
        for key in ("aria-labelledby",)
        if key in attributes
    }
    links = {(one.get("href") or "")[1:] for tag, one in page.tags if tag == "a"}
    assert named | links <= set(ids)
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    tables = [number for number, (tag, _) in enumerate(page.tags) if tag == "table"]
    assert len(tables) >= 6 and all(page.tags[at + 1][0] == "caption" for at in tables)
    pictures = [one for tag, one in page.tags if tag == "svg"]
    assert all("aria-hidden" in one or one.get("role") == "img" or one == {} for one in pictures)
    assert dict(page.tags)["html"] == {"lang": "en"}


def test_gain_within_the_noise_is_said_in_those_words(tmp_path: Path) -> None:
    card, page = card_of(folders.make_run(tmp_path, right=(20, 22)))
    assert card.suites[0].told == "within the noise"
    assert "That is within the noise: chance alone could well" in page.text
    assert card.verdict.headline == "Not decided yet"


def test_routed_stands_in_title_and_card(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    folders.artifact(run, routing_constraint="router rows only")
    card, page = card_of(run)
    assert card.verdict.headline == "Shipped, routed" and "Shipped, routed" in page.text
    assert "It may be used only here (routed): router rows only" in page.text


def test_missing_evidence_is_a_list_of_its_own(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    (run / "eval-regression-baseline.json").unlink()
    put(run / "eval-baseline.json", "/historical", "a report of last year")
    put(run / "eval-candidate.json", "/skipped", {"latency": "no time"})
    sample = {"sample": "every 9th prompt", "sample_sha256": "a" * 64, "n": 20, "median_ms": 31.0}
    put(run / "eval-baseline.json", "/latency", sample)
    card, page = card_of(run)
    assert "one request at a time, 20 prompts (every 9th prompt" in page.text
    missing = {one.what: one.why for one in card.missing}
    assert "eval-regression-baseline.json is missing" in missing["router-breadth, before training"]
    assert "a report of last year" in missing["router-gold, before training"]
    assert missing["latency in eval-candidate.json"] == "Skipped: no time"
    assert card.suites[0].before.state == "historical"
    assert all(one.why in page.text for one in card.missing)


def test_attempts_are_the_runs_up_to_this_one(tmp_path: Path) -> None:
    first = folders.make_run(tmp_path, run_id="2026-11-18-router", right=(8, 9))
    put(first / "config.json", "/created", "2026-11-18T09:00:00Z")
    put(first / "config.json", "/hyperparameters", {"learning_rate": 1e-4, "a": 1, "b": 2, "c": 3})
    folders.write_json(first / "decision.json", folders.REJECT)
    second = folders.make_shipped(tmp_path)
    put(second / "config.json", "/hyperparameters", {"learning_rate": 2e-4, "a": 1, "b": 2, "c": 3})
    put(second / "config.json", "/parent_run_id", first.name)
    later = folders.make_run(tmp_path, run_id="2026-11-22-router")
    put(later / "config.json", "/created", "2026-11-22T09:00:00Z")
    other = folders.make_run(tmp_path, run_id="2026-11-17-other")
    put(other / "config.json", "/target", "other")
    card, _ = card_of(second)
    assert [one.run_id for one in card.attempts] == [first.name, second.name]
    assert card.attempts[0].lesson == folders.REJECT["lesson"]
    assert card.attempts[0].confidence == "inferred"
    assert card.attempts[0].result == "0.200 → 0.225"
    assert "learning_rate 0.0001 → 0.0002" in card.attempts[1].method


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    page = write_card(run)
    before = page.read_bytes(), (run / "report-card.json").read_bytes()
    write_card(run)
    assert (page.read_bytes(), (run / "report-card.json").read_bytes()) == before
    card = ReportCard.model_validate_json(before[1])
    assert card_page(card.model_copy(update={"page_sha256": None})) == before[0].decode()


# --- what does not match any more -----------------------------------------------------------------


def rules(run: Path) -> set[tuple[str, str]]:
    return {(one.rule, one.file) for one in checks.check_folder(run) if "card" in one.rule}


def test_a_card_is_found_to_be_older_than_its_records(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_card(run)
    assert rules(run) == set()
    text = (run / "eval-candidate.json").read_text()
    (run / "eval-candidate.json").write_text(json.dumps(json.loads(text)))  # says the same
    folders.write_json(run / "tags.json", {"tags": ["good"]})
    assert rules(run) == set()
    put(run / "eval-candidate.json", "/tokens_per_second", 901.0)
    both = {("card-stale", "report-card.json"), ("card-stale", "report-card.html")}
    assert rules(run) == both
    fixes = [one for one in check(run).fixes if one.file.startswith("report-card")]
    assert [one.problem for one in apply(run, fixes)] == [None, None]
    assert rules(run) == set()


def test_what_a_run_still_writes_after_its_report_makes_nothing_older(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    report = {"name": "report", "kind": "report", "argv": ["{python}"]}
    folders.edit(run / "plan.json", lambda plan: plan["stages"].append(report))
    put(run / "run-status.json", "/stages/report", {"state": "running"})
    put(run / "run-status.json", "/phase", "reporting")
    write_report(run)
    write_card(run)
    before = {one.rule for one in checks.check_folder(run)}
    put(run / "run-status.json", "/stages/report", {"state": "done", "ended": folders.time(9)})
    put(run / "run-status.json", "/phase", "decided")
    put(run / "run-status.json", "/revision", 9)
    assert {one.rule for one in checks.check_folder(run)} <= before
    assert not before & {"report-older", "card-stale"}


def test_a_card_that_was_edited_is_found(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    write_card(run)
    put(run / "report-card.json", "/suites/0/after/value", 0.99)
    assert rules(run) == {("card-edited", "report-card.json")}
    page = write_card(run)
    page.write_text(page.read_text().replace("95.0 %", "99.0 %"))
    assert rules(run) == {("card-edited", "report-card.html")}


# --- hostile and broken input ---------------------------------------------------------------------

EVIL = (
    "</style></title><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7 * 7 }} {% raw %} "
    '"\' onload=x javascript:alert(1) \x1b[31m\x00\x7f \u202egpj.exe\u2066 <a href="javascript:x">'
)


def test_text_of_models_and_people_is_text(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    path = run / "rows-candidate.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        row |= {"got": EVIL, "prompt": EVIL + "x" * 1_000_000, "slice": EVIL}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:38]), "utf-8")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    put(run / "config.json", "/owner_goal", EVIL)
    put(run / "config.json", "/target", EVIL)
    put(run / "decision.json", "/reason", EVIL)
    put(run / "eval-candidate.json", "/slices", {EVIL: {"n": 3, "score": 0.5}})
    for name in ("eval-baseline.json", "eval-candidate.json"):
        put(run / name, "/suite", EVIL)
    card, text = make_card(run)
    page = assert_inert(text)
    assert "<script>alert(1)</script>" in page.text and "{{ 7 * 7 }}" in page.text
    assert not any(char in text for char in "\x1b\x00\x7f\u202e\u2066")
    assert "␛[31m␀␡" in page.text
    assert len(text) < 400_000 and len(card_text(card)) < 400_000


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("<>/!-&;\"'abi ={}%\n", max_size=80)))
def test_no_text_makes_a_tag_of_its_own(text: str) -> None:
    verdict = CardVerdict(tone="open", headline="x" + text, sentences=[text], reason=text)
    card = ReportCard(run_id="r" + text, goal=text, verdict=verdict, made_from="0" * 64)
    assert_inert(card_page(card))


def test_an_empty_folder_and_a_foreign_one_have_a_card(tmp_path: Path) -> None:
    empty = tmp_path / "runs" / "empty"
    empty.mkdir(parents=True)
    card, page = card_of(empty)
    assert card.verdict.headline == "Not decided yet" and card.suites[0].after.value is None
    assert "not recorded" in page.text and "0.0 %" not in page.text
    assert {one.what for one in card.missing} >= {"config.json", "dataset.json", "decision.json"}
    run = folders.make_foreign(tmp_path)
    for name in ("eval-baseline.json", "eval-candidate.json"):
        put(run / name, "/n", None)
    foreign, page = card_of(run)
    assert foreign.suites[0].share and foreign.suites[0].told == "cannot be told"
    assert "70.0 %" in page.text and "97.0 %" in page.text


def test_much_of_everything_is_bounded_and_said(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    many = {f"slice {number}": {"n": 1, "score": 1.0} for number in range(5_000)}
    put(run / "eval-candidate.json", "/slices", many)
    put(run / "eval-candidate.json", "/skipped", {f"x{number}": "y" for number in range(5_000)})
    record = folders.read_json(run / "eval-regression-candidate.json")
    for number in range(70):
        suite = record | {"suite": f"more {number}", "rows_file": None}
        folders.write_json(run / f"eval-regression-{number}-candidate.json", suite)
        folders.write_json(run / f"eval-regression-{number}-baseline.json", suite)
    card, page = card_of(run)
    assert len(card.slices) == len(card.missing) == len(card.suites) == MOST
    assert "4,942 more kinds of question are not shown here." in page.text
    assert len(card_text(card)) < 300_000
    assert len(card.verdict.sentences) < 10
    assert "(router-breadth) it lost some" in card.verdict.sentences[2]


def test_broken_files_are_missing_evidence_and_no_error(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    for name in ("config.json", "dataset.json", "decision.json", "eval-candidate.json"):
        (run / name).write_bytes(b'{"cut')
    (run / "events.jsonl").write_bytes(b"\x00\xff\n{}\n[1]\n" + b"x" * 100)
    card, page = card_of(run)
    assert card.verdict.headline == "The decision cannot be read"
    assert "eval-candidate.json is missing or cannot be read." in page.text


# --- the loss -------------------------------------------------------------------------------------


def log(path: Path, losses: list[Any], every: int = 10) -> None:
    events: list[dict[str, Any]] = [
        {"kind": "stage-start", "stage": "train", "command": [], "pid": 1}
    ]
    events += [
        {"kind": "metric", "stage": "train", "step": step * every, "values": {"loss": loss}}
        for step, loss in enumerate(losses)
    ]
    folders.write_events(path, events)


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    log(run / "events.jsonl", [2.0, 1.5, "nan", 1.0, "inf", 0.5])
    card, page = card_of(run)
    assert card.curves[0].values == [2.0, 1.5, None, 1.0, None, 0.5]
    assert card.curve_note and "not a number" in card.curve_note and card.curve_note in page.text
    picture = loss_picture(card.curves)
    assert picture is not None and picture.lines[0].path.count("M") == 3


@pytest.mark.parametrize("losses", [[], [1.0], ["nan"], ["nan", "nan"], [0.0, 0.0], [-1.0, 1e300]])
def test_few_or_odd_losses_make_a_picture_or_none(tmp_path: Path, losses: list[Any]) -> None:
    run = folders.make_run(tmp_path)
    log(run / "events.jsonl", losses)
    card, page = card_of(run)
    real = [value for curve in card.curves for value in curve.values if value is not None]
    assert ("The loss is not recorded." in page.text) == (not real)
    picture = loss_picture(card.curves)
    assert (picture is None) == (not real)


def test_a_million_points_are_drawn_in_bounded_time_and_size(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    start = '{"seq":0,"t":"2026-11-20T09:00:00Z","stage":"train","kind":"stage-start"}\n'
    with (run / "events.jsonl").open("w") as file:
        file.write(start)
        for step in range(1_000_000):
            loss = 9.0 if step == 777_777 else 1.0 + 1 / (1 + step)
            file.write(
                f'{{"seq":{step + 1},"t":"2026-11-20T09:00:00Z","stage":"train","kind":"metric",'
                f'"step":{step},"values":{{"loss":{loss}}}}}\n'
            )
    began = time.monotonic()
    found = loss_curves(run, ["train"])
    assert time.monotonic() - began < 20
    assert found.curves[0].values and len(found.curves[0].values) <= 3 * BUCKETS + 2
    assert "samples" in found.note
    _, text = make_card(run)
    assert len(text) < 300_000


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=3_000),
    st.integers(1, 50),
)
def test_decimating_keeps_ends_extremes_and_gaps(values: list[float], buckets: int) -> None:
    steps, kept = decimate([float(one) for one in range(len(values))], values, buckets)
    assert len(kept) <= max(3 * buckets + 2, 3 * buckets) and steps == sorted(steps)
    assert steps[0] == 0 and steps[-1] == len(values) - 1
    real = [one for one in values if one == one]
    shown = [one for one in kept if one is not None]
    assert (None in kept) == (len(real) < len(values))
    if real:
        assert min(shown) == pytest.approx(min(real), rel=1e-5)
        assert max(shown) == pytest.approx(max(real), rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50))
def test_every_point_lies_in_the_picture(values: list[float]) -> None:
    curve = CardCurve(
        name="training", steps=[float(i) for i in range(len(values))], values=[*values]
    )
    picture = loss_picture([curve])
    assert picture is not None
    numbers = [
        float(one) for one in picture.lines[0].path.replace("M", " ").replace("L", " ").split()
    ]
    assert all(-1 <= x <= WIDTH + 1 for x in numbers[::2])
    assert all(-1 <= y <= HEIGHT + 1 for y in numbers[1::2])
    assert 2 <= len(picture.y) <= 8 and all(0 <= tick.at <= 100 for tick in picture.x)


# --- the command ----------------------------------------------------------------------------------


def test_the_command_writes_prints_and_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folders.make_shipped(tmp_path)

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["card", run.name, "-w", str(tmp_path), *arguments])
        assert ended.value.code == 0
        return capsys.readouterr().out

    printed = json.loads(call("--json"))
    assert printed["run_id"] == run.name and not (run / "report-card.json").exists()
    out = tmp_path / "elsewhere" / "card.html"
    assert call("--out", str(out)).strip() == str(out) and out.read_text().startswith("<!doctype")
    assert not (run / "report-card.json").exists()
    assert call().strip().endswith("report-card.html")
    assert json.loads((run / "report-card.json").read_text()) == printed
    assert (run / "report-card.html").read_bytes() == out.read_bytes()


def test_report_and_decision_make_the_card_anew(tmp_path: Path) -> None:
    run = folders.make_run(tmp_path)
    with pytest.raises(SystemExit):
        main(["report", run.name, "-w", str(tmp_path)])
    assert load(run).record("report-card.json", ReportCard) is not None
    arguments = [
        "--reason",
        "no",
        "--failure-reason",
        "no",
        "--lesson",
        "no",
        "--confidence",
        "exact",
    ]
    with pytest.raises(SystemExit) as ended:
        main(["decide", run.name, "reject", "-w", str(tmp_path), *arguments])
    assert ended.value.code == 0
    card = load(run).record("report-card.json", ReportCard)
    assert card is not None and card.verdict.headline == "Rejected"
    assert rules(run) == set()
