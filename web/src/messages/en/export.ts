import type { Decision, QualityWarning, Reason } from "../../reader/contract";

const decisions: Record<Decision, string> = { urgent: "Urgent", routine: "Routine", "cannot-assess": "Cannot assess" };
const reasons: Record<Reason, string> = {
  novel: "The photograph is unlike those that the reader was trained on.",
  undecided: "The scores leave the answer open.",
};
const quality: Record<QualityWarning, string> = { small: "too small", dark: "too dark", bright: "too bright", blurred: "blurred" };

export const exporting = {
  json: "Save as JSON",
  jsonOfAll: (count: number) => (count === 1 ? "Save 1 as JSON" : `Save ${count} as JSON`),
  pdf: "Save as PDF",
  pdfFailed: "The PDF could not be made on this device; save the reading as JSON.",
  reading: "reading",
  readings: "readings",
  title: "Reading of a photograph",
  notADiagnosis: "Not a diagnosis",
  notADiagnosisText:
    "A computer read this photograph. It can miss disease and raise false alarms; a clinician decides, whatever stands here.",
  decisions,
  reasons,
  routineText: "No finding reached its threshold. That does not say that nothing is wrong.",
  urgentText: (findings: string) => `Reached the threshold: ${findings}.`,
  photograph: "Photograph",
  overlay: (cells: string) => `Where the reader looked, coarse (${cells} cells)`,
  score: "Score",
  threshold: (value: string) => `threshold ${value}`,
  meaning: "What the threshold means",
  meaningOf: (people: number, present: number, urgent: number, found: number, missed: number, open: number) =>
    `Of ${people} people of whom ${present} have the finding, this reader calls ${urgent} urgent: it finds ${found} and misses ${missed}` +
    (open > 0 ? `; ${open} it cannot assess.` : "."),
  measuredOn: { test: (images: number) => `Measured on ${images} test images.`, tune: (images: number) => `From the ${images} images that the threshold was chosen on.` },
  notMeasured: "It was not measured how often this threshold is right.",
  facts: "What was read, and by what",
  file: "File",
  readAt: "Read at",
  size: "Size",
  pixels: (width: number, height: number) => `${width} × ${height} pixels`,
  information: "Patient information",
  missing: "not known",
  operatingPoint: "Operating point",
  novelty: "Novelty",
  noveltyOf: (value: string, limit: string) => `${value} (cannot be assessed above ${limit})`,
  qualityTitle: "Quality",
  quality,
  qualityGood: "no warning",
  bundle: "Bundle",
  network: "Network",
  runtime: "Runtime",
  runtimeOf: (backend: string, threads: number) =>
    `${backend}, ${threads === 1 ? "1 thread" : `${threads} threads`}, in the browser, on the device`,
  selfTest: "Self-test",
  selfTestPassed: (pictures: number) => `passed on ${pictures} pictures`,
  selfTestFailed: "failed",
  selfTestOpen: "had not ended when this was read",
  site: "Site",
  intendedUse: "Intended use",
  limits: "Limits",
  moreLimits: (count: number) => `${count} more in the model card.`,
  madeBy: (version: string) => `Made by Overread ${version} on the device that read the photograph; it was sent nowhere.`,
};
