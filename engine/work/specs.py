"""What the specs of our stages hold, as docs/architecture.md lists it. Imports no MLX: a plan is
checked against these before anything starts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.records.evaluation import Direction
from engine.records.plan import StageKind

MAX_SEED = 2**32 - 1
"""The largest seed that every random generator in use takes."""


class Spec(BaseModel):
    """A stage's whole input. A setting that is not known is an error: it would do nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Recipe(Spec):
    """``factory.base`` of a target: the tiny model and how it is trained.

    Sizes are those of the qwen3 architecture with tied embeddings, in float32.
    """

    hidden_size: int = Field(default=128, ge=16, le=1024)
    layers: int = Field(default=2, ge=1, le=24)
    heads: int = Field(default=4, ge=1, le=32)
    intermediate_size: int = Field(default=256, ge=16, le=4096)
    vocab_size: int = Field(default=640, ge=300, le=32_000)
    """Of the byte-level BPE: 256 bytes, the special tokens, and merges for the rest."""
    max_positions: int = Field(default=512, ge=64, le=8192)
    rope_theta: float = Field(default=10_000.0, gt=1)
    rows: int = Field(default=12_000, ge=100, le=1_000_000)
    """Rows drawn from the generator; they are gone through as often as the steps need."""
    router_share: float = Field(default=0.15, ge=0, le=1)
    tokenizer_rows: int = Field(default=3000, ge=0, le=100_000)
    """Rows of ``generate`` whose words the tokenizer learns as well."""
    steps: int = Field(default=600, ge=1, le=1_000_000)
    batch_rows: int = Field(default=16, ge=1, le=1024)
    """Packed rows a step."""
    row_tokens: int = Field(default=32, ge=16, le=4096)
    """Length of a packed row, in tokens; whole chats are packed, and none is cut."""
    learning_rate: float = Field(default=6e-3, gt=0, le=1)
    warmup_steps: int = Field(default=20, ge=0)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    beta2: float = Field(default=0.98, ge=0, lt=1)
    prompt_weight: float = Field(default=0.2, ge=0, le=1)
    """Loss weight of a prompt's tokens; an answer's tokens weigh 1."""
    report_every: int = Field(default=10, ge=1)
    precision: str = Field(default="float32", pattern="^float32$")


class PretrainSpec(Spec):
    """``spec`` of a pretrain stage."""

    recipe: Recipe
    generator: str
    seed: int = Field(ge=0, le=MAX_SEED)
    out: str


class ConvertSpec(Spec):
    """``spec`` of a convert stage: a model in fewer bits; weights share a scale in groups."""

    model: str
    revision: str | None = None
    bits: int = Field(default=4, ge=2, le=8)
    group_size: int = Field(default=64, ge=16, le=128)
    out: str


class DataSpec(Spec):
    """``spec`` of a data stage; files are relative to the target."""

    generator: str | None = None
    canonical: str | None = None
    rows: int = Field(default=3000, ge=1)
    """Training rows in all, replay among them. Without a generator: all that canonical has."""
    replay_share: float = Field(default=0.0, ge=0, lt=1)
    valid_rows: int = Field(default=100, ge=1)
    """Rows kept for validation, of the target and, with replay, as many of the breadth skills."""
    gold: list[str] = Field(default_factory=list)
    shown: list[str] = Field(default_factory=list)
    """JSONL files of rows that a data generator was shown as examples."""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    system_prompt: str | None = None


