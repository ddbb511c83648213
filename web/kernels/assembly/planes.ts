// Between layouts.

/** float32 [pixels, channels] → [channels, pixels]; `channels` is a multiple of 4. */
export function planes(x: usize, y: usize, pixels: i32, channels: i32): void {
  const cs = <usize>channels << 2, ps = <usize>pixels << 2;
  for (let c: usize = 0; c < cs; c += 16) {
    let to = y + (c >> 2) * ps;
    let from = x + c;
    let i = 0;
    for (; i + 4 <= pixels; i += 4) {
      const a = v128.load(from), b = v128.load(from + cs);
      const d = v128.load(from + cs * 2), e = v128.load(from + cs * 3);
      const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5), high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const lower = v128.shuffle<f32>(d, e, 0, 4, 1, 5), higher = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f64>(low, lower, 0, 2));
      v128.store(to + ps, v128.shuffle<f64>(low, lower, 1, 3));
      v128.store(to + ps * 2, v128.shuffle<f64>(high, higher, 0, 2));
      v128.store(to + ps * 3, v128.shuffle<f64>(high, higher, 1, 3));
      from += cs * 4;
      to += 16;
    }
    for (; i < pixels; i++) {
      const four = v128.load(from);
      v128.store32_lane(to, four, 0);
      v128.store32_lane(to + ps, four, 1);
      v128.store32_lane(to + ps * 2, four, 2);
      v128.store32_lane(to + ps * 3, four, 3);
      from += cs;
      to += 4;
    }
  }
}

/** float32 [channels, pixels] → [pixels, channels]. */
export function interleave(x: usize, y: usize, pixels: i32, channels: i32): void {
  const cs = <usize>channels << 2, ps = <usize>pixels << 2;
  for (let c: usize = 0; c < cs; c += 4) {
    let to = y + c;
    for (let from = x, end = x + ps; from < end; from += 4) {
      store<f32>(to, load<f32>(from));
      to += cs;
    }
    x += ps;
  }
}

/** Bytes to another place, which may overlap. */
export function move(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}
