// A plan as calls of kernels, in parts that threads share, every address worked out beforehand.

import { type Block, heldRows, type Rows, rowBytes, rowsOf, shareOf, stepOf, stripsOf } from "./blocks";
import type { Call, Program } from "./calls";
import { type Layout, patchBytes } from "./layout";
import { type Plan, shapeOf, type Step } from "./plan";

/** Bytes of x that a pointwise convolution goes through for each panel of weights; the first cache holds them. */
const BLOCK = 32768;
/** Outputs and pixels that its kernel makes at once. */
const PANEL = 8;
const PIXELS = 4;

/** @param rank of the thread: it decides only where patches and strips lie */
export function programOf(plan: Plan, layout: Layout, rank: number): Program {
  const [channels, height, width] = plan.input;
  const interleave: Call = { kernel: "interleave", args: [layout.given, at(layout, 0), height * width, channels] };
  const scratch = layout.scratch[rank] ?? NaN;
  const phases = [[[interleave]]];
  for (const block of layout.blocks) {
    const part = (index: number) => blockCalls({ plan, layout, scratch, part: index }, block);
    phases.push(Array.from({ length: layout.parts }, (_, index) => part(index)).filter((calls) => calls.length));
  }
  phases.push(planeCalls(plan, layout));
  const program: Program = { parts: [], after: [] };
  for (const parts of phases) {
    const done = program.parts.length;
    program.parts.push(...parts);
    program.after.push(...parts.map(() => done));
  }
  return program;
}

/** What a part of a block needs to know. */
interface Part {
  plan: Plan;
  layout: Layout;
  scratch: number;
  part: number;
}

function blockCalls(one: Part, block: Block): Call[] {
  const { plan, layout, scratch, part } = one;
  const step = stepOf(plan, block.last);
  if (block.first === block.last && step.kind === "pointwise") return pointwiseShare(one, block.last);
  const rows = shareOf(step.shape[1], part, layout.parts);
  if (rows.from === rows.to) return [];
  const strips = stripsOf(plan, block, rows, layout.strip);
  const buffers: number[] = [];
  heldRows(plan, block, strips).reduce((from, count, k) => {
    buffers.push(from);
    return from + count * rowBytes(plan, block.first + k);
  }, scratch + patchBytes(plan, block));
  const calls: Call[] = [];
  let had: Rows[] = [];
  for (const strip of strips) {
    const needed = rowsOf(plan, block, strip);
    // Where row 0 of what a step makes would lie.
    const base = (k: number) => {
      const buffer = buffers[k];
      const first = needed[k]?.from ?? 0;
      return buffer === undefined ? at(layout, block.last + 1) : buffer - first * rowBytes(plan, block.first + k);
    };
    needed.forEach((wanted, k) => {
      const kept = keep(had[k], wanted);
      const bytes = rowBytes(plan, block.first + k);
      const buffer = buffers[k];
      const past = had[k];
      if (buffer !== undefined && past && kept > wanted.from) {
        const from = buffer + (wanted.from - past.from) * bytes;
        if (from !== buffer) calls.push({ kernel: "move", args: [buffer, from, (kept - wanted.from) * bytes] });
      }
      const index = block.first + k;
      const x = k === 0 ? at(layout, stepOf(plan, index).from) : base(k - 1);
      const fresh = { from: kept, to: wanted.to };
      if (fresh.from < fresh.to) calls.push(rowsCall(one, index, x, base(k), fresh));
    });
    had = needed;
  }
  return calls;
}

/** The first row that is not there yet from the strip before. */
function keep(had: Rows | undefined, wanted: Rows): number {
  return had && had.from <= wanted.from && had.to > wanted.from ? Math.min(had.to, wanted.to) : wanted.from;
}

/** Some rows of what a step makes; `x` and `y` are where row 0 lies or would lie. */
function rowsCall({ plan, layout, scratch }: Part, index: number, x: number, y: number, rows: Rows): Call {
  const step = stepOf(plan, index);
  const { size, stride, top, left } = step;
  const [inputs, height, width] = shapeOf(plan, step.from);
  const [outputs, , outWidth] = step.shape;
  const w = layout.weights[index] ?? 0;
  const added = step.added === null ? 0 : at(layout, step.added);
  const { from, to } = rows;
  const ends = endsOf(step);
  if (step.kind === "depthwise") {
    const args = [x, w, y, layout.zeros, height, width, inputs, stride, top, left, from, to, outWidth, ...ends];
    return { kernel: "depthwise", args };
  }
  if (step.kind === "dense") {
    const geometry = [height, width, inputs, size, stride, top, left, from, to, outWidth, outputs];
    return { kernel: "dense", args: [x, w, y, added, scratch, ...geometry, blockOf(size * size * inputs), ...ends] };
  }
  const pixels = { from: from * outWidth, to: to * outWidth };
  return pointwiseCall(step, inputs, { x, w, y, added }, pixels, { from: 0, to: outputs });
}

/** A part of a pointwise convolution: of the outputs where they are more than the pixels. */
function pointwiseShare({ plan, layout, part }: Part, index: number): Call[] {
  const step = stepOf(plan, index);
  const [inputs, height, width] = shapeOf(plan, step.from);
  const outputs = step.shape[0];
  const count = height * width;
  const places = {
    x: at(layout, step.from),
    w: layout.weights[index] ?? 0,
    y: at(layout, index + 1),
    added: step.added === null ? 0 : at(layout, step.added),
  };
  const byOutputs = outputs > count;
  const { from, to } = shareOf(byOutputs ? outputs / PANEL : Math.ceil(count / PIXELS), part, layout.parts);
  if (from === to) return [];
  const pixels = byOutputs ? { from: 0, to: count } : { from: from * PIXELS, to: Math.min(to * PIXELS, count) };
  const made = byOutputs ? { from: from * PANEL, to: to * PANEL } : { from: 0, to: outputs };
  return [pointwiseCall(step, inputs, places, pixels, made)];
}

interface Operands {
  x: number;
  w: number;
  y: number;
  added: number;
}

function pointwiseCall(step: Step, inputs: number, { x, w, y, added }: Operands, pixels: Rows, outputs: Rows): Call {
  const stride = step.shape[0];
  const to = (pixels.from * stride + outputs.from) * 4;
  const places = [x + pixels.from * inputs * 4, w + outputs.from * (inputs + 1) * 4, y + to, added && added + to];
  const counts = [pixels.to - pixels.from, inputs, outputs.to - outputs.from, stride, blockOf(inputs)];
  return { kernel: "pointwise", args: [...places, ...counts, ...endsOf(step)] };
}

/** What the rest of the network takes goes back into planes. */
function planeCalls(plan: Plan, layout: Layout): Call[][] {
  return Object.entries(plan.cuts).map(([name, tensor]) => {
    const [channels, height, width] = shapeOf(plan, tensor);
    return [{ kernel: "planes", args: [at(layout, tensor), layout.cuts[name] ?? NaN, height * width, channels] }];
  });
}

/** So many pixels, in fours, that their x stays in the first cache. */
const blockOf = (inputs: number) => Math.max(PIXELS, Math.floor(BLOCK / (inputs * PIXELS * 4)) * PIXELS);

const endsOf = ({ low, high }: Step) => [low ?? -Infinity, high ?? Infinity];

function at({ tensors }: Layout, tensor: number): number {
  const address = tensors[tensor];
  if (address === undefined || Number.isNaN(address)) throw new Error(`tensor ${tensor} of the plan lies nowhere`);
  return address;
}
