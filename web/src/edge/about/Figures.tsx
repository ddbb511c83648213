// How far the reader can be trusted: figures with their intervals.

import { Card } from "../../design/Card";
import { messages } from "../../messages";
import { count, decimal } from "../../messages/numbers";
import type { Opened } from "../../reader/contract";
import "./Figures.css";

// Predictive values are left out: they hold only where the finding is as common as in those images.
const SHOWN = ["roc_auc", "triage.sensitivity", "triage.specificity", "triage.cannot_assess"];

export function Figures({ opened: { site } }: { opened: Pick<Opened, "site"> }) {
  const say = messages.value.about;
  const rows = SHOWN.flatMap((name) => {
    const figure = site.figures[name];
    return figure && figure.value !== null ? [{ name, ...figure, value: figure.value }] : [];
  });
  const [images, positives] = [site.figures["images"]?.value, site.figures["positives"]?.value];
  return (
    <Card title={say.figures}>
      {rows.length === 0 && <p>{say.noFigures}</p>}
      {rows.length > 0 && (
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">{say.figureName}</th>
              <th scope="col">{say.figureValue}</th>
              <th scope="col">{say.figureInterval}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, value, low, high }) => (
              <tr key={name}>
                <th scope="row">{say.figure[name] ?? name}</th>
                <td>{decimal(value)}</td>
                <td>{low !== null && high !== null ? `${decimal(low)} – ${decimal(high)}` : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {typeof images === "number" && typeof positives === "number" && (
        <p class="muted tiny">
          {say.measuredOn(count(images), count(positives))} {site.small && say.measuredFull}
        </p>
      )}
    </Card>
  );
}
