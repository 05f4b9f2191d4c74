from __future__ import annotations

import pytest

from engine.remote import ssh, travelling
from engine.remote.address import AddressError, parse


@pytest.mark.parametrize(
    ("text", "place", "port", "path"),
    [
        ("ssh://me@mini/srv/factory", "me@mini", None, "/srv/factory"),
        ("ssh:/me@mini:2222/srv/factory/", "me@mini", 2222, "/srv/factory"),
        ("ssh://mini.local/~/factory", "mini.local", None, "~/factory"),
        ("ssh://me@[::1]:22/x y'$(z)", "me@::1", 22, "/x y'$(z)"),
    ],
    ids=["plain", "lost-slash", "home", "odd-path"],
)
def test_an_address_says_where(text: str, place: str, port: int | None, path: str) -> None:
    found = parse(text)
    assert (found.place, found.port, found.path) == (place, port, path)
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "ssh://-oProxyCommand=x/p",
        "ssh://-l@host/p",
        "ssh://me:secret@host/p",
        "ssh://host;id/p",
        "ssh://host",
        "ssh://host/",
        "ssh://host:70000/p",
        "ssh://host/a\x1b[2J",
        "ssh://ho st/p",
        "http://host/p",
    ],
    ids=str,
)
def test_what_is_no_address_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(AddressError, match=r"\."):
        parse(text)


def test_nothing_of_an_address_is_an_option_or_a_word_of_a_shell() -> None:
    words = ssh.arguments(parse("ssh://me@mini:2222/a b;rm -rf $HOME"))
    assert words[-3:-1] == ["--", "me@mini"]
    assert "rm -rf" not in " ".join(words)
    assert {
        "BatchMode=yes",
        "ControlMaster=no",
        "StrictHostKeyChecking=yes",
        "RemoteCommand=none",
    } <= set(words)


def test_only_records_events_rows_and_the_logs_end_travel() -> None:
    run = "runs/2026-01-01-a/"
    assert travelling.how(run + "events.jsonl") == "growing"
    assert travelling.how(run + "decision.json") == "record"
    assert travelling.how(run + "train.log") == "tail"
    for path in (
        "factory.toml",
        run + "adapters/adapters.safetensors",
        run + "x.safetensors",
        run + "../../etc/x.json",
        "runs/../x.json",
        "/etc/passwd.json",
        "targets/a/forge.yaml",
        ".factory/line.json",
        run + ".hidden.json",
    ):
        assert travelling.how(path) is None, path
