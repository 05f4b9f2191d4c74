"""An experiment protocol, version 1.0: how a repository is set up, what may change, what must not,
what is run, for how long, and which number counts.

Keys of the file are in camel case. Keys that are not known are kept.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from engine.records.base import Record, Text, UtcTime


class _Part(Record):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Repo(_Part):
    owner: Text
    name: Text
    default_branch: Text = "main"
    clone_url: str | None = None


class Meta(_Part):
    archetype: Text
    eligibility: Text | None = None
    repo: Repo
    purpose_statement: Text
    created_at: UtcTime | None = None
    updated_at: UtcTime | None = None
    protocol_bundle_id: str | None = None


class Constraints(_Part):
    no_new_dependencies: bool = False
    network_policy: Text = "full"


class Environment(_Part):
    os_hints: list[str] = Field(default_factory=list)
    package_managers: list[str] = Field(default_factory=list)
    setup_commands: list[str] = Field(default_factory=list)
    asset_prep: list[str] = Field(default_factory=list)
    """What has to be there, in words."""
    constraints: Constraints = Field(default_factory=Constraints)


class MutableSurface(_Part):
    allowed_globs: list[Text] = Field(min_length=1)
    forbidden_globs: list[Text] = Field(default_factory=list)
    allowed_kinds: list[Text] = Field(default_factory=lambda: ["code_edit"])


class ImmutableHarness(_Part):
    paths: list[Text] = Field(default_factory=list)
    rationale: str | None = None


class StopCondition(_Part):
    type: Literal["wall_clock"]
    training_seconds_budget: float = Field(gt=0)
    exclude_compilation_from_budget: bool = False
    notes: str | None = None


class Determinism(_Part):
    seed_policy: str | None = None
    notes: str | None = None


class Execution(_Part):
    command: Text
    cwd: Text = "."
    stop_condition: StopCondition
    hard_timeout_seconds: float = Field(gt=0)
    determinism: Determinism = Field(default_factory=Determinism)


class Extract(_Part):
    kind: Literal["regex"]
    pattern: Text
    example_stdout: str | None = None


class Metric(_Part):
    name: Text
    direction: Literal["minimize", "maximize"]
    extract: Extract


class BaselinePolicy(_Part):
    establish_on_hardware: bool = True
    same_data_snapshot: bool = True
    baseline_notes: str | None = None


class Measurement(_Part):
    primary_metric: Metric
    secondary_metrics: list[Metric] = Field(default_factory=list)
    baseline_policy: BaselinePolicy = Field(default_factory=BaselinePolicy)


class ResultsLog(_Part):
    format: Literal["tsv"] = "tsv"
    path: Text = "results.tsv"
    columns: list[Text] = Field(min_length=1)


class GitWorkflow(_Part):
    branch_pattern: Text = "autoresearch/"
    commit_scope: str | None = None
    staging_example: str | None = None

    def branch(self, name: str) -> str:
        """The branch of a campaign called ``name``: the pattern's hole filled in, or the pattern as
        the beginning of it."""
        for hole in ("*", "{}", "{name}", "<tag>"):
            if hole in self.branch_pattern:
                return self.branch_pattern.replace(hole, name, 1)
        return f"{self.branch_pattern}{name}"


class Provenance(_Part):
    results_log: ResultsLog
    git_workflow: GitWorkflow = Field(default_factory=GitWorkflow)
    baseline_artifact_path: str | None = None


class Safety(_Part):
    oom_policy: Text = "crash"
    """``reduce_batch``: halve the batch once, then crash."""
    crash_status: Text = "crash"
    """What the results log says of a crash."""


class AgentRules(_Part):
    simplicity_criterion: bool = False
    autonomy: dict[str, Any] = Field(default_factory=dict)
    experiment_timeout_notes: str | None = None
    log_redirect_example: str | None = None


class Protocol(_Part):
    """A protocol document."""

    schema_kind: Literal["protocol"]
    protocol_version: Literal["1.0"]
    meta: Meta
    environment: Environment = Field(default_factory=Environment)
    mutable_surface: MutableSurface
    immutable_harness: ImmutableHarness = Field(default_factory=ImmutableHarness)
    execution: Execution
    measurement: Measurement
    provenance: Provenance
    safety: Safety = Field(default_factory=Safety)
    agent_rules: AgentRules = Field(default_factory=AgentRules)
    archetype_extensions: dict[str, Any] = Field(default_factory=dict)

    @property
    def lower_is_better(self) -> bool:
        return self.measurement.primary_metric.direction == "minimize"
