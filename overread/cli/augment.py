"""`overread augment`: a cohort with copies of what train has few of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, chosen_engine
from overread.cli.show import JsonFlag, TerminalProgress, WorkersOption, print_facts, print_json
from overread.errors import UsageError

if TYPE_CHECKING:
    from overread.cohort.card import CohortCard
    from overread.cohort.upsample import Share


def augment(
    cohort: Annotated[Path, typer.Argument(help="The cohort's folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the new cohort.")],
    share: Annotated[
        str, typer.Option(help="What each class of train shall have at least: equal, or a share like 0.2.")
    ] = "equal",
    policy: Annotated[
        str,
        typer.Option(help="How far copies differ: dermoscopy, chest, ct, none, or auto by the images."),
    ] = "auto",
    transforms: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Only these, with commas between: flip, rotate, scale, colour; default: all of the policy.",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="Factor on how far copies differ, 0 to 2.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the copies.")] = 0,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a new cohort with varied copies of rare classes of train; tune and test stay as they are."""
    from overread.cohort import Cohort
    from overread.cohort import augment as augment_cohort
    from overread.imaging.augment import TRANSFORMS, Policy

    named = None if transforms is None else [one.strip() for one in transforms.split(",")]
    progress = TerminalProgress()
    wanted = _share(share)
    kind: Any = _one_of(policy, ("auto", *get_args(Policy)), where="--policy")
    only: Any = None if named is None else [_one_of(one, TRANSFORMS, where="--transforms") for one in named]
    loaded = Cohort.load(cohort)
    with chosen_engine(
        engine, workers=workers, master=master, spark_conf=spark_conf, progress=progress
    ) as opened:
        made = augment_cohort(
            loaded,
            out,
            share=wanted,
            policy=kind,
            transforms=only,
            strength=strength,
            seed=seed,
            engine=opened,
            progress=progress,
        )
    if as_json:
        print_json({"cohort": made.path, **_facts(made.card)})
    else:
        _print(made.path, made.card)


def _facts(card: CohortCard) -> dict[str, Any]:
    """What a program may rely on."""
    added = card.augmented
    assert added is not None
    said = card.model_dump(mode="json")
    return {
        "images": card.images,
        "originals": added.originals,
        "copies": added.copies,
        "before": added.before,
        "after": added.after,
        "counts_before": card.without_copies.model_dump(mode="json")["counts"],
        "counts": said["counts"],
        "share": added.share,
        "policy": added.policy,
        "transforms": said["augmented"]["transforms"],
        "seed": added.seed,
        "content_hash": card.content_hash,
        "augmented_from": added.cohort_hash,
    }


def _print(path: Path, card: CohortCard) -> None:
    facts = _facts(card)
    before, after = facts["counts_before"]["train"], facts["counts"]["train"]
    shown: dict[str, Any] = {
        "cohort": path,
        "images": f"{facts['images']} = {facts['originals']} + {facts['copies']} copies, all in train",
        "copies": f"{facts['policy']}: {', '.join(facts['transforms'] or ['all that it does'])}",
    }
    for name, one in facts["before"].items():
        counts = f"{before[name]} → {after[name]} images, " if name in before else ""
        shown[f"train, {name}"] = f"{counts}{100 * one:.1f} → {100 * facts['after'][name]:.1f} %"
    print_facts(shown, title="Share of each class before and after")


def _share(text: str) -> Share:
    if text == "equal":
        return "equal"
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise UsageError(f"expected equal or a share from 0 to 1, got '{text}'", where="--share")
    return share


def _one_of(name: str, known: tuple[str, ...], *, where: str) -> str:
    if name not in known:
        raise UsageError(f"expected {', '.join(known)}, got '{name}'", where=where)
    return name


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Data")(augment)
