import type { problems as en } from "../en/problems";

export const problems: typeof en = {
  told: {
    "changed-file": {
      title: "Eine Datei wurde verändert; es wird nichts ausgewertet",
      what: (where) => `Die Datei ${where} ist nicht die, aus der dieses Modell gemacht wurde.`,
      todo: "Laden Sie sie noch einmal; bleibt es dabei, sagen Sie es denen, die diese Seite betreiben.",
    },
    "missing-file": {
      title: "Eine Datei fehlt",
      what: (where) => `Die Datei ${where} ließ sich nicht laden.`,
      todo: "Stellen Sie eine Verbindung zum Netz her, und laden Sie sie noch einmal.",
    },
    "no-runtime": {
      title: "Dieser Browser kann das Modell nicht ausführen",
      what: () => "Ihm fehlt etwas, was das Modell braucht.",
      todo: "Nehmen Sie ein aktuelles Chrome, Edge oder Firefox, oder Safari ab 16.4.",
    },
    "time-out": {
      title: "Das Modell ist nicht rechtzeitig gestartet",
      what: () => "Vielleicht hat dieses Gerät zu wenig Speicher frei oder ist beschäftigt.",
      todo: "Schließen Sie andere Tabs und Apps, und laden Sie die Seite noch einmal.",
    },
    "self-test": {
      title: "Dieses Gerät rechnet anders; es wird nichts ausgewertet",
      what: (where) => `Der Selbsttest ergibt hier etwas anderes als dort, wo das Modell gemacht wurde (${where}).`,
      todo: "Nehmen Sie einen anderen Browser oder ein anderes Gerät, und sagen Sie es denen, die diese Seite betreiben.",
    },
  },
  nameless: "der Seite",
  loadAgain: "Noch einmal laden",
  loading: "Wird noch einmal geladen …",
  details: "Technische Angaben",
};
