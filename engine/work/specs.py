"""What the specs of our MLX stages hold, as docs/architecture.md lists it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.records.run import Direction


class Spec(BaseModel):
    """A stage's whole input. A setting that is not known is an error: it would do nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Lora(Spec):
    """``scale`` multiplies the low-rank product (alpha / rank elsewhere). ``keys`` None is all."""

    rank: int = Field(default=8, ge=1)
    scale: float = Field(default=2.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    keys: list[str] | None = None


class EarlyStop(Spec):
    """Stop after ``patience`` validations in a row that were not lower by over ``min_delta``."""

    patience: int = Field(ge=1)
    min_delta: float = Field(default=0.0, ge=0)


class TrainSpec(Spec):
    """``iters`` counts batches; ``warmup_iters`` counts updates, one for each accumulated batch."""

    model: str
    revision: str | None = None
    train: str
    valid: dict[str, str | None] = Field(default_factory=dict)
    adapter_dir: str = "adapters"
    seed: int = Field(default=0, ge=0)
    iters: int = Field(ge=1)
    batch_size: int = Field(default=4, ge=1)
    grad_accumulation: int = Field(default=1, ge=1)
    max_seq_len: int = Field(default=2048, ge=2)
    learning_rate: float = Field(gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "constant"
    warmup_iters: int = Field(default=0, ge=0)
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0)
    num_layers: int = -1
    """How many of the last layers get adapters; -1 (or 0) is all of them."""
    lora: Lora = Field(default_factory=Lora)
    mask_prompt: bool = True
    report_every: int = Field(default=10, ge=1)
    eval_every: int = Field(default=200, ge=1)
    save_every: int = Field(default=100, ge=1)
    keep_checkpoints: int = Field(default=2, ge=1)
    keep_best: bool = True
    early_stop: EarlyStop | None = None
    grad_checkpoint: bool = False
    resume_from: str | None = None

    @property
    def valid_files(self) -> dict[str, str]:
        """The validation sets that are there, by name."""
        return {name: file for name, file in self.valid.items() if file}


class SuiteSpec(Spec):
    """``file`` and ``system_prompt`` (a text file) are relative to the target."""

    role: Literal["primary", "regression"]
    name: str
    file: str
    scorer: str
    direction: Direction = "higher"
    record: str
    rows: str
    system_prompt: str | None = None


class EvalSpec(Spec):
    """``exact`` answers one example at a time, as mlx_lm.generate would."""

    model: str
    revision: str | None = None
    adapter: str | None = None
    batch_size: int = Field(default=32, ge=1)
    max_new_tokens: int = Field(default=256, ge=1)
    exact: bool = False
    suites: list[SuiteSpec] = Field(min_length=1)


class FuseSpec(Spec):
    model: str
    revision: str | None = None
    adapter: str = "adapters"
    out: str = "{run}/fused"
