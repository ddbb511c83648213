// A JPEG that is whole and of a kind that browser and Python decode alike, or a refusal.

import { checkSize } from "../limits";
import { AGAIN, AS_PNG, Refusal } from "../refusal";
import { Damage } from "./damage";
import { readHeader, type JpegHeader } from "./header";
import { verifyJpeg, type Verified } from "./verify";

const PROGRESSIVE = 0xc2;
const SOS = 0xda;
const MOST_SCANS = 500; // As Python: more is an attack on the processor.

/** The header of a file that may be read, as far as that tells; its size is within the limits. Throws Refusal. */
export function readableHeader(file: Uint8Array): JpegHeader {
  const header = readHeader(file);
  const { frame, precision } = header;
  if (frame < 0xc0 || frame > PROGRESSIVE || precision !== 8) {
    const got = `${precision}-bit SOF${frame - 0xc0}`;
    throw new Refusal("unsupported", `expected 8-bit baseline or progressive JPEG, got ${got}`, AS_PNG);
  }
  if (header.width * header.height) checkSize(header.width, header.height);
  if (frame === PROGRESSIVE) checkScans(file);
  return header;
}

/** Throws Refusal for data that are not whole, and for colours that browsers guess. */
export function checkWhole(file: Uint8Array, header: JpegHeader): void {
  const verified = verify(file, header.scan);
  if (header.components === 4) {
    throw new Refusal("unsupported", "this page does not read JPEG in print colours (CMYK)", AS_PNG);
  }
  if (verified.lacksScans) throw new Refusal("unsupported", "the last scans of this progressive JPEG are missing", AS_PNG);
}

function verify(file: Uint8Array, scan: number): Verified {
  try {
    return verifyJpeg(file);
  } catch (thrown) {
    if (!(thrown instanceof Damage)) throw thrown;
    throw refusalOf(thrown, endsAfter(file, scan));
  }
}

function refusalOf({ harm, message }: Damage, ends: boolean): Refusal {
  if (harm === "early" || !ends) return new Refusal("truncated", "the JPEG data end too early", AGAIN);
  if (harm === "other") return new Refusal("unsupported", `this kind of JPEG is not read (${message})`, AS_PNG);
  return new Refusal("damaged", `the JPEG data are damaged (${message})`, AGAIN);
}

function checkScans(file: Uint8Array): void {
  let scans = 0;
  for (let at = file.indexOf(0xff); at >= 0; at = file.indexOf(0xff, at + 1)) if (file[at + 1] === SOS) scans++;
  if (scans > MOST_SCANS) {
    throw new Refusal("too-large", `expected at most ${MOST_SCANS} scans, got ${scans}`, "export it again");
  }
}

function endsAfter(file: Uint8Array, scan: number): boolean {
  for (let at = file.lastIndexOf(0xff); at >= scan; at = file.lastIndexOf(0xff, at - 1)) {
    if (file[at + 1] === 0xd9) return true;
  }
  return false;
}
