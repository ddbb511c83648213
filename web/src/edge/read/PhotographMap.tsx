// The photograph, and over it what spoke for a finding: as coarse as it is, as strong as one likes.

import { useEffect, useRef, useState } from "preact/hooks";
import { Card } from "../../design/Card";
import { Select } from "../../design/Field";
import { Picture } from "../../design/Picture";
import { Slider } from "../../design/Slider";
import { messages } from "../../messages";
import { percent } from "../../messages/numbers";
import type { Opened, Reading } from "../../reader/contract";
import { colourOf, heatOf, seenPart } from "./saliency";
import { firstClass } from "./scores";
import "./PhotographMap.css";

interface PhotographMapProps {
  reading: Reading;
  opened: Pick<Opened, "manifest" | "site">;
  photograph: Blob;
  name: string;
}

export function PhotographMap({ reading, opened, photograph, name }: PhotographMapProps) {
  const say = messages.value.read;
  const { classes, preprocess } = opened.manifest;
  const [index, setIndex] = useState(() => firstClass(reading, opened));
  const [opacity, setOpacity] = useState(50);
  const { saliency } = reading;
  const heat = heatOf(saliency, index);
  const speaks = heat.some((value) => value > 0);
  const className = classes[index] ?? "";
  return (
    <Card title={say.photograph}>
      <div class="photograph">
        <Picture blob={photograph} alt={say.photographAlt(name)} />
        <Cells heat={heat} reading={reading} opacity={opacity / 100} resize={preprocess.resize} />
      </div>
      {classes.length > 1 && (
        <Select
          label={say.mapClass}
          value={className}
          options={classes.map((one) => ({ value: one, label: one }))}
          onChange={(chosen) => setIndex(classes.indexOf(chosen))}
        />
      )}
      {speaks ? (
        <>
          <Slider
            label={say.mapOpacity}
            min={0}
            max={100}
            step={5}
            value={opacity}
            says={percent(opacity / 100)}
            onChange={setOpacity}
          />
          <p class="muted tiny">
            {say.mapCoarse(saliency.width, saliency.height)} {preprocess.resize === "crop" && say.mapCrop}
          </p>
        </>
      ) : (
        <p class="muted tiny">{say.mapEmpty(className)}</p>
      )}
    </Card>
  );
}

interface CellsProps {
  heat: Float32Array;
  reading: Pick<Reading, "saliency" | "width" | "height">;
  opacity: number;
  resize: "squash" | "crop";
}

function Cells({ heat, reading, opacity, resize }: CellsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = reading.saliency;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || heat.length !== width * height) return;
    context.putImageData(new ImageData(colourOf(heat), width, height), 0, 0);
    const seen = seenPart(reading.width, reading.height, resize);
    for (const side of ["left", "top", "width", "height"] as const) element.style[side] = `${seen[side]}%`;
    element.style.opacity = String(opacity);
  });
  return <canvas ref={canvas} class={`cells ${resize}`} width={width} height={height} aria-hidden="true" />;
}
