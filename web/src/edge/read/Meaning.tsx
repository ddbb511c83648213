// What the decision means among 1,000 people, for as common as the finding is where the person works.

import { useState } from "preact/hooks";
import { Card } from "../../design/Card";
import { Emphasised } from "../../design/Emphasised";
import { Slider } from "../../design/Slider";
import { messages } from "../../messages";
import { anyOf, count, percent } from "../../messages/numbers";
import type { Decision, Opened } from "../../reader/contract";
import {
  nearestPrevalence,
  PEOPLE,
  peopleOf,
  PREVALENCES,
  ratesOf,
  type Interval,
  type People,
} from "./meaning";
import { PeopleDots } from "./PeopleDots";
import { inWords } from "./peopleInWords";

interface MeaningProps {
  opened: Pick<Opened, "manifest" | "site">;
  /** Of the reading that it stands beside; null: of none. */
  decision: Decision | null;
}

export function Meaning({ opened, decision }: MeaningProps) {
  const say = messages.value.read;
  const rates = ratesOf(opened);
  const [inThousand, setInThousand] = useState(() => nearestPrevalence(rates?.prevalence ?? 0.5));
  if (!rates) return <Card title={say.meaning}>{say.noMeaning}</Card>;
  const people = peopleOf(rates, inThousand / PEOPLE);
  const { sensitivity, specificity } = rates;
  return (
    <Card title={say.meaning}>
      <p class="people-words">
        <Emphasised text={say.ofThese(inWords(people, anyOf(opened.manifest.triage.urgent)))} />
      </p>
      <PeopleDots people={people} />
      <Slider
        label={say.prevalence}
        min={0}
        max={PREVALENCES.length - 1}
        value={PREVALENCES.findIndex((one) => one === inThousand)}
        says={say.prevalenceSays(count(inThousand))}
        onChange={(step) => setInThousand(PREVALENCES[step] ?? inThousand)}
      />
      {decision && decision !== "cannot-assess" && (
        <p>
          <Emphasised text={ofThisDecision(people, decision)} />
        </p>
      )}
      <p class="muted tiny">
        {say.rests[rates.split](count(rates.images))} {say.restsAmong(count(PEOPLE * rates.prevalence))}{" "}
        {sensitivity && specificity && say.intervals(range(sensitivity), range(specificity))}
      </p>
    </Card>
  );
}

function ofThisDecision({ present, absent }: People, decision: "urgent" | "routine"): string {
  const say = messages.value.read;
  const all = count(present[decision] + absent[decision]);
  return decision === "urgent"
    ? say.ofUrgent(count(present.urgent), all)
    : say.ofRoutine(count(present.routine), all);
}

function range({ low, high }: Interval): string {
  return `${percent(low)} – ${percent(high)}`;
}
