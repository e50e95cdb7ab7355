"""Why a transfer is worse than it should be: evidence, controls, experiments that could refute it, and a remedy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from workbench.arguments import check_arguments
from workbench.diagnosis import control_plans as named
from workbench.diagnosis import stage_transplants as transplants
from workbench.diagnosis.by_stage import stage_table, unsaid
from workbench.diagnosis.case import Case
from workbench.diagnosis.causes import Cause, Evidence, causes
from workbench.diagnosis.concluding import concluded
from workbench.diagnosis.control_group import Controls
from workbench.diagnosis.findings import Diagnosis
from workbench.diagnosis.inquiry import Inquiry
from workbench.diagnosis.progress import Bar
from workbench.diagnosis.subject import Subject, subject
from workbench.diagnosis.weighing import yielding
from workbench.errors import BadValue, WorkbenchError
from workbench.forms import Range
from workbench.threads import spare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workbench.images import Images

WORTH = 0.15  # strength from which on a cause is worth an experiment
MOST = 5  # causes that are tried
TRAININGS = 6  # with every stage moving that there should be time for
SHORTEST = 3  # epochs that say something


@check_arguments
@spare()
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
    """Why a transfer is worse than it should be, and what to do: as a good engineer would find out.

    Every cause of the registry first looks at the plan, the weights and the images, by linear heads at most. Then the
    plan is held against controls on the same images: is there negative transfer at all? Then the leading causes are
    tried, one thing put right at a time: a cause whose experiment gains nothing is dropped. Evidence and gain together
    make the confidence (see `workbench.diagnosis.weighing`), and the first finding is what to put right first. Every
    training is a run that is kept, so that a diagnosis asked again is read. An interrupt ends it with what it has.

    Args:
        what: a plan, a finished run, or a backbone with `images`, which is diagnosed with a linear probe and then
            fine-tuning of everything.
        images: those of the plan or run unless given.
        quick: whether to stop at the first look, with nothing trained but linear heads.
        minutes: after which no new training is begun, above 0.
        seeds: trainings of each, at most, as the time allows; at least 1.
        progress: whether to show a bar that says what is tried and why; or a function to be told so, with how many
            trainings are done. Raising `KeyboardInterrupt`, it ends the work, and what there is is kept.
        settings: fields of the plan to change first, such as `epochs=5`.

    Raises:
        BadValue: a backbone without images, or a budget that is none.
        BadData: several labels an image.
        WorkbenchError: a plan whose parts do not fit together.
    """
    _checked(minutes, seeds)
    began = time.monotonic()
    with Bar(1, progress) as bar:
        bar("looking at the plan, the weights and the images", 0.0)
        asked = subject(what, images, settings)
        case = Case(asked.plan, asked.images)
        seen = looked(case, bar)
        inquiry = Inquiry(case, began + 60 * minutes, bar)
        notes = list(asked.notes)
        if asked.hopeless:
            notes.append(asked.hopeless)
        elif not quick:
            notes += shortened(inquiry, minutes)
            if asked.run is not None and inquiry.share == 1:
                inquiry.adopt(named.YOURS, asked.run)
            try:
                seen = tried(case, inquiry, seen, seeds, bar)
            except KeyboardInterrupt:
                notes.append("it was stopped: what had not been carried out by then is left out")
        return _told(asked, case, inquiry, seen, notes, time.monotonic() - began)


def looked(case: Case, bar: Bar | None = None) -> dict[str, Evidence]:
    """What every cause sees, by name; one that cannot look says why."""
    found = {}
    for name, cls in causes.classes().items():
        if bar is not None:
            bar(f"looking whether {cls.means}", 0.0)
        if case.broken and not cls.by_weights:
            found[name] = Evidence(0.0, "could not be looked at: the backbone's weights are no numbers")
            continue
        try:
            found[name] = cls().evidence(case)
        except WorkbenchError as error:
            found[name] = Evidence(0.0, f"could not be looked at: {error}")
    return found


def shortened(inquiry: Inquiry, minutes: float) -> list[str]:
    """Fewer epochs for every training where the plan's would leave no time for experiments; what is said of it."""
    plan, wanted = inquiry.case.plan, 60 * minutes / TRAININGS
    takes = inquiry.seconds_of(plan)
    if takes <= wanted:
        return []
    inquiry.share = max(wanted / takes, SHORTEST / plan.schedule.epochs)
    if inquiry.share >= 1:
        inquiry.share = 1.0
        return []
    epochs = max(1, round(plan.schedule.epochs * inquiry.share))
    words = f"to fit {minutes:g} minutes, {epochs} of {plan.schedule.epochs} epochs were trained, of everything alike"
    return [f"{words}; with more minutes the answer is about the plan as it is"]


