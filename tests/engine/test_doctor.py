"""What doctor says of accelerators that are not here: the figures of real machines."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from engine import doctor, nvidia
from engine.doctor import Finding
from engine.largest_model import ASKED, TRAINED, fits, largest
from engine.nvidia import Card, fitting_extra, parse

GB = 2**30


@pytest.mark.parametrize(
    ("machine", "working", "asked", "trained"),
    [
        ("M1, 8 GB", 5.33 * GB, 8.1, 5.0),
        ("M2 Pro, 32 GB", 21.3 * GB, 32, 20),
        ("M4 Max, 128 GB", 96 * GB, 146, 91),
        ("M3 Ultra, 512 GB", 384 * GB, 586, 366),
    ],
)
def test_the_largest_model_by_the_working_set(
    machine: str, working: float, asked: float, trained: float
) -> None:
    assert largest(working, "4-bit", ASKED) / 1e9 == pytest.approx(asked, rel=0.02), machine
    assert largest(working, "4-bit", TRAINED) / 1e9 == pytest.approx(trained, rel=0.03), machine


def test_what_fits_in_words() -> None:
    assert fits(21.3 * GB) == (
        "the largest model that fits, about: to ask 4-bit 32 B, 8-bit 17 B, bf16 9.1 B; "
        "to train with LoRA 4-bit 20 B, bf16 5.7 B"
    )
    assert "4-bit 76 M" in fits(0.05 * GB) and "0 M" in fits(0)


def card(driver: tuple[int, ...], architecture: tuple[int, ...] = (9, 0)) -> Card:
    return Card("NVIDIA H100", driver, architecture, 80 * GB)


def test_the_build_that_fits_a_driver() -> None:
    assert fitting_extra(card((580, 65, 6))) == "cuda13"
    assert fitting_extra(card((579, 99))) == "cuda12"
    assert fitting_extra(card((550, 54, 14))) == "cuda12"
    assert fitting_extra(card((550, 54, 13))) is None
    assert fitting_extra(card((580,), (7, 0))) is None
    assert "SM 7.0" in nvidia.why_not(card((580,), (7, 0)))
    assert "550.54.14" in nvidia.why_not(card((470, 1)))


def test_what_the_driver_prints_is_read() -> None:
    lines = "NVIDIA H100 80GB HBM3, 550.90.07, 9.0, 81559\nTesla, [N/A], 7.0, 1\n\nno card\n"
    assert parse(lines) == [
        Card("NVIDIA H100 80GB HBM3", (550, 90, 7), (9, 0), 81559 * 2**20),
    ]
    assert parse("A card, 580.1, 8.9, [N/A]") == [Card("A card", (580, 1), (8, 9), None)]


def test_a_card_that_mlx_does_not_use_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nvidia, "cards", lambda: [card((580, 1))])
    (found,) = doctor._linux("cpu")
    assert found.state == "note" and "80.0 GB" in found.text
    assert found.fix is not None and "factory-tui[cuda13]" in found.fix
    assert "mlx-cuda-13==" in found.fix
    (found,) = doctor._linux("gpu")
    assert found.state == "ok" and found.fix is None
    monkeypatch.setattr(nvidia, "cards", lambda: [card((390,))])
    (found,) = doctor._linux("cpu")
    assert found.state == "note" and "550.54.14" in found.text


def test_no_card_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "ASK", ["/nonexistent/nvidia-smi"])
    assert nvidia.cards() is None
    (found,) = doctor._linux("cpu")
    assert found.what == "models fit" and "to train with LoRA" in found.text


def mac(monkeypatch: pytest.MonkeyPatch, limit: str | None) -> dict[str, Finding]:
    monkeypatch.setattr(doctor, "_output", lambda _command: limit)
    info = {"max_recommended_working_set_size": int(21.3 * GB), "memory_size": 32 * GB}
    return {one.what: one for one in doctor._metal(info)}


def test_a_mac_says_what_its_limits_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mac(monkeypatch, "0")
    assert "21.3 GB of 32.0 GB" in found["metal"].text and "4-bit 32 B" in found["metal"].text
    assert "the system's default" in found["wired limit"].text
    assert "sudo sysctl iogpu.wired_limit_mb=" in found["wired limit"].text
    assert "28,000 MB" in mac(monkeypatch, "28000")["wired limit"].text
    assert "wired limit" not in mac(monkeypatch, None)
    assert "without a Mac" in found["not tested"].text


def test_runs_that_others_may_read_are_named_with_what_closes_them(tmp_path: Path) -> None:
    for name in ("runs/old", "runs/new", "loops/old"):
        (tmp_path / name).mkdir(parents=True)
    for name, rights in (
        ("", 0o755),
        ("runs", 0o755),
        ("loops", 0o755),
        ("runs/old", 0o755),
        ("runs/new", 0o700),
        ("loops/old", 0o750),
    ):
        (tmp_path / name).chmod(rights)

    def said() -> list[Finding]:
        return [one for one in doctor._disk(tmp_path) if one.what == "private"]

    (found,) = said()
    assert "may read 1 of runs/ and 1 of loops/" in found.text
    assert found.fix is not None and subprocess.run(shlex.split(found.fix), check=True)
    assert not said()
    (tmp_path / "runs/old").chmod(0o755)
    assert not said(), "runs/ is closed by now"
    (tmp_path / "runs").chmod(0o755)
    assert said()
    tmp_path.chmod(0o700)
    assert not said(), "nobody comes into the workspace"
