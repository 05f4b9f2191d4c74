"""The directory of a site: written whole, never over what is not ours, and known when stale."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path

import pytest

from engine.publish.site.build import MANIFEST, Site, build_site
from engine.publish.site.check import staleness
from engine.publish.site.published import published_at
from engine.publish.site.serving import Preview
from engine.publish.site.writing import NotOurs, publish
from engine.workspace import Workspace
from tests.engine import folders
from tests.engine.publish.site import sample

CANDIDATE = f"runs/{folders.RUN_ID}/eval-candidate.json"
TRICKS = ("/artifacts/", "/artifacts", "/../build.py", "/%2e%2e/etc/passwd", "//etc/passwd",
          "/etc/passwd", "/index.html%00", "/\\..\\x")  # fmt: skip
Found = list[tuple[str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return sample.workspace(tmp_path / "workspace")


def what_is_stale(site: Site, out: Path) -> Found:
    published = published_at(out)
    assert published is not None
    return [(one.address, one.kind) for one in staleness(site, published)]


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }


def test_it_is_written_as_it_was_built_and_twice_the_same(place: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "site"
    site = sample.site(place.path)
    assert publish(site, out) == []
    assert contents(out) == site.files
    assert what_is_stale(site, out) == []
    assert publish(sample.site(place.path), out) == []
    assert contents(out) == site.files
    assert list(out.parent.iterdir()) == [out]
    assert (out / "index.html").stat().st_mode & 0o044 == 0o044
    assert out.stat().st_mode & 0o055 == 0o055


def test_one_changed_record_names_the_pages_that_show_it(place: Workspace, tmp_path: Path) -> None:
    publish(sample.site(place.path), tmp_path / "site")
    folders.put(place.path / CANDIDATE, "/score", 0.925)
    now = sample.site(place.path)
    assert what_is_stale(now, tmp_path / "site") == [
        ("artifacts/router.html", "stale"),
        ("feed.xml", "stale"),
        ("index.html", "stale"),
        ("targets/router.html", "stale"),
    ]
    published = published_at(tmp_path / "site")
    assert published is not None
    assert {one.why for one in staleness(now, published)} == {f"{CANDIDATE} changed"}


def test_a_change_that_no_page_shows_makes_nothing_stale(place: Workspace, tmp_path: Path) -> None:
    publish(sample.site(place.path), tmp_path / "site")
    folders.put(place.path / "runs" / folders.RUN_ID / "run-status.json", "/revision", 99)
    assert what_is_stale(sample.site(place.path), tmp_path / "site") == []


def test_pages_that_come_go_are_lost_or_edited_are_named(place: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "site"
    publish(build_site(place, sample.entries(sample.router(), sample.parked())), out)
    (out / "targets" / "router.html").unlink()
    (out / "artifacts" / "router.html").write_text("better")
    (out / "artifacts" / "old.html").write_text("left over")
    (out / "CNAME").write_text("example.org")
    (out / ".nojekyll").touch()
    now = build_site(place, sample.entries(sample.router(), sample.sql()))
    assert what_is_stale(now, out) == [
        ("artifacts/old.html", "extra"),
        ("artifacts/playground.html", "gone"),
        ("artifacts/router.html", "edited"),
        ("artifacts/sql-routed.html", "new"),
        ("feed.xml", "stale"),
        ("index.html", "stale"),
        ("targets/router.html", "missing"),
        ("targets/sql.html", "new"),
    ]
    others = publish(now, out)
    assert others == [".nojekyll", "CNAME", "artifacts/old.html"]
    assert contents(out).keys() == {*now.files, *others}
    assert (out / "CNAME").read_text() == "example.org"


def test_what_is_not_ours_is_left_alone(place: Workspace, tmp_path: Path) -> None:
    site = sample.site(place.path)
    out = tmp_path / "site"
    out.mkdir()
    publish(site, out)  # an empty directory is nobody's
    strange = tmp_path / "thesis"
    strange.mkdir()
    (strange / "index.html").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    for other in (strange, file, place.path):
        before = contents(other) if other.is_dir() else {}
        with pytest.raises(NotOurs, match=r"Name a"):
            publish(site, other)
        assert (contents(other) if other.is_dir() else {}) == before
    (strange / MANIFEST).write_text('{"made_by": "somebody else"}')
    with pytest.raises(NotOurs):
        publish(site, strange)
    assert file.read_text() == "mine"


def test_a_file_of_a_person_is_not_replaced_by_a_new_page(place: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "site"
    publish(build_site(place, sample.entries(sample.router())), out)
    (out / "artifacts" / "sql-routed.html").write_text("my notes")
    with pytest.raises(NotOurs, match="in the place of a page"):
        publish(sample.site(place.path), out)
    (out / "artifacts").rename(tmp_path / "elsewhere")
    (out / "artifacts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotOurs, match="in the place of a page"):
        publish(sample.site(place.path), out)
    assert (out / "artifacts" / "sql-routed.html").read_text() == "my notes"


def test_a_link_is_followed_and_kept(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    site = sample.site(place.path)
    publish(site, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and contents(tmp_path / "real") == site.files


def test_a_disk_that_fails_leaves_what_was_there(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    first = build_site(place, sample.entries(sample.router()))
    publish(first, out)
    real, left = os.fsync, [3]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        publish(sample.site(place.path), out)
    assert contents(out) == first.files
    assert sorted(tmp_path.iterdir()) == [out, place.path]


def ask(preview: Preview, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(preview.url.split("/")[2], timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_a_preview_serves_the_site_and_nothing_else(place: Workspace) -> None:
    site = sample.site(place.path)
    with Preview(site.files) as preview:
        assert preview.url.startswith("http://127.0.0.1:")
        assert ask(preview, "/") == (200, site.files["index.html"])
        assert ask(preview, "/artifacts/router.html?x=1")[1] == site.files["artifacts/router.html"]
        assert ask(preview, "/index.html", "HEAD") == (200, b"")
        for trick in TRICKS:
            assert ask(preview, trick)[0] == 404, trick
        assert ask(preview, "/", "POST")[0] == 501
        assert ask(preview, "/", Host="evil.example")[0] == 403
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(preview.url.split(":")[2][:-1])), timeout=2)
