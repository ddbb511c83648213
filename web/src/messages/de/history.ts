import type { history as en } from "../en/history";

export const history: typeof en = {
  title: "Verlauf",
  onThisDevice: "Nur auf diesem Gerät aufbewahrt, in diesem Browser.",
  count: (count) => (count === 1 ? "1 Auswertung" : `${count} Auswertungen`),
  loading: "Der Verlauf wird geöffnet …",
  empty: "Noch keine Auswertungen",
  emptyHint: "Hier stehen die Fotografien, die Sie auswerten lassen, mit dem, was die Software dazu sagt.",
  off: "Der Verlauf ist aus: Neue Auswertungen werden nicht aufbewahrt.",
  offHint: "In den Einstellungen lässt er sich einschalten.",
  unreadable:
    "Der Verlauf lässt sich nicht öffnen, weil dieser Browser hier nichts speichern darf; verlassen Sie den privaten Modus.",
  filter: "Zeigen",
  every: "Alle",
  noneOfThese: "Keine Auswertung mit dieser Entscheidung.",
  more: (count) => `${count} weitere zeigen`,
  back: "Alle Auswertungen",
  erase: "Löschen",
  eraseNamed: (name) => `${name} löschen`,
  eraseAll: "Alle löschen",
  eraseOneTitle: "Diese Auswertung löschen?",
  eraseAllTitle: "Alle Auswertungen löschen?",
  eraseOneText: (name) => `Die Auswertung von ${name} und ihre Fotografie werden endgültig von diesem Gerät entfernt.`,
  eraseAllText: (count) =>
    count === 1
      ? "Eine Auswertung und ihre Fotografie werden endgültig von diesem Gerät entfernt."
      : `${count} Auswertungen und ihre Fotografien werden endgültig von diesem Gerät entfernt.`,
  cancel: "Abbrechen",
  erased: "Gelöscht.",
  otherVersion: (bundle) => `Ausgewertet von ${bundle}, einer anderen Version als der, die jetzt auswertet.`,
  notKept: {
    full: "Diese Auswertung wird gezeigt, aber nicht aufbewahrt, weil auf diesem Gerät kein Platz mehr ist; löschen Sie alte im Verlauf.",
    unavailable:
      "Diese Auswertung wird gezeigt, aber nicht aufbewahrt, weil dieser Browser hier nichts speichern darf; verlassen Sie den privaten Modus, oder exportieren Sie sie.",
  },
};