class Lora(Spec):
    """``scale`` multiplies the low-rank product (alpha / rank elsewhere). ``keys`` None is all."""

    rank: int = Field(default=8, ge=1)
    scale: float = Field(default=2.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    keys: list[str] | None = None


class EarlyStop(Spec):
    """Stop after ``patience`` validations in a row that were not lower by over ``min_delta``, and
    not before the iteration ``earliest``."""

    patience: int = Field(ge=1)
    min_delta: float = Field(default=0.0, ge=0)
    earliest: int = Field(default=0, ge=0)


class HostSpec(Spec):
    """A machine as MLX's host files have it: name for ssh, addresses, devices to the others."""

    ssh: str
    ips: list[str] = Field(default_factory=list)
    rdma: list[Any] = Field(default_factory=list)


class GroupSpec(Spec):
    """Ranks that train together, this machine's first; a host that stands twice has two."""

    hosts: list[HostSpec] = Field(min_length=2)
    backend: Literal["ring", "jaccl", "jaccl-ring", "mpi", "nccl"] = "ring"
    port: int | None = Field(default=None, ge=1024, le=65000)


class TrainSpec(Spec):
    """``iters`` counts batches; ``warmup_iters`` counts updates, one for each accumulated batch."""

    model: str
    revision: str | None = None
    train: str
    valid: dict[str, str | None] = Field(default_factory=dict)
    adapter_dir: str = "adapters"
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
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
    compute: GroupSpec | None = None

    @model_validator(mode="after")
    def _ranks_share_a_batch(self) -> TrainSpec:
        ranks = len(self.compute.hosts) if self.compute else 1
        if self.batch_size % ranks:
            below = self.batch_size // ranks * ranks
            fits = f"{below} or {below + ranks}" if below else f"{ranks}"
            raise ValueError(
                f"batch_size {self.batch_size} cannot be shared evenly by the {ranks} ranks of "
                f"compute.hosts; make it {fits}, or name fewer hosts"
            )
        return self

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
    exact: bool = False
    """Answer one example at a time, as ``mlx_lm.generate`` would."""
    server: bool | None = None
    """Whether a server answers; None is where examples have tools."""
    latency_rows: int | None = Field(default=None, ge=0, le=1000)
    """None: the stage's for the primary suite, none for the others."""
    first: int | None = Field(default=None, ge=1)
    """Only the first so many examples; None is all of them."""


class HarnessSpec(Spec):
    """Tasks of the lm-eval harness as one regression suite: the mean of ``metric`` over them."""

    name: str
    tasks: list[str] = Field(min_length=1)
    metric: str = "acc,none"
    direction: Direction = "higher"
    limit: int | None = Field(default=None, ge=1)
    """At most so many examples of each task."""
    record: str


class EvalSpec(Spec):
    """``exact`` answers one example at a time, as ``mlx_lm.generate`` would."""

    model: str
    revision: str | None = None
    adapter: str | None = None
    batch_size: int | None = Field(default=None, ge=1, le=4096)
    """Examples answered together; None: chosen from their lengths and the memory there is."""
    max_new_tokens: int = Field(default=256, ge=1)
    exact: bool = False
    passes: int = Field(default=1, ge=1, le=100)
    """How often each example is answered."""
    temperature: float = Field(default=0.0, ge=0, le=10)
    """0 takes the likeliest token each time (greedy)."""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    """The training seed of the adapter, and that of tokens drawn at a temperature."""
    latency_rows: int = Field(default=20, ge=0, le=1000)
    """Prompts of the primary suite that are asked once more, one at a time, for their time alone;
    0 measures none."""
    forbidden_commands: list[str] = Field(default_factory=list)
    """Commands that no answer may hold; counted as safety violations where a scorer knows them."""
    suites: list[SuiteSpec] = Field(min_length=1)
    harness: list[HarnessSpec] = Field(default_factory=list)

    @model_validator(mode="after")
    def _passes_differ(self) -> EvalSpec:
        if self.passes > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.passes} passes at temperature 0 would all give the same answers; set a "
                "temperature above 0, or 1 pass"
            )
        return self

    def latency_rows_of(self, suite: SuiteSpec) -> int:
        """How many prompts of a suite are timed alone."""
        if suite.latency_rows is not None:
            return suite.latency_rows
        return self.latency_rows if suite.role == "primary" else 0


class FuseSpec(Spec):
    model: str
    revision: str | None = None
    adapter: str = "adapters"
    out: str = "{run}/fused"


SPECS: dict[StageKind, type[Spec]] = {
    StageKind.PRETRAIN: PretrainSpec,
    StageKind.CONVERT: ConvertSpec,
    StageKind.DATA: DataSpec,
    StageKind.EVAL: EvalSpec,
    StageKind.TRAIN: TrainSpec,
    StageKind.FUSE: FuseSpec,
}
"""What a stage of each kind reads; kinds that are not here take no settings."""
