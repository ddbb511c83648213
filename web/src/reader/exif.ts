// The orientation in an EXIF block: tag 0x0112 of its first directory (Exif 2.32, 4.6.4).

const ORIENTATION = 0x0112;
const BYTE = 1;
const SHORT = 3;
const LONG = 4;

/** 1..8; 0 where it is not stated or the block is damaged, which does not make the pixels wrong. */
export function exifOrientation(exif: Uint8Array): number {
  const little = exif[0] === 0x49 && exif[1] === 0x49;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  try {
    const start = view.getUint32(4, little);
    const entries = view.getUint16(start, little);
    for (let entry = 0; entry < entries; entry++) {
      const at = start + 2 + 12 * entry;
      const tag = view.getUint16(at, little);
      const kind = view.getUint16(at + 2, little);
      const count = view.getUint32(at + 4, little);
      if (tag === ORIENTATION && count === 1 && (kind === BYTE || kind === SHORT || kind === LONG)) {
        const place = at + 8;
        const value =
          kind === BYTE ? view.getUint8(place) : kind === SHORT ? view.getUint16(place, little) : view.getUint32(place, little);
        return value >= 1 && value <= 8 ? value : 0;
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
  }
  return 0;
}
