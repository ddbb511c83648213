import type { about as en } from "../en/about";

export const about: typeof en = {
  title: "Über",
  bundle: (name, version) => `${name}, Version ${version}`,
  use: "Wofür es gedacht ist",
  useUnknown: "Wer dieses Modell gepackt hat, hat nicht gesagt, wofür es gedacht ist.",
  notFor: "Wofür es nicht gedacht ist, und seine Grenzen",
  notDiagnosis: "Es stellt keine Diagnose. Keine Behörde hat es als Medizinprodukt zugelassen.",
  findings: "Wonach es sucht",
  urgentFinding: "dringend, wenn gefunden",

  device: "Dieses Gerät",
  correct: "Dieses Gerät wertet richtig aus.",
  tested: (pictures, difference) =>
    `Es hat ${pictures} Testbilder so ausgewertet wie dort, wo das Modell entstand; kein Wert wich um ` +
    `mehr als ${difference} ab.`,
  testing: "Die Testbilder werden ausgewertet …",
  notTested: "Der Test beginnt, sobald das Modell geöffnet ist.",
  failed: "Dieses Gerät wertet nicht richtig aus; darum wird hier nichts ausgewertet.",
  testAgain: "Erneut testen",

  figures: "Wie gut es ist",
  figure: {
    roc_auc: "Fläche unter der ROC-Kurve",
    "triage.sensitivity": "Sensitivität",
    "triage.specificity": "Spezifität",
    "triage.cannot_assess": "Nicht beurteilbar",
  },
  figureName: "Größe",
  figureValue: "Schätzung",
  figureInterval: "95-%-Intervall",
  measuredOn: (images, positives) =>
    `Gemessen an ${images} Bildern, die es nie gesehen hatte, ${positives} davon mit dem Befund.`,
  measuredFull: "Gemessen mit dem vollen Netz; hier wertet das kleine aus, unten damit verglichen.",
  noFigures: "Dieses Modell kam ohne eine Prüfung an Testbildern.",

  card: "Modellkarte",
  cardLoading: "Die Modellkarte wird geladen …",
  cardMissing: "Dieses Modell kam ohne Modellkarte.",
  cardUnreachable:
    "Die Modellkarte lässt sich nicht laden: kein Netz, und dieses Gerät hat sie nicht aufbewahrt.",
  cardChanged: "Die Modellkarte ist nicht die, die zu diesem Modell gehört; darum wird sie nicht gezeigt.",

  technical: "Technische Angaben",
  facts: {
    bundle: "Modell",
    packed: "Gepackt",
    network: "Netz",
    change: "Kleines Netz",
    backend: "Läuft auf",
    decoder: "JPEG-Decoder",
    opened: "Geöffnet in",
    notes: "Anmerkungen",
    overread: "Overread",
    site: "Version dieser Seite",
    digest: "SHA-256 von bundle.json",
  },
  full: "voll",
  small: (storage, megabytes) => `Gewichte als ${storage}, ${megabytes} MB`,
  changed: (decisions, images, score) =>
    `ändert ${decisions} der Entscheidungen an ${images} Bildern und keinen Wert um mehr als ${score}`,
  threads: (backend, threads) => `${backend}, ${threads === 1 ? "1 Thread" : `${threads} Threads`}`,
  decoders: {
    planes: "der dieses Browsers (WebCodecs), auf den Testbildern dem des Modells gleich",
    browser: "der dieses Browsers, auf den Testbildern dem des Modells gleich",
    codec: "mitgebracht",
  },
  milliseconds: (value) => `${value} ms`,
};
