import type { DecodeReason, Decision, Reason } from "../../reader/contract";

const decisions: Record<Decision, string> = {
  urgent: "Urgent",
  routine: "Routine",
  "cannot-assess": "Cannot assess",
};

const meanings: Record<Exclude<Decision, "cannot-assess">, string> = {
  urgent: "A physician should look at this soon.",
  routine: "Below the threshold for urgent. This does not say that nothing is wrong.",
};

const reasons: Record<Reason, string> = {
  novel: "This photograph is unlike those that the reader learned from. A person must look.",
  undecided: "The scores leave the answer open. A person must look.",
};

const rejected: Record<DecodeReason, string> = {
  empty: "The file is empty. Choose another one.",
  "not-an-image": "The file is not a JPEG or PNG image. Choose another one.",
  unsupported:
    "This kind of image cannot be read exactly here. Save it as an ordinary JPEG or PNG and try again.",
  truncated: "The end of the file is missing. Copy it again from where it came.",
  damaged: "The file is damaged. Copy it again from where it came.",
  "too-large": "The image has more pixels than this device can read. Choose a smaller one.",
};

/** Counts of 1,000 people, as the language writes them. */
interface PeopleInWords {
  names: string;
  present: string;
  urgent: string;
  found: string;
  falseAlarms: string;
  missed: string;
  open: string;
}

export const read = {
  title: "Read",
  start: "Read a photograph",
  camera: "Take a photograph",
  choose: "Choose photographs",
  drop: "or drop them here, or paste one",
  dropNow: "Drop to read",
  another: "Read another",
  all: "All photographs",
  photographs: (count: number) => (count === 1 ? "1 photograph" : `${count} photographs`),
  progress: (done: number, count: number) => `${done} of ${count} read`,
  clear: "Clear the list",
  remove: (name: string) => `Remove ${name}`,

  private: "Photographs stay on this device. Nothing is sent.",
  notDiagnosis: "A second opinion, not a diagnosis.",
  notDiagnosisLong:
    "This is a second opinion for professionals and not a diagnosis. No decision about a patient may " +
    "rest on it alone.",
  useFor: "What it is for, and what not",
  opening: "Opening the reader …",
  openingHint: "The first time takes longer. You can choose a photograph meanwhile.",
  checking: "Checking that this device reads correctly …",
  correct: "This device reads correctly.",

  waiting: "Waiting",
  waitingReader: "Waiting for the reader to open …",
  reading: "Reading …",
  asks: "Needs details",
  retakeShort: "Take again",
  rejectedShort: "Not readable",
  failedShort: "Not read",

  decisions,
  meanings,
  reasons,
  result: (decision: string, name: string) => `${decision}: ${name}`,
  decision: "Decision",

  photograph: "Photograph",
  photographAlt: (name: string) => `Photograph ${name}`,
  map: "Where it looked",
  mapOpacity: "Overlay",
  mapClass: "What speaks for",
  mapCoarse: (columns: number, rows: number) =>
    `The reader looks at ${columns} × ${rows} fields and no finer. Bright fields spoke most for the ` +
    "finding; none of this is an outline.",
  mapCrop: "It saw only the square in the middle.",
  mapEmpty: (name: string) => `No part of the photograph spoke for ${name}.`,

  scores: "Scores",
  atThreshold: (value: string) => `urgent from ${value}`,
  isUrgentClass: "urgent",
  scoresNote:
    "A score is how probable the finding was among images with such a score when the reader was calibrated.",
  scoresUnknown: "These scores mean little: the reader does not know photographs like this one.",
  notUrgentCut: "No score decides of itself that something is urgent.",

  meaning: "What urgent means",
  prevalence: "How common is it where you work?",
  prevalenceSays: (count: string) => `${count} in 1,000`,
  ofThese: (n: PeopleInWords) =>
    `Of 1,000 people like these, **${n.present}** have the finding (${n.names}). ` +
    `This reader calls **${n.urgent}** urgent: **${n.found}** of them have it, **${n.falseAlarms}** do not. ` +
    `It misses **${n.missed}**.` +
    (n.open === "0" ? "" : ` **${n.open}** it cannot assess.`),
  ofUrgent: (found: string, urgent: string) => `Of the ${urgent} called urgent, **${found}** have it.`,
  ofRoutine: (missed: string, routine: string) =>
    `Of the ${routine} called routine, **${missed}** have it all the same.`,
  found: "have it and are called urgent",
  missed: "have it and are called routine",
  falseAlarm: "do not have it and are called urgent",
  quiet: "do not have it and are called routine",
  openEither: "cannot be assessed",
  people: "The same 1,000 people as dots",
  rests: {
    test: (images: string) => `Measured on ${images} images that the reader had never seen.`,
    tune: (images: string) =>
      `Measured on the ${images} images on which the threshold was chosen, so it may be too good.`,
  },
  restsAmong: (inThousand: string) =>
    `Of those images, ${inThousand} in 1,000 showed the finding; where you work it is probably less common.`,
  intervals: (sensitivity: string, specificity: string) =>
    `95% intervals: sensitivity ${sensitivity}, specificity ${specificity}.`,
  noMeaning: "How often this reader is right was not measured.",

  rejectedTitle: "This file cannot be read",
  rejected,
  failedTitle: "This photograph could not be read",
  failed:
    "The reader stopped, perhaps because the device has too little memory. Close other pages and try again.",
  again: "Try again",

  detailsTitle: "About the person",
  detailsHint: "The reader also takes this into account. Leave open what you do not know.",
  unknown: "Not known",
  detailsRead: "Read",
  detailsAll: (count: number) => `Use for all ${count}`,
  detailsUsed: "Details of the person",
  detailsChange: "Change and read again",
  fields: { age: "Age", sex: "Sex", site: "Site on the body", view: "View" } as Record<string, string>,
  units: { years: "years" } as Record<string, string>,

  technical: "Technical details",
  facts: {
    bundle: "Reader",
    operatingPoint: "Operating point",
    novelty: "Distance from the training images",
    size: "Size",
    time: "Time",
    sha256: "SHA-256 of the file",
  },
  pixels: (width: number, height: number) => `${width} × ${height} pixels`,
  took: (total: string, decode: string, preprocess: string, network: string) =>
    `${total} ms: decode ${decode}, preprocess ${preprocess}, network ${network}`,
  noveltyOf: (value: string, threshold: string) => `${value}; cannot assess above ${threshold}`,
};
