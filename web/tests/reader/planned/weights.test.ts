import { expect, test } from "vitest";
import { packed, widen } from "../../../src/reader/planned/weights";
import type { Step } from "../../../src/reader/planned/plan";

test.each([
  [0x0000, 0],
  [0x8000, -0],
  [0x3c00, 1],
  [0xbc00, -1],
  [0x3555, 0.333251953125],
  [0x7bff, 65504],
  [0x0001, 2 ** -24],
  [0x83ff, -1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
])("half %i is %f", (half, value) => {
  const made = new Float32Array(1);
  widen(new Uint16Array([half]), made);
  expect(made[0]).toBe(value);
});

test("a half that is no number is none", () => {
  const made = new Float32Array(1);
  widen(new Uint16Array([0x7e01]), made);
  expect(made[0]).toBeNaN();
});

test("panels hold the biases of 8 outputs and then their weights, input after input", () => {
  const weights = Float32Array.from({ length: 16 * 2 }, (_, at) => at); // [16 outputs, 2 inputs]
  const biases = Float32Array.from({ length: 16 }, (_, at) => 100 + at);
  const file = new Uint8Array([0, ...new Uint8Array(weights.buffer), ...new Uint8Array(biases.buffer)]);
  const step: Step = {
    kind: "pointwise",
    from: 0,
    added: null,
    shape: [16, 1, 1],
    size: 1,
    stride: 1,
    top: 0,
    left: 0,
    weight: { offset: 1, stored: "float32", scales: null },
    bias: 1 + weights.byteLength,
    low: null,
    high: null,
  };
  const even = (from: number) => Array.from({ length: 8 }, (_, at) => from + 2 * at);
  const row = (from: number) => Array.from({ length: 8 }, (_, at) => from + at);
  expect([...packed(step, file, 2)]).toEqual([
    ...[...row(100), ...even(0), ...even(1)],
    ...[...row(108), ...even(16), ...even(17)],
  ]);
});
