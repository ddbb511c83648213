// A made JPEG file: whole, and as grey as it is small.

function segment(marker: number, body: number[]): number[] {
  return [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];
}

/** One MCU of coefficients 0; `factors` of each component, across in the upper four bits. */
export function jpegFile(factors: readonly number[]): Uint8Array<ArrayBuffer> {
  const quantisation = segment(0xdb, [0, ...Array<number>(64).fill(1)]);
  const components = factors.flatMap((one, at) => [at + 1, one, 0]);
  const frame = segment(0xc0, [8, 0, 1, 0, 1, factors.length, ...components]);
  // One code of one bit in either table: a difference of 0, and the end of a block.
  const table = (kind: number) => segment(0xc4, [kind, 1, ...Array<number>(15).fill(0), 0]);
  const scan = segment(0xda, [factors.length, ...factors.flatMap((_, at) => [at + 1, 0]), 0, 63, 0]);
  const blocks = factors.reduce((sum, one) => sum + (one >> 4) * (one & 15), 0);
  const bits = "0".repeat(2 * (factors.length > 1 ? blocks : 1));
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  const data = (padded.match(/.{8}/g) ?? []).map((one) => parseInt(one, 2));
  const before = [0xff, 0xd8, ...quantisation, ...frame, ...table(0x00), ...table(0x10)];
  return Uint8Array.from([...before, ...scan, ...data, 0xff, 0xd9]);
}
