import type { settings as en } from "../en/settings";

export const settings: typeof en = {
  title: "Einstellungen",
  look: "Sprache und Darstellung",
  language: "Sprache",
  languages: { auto: "Wie das Gerät", en: "English", de: "Deutsch" },
  theme: "Darstellung",
  themes: { auto: "Wie das Gerät", light: "Hell", dark: "Dunkel" },
  history: "Verlauf",
  keepHistory: "Auswertungen auf diesem Gerät aufbewahren",
  keepHistoryHint: "Fotografie, Entscheidung und Werte bleiben in diesem Browser. Sie werden nirgendwohin gesendet.",
  turnOffTitle: "Die bisherigen Auswertungen löschen?",
  turnOffText: (count) =>
    count === 1
      ? "Neue Auswertungen werden nicht mehr aufbewahrt. Eine ist noch auf diesem Gerät."
      : `Neue Auswertungen werden nicht mehr aufbewahrt. ${count} sind noch auf diesem Gerät.`,
  leaveThem: "Behalten",
  speed: "Geschwindigkeit",
  gpu: "Grafikprozessor versuchen",
  gpuHint:
    "Nur, wo er auf diesem Gerät schneller ist und die Antworten des Selbsttests gibt. Gilt, sobald die Seite neu geladen ist.",
};
