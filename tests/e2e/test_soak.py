"""The short form of the soak: as many events as five minutes of training give, in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from soak import Sample, grown, slope  # noqa: E402


def samples(mb_an_hour: float, files: int = 0) -> list[Sample]:
    return [
        Sample(at, 90 + mb_an_hour * at / 3600 + (at % 7) / 10, 20 + files * int(at > 5000), 4)
        for at in range(0, 7200, 20)
    ]


def test_what_grows_is_seen_and_what_jitters_is_not() -> None:
    assert slope(samples(30)) == pytest.approx(30, rel=0.05)
    assert grown(samples(2)) == []
    (one,) = grown(samples(30))
    assert "memory grows by 30" in one
    assert any("files grew" in one for one in grown(samples(0, files=9)))
    assert grown(samples(0)[:2]) == ["too few looks to say anything"]


@pytest.mark.slow
def test_a_soak_loses_nothing_and_stays_flat(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "scripts" / "soak.py"), "--json", str(out)]
    command += ["--minutes", "0.12", "--rate", "4000", "--every", "0.25"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {one["key"]: one for one in json.loads(out.read_text())}
    assert set(found) == {"soak-supervisor", "soak-screen", "soak-events"}
    assert found["soak-events"]["measured"] == "all"
    assert "28,800" in found["soak-events"]["what"]
