"""What the pages say, that the same input gives the same bytes, and that tricks are text."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.publish.card.writing import write_card
from engine.publish.site.artifact_view import in_order
from engine.publish.site.build import MANIFEST, Site, build_site
from engine.publish.site.pages import CONTENTS
from engine.web_address import web_address
from engine.workspace import Workspace
from tests.engine import folders
from tests.engine.publish.site import sample

TRICKS = (
    "javascript:alert(1)",
    "//example.org",
    "ftp://example.org",
    "https://",
    "https://a b",
    "https://x\ny",
    "https://u:p@example.org",
    "https://[",
    "mailto:a@b",
    "https://example.org/" + "a" * 5000,
    "https://еxample.org",
)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.workspace(tmp_path_factory.mktemp("workspace")).path


@pytest.fixture(scope="module")
def site(folder: Path) -> Site:
    return sample.site(folder)


class Words(HTMLParser):
    """The text of a page, its tags and its links."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.rels: dict[str, str] = {}
        self._text: list[str] = []
        self._in_style = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"
        found = {name: value or "" for name, value in attrs}
        self.handlers += [name for name in found if name.startswith("on") or name == "style"]
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
            self.rels[found["href"]] = found.get("rel", "")

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self._text.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._text))


def words(site: Site, address: str) -> Words:
    return Words(site.files[address])


def test_the_index_goes_by_state_and_date_and_parked_is_last(site: Site) -> None:
    links = [one for one in words(site, "index.html").links if one.startswith("artifacts/")]
    names = ("router", "sql-routed", "hostile", "playground")
    assert links == [f"artifacts/{name}.html" for name in names]
    text = words(site, "index.html").text
    assert "candidate-current-best" in text and "routed, for its lane alone" in text
    assert "0.531 exact match on public rows historical · 64 rows" in text
    assert "Next Publish it as a report." in text


def test_of_a_state_the_newest_comes_first(folder: Path) -> None:
    days = {"old": date(2026, 1, 1), "none": None, "new": date(2026, 2, 1)}
    made = build_site(
        Workspace(folder),
        sample.entries(*(sample.artifact(id=name, updated=day) for name, day in days.items())),
    )
    links = [one for one in words(made, "index.html").links if one.startswith("artifacts/")]
    assert links == [f"artifacts/{name}.html" for name in ("new", "old", "none")]
    assert in_order([]) == []


def test_a_page_has_its_parts_in_the_fixed_order(site: Site) -> None:
    page = words(site, "artifacts/sql-routed.html")
    assert [one for one in page.ids if one in dict(CONTENTS)] == [one for one, _ in CONTENTS]
    assert page.tags.count("h1") == 1
    assert page.tags.count("table") == page.tags.count("caption") > 3
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_win_within_the_noise_is_called_that(site: Site) -> None:
    text = words(site, "artifacts/sql-routed.html").text
    assert "+4.7 pp Within the noise of 64 rows: the true difference lies between −12.3 pp" in text
    assert "77.1 to 96 %" in text and "who is ahead" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"p": 0.5}, "Within the noise: a paired test gives p = 0.5."),
        ({"p": 0.001}, "Outside of the noise: a paired test gives p = 0.001."),
        (
            {"score": sample.share(0.1, 1000), "ours": sample.share(0.9, 1000)},
            "Outside of the noise of 1000 rows",
        ),
        ({"score": sample.share(0.484, None), "setup": None}, "How sure that is, is not recorded."),
        ({"score": sample.share(0.4841, 10)}, "How sure that is, is not recorded."),
        ({"ours": None}, "not recorded"),
    ],
    ids=["p-large", "p-small", "clear", "no-rows", "no-whole-rows", "ours-missing"],
)
def test_what_a_direct_row_says(folder: Path, change: dict[str, object], said: str) -> None:
    artifact = sample.sql()
    row = artifact.competition[0].model_copy(update=change)
    only = artifact.model_copy(update={"competition": [row], "evidence": []})
    page = words(build_site(Workspace(folder), sample.entries(only)), "artifacts/sql-routed.html")
    start = page.text.index("Ours minus theirs")
    assert said in page.text[start : start + 400]


def test_a_cell_says_where_its_number_is_from(site: Site, folder: Path) -> None:
    page = words(site, "artifacts/router.html")
    assert page.links.count("#record-1") == 2 and page.ids.count("record-1") == 1
    record = folder / sample.SCORE.partition("#")[0]
    assert f"{sample.SCORE} 0.95 {folders.sha256(record)}" in page.text
    assert "Gold not recorded 0.95 measured · 40 rows" in page.text
    assert (
        "0.531 historical · 64 rows 95 % interval: 0.41 to 0.65"
        in words(site, "artifacts/sql-routed.html").text
    )


def test_a_number_whose_record_is_gone_is_not_measured(folder: Path) -> None:
    cell = {"record": "runs/nowhere/eval-candidate.json#/score", "unit": "share"}
    for value, said in ((None, "not recorded"), (0.9, "no record")):
        artifact = sample.artifact(headline=cell | {"value": value})
        page = words(build_site(Workspace(folder), sample.entries(artifact)), "artifacts/one.html")
        assert said in page.text and "measured ·" not in page.text
        assert "record-1" not in page.ids


def test_provenance_names_runs_suites_and_weights_by_hash(site: Site, folder: Path) -> None:
    text = words(site, "artifacts/router.html").text
    config = folders.read_json(folder / "runs" / folders.RUN_ID / "config.json")
    assert all(digest in text for digest in config["eval"]["suites"].values())
    assert "router/tiny at abc (float32)" in text and "ship" in text
    assert f"../cards/{folders.RUN_ID}.html" in words(site, "artifacts/router.html").links


