"""What a conformal rule does on the images of a split: how often it answers, and how often rightly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from overread.bundle.manifest import ConformalRule, ManifestDraft
from overread.bundle.triage import answers, possible_classes
from overread.evaluation.calibration_choice import ALL_CLASSES
from overread.evaluation.clinical import Abstention
from overread.evaluation.drawn import Drawn, Mask
from overread.evaluation.join import JoinedReadings
from overread.evaluation.measures import called_urgent, urgent_truth
from overread.evaluation.statistics import share_of
from overread.evaluation.weighted import Statistic


@dataclass(frozen=True)
class Answered:
    """What the rule answers about one question, bool [n] each.

    Attributes:
        sides: True class → its images; those of no side have no label.
        covered: The true class is in the set (for "urgent": the opposite was not decided).
        single: One class is (a decision was made).
        plain: Without the rule the answer would be right.
    """

    sides: Mapping[str, Mask]
    covered: Mask
    single: Mask
    plain: Mask

    @property
    def stated(self) -> Mask:
        """Images with a label."""
        return np.asarray(np.stack(list(self.sides.values())).any(axis=0), np.bool_)


def all_answered(
    joined: JoinedReadings, *, rule: ConformalRule, manifest: ManifestDraft
) -> dict[str, Answered]:
    """Each finding (multiclass: "all classes"), and "urgent", where the operating points have their say."""
    labels, scores = joined.labels, joined.scores
    possible = possible_classes(scores, rule=rule, task=manifest.task)
    found: dict[str, Answered] = {}
    if manifest.task == "multiclass":
        stated = ~np.isnan(labels).any(axis=1)
        true = np.where(stated, np.nan_to_num(labels).argmax(axis=1), -1)
        found[ALL_CLASSES] = Answered(
            sides={name: true == index for index, name in enumerate(manifest.classes)},
            covered=possible[np.arange(true.size), true],
            single=possible.sum(axis=1) == 1,
            plain=scores.argmax(axis=1) == true,
        )
    else:
        pairs = possible.reshape(len(possible), -1, 2)
        for index, name in enumerate(manifest.classes):
            truth = labels[:, index]
            found[name] = Answered(
                sides={"present": truth == 1, "absent": truth == 0},
                covered=np.where(truth == 1, pairs[:, index, 1], pairs[:, index, 0]),
                single=pairs[:, index].sum(axis=1) == 1,
                plain=(scores[:, index] >= 0.5) == (truth == 1),
            )
    if manifest.triage.urgent:
        truth = urgent_truth(labels, manifest=manifest)
        decided = np.array(answers(scores, rule=rule, manifest=manifest))
        wrong = np.where(truth == 1, decided == "routine", decided == "urgent")
        found["urgent"] = Answered(
            sides={"present": truth == 1, "absent": truth == 0},
            covered=~wrong,
            single=decided != "cannot-assess",
            plain=called_urgent(scores, manifest=manifest) == (truth == 1),
        )
    return found


def abstention_statistics(answered: Mapping[str, Answered]) -> dict[str, Statistic]:
    """What must be drawn for `abstentions_of`."""
    found: dict[str, Statistic] = {}
    for of, one in answered.items():
        stated, single = one.stated, one.stated & one.single
        for side, here in one.sides.items():
            found[f"abstention/{of}/covered/{side}"] = share_of(here & one.covered, here)
        found[f"abstention/{of}/answered"] = share_of(single, stated)
        found[f"abstention/{of}/right"] = share_of(single & one.covered, single)
        found[f"abstention/{of}/plain"] = share_of(stated & one.plain, stated)
    return found


def abstentions_of(
    answered: Mapping[str, Answered], *, rule: ConformalRule, in_force: bool, drawn: Drawn
) -> tuple[Abstention, ...]:
    """What the rule does, question by question."""
    found = []
    for of, one in answered.items():
        start, stated = f"abstention/{of}", one.stated
        found.append(
            Abstention(
                of=of,
                asked=rule.coverage,
                in_force=in_force,
                coverage={
                    side: drawn.figure(f"{start}/covered/{side}", whole=here)
                    for side, here in one.sides.items()
                },
                answered=drawn.figure(f"{start}/answered", whole=stated),
                right=drawn.figure(f"{start}/right", whole=stated & one.single),
                right_of_all=drawn.figure(f"{start}/plain", whole=stated),
            )
        )
    return tuple(found)
