import type { Failure } from "../../sw/protocol";

const whyNot: Record<Failure["problem"], (where: string) => string> = {
  "changed-file": (where) => `the file ${where} is not the one that it was made of`,
  "missing-file": (where) => `the file ${where} could not be loaded`,
  "no-space": () => "this device has no room left",
};

export const install = {
  title: "Without a network",
  kept: "Kept on this device: it reads without a network.",
  keeping: "Keeping everything on this device …",
  progress: (done: string, of: string) => `${done} of ${of} MB`,
  unknown: "Looking whether this device keeps it …",
  unsupported: "This browser keeps no pages, so it reads only with a network: leave private browsing, or use another browser.",
  insecure:
    "This page came over http, so it reads only while the network is there: ask whoever runs this site for an https address to use it offline.",
  failed: "It is not kept on this device yet, and reads only with a network.",
  failedAs: (why: string) => `It is not kept on this device, as ${why}: load the page again with a network.`,
  whyNot,
  mayBeErased: "The browser may erase it when the device needs room.",
  persist: "Keep it for good",
  notPersisted: "The browser does not promise that. It does once the app is on the home screen.",
  install: "Install the app",
  byHand: "To have it on the home screen, tap Share and then “Add to Home Screen”.",
  updateReady: "A new version is ready",
  updateFromTo: (from: string, to: string) => `${to} can take the place of ${from}, which goes on working until then.`,
  updateMadeAnew: (bundle: string) =>
    `${bundle} was made anew under the same version and may answer otherwise. The old one goes on working until then.`,
  updateApp: "The reader stays the same, the app around it is new. The old version goes on working until then.",
  useNow: "Use it now",
  later: "Later",
  elsewhere: "A new version is in use in another tab.",
  loadHere: "Load it here too",
  updateFailed: (why: string) => `A new version could not be kept, as ${why}. The version that you use goes on working.`,
};
