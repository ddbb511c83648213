export const about = {
  title: "About",
  bundle: (name: string, version: string) => `${name}, version ${version}`,
  use: "What it is for",
  useUnknown: "Whoever packed this reader did not say what it is for.",
  notFor: "What it is not for, and its limits",
  notDiagnosis: "It makes no diagnosis. No authority has cleared or approved it as a medical device.",
  findings: "What it looks for",
  urgentFinding: "urgent if found",

  device: "This device",
  correct: "This device reads correctly.",
  tested: (pictures: string, difference: string) =>
    `It read ${pictures} test pictures as where the reader was made; no score differed by more than ` +
    `${difference}.`,
  testing: "Reading the test pictures …",
  notTested: "The test begins as soon as the reader is open.",
  failed: "This device does not read correctly, so nothing is read on it.",
  testAgain: "Test again",

  figures: "How good it is",
  figure: {
    roc_auc: "Area under the ROC curve",
    "triage.sensitivity": "Sensitivity",
    "triage.specificity": "Specificity",
    "triage.cannot_assess": "Cannot be assessed",
  } as Record<string, string>,
  figureName: "Figure",
  figureValue: "Value",
  figureInterval: "95% interval",
  measuredOn: (images: string, positives: string) =>
    `Measured on ${images} images that it had never seen, ${positives} of them with the finding.`,
  measuredFull: "Measured with the full network; here reads the small one, compared with it below.",
  noFigures: "This reader came without an evaluation.",

  card: "Model card",
  cardLoading: "Loading the model card …",
  cardMissing: "This reader came without a model card.",
  cardUnreachable: "The model card cannot be loaded, as there is no network and this device has not kept it.",
  cardChanged: "The model card is not the one that belongs to this reader, so it is not shown.",

  technical: "Technical details",
  facts: {
    bundle: "Reader",
    packed: "Packed",
    network: "Network",
    change: "Small network",
    backend: "Runs on",
    decoder: "JPEG decoder",
    opened: "Opened in",
    notes: "Notes",
    overread: "Overread",
    site: "Version of this page",
    digest: "SHA-256 of bundle.json",
  },
  full: "full",
  small: (storage: string, megabytes: string) => `weights as ${storage}, ${megabytes} MB`,
  changed: (decisions: string, images: string, score: string) =>
    `changes ${decisions} of the decisions on ${images} images, and no score by more than ${score}`,
  threads: (backend: string, threads: number) =>
    `${backend}, ${threads === 1 ? "1 thread" : `${threads} threads`}`,
  decoders: {
    planes: "of this browser (WebCodecs), equal to the reader's on the test pictures",
    browser: "of this browser, equal to the reader's on the test pictures",
    codec: "brought along",
  },
  milliseconds: (value: string) => `${value} ms`,
};
