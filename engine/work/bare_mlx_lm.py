"""mlx-lm without its tokenizers, for a stage whose rows are tokens already.

``import mlx_lm`` imports transformers and the client of the hub, which is most of its time
(0.55 of 0.7 s), for tokenizers and downloads that such a stage does not use. While mlx_lm is
imported, empty modules stand in their places; afterwards they are gone, so that a model that
imports the real ones gets them. A version of mlx-lm that wants more of them at its import is
imported as usual.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

STAND_INS = ("transformers", "transformers.tokenization_utils_base", "huggingface_hub")


class NotImported:
    """Stands for every class of a module that was left out: it can be named and derived from."""

    @classmethod
    def register(cls, *_args: object, **_options: object) -> None:
        """mlx-lm registers a tokenizer of its own at its import."""


class _StandIn(ModuleType):
    __path__: list[str] = []  # noqa: RUF012 - what makes a module a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (NotImported,), {})


def import_bare() -> bool:
    """Import mlx_lm for this process, which then loads no tokenizer; whether it went without.

    Does nothing where mlx_lm or one of the others is imported already.
    """
    if any(name in sys.modules for name in ("mlx_lm", *STAND_INS)):
        return False
    sys.modules.update({name: _StandIn(name) for name in STAND_INS})
    try:
        import mlx_lm.tuner
        import mlx_lm.utils  # noqa: F401 - what training needs of it
    except Exception:  # noqa: BLE001 - whatever that version wants: it is given the real modules
        for name in [name for name in sys.modules if name.partition(".")[0] == "mlx_lm"]:
            del sys.modules[name]
        return False
    finally:
        for name in STAND_INS:
            del sys.modules[name]
    return True
