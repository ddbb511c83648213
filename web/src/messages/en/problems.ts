import type { Problem } from "../../reader/contract";

interface Told {
  title: string;
  what: (where: string) => string;
  todo: string;
}

const told: Record<Problem, Told> = {
  "changed-file": {
    title: "A file was changed, so nothing is read",
    what: (where) => `The file ${where} is not the one that this reader was made of.`,
    todo: "Load it again; if it stays so, tell whoever runs this site.",
  },
  "missing-file": {
    title: "A file is missing",
    what: (where) => `The file ${where} could not be loaded.`,
    todo: "Connect to the network and load it again.",
  },
  "no-runtime": {
    title: "This browser cannot run the reader",
    what: () => "It lacks something that the reader needs.",
    todo: "Use a current Chrome, Edge or Firefox, or Safari 16.4 or newer.",
  },
  "time-out": {
    title: "The reader did not start in time",
    what: () => "This device may be short of memory or busy.",
    todo: "Close other tabs and apps, then load it again.",
  },
  "self-test": {
    title: "This device reads otherwise, so nothing is read",
    what: (where) => `The self-test gives another answer here than where the reader was made (${where}).`,
    todo: "Use another browser or device, and tell whoever runs this site.",
  },
};

export const problems = {
  told,
  nameless: "of the site",
  loadAgain: "Load it again",
  loading: "Loading it again …",
  details: "Technical details",
};
