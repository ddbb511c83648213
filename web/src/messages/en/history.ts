import type { NotKept } from "../../edge/history/store";

const notKept: Record<NotKept, string> = {
  full: "This reading is shown but not kept, as this device has no room left; erase old readings in the history.",
  unavailable:
    "This reading is shown but not kept, as this browser allows no storage here; leave private browsing, or export the reading.",
};

export const history = {
  title: "History",
  onThisDevice: "Kept on this device only, in this browser.",
  count: (count: number) => (count === 1 ? "1 reading" : `${count} readings`),
  loading: "Opening the history …",
  empty: "No readings yet",
  emptyHint: "Photographs that you read are listed here, with what the reader said.",
  off: "The history is off: new readings are not kept.",
  offHint: "Turn it on in the settings.",
  unreadable: "The history cannot be opened, as this browser allows no storage here; leave private browsing.",
  filter: "Show",
  every: "All",
  noneOfThese: "No reading with this decision.",
  more: (count: number) => `Show ${count} more`,
  back: "All readings",
  erase: "Erase",
  eraseNamed: (name: string) => `Erase ${name}`,
  eraseAll: "Erase all",
  eraseOneTitle: "Erase this reading?",
  eraseAllTitle: "Erase all readings?",
  eraseOneText: (name: string) => `The reading of ${name} and its photograph are removed from this device for good.`,
  eraseAllText: (count: number) =>
    count === 1
      ? "One reading and its photograph are removed from this device for good."
      : `${count} readings and their photographs are removed from this device for good.`,
  cancel: "Cancel",
  erased: "Erased.",
  otherVersion: (bundle: string) => `Read by ${bundle}, another version than the one that reads now.`,
  notKept,
};
