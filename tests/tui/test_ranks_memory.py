"""The memory of ranks that train together, where the memory of one process is shown."""

from __future__ import annotations

import json
from pathlib import Path

from engine.checks.contents import load
from engine.live.projection import MEMORY, RunProjection
from engine.publish.report import render_report
from tests.engine import folders
from tui.views.chart_list import charts_of, ranks_memory
from tui.views.live_side import numbers


def test_live_shows_each_rank_beside_the_memory_of_this_machine() -> None:
    run = RunProjection()
    run.apply({"kind": "stage-start", "stage": "train"})
    run.apply({"kind": "memory", "stage": "train", "tree_rss_bytes": 2**30, "processes": 3})
    values = {"mlx_peak_bytes": 2.0**29, "mlx_peak_bytes/rank-1": 3.0 * 2**29}
    run.apply({"kind": "metric", "stage": "train", "step": 1, "values": values})
    stage = run.stages["train"]
    assert [name for name, _ in ranks_memory(stage)] == ["rank-1"]
    # In the chart of the memory, and in none of its own.
    assert [chart.key for chart in charts_of(stage)] == [MEMORY]
    shown = dict(numbers(stage, None))
    assert (shown["MLX peak"], shown["MLX, rank-1"]) == ("512M", "1.5G")


def test_a_report_has_a_table_of_ranks_where_several_trained(tmp_path: Path) -> None:
    run = folders.make_shipped(tmp_path)
    assert "ranks that trained together" not in render_report(load(run))
    ranks = [
        {"host": "127.0.0.1", "exit_code": 0, "peak_rss_bytes": 3 * 2**20},
        {"host": "mac|b", "signal": 9, "peak_mlx_bytes": 2**20},
    ]
    record = {"stages": {"train": {"backend": "ring", "ranks": ranks}}}
    (run / "ranks.json").write_text(json.dumps(record))
    report = render_report(load(run))
    assert "| train | 0 | this machine | 3 MB | not recorded |" in report
    assert "| train | 1 | mac\\|b | not recorded | 1 MB |" in report
