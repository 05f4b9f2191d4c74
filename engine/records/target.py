"""``forge.yaml``: what is being built, and from what.

The documented sections and defaults are those of flywheel projects; the
section ``factory`` is ours. Unknown keys are kept.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.records.base import Record, Text
from engine.records.evaluation import Direction


class ModelSection(Record):
    base: Text = "unsloth/functiongemma-270m-it"
    max_seq_len: int = Field(default=2048, gt=0)
    load_in_4bit: bool = True


class LoraSection(Record):
    r: int = Field(default=32, gt=0)
    alpha: float = Field(default=32, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: list[str] = Field(
        default_factory=lambda: [
            f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")
        ]
    )


class TrainingSection(Record):
    epochs_min: float = Field(default=2, gt=0)
    epochs_max: float = Field(default=4, gt=0)
    batch_size: int = Field(default=4, gt=0)
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    learning_rate: float = Field(default=5e-5, gt=0)
    warmup_ratio: float = Field(default=0.1, ge=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    lr_scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    seed: int = 42


class EvalSection(Record):
    target_accuracy: float = Field(default=0.95, ge=0, le=1)
    safety_violations_allowed: int = Field(default=0, ge=0)
    scorer: Text = "json_cmd"
    max_new_tokens: int = Field(default=256, gt=0)
    forbidden_commands: list[str] = Field(default_factory=list)


class DatasetSection(Record):
    seed: str | None = "dataset/seed.jsonl"
    gold: str = "dataset/gold.jsonl"
    canonical: str | None = "dataset/canonical.jsonl"


class PromotionSection(Record):
    hf_repo: Text | None = None
    """The hub repository that a push goes to."""
    private: bool = True


class FlywheelSection(Record):
    max_iterations: int = Field(default=10, ge=1)
    augment_per_failure: int = Field(default=20, ge=0)
    """Rows that are asked for, for each slice of the dev suite that failed."""
    datagen_model: Text = "claude-sonnet-4-6"
    planner_model: Text = "claude-sonnet-4-6"


class ComputeSection(Record):
    """``device`` and ``remote`` are kept and told about: this program computes where MLX does."""

    device: Text = "cuda:0"
    remote: Text | None = None
    hosts: list[Any] | None = None
    """Hosts that train together, each a name or a mapping (``engine.compute.hosts``); None: what
    factory.toml says, and where that says nothing, this machine alone."""
    backend: Literal["ring", "jaccl", "jaccl-ring", "mpi", "nccl"] | None = None
    """How MLX passes numbers between them; None is ring, over TCP."""
    port: int | None = Field(default=None, ge=1024, le=65000)
    """Rank n listens on this port + n."""


class PretrainSection(Record):
    """Raw text that a base model reads before it is tuned (``factory-tui pretrain``)."""

    corpus_dir: Text = "dataset/corpus"
    epochs: float = Field(default=1, gt=0)
    learning_rate: float = Field(default=2e-5, gt=0)
    batch_size: int = Field(default=4, gt=0)
    gradient_accumulation_steps: int = Field(default=4, gt=0)
    max_seq_len: int | None = Field(default=None, gt=0)
    output_adapter: Text = "output/pretrain_adapter"


class SuiteRef(Record):
    """A suite of the target: a file of examples and how its answers are scored."""

    name: Text
    file: Text
    scorer: Text | None = None
    """None: what the file's header says, else json_cmd."""
    direction: Direction | None = None
    """None: what the file's header says, else higher."""
    exact: bool = False
    """Answer one example at a time, with the very arithmetic of ``mlx_lm.generate``."""
    server: bool | None = None
    """Whether a server answers; None is where its examples have tools."""


class HarnessRef(Record):
    """Tasks of the lm-eval harness as a regression suite; needs that program installed."""

    name: Text
    tasks: list[Text] = Field(min_length=1)
    metric: Text = "acc,none"
    """Which number of a task counts, as the harness names it; the score is its mean over tasks."""
    direction: Direction = "higher"
    """Which way is better; the harness does not say."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many examples of each task."""


class Suites(Record):
    primary: SuiteRef | None = None
    regression: list[SuiteRef] = Field(default_factory=list)
    lm_eval: list[HarnessRef] = Field(default_factory=list)
    sealed: SuiteRef | None = None
    """Opened once, for the final candidate (``factory-tui unseal``)."""


class DataSection(Record):
    """Where training rows come from, besides ``dataset.canonical``."""

    generator: str | None = None
    """A Python file of the target with ``generate(n, focus, seed)``."""
    rows: int = Field(default=3000, gt=0)
    replay_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training rows that keep an old skill alive."""
    valid_rows: int = Field(default=100, gt=0)


class Gates(Record):
    """The bounds of ``engine.records.run.Threshold``; None is no bound."""

    primary_min: float | None = None
    breadth_drop_max_pp: float | None = Field(default=None, ge=0)
    beat_baseline: bool = True
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    latency_median_max_ms: float | None = Field(default=None, gt=0)
    latency_p95_max_ms: float | None = Field(default=None, gt=0)
    peak_memory_max_mb: float | None = Field(default=None, gt=0)
    tokens_per_second_min: float | None = Field(default=None, gt=0)
    parse_rate_min: float | None = Field(default=None, ge=0, le=1)


class Limits(Record):
    """How long a stage may run and be silent, in seconds (None: for ever), and what NaN does."""

    timeout_s: float | None = Field(default=None, gt=0)
    silence_s: float | None = Field(default=60.0, gt=0)
    stop_on_nan: bool = True


class FactorySection(Record):
    goal: str | None = None
    base: dict[str, Any] | None = None
    """The recipe of a base model that is made here, where model.base names none."""
    data: DataSection = Field(default_factory=DataSection)
    train: dict[str, Any] = Field(default_factory=dict)
    """Values of the train stage's spec that have no place in ``training``."""
    eval: dict[str, Any] = Field(default_factory=dict)
    suites: Suites = Field(default_factory=Suites)
    gates: Gates = Field(default_factory=Gates)
    seeds: int = Field(default=1, ge=1, le=20)
    """How many training seeds: the run's own, and the ones after it."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """By the name of the stage."""
    plan: dict[str, Any] | None = None
    """What a loop's plan may change: a setting to [low, high] or to a list of choices. None is all
    that any plan may (``engine.loops.patches``)."""
    stages: list[str | dict[str, Any]] | None = None
    """The plan, where it is not the usual one: names of ours, or commands."""


class Forge(Record):
    """``forge.yaml``, its defaults filled in."""

    name: str | None = None
    model: ModelSection = Field(default_factory=ModelSection)
    lora: LoraSection = Field(default_factory=LoraSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    eval: EvalSection = Field(default_factory=EvalSection)
    dataset: DatasetSection = Field(default_factory=DatasetSection)
    promotion: PromotionSection = Field(default_factory=PromotionSection)
    flywheel: FlywheelSection = Field(default_factory=FlywheelSection)
    compute: ComputeSection = Field(default_factory=ComputeSection)
    pretrain: PretrainSection = Field(default_factory=PretrainSection)
    factory: FactorySection = Field(default_factory=FactorySection)
