"""Loads models that bring programs of their own, in every way that we have; run in a child."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from pathlib import Path

from engine.work.own_code import TOKENIZER
from engine.work.runtime import Refusal
from tests.engine.work.tiny import make_model

BAIT = """\
import pathlib
pathlib.Path({marker!r}).write_text("ran")
from mlx_lm.models.qwen3 import Model, ModelArgs
from transformers import PreTrainedTokenizerFast as Evil
"""


def main(folder: Path) -> dict[str, list[str]]:
    """What ran (``ran``), and what each way said (``said``)."""
    import mlx_lm.utils

    from engine.work.corpus import answer as corpus
    from engine.work.models import load_whole
    from engine.work.specialist import _tokenizer

    plain = make_model(folder / "plain", hidden=16, layers=1, heads=2)
    marker = folder / "ran"
    bait = BAIT.format(marker=str(marker))

    def with_code(name: str, file: str, **changes: object) -> Path:
        path = folder / name
        shutil.copytree(plain, path)
        config = json.loads((path / file).read_text())
        (path / file).write_text(json.dumps(config | changes))
        (path / "modeling_evil.py").write_text(bait)
        return path

    model = with_code("model", "config.json", model_file="modeling_evil.py")
    mapped = with_code("mapped", "config.json", auto_map={"AutoConfig": "modeling_evil.Evil"})
    auto = {"AutoTokenizer": ["modeling_evil.Evil", "modeling_evil.Evil"]}
    tokens = with_code(
        "tokens", "tokenizer_config.json", auto_map=auto, tokenizer_class="EvilTokenizer"
    )
    ways = {
        "load model": lambda: load_whole(model, "evil"),
        "load mapped": lambda: load_whole(mapped, "evil"),
        "load tokens": lambda: load_whole(tokens, "evil"),
        "specialist": lambda: _tokenizer(tokens),
        "corpus": lambda: corpus({"model": str(tokens), "files": []}, lambda *said: None),
    }
    found: dict[str, list[str]] = {"ran": [], "said": [], "bait": []}
    for name, act in ways.items():
        try:
            act()
            found["said"].append(f"{name}: loaded")
        except (Refusal, KeyError) as error:
            found["said"].append(f"{name}: {error}")
        if marker.exists():
            found["ran"].append(name)
            marker.unlink()
    # That the bait is one: asked to trust it, the libraries do run it.
    for path, words in ((model, TOKENIZER), (tokens, {"trust_remote_code": True})):
        with contextlib.suppress(Exception):
            mlx_lm.utils.load(str(path), tokenizer_config=words, trust_remote_code=True)
        if marker.exists():
            found["bait"].append(path.name)
            marker.unlink()
    return found


if __name__ == "__main__":
    print("ANSWER " + json.dumps(main(Path(sys.argv[1]))))
