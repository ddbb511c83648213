// A convolution of any square: rows of patches, each multiplied as if it were a pixel.
import { pointwise } from "./pointwise";

/**
 * What one row of outputs sees: float32 [height, width, channels] → [outWidth, size · size · channels],
 * zero beyond the border.
 */
// @ts-ignore: a decorator of AssemblyScript
@inline
function patches(
  x: usize, y: usize, height: i32, width: i32, channels: i32,
  size: i32, row: i32, left: i32, stride: i32, outWidth: i32,
): void {
  const cs = <usize>channels << 2;
  for (let j = 0; j < outWidth; j++) {
    const column = j * stride - left;
    const inside = column >= 0 && column + size <= width;
    for (let at = row; at < row + size; at++) {
      const from = x + <usize>(at * width + column) * cs;
      if (inside && at >= 0 && at < height) {
        const end = y + <usize>size * cs;
        for (let step: usize = from - y; y < end; y += 4) store<f32>(y, load<f32>(y + step));
        continue;
      }
      for (let dx = 0; dx < size; dx++) {
        const there = at >= 0 && at < height && column + dx >= 0 && column + dx < width;
        for (let c: usize = 0; c < cs; c += 4) {
          store<f32>(y, there ? load<f32>(from + <usize>dx * cs + c) : 0);
          y += 4;
        }
      }
    }
  }
}

/**
 * Rows `from` to `to` of the outputs.
 *
 * @param x where row 0 of float32 [height, width, channels] lies or would lie
 * @param w packed as for `pointwise`, place after place
 * @param y where row 0 of float32 [rows, outWidth, outputs] lies or would lie; `added` the same, or 0
 * @param scratch float32 [outWidth, size · size · channels]
 */
export function dense(
  x: usize, w: usize, y: usize, added: usize, scratch: usize,
  height: i32, width: i32, channels: i32, size: i32, stride: i32, top: i32, left: i32,
  from: i32, to: i32, outWidth: i32, outputs: i32, block: i32, low: f32, high: f32,
): void {
  const seen = size * size * channels;
  for (let i = from; i < to; i++) {
    const at = <usize>(i * outWidth * outputs) << 2;
    patches(x, scratch, height, width, channels, size, i * stride - top, left, stride, outWidth);
    pointwise(scratch, w, y + at, added ? added + at : 0, outWidth, seen, outputs, outputs, block, low, high);
  }
}
