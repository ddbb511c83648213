import type { exporting as en } from "../en/export";

export const exporting: typeof en = {
  json: "Als JSON speichern",
  jsonOfAll: (count) => (count === 1 ? "1 als JSON speichern" : `${count} als JSON speichern`),
  pdf: "Als PDF speichern",
  pdfFailed: "Das PDF ließ sich auf diesem Gerät nicht erstellen; speichern Sie die Auswertung als JSON.",
  reading: "Auswertung",
  readings: "Auswertungen",
  title: "Auswertung einer Fotografie",
  notADiagnosis: "Keine Diagnose",
  canBeWrong: "Ein Computer hat diese Fotografie ausgewertet: Er kann Krankheiten übersehen und falschen Alarm geben.",
  moreScores: "Alle übrigen Werte stehen im JSON dieser Auswertung.",
  facts: "Was ausgewertet wurde, und womit",
  file: "Datei",
  readAt: "Zeitpunkt",
  quality: "Bildqualität",
  qualityGood: "keine Warnung",
  network: "Netz",
  runtime: "Laufzeit",
  runtimeOf: (backend, threads) =>
    `${backend}, ${threads === 1 ? "1 Thread" : `${threads} Threads`}, im Browser, auf dem Gerät`,
  selfTest: "Selbsttest",
  selfTestPassed: (pictures) => `bestanden mit ${pictures} Bildern`,
  selfTestFailed: "nicht bestanden",
  selfTestOpen: "war bei dieser Auswertung noch nicht beendet",
  site: "Ausgabe der Seite",
  intendedUse: "Zweckbestimmung",
  limits: "Grenzen",
  madeBy: (version) =>
    `Erstellt mit Overread ${version} auf dem Gerät, das die Fotografie ausgewertet hat; sie wurde nirgendwohin gesendet.`,
};