def tried(case: Case, inquiry: Inquiry, seen: dict[str, Evidence], seeds: int, bar: Bar) -> dict[str, Evidence]:
    """Carries out the plan, its controls and the leading causes' experiments, as far as the time allows."""
    plans = named.controls_of(case.plan)
    for seed in range(seeds):
        for name in (named.YOURS, named.SCRATCH, named.FROZEN):
            needed = seed == 0 and name != named.FROZEN
            inquiry.carry_out(
                name, plans[name], seed, f"{name}, seed {seed}: is there negative transfer?", needed=needed
            )
            bar.step()
        if seed == 0:
            case.outcome = inquiry.outcomes[named.YOURS][0]
            seen = looked(case, bar)  # some causes see more once the plan was carried out
        for name, cause in leading(seen).items():
            _try(case, inquiry, name, cause, seed)
            bar.step()
        if seed == 0:
            transplants.carry_out(case, inquiry, "transplant", bar.step)
    for name in (named.SOUND, named.RANDOM):
        for seed in range(seeds):
            inquiry.carry_out(name, plans[name], seed, f"{name}, seed {seed}: what could be had")
            bar.step()
    transplants.carry_out(case, inquiry, "tuned", bar.step)
    return seen


def leading(seen: Mapping[str, Evidence]) -> dict[str, Cause]:
    """The causes that are worth an experiment, the strongest first."""
    left = {n: yielding(s.strength, [seen[o].strength for o in causes[n].yields_to]) for n, s in seen.items()}
    order = sorted(left, key=lambda name: -left[name])
    return {name: causes[name]() for name in order[:MOST] if left[name] >= WORTH}


def _try(case: Case, inquiry: Inquiry, name: str, cause: Cause, seed: int) -> None:
    if not cause.triable or (seed and name not in inquiry.outcomes):
        return
    try:
        plan, data = cause.without(case), cause.data_without(case)
    except WorkbenchError as error:  # such as weights that are not on this machine
        inquiry.failures[f"the experiment on {name}"] = str(error)
        return
    if plan is None and data is None:
        return
    why = f"what if not: {cause.means}? seed {seed}"
    inquiry.carry_out(name, plan or case.plan, seed, why, data)


def _told(
    asked: Subject, case: Case, inquiry: Inquiry, seen: dict[str, Evidence], notes: list[str], seconds: float
) -> Diagnosis:
    done = inquiry.complete
    whole = {n: o for n, o in done.items() if n in (*named.controls_of(case.plan),)}
    controls = None
    if named.YOURS in whole and named.SCRATCH in whole:
        controls = Controls(whole, tuple(case.images.classes))
    answer = "not asked" if controls is None else controls.verdict
    if not case.pretrained:
        answer = "nothing is transferred"
    elif asked.hopeless:
        answer = "not enough data to tell"
    notes += [_failure(name, why, inquiry) for name, why in inquiry.failures.items()]
    stages = _stages(case, inquiry)
    if stages is not None and done:
        notes += unsaid(case, stages)
    findings, considered = concluded(inquiry, seen)
    return Diagnosis(
        plan=asked.plan,
        answer=answer,
        findings=findings,
        considered=considered,
        controls=controls,
        stages=stages,
        notes=tuple(notes),
        seconds=seconds,
        trainings=sum(map(len, done.values())),
    )


def _failure(name: str, why: str, inquiry: Inquiry) -> str:
    counts = " and counts as knowing nothing" if name in inquiry.outcomes else ""
    return f"{name} failed{counts}: {why}"


def _stages(case: Case, inquiry: Inquiry) -> Any:
    try:
        return None if case.broken else stage_table(case, inquiry if inquiry.outcomes else None)
    except WorkbenchError:
        return None


def _checked(minutes: Any, seeds: Any) -> None:
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
        raise BadValue(f"minutes is how long a diagnosis may take, above 0; got {minutes!r}")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise BadValue(f"seeds is a whole number from 1 on; got {seeds!r}")