def test_a_target_shows_all_runs_that_ended_and_no_others(tmp_path: Path) -> None:
    place = sample.workspace(tmp_path)
    worse = tmp_path / "runs" / "2026-11-19-router"
    shutil.copytree(tmp_path / "runs" / folders.RUN_ID, worse)
    folders.put(worse / "config.json", "/run_id", worse.name)
    folders.put(worse / "decision.json", "/decision", "reject")
    folders.put(worse / "eval-candidate.json", "/score", 0.3)
    still = tmp_path / "runs" / "2026-11-21-router"
    shutil.copytree(worse, still)
    (still / "decision.json").unlink()
    folders.put(still / "run-status.json", "/phase", "reporting")
    page = words(build_site(place, sample.entries(sample.router())), "targets/router.html")
    assert "2026-11-19-router" in page.text and "2026-11-21" not in page.text
    assert "0.30 +10 pp 40 reject" in page.text and "0.95 +75 pp 40 ship" in page.text
    assert "2 runs, oldest first: from 0.30 to 0.95, best 0.95." in page.text
    assert {"svg", "title", "desc", "circle"} <= set(page.tags)
    assert "../artifacts/router.html" in page.links


def test_the_same_input_gives_the_same_bytes_wherever_it_lies(
    tmp_path: Path, folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "somebody" / "else"
    shutil.copytree(folder, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("USER", "somebody")
    again = build_site(Workspace(copy), list(reversed(sample.all_of_them())))
    assert again.files == site.files and list(again.files) == list(site.files)
    joined = b"".join(site.files.values())
    assert os.fsencode(folder) not in joined and b"/home/" not in joined


def test_a_hostile_artifact_is_text(site: Site) -> None:
    for address in ("artifacts/hostile.html", "index.html"):
        page = words(site, address)
        data = site.files[address]
        assert not {"script", "img", "iframe", "form"} & set(page.tags)
        assert page.handlers == [] and len(data) < 100_000
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae", data)
        outward = [
            one for one in page.links if not re.match(r"(#|\.\./|artifacts/|targets/|index)", one)
        ]
        assert set(outward) <= {"feed.xml"}
        assert "root:" not in page.text and "secret" not in page.text
    assert all(".." not in one and not one.startswith("/") for one in site.files)


def test_no_page_says_whose_home_something_lies_in(tmp_path: Path) -> None:
    place = sample.workspace(tmp_path)
    run = tmp_path / "runs" / folders.RUN_ID
    for file, pointer in (("config.json", "/base_model/id"), ("config.json", "/owner_goal")):
        folders.put(run / file, pointer, "/Users/somebody/models/tiny")
    write_card(run)
    artifact = sample.router().model_copy(
        update={"summary": r"In /home/somebody/x, C:\Users\somebody\y; https://a.org/home/public"}
    )
    made = build_site(place, sample.entries(artifact))
    assert b"somebody" not in b"".join(made.files.values())
    page = words(made, "artifacts/router.html").text
    assert r"In ~/x, ~\y; https://a.org/home/public" in page
    assert "~/models/tiny" in words(made, f"cards/{folders.RUN_ID}.html").text


def test_a_link_leads_to_the_web_or_nowhere(site: Site) -> None:
    page = words(site, "artifacts/router.html")
    assert page.rels["https://example.org/code"] == "noopener noreferrer nofollow"
    assert web_address("https://example.org/a?b=c#d")
    for trick in TRICKS:
        assert web_address(trick) is None, trick


def test_every_page_forbids_scripts_and_asks_for_nothing(site: Site) -> None:
    for address, data in site.files.items():
        if not address.endswith(".html"):
            continue
        assert b"default-src 'none'" in data and b"script-src" not in data, address
        assert not re.search(rb"(src|action)=[\"']|@import|url\(|<link rel=\"stylesheet", data), (
            address
        )
        assert data.startswith(b"<!doctype html>") and b'<html lang="en">' in data


@pytest.mark.parametrize("base", ["", "https://example.org/lab"])
def test_the_feed_is_atom_of_the_artifacts_own_dates(folder: Path, base: str) -> None:
    feed = ElementTree.fromstring(sample.site(folder, base).files["feed.xml"])
    assert feed.tag == f"{ATOM}feed"
    assert feed.findtext(f"{ATOM}updated") == "2026-12-01T00:00:00Z"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 4
    ids = [one.findtext(f"{ATOM}id") or "" for one in [feed, *entries]]
    assert len(set(ids)) == 5
    assert all(one.startswith(f"{base}/" if base else "urn:uuid:") for one in ids)
    for one in entries:
        assert one.findtext(f"{ATOM}title") and one.findtext(f"{ATOM}summary")
        link = one.find(f"{ATOM}link")
        assert link is not None
        assert link.get("href", "").startswith(f"{base}/artifacts/" if base else "artifacts/")
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None


def test_without_a_date_there_is_no_feed_and_no_link_to_one(folder: Path) -> None:
    made = build_site(Workspace(folder), sample.entries(sample.artifact()))
    assert "feed.xml" not in made.files
    assert b"feed.xml" not in made.files["index.html"]


def test_an_empty_workspace_has_an_index(tmp_path: Path) -> None:
    made = build_site(Workspace(tmp_path), [])
    assert sorted(made.files) == ["index.html", MANIFEST]
    assert "Nothing is published yet." in words(made, "index.html").text


def test_targets_of_one_spelling_have_a_page_each(tmp_path: Path) -> None:
    artifacts = [
        sample.artifact(id=f"a{n}", target=name) for n, name in enumerate(("SQL", "sql", "s/q"))
    ]
    made = build_site(Workspace(tmp_path), sample.entries(*artifacts))
    assert {"targets/sql.html", "targets/sql-2.html", "targets/s-q.html"} <= set(made.files)
