"""Diagnosis of a transfer: evidence, controls, experiments that can refute a cause, and a remedy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from workbench._threads import limit_to_free_cores
from workbench.argument_checks import check_arguments
from workbench.diagnosis.causes import Cause, Evidence, causes
from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.evidence.inputs import DiagnosisInputs, prepare_inputs
from workbench.diagnosis.experiments import control_plans, stage_transplants
from workbench.diagnosis.experiments.control_group import Controls
from workbench.diagnosis.experiments.experiment_budget import BudgetedExperiments
from workbench.diagnosis.experiments.progress_bar import ProgressBar
from workbench.diagnosis.findings import Diagnosis
from workbench.diagnosis.report.conclusions import draw_conclusions
from workbench.diagnosis.report.confidence import explain_away
from workbench.diagnosis.report.stage_table import build_stage_table, explain_empty_columns
from workbench.errors import BadValue, WorkbenchError
from workbench.forms import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workbench.data.labeled_images import Images

__all__ = ["diagnose"]

MIN_STRENGTH = 0.15  # least strength of a cause that is worth an experiment
MAX_CAUSES = 5  # causes tested by experiment at most
N_TRAININGS = 6  # trainings with all stages trainable that must fit into the time budget
MIN_EPOCHS = 3  # fewest epochs of a meaningful training


@check_arguments
@limit_to_free_cores()
def diagnose(
    what: Any,
    images: Images | None = None,
    *,
    quick: bool = False,
    minutes: Annotated[float, Range(0.0, 100_000.0)] = 3.0,
    seeds: Annotated[int, Range(1, 1000)] = 2,
    progress: bool | Callable[[str, float], None] = True,
    **settings: Any,
) -> Diagnosis:
    """Find out why a transfer is worse than it should be, and how to fix it.

    1. Every cause of the registry inspects the plan, the weights and the images, with linear heads at most.
    2. The plan is compared with controls on the same images, to see whether there is negative transfer at all.
    3. The leading causes are tested by experiment, with one thing fixed at a time; a cause whose fix gains nothing is
       refuted.

    Evidence and gain together give the confidence (see `workbench.diagnosis.report.confidence`), and the first finding
    is what to fix first. Every training is kept as a run, so that a repeated diagnosis reads it. An interrupt ends the
    diagnosis with the results so far.

    Args:
        what: a plan, a finished run, or a backbone with `images`, which is diagnosed with linear probing and then full
            fine-tuning.
        images: images to use; default: those of the plan or run.
        quick: stop after step 1, with nothing trained but linear heads.
        minutes: time budget in minutes, above 0; once it is spent, no further training is started.
        seeds: trainings per plan at most, as time allows; at least 1.
        progress: show a progress bar with the current experiment and its reason; or a function that is called with that
            text and the number of trainings done. If it raises `KeyboardInterrupt`, the diagnosis ends with the results
            so far.
        settings: fields of the plan to change first, such as `epochs=5`.

    Raises:
        BadValue: a backbone without images, or a budget out of range.
        BadData: several labels per image.
        WorkbenchError: a plan whose parts do not fit together.
    """
    _check_limits(minutes, seeds)
    start = time.monotonic()
    with ProgressBar(1, progress) as bar:
        bar("checking the plan, the weights and the images", 0.0)
        inputs = prepare_inputs(what, images, settings)
        context = DiagnosisContext(inputs.plan, inputs.images)
        evidence = collect_evidence(context, bar)
        experiments = BudgetedExperiments(context, start + 60 * minutes, bar)
        notes = list(inputs.notes)
        if inputs.untrainable_reason:
            notes.append(inputs.untrainable_reason)
        elif not quick:
            notes += fit_to_budget(experiments, minutes)
            if inputs.run is not None and experiments.epoch_fraction == 1:
                experiments.adopt_run(control_plans.YOURS, inputs.run)
            try:
                evidence = run_experiments(context, experiments, evidence, seeds, bar)
            except KeyboardInterrupt:
                notes.append("it was stopped: experiments that had not finished are left out")
        return _build_diagnosis(inputs, context, experiments, evidence, notes, time.monotonic() - start)


def collect_evidence(context: DiagnosisContext, bar: ProgressBar | None = None) -> dict[str, Evidence]:
    """Collect the evidence of every cause, by name; where a cause cannot be checked, its evidence gives the reason."""
    evidence = {}
    for name, cls in causes.classes().items():
        if bar is not None:
            bar(f"checking whether {cls.problem}", 0.0)
        if context.nonfinite_tensors and not cls.allow_nan:
            evidence[name] = Evidence(0.0, "could not be checked: the backbone's weights are NaN or infinite")
            continue
        try:
            evidence[name] = cls().evidence(context)
        except WorkbenchError as error:
            evidence[name] = Evidence(0.0, f"could not be checked: {error}")
    return evidence


def fit_to_budget(experiments: BudgetedExperiments, minutes: float) -> list[str]:
    """Reduce the epochs of every training where the plan's own would leave no time for experiments.

    Returns:
        Notes about the reduction; empty if there was none.
    """
    plan, budget = experiments.context.plan, 60 * minutes / N_TRAININGS
    seconds = experiments.estimate_seconds(plan)
    if seconds <= budget:
        return []
    experiments.epoch_fraction = max(budget / seconds, MIN_EPOCHS / plan.schedule.epochs)
    if experiments.epoch_fraction >= 1:
        experiments.epoch_fraction = 1.0
        return []
    epochs = max(1, round(plan.schedule.epochs * experiments.epoch_fraction))
    change = f"to fit {minutes:g} minutes, {epochs} of {plan.schedule.epochs} epochs were trained, for all plans alike"
    return [f"{change}; a larger time budget tests the plan with all its epochs"]


def run_experiments(
    context: DiagnosisContext,
    experiments: BudgetedExperiments,
    evidence: dict[str, Evidence],
    seeds: int,
    bar: ProgressBar,
) -> dict[str, Evidence]:
    """Train the plan, its controls and the experiments of the leading causes, as far as the time budget allows.

    Returns:
        The evidence, collected anew after the plan was trained.
    """
    plans = control_plans.build_control_plans(context.plan)
    for seed in range(seeds):
        for name in (control_plans.YOURS, control_plans.SCRATCH, control_plans.FROZEN):
            required = seed == 0 and name != control_plans.FROZEN
            reason = f"{name}, seed {seed}: is there negative transfer?"
            experiments.run_experiment(name, plans[name], seed, reason, required=required)
            bar.step()
        if seed == 0:
            context.outcome = experiments.outcomes[control_plans.YOURS][0]
            evidence = collect_evidence(context, bar)  # some causes find more once the plan was trained
        for name, cause in select_leading_causes(evidence).items():
            _run_cause_experiment(context, experiments, name, cause, seed)
            bar.step()
        if seed == 0:
            stage_transplants.run_transplants(context, experiments, "transplant", bar.step)
    for name in (control_plans.SOUND, control_plans.RANDOM):
        for seed in range(seeds):
            experiments.run_experiment(name, plans[name], seed, f"{name}, seed {seed}: which accuracy is possible?")
            bar.step()
    stage_transplants.run_transplants(context, experiments, "tuned", bar.step)
    return evidence


def select_leading_causes(evidence: Mapping[str, Evidence]) -> dict[str, Cause]:
    """Select the causes that are worth an experiment, the strongest first."""
    strengths = {
        name: explain_away(one.strength, [evidence[other].strength for other in causes[name].alternative_causes])
        for name, one in evidence.items()
    }
    order = sorted(strengths, key=lambda name: -strengths[name])
    return {name: causes[name]() for name in order[:MAX_CAUSES] if strengths[name] >= MIN_STRENGTH}


def _run_cause_experiment(
    context: DiagnosisContext, experiments: BudgetedExperiments, name: str, cause: Cause, seed: int
) -> None:
    if not cause.has_experiment or (seed and name not in experiments.outcomes):
        return
    try:
        plan, data = cause.fix_plan(context), cause.fix_images(context)
    except WorkbenchError as error:  # such as weights that are not on this machine
        experiments.failures[f"the experiment on {name}"] = str(error)
        return
    if plan is None and data is None:
        return
    reason = f"what if this is fixed: {cause.problem}? seed {seed}"
    experiments.run_experiment(name, plan or context.plan, seed, reason, data)


def _build_diagnosis(
    inputs: DiagnosisInputs,
    context: DiagnosisContext,
    experiments: BudgetedExperiments,
    evidence: dict[str, Evidence],
    notes: list[str],
    seconds: float,
) -> Diagnosis:
    outcomes, control_names = experiments.all_outcomes, control_plans.build_control_plans(context.plan)
    control_outcomes = {name: by_seed for name, by_seed in outcomes.items() if name in control_names}
    controls = None
    if control_plans.YOURS in control_outcomes and control_plans.SCRATCH in control_outcomes:
        controls = Controls(control_outcomes, tuple(context.images.classes))
    answer = "not asked" if controls is None else controls.verdict
    if not context.is_pretrained:
        answer = "nothing is transferred"
    elif inputs.untrainable_reason:
        answer = "not enough data to tell"
    notes += [_failure_note(name, reason, experiments) for name, reason in experiments.failures.items()]
    stages = _stage_table_or_none(context, experiments)
    if stages is not None and outcomes:
        notes += explain_empty_columns(context, stages)
    findings, cause_table = draw_conclusions(experiments, evidence)
    return Diagnosis(
        plan=inputs.plan,
        answer=answer,
        findings=findings,
        cause_table=cause_table,
        controls=controls,
        stages=stages,
        notes=tuple(notes),
        seconds=seconds,
        n_trainings=sum(map(len, outcomes.values())),
    )


def _failure_note(name: str, reason: str, experiments: BudgetedExperiments) -> str:
    counts = " and counts as an accuracy of chance" if name in experiments.outcomes else ""
    return f"{name} failed{counts}: {reason}"


def _stage_table_or_none(context: DiagnosisContext, experiments: BudgetedExperiments) -> Any:
    if context.nonfinite_tensors:
        return None
    try:
        return build_stage_table(context, experiments if experiments.outcomes else None)
    except WorkbenchError:
        return None


def _check_limits(minutes: Any, seeds: Any) -> None:
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
        raise BadValue(f"expected minutes, the time budget, above 0; got {minutes!r}")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise BadValue(f"expected seeds to be a whole number of at least 1; got {seeds!r}")
