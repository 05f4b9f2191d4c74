"""What the supervisor notes of a run, so that a swap afterwards is seen."""

from __future__ import annotations

import hashlib

from engine.folder import RunFolder
from engine.records.plan import StageKind
from engine.records.provenance import Provenance
from engine.supervise.provenance import first_line_sha256
from tests.engine.supervise.kit import Lab

MAKE = """
from pathlib import Path
where = Path(os.environ["FACTORY_RUN"]) / "adapters"
where.mkdir(exist_ok=True)
(where / "adapters.safetensors").write_bytes(b"{what}")
(where / "adapter_config.json").write_text("{{}}")
"""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_adapter_and_the_first_event_are_hashed(lab: Lab) -> None:
    run = lab.run(
        lab.stage("train", MAKE.format(what="one"), kind=StageKind.TRAIN),
        lab.stage("look", "time.sleep(0.05)"),
    )
    lab.finish(run)
    record = RunFolder(run).read("provenance.json", Provenance)
    assert record.adapters == {
        "adapters/adapters.safetensors": sha(b"one"),
        "adapters/adapter_config.json": sha(b"{}"),
    }
    first = (run / "events.jsonl").read_bytes().split(b"\n")[0]
    assert record.frozen_sha256 == sha(first) == first_line_sha256(run / "events.jsonl")


def test_a_command_that_trains_has_its_adapter_hashed_and_a_later_one_is_not_believed(
    lab: Lab,
) -> None:
    swap = """
    from pathlib import Path
    path = Path(os.environ["FACTORY_RUN"]) / "adapters" / "adapters.safetensors"
    path.write_bytes(b"another")
    old = time.time() - 600
    os.utime(path, (old, old))
    """
    run = lab.run(lab.stage("train", MAKE.format(what="mine")), lab.stage("later", swap))
    lab.finish(run)
    record = RunFolder(run).read("provenance.json", Provenance)
    assert record.adapters["adapters/adapters.safetensors"] == sha(b"mine")


def test_a_stage_that_failed_leaves_no_adapter_hash(lab: Lab) -> None:
    code = MAKE.format(what="half") + "\nsys.exit(5)\n"
    run = lab.run(lab.stage("train", code, kind=StageKind.TRAIN))
    lab.finish(run)
    assert RunFolder(run).read("provenance.json", Provenance).adapters == {}
