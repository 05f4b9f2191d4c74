"""Findings by file, the line they are about, the editor, and checking again by itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from engine.checks.finding import Finding, error, info, warning
from engine.editor import editor_command
from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import make_run
from tui.app import FactoryApp
from tui.screens.file_view import FileScreen
from tui.views.findings_view import group, line_in, verdict
from tui.widgets.file_view import FileView
from tui.widgets.findings_list import FindingsList
from tui.widgets.top_bar import TopBar

RUN = "2026-11-20-drone-router-2"


def options(app: FactoryApp) -> str:
    one = app.screen.query_one(FindingsList)
    return "\n".join(str(one.get_option_at_index(i).prompt) for i in range(one.option_count))


def bar(app: FactoryApp) -> str:
    return str(app.screen.query_one(TopBar).render())


# --- without a screen ---------------------------------------------------------------


def found(file: str, pointer: str = "") -> Finding:
    return error("a-rule", file, pointer, "It is wrong.", "Mend it.")


def test_files_stand_in_the_order_of_a_run_with_the_worst_sign() -> None:
    findings = [
        warning("w", "report.md", "", "w", "f"),
        found("config.json"),
        warning("w", "config.json", "", "w", "f"),
        found(""),
        info("i", "decision.json", "", "i", "f"),
    ]
    groups = group(findings, ["train.log", "config.json", "zzz.txt", "dataset.json"])
    assert [(one.name, one.sign.text) for one in groups] == [
        ("", "✘"),
        ("config.json", "✘"),
        ("dataset.json", "✔"),
        ("decision.json", "·"),
        ("report.md", "⚠"),
        ("train.log", "✔"),
        ("zzz.txt", "✔"),
    ]
    assert verdict(findings).text == "✘ 2 errors, 2 warnings"
    assert verdict([]).text == "✔ valid"


def test_the_line_of_a_finding() -> None:
    text = json.dumps({"a": 1, "b": {"c": [1, 2], "d/e": 3}}, indent=2)
    for pointer, key in (("/b", '"b"'), ("/b/d~1e", '"d/e"'), ("/b/c/1", "2")):
        line = line_in(found("config.json", pointer), text)
        assert line is not None and key in text.split("\n")[line - 1]
    assert line_in(found("config.json"), text) is None
    assert line_in(found("config.json"), '{\n "a": 1,\n "b": ') == 3
    assert line_in(found("rows-x.jsonl", "/1"), "{}\n{}\n") == 2
    assert line_in(found("train.log"), "x") is None


@pytest.mark.parametrize(
    ("editor", "expected"),
    [
        ("vim", ["vim", "+7", "FILE"]),
        ("/usr/bin/nano -w", ["/usr/bin/nano", "-w", "+7", "FILE"]),
        ("code", ["code", "--wait", "--goto", "FILE:7"]),
        ("hx", ["hx", "FILE:7"]),
        ("ed", ["ed", "FILE"]),
    ],
)
def test_editors_open_at_the_line(
    editor: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    path = tmp_path / "config.json"
    assert editor_command(path, 7) == [word.replace("FILE", str(path)) for word in expected]


def test_without_an_editor_there_is_no_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert editor_command(tmp_path / "x", None) is None


# --- on the screen ------------------------------------------------------------------


async def test_lists_files_and_findings_and_opens_the_place(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    config = json.loads((run / "config.json").read_text())
    config["eval"]["threshold"]["primary_min"] = 0.5
    (run / "config.json").write_text(json.dumps(config, indent=2))
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "✘" in bar(app))
        assert "✔ dataset.json" in options(app) and "✘ config.json" in options(app)
        view = app.screen.query_one(FileView)
        await until(pilot, lambda: view._marked is not None)
        lines = (run / "config.json").read_text().split("\n")
        assert (
            "primary_min" in lines[(view._marked or 0) - 1]
            or "threshold" in lines[(view._marked or 0) - 1]
        )
        assert "→ " in texts(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        shown = [view.render_line(y).text for y in range(view.size.height)]
        assert any("▸" in line for line in shown)
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "validate")


async def test_checks_again_when_a_file_changes(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    good = (run / "eval-candidate.json").read_text()
    (run / "eval-candidate.json").write_text(good[: len(good) // 2])
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✘ 1 error" in bar(app))
        (run / "eval-candidate.json").write_text(good)
        await until(pilot, lambda: "✔ valid" in bar(app))
        (run / "decision.json").write_text('{"decision": "maybe"}')
        await until(pilot, lambda: "error" in bar(app))
        assert "✘ decision.json" in options(app)


async def test_the_editor_gets_the_file_and_a_missing_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib

    run = make_run(tmp_path, RUN)
    (run / "config.json").write_text("{\n")
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nprintf "%s" "$*" > "$0.seen"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(editor))
    app = app_on(tmp_path, "validate", RUN)
    monkeypatch.setattr(app, "suspend", contextlib.nullcontext)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "✘" in bar(app))
        await pilot.press("e")
        seen = tmp_path / "editor.sh.seen"
        await until(pilot, seen.exists)
        assert seen.read_text() == str(run / "config.json")
        monkeypatch.setenv("VISUAL", str(tmp_path / "not-there"))
        await pilot.press("e")
        await until(
            pilot, lambda: any("could not be started" in n.message for n in app._notifications)
        )


async def test_hostile_names_and_links_out_of_the_folder_are_harmless(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    secret = tmp_path / "secret.txt"
    secret.write_text("do not show")
    (run / "link.json").symlink_to(secret)
    (run / "[red]x\x1b[31m.txt").write_text("\x1b[2J[bold]\tz")
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "[red]x␛[31m.txt" in options(app))
        one = app.screen.query_one(FindingsList)
        view = app.screen.query_one(FileView)
        for name, shown in (("link.json", None), ("[red]x", "␛[2J[bold]")):
            one.highlighted = next(
                i for i in range(one.option_count) if name in str(one.get_option_at_index(i).prompt)
            )
            if shown:
                await until(pilot, lambda: "␛[2J[bold]" in view.render_line(0).text)
            else:
                await pilot.pause(0.3)
                assert "do not show" not in view.render_line(0).text


async def test_a_run_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-11-20-other")
    app = app_on(tmp_path, "validate", "2026-11-20-gone")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any("cannot be read" in n.message for n in app._notifications))
