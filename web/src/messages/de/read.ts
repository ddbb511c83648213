import type { read as en } from "../en/read";

export const read: typeof en = {
  title: "Auswerten",
  start: "Eine Fotografie auswerten",
  camera: "Fotografieren",
  choose: "Fotografien auswählen",
  drop: "oder hierher ziehen, oder eine einfügen",
  dropNow: "Loslassen zum Auswerten",
  another: "Weitere auswerten",
  all: "Alle Fotografien",
  photographs: (count) => (count === 1 ? "1 Fotografie" : `${count} Fotografien`),
  progress: (done, count) => `${done} von ${count} ausgewertet`,
  clear: "Liste leeren",
  remove: (name) => `${name} entfernen`,

  private: "Fotografien bleiben auf diesem Gerät. Nichts wird gesendet.",
  notDiagnosis: "Eine zweite Meinung, keine Diagnose.",
  notDiagnosisLong:
    "Dies ist eine zweite Meinung für Fachpersonal und keine Diagnose. Keine Entscheidung über einen " +
    "Menschen darf allein darauf beruhen.",
  useFor: "Wofür es gedacht ist und wofür nicht",
  opening: "Das Modell wird geöffnet …",
  openingHint: "Beim ersten Mal dauert es länger. Eine Fotografie können Sie schon auswählen.",
  checking: "Es wird geprüft, ob dieses Gerät richtig auswertet …",
  correct: "Dieses Gerät wertet richtig aus.",

  waiting: "Wartet",
  waitingReader: "Wartet, bis das Modell geöffnet ist …",
  reading: "Wird ausgewertet …",
  asks: "Braucht Angaben",
  retakeShort: "Neu aufnehmen",
  rejectedShort: "Nicht lesbar",
  failedShort: "Nicht ausgewertet",

  decisions: { urgent: "Dringend", routine: "Routine", "cannot-assess": "Nicht beurteilbar" },
  meanings: {
    urgent: "Eine Ärztin oder ein Arzt sollte sich das bald ansehen.",
    routine: "Unter der Schwelle für dringend. Das heißt nicht, dass nichts vorliegt.",
  },
  reasons: {
    novel:
      "Diese Fotografie gleicht denen nicht, aus denen das Modell gelernt hat. Ein Mensch muss sie ansehen.",
    undecided: "Die Werte lassen die Antwort offen. Ein Mensch muss die Fotografie ansehen.",
  },
  result: (decision, name) => `${decision}: ${name}`,
  decision: "Entscheidung",

  photograph: "Fotografie",
  photographAlt: (name) => `Fotografie ${name}`,
  map: "Was den Ausschlag gab",
  mapOpacity: "Überlagerung",
  mapClass: "Was spricht für",
  mapCoarse: (columns, rows) =>
    `Das Modell sieht ${columns} × ${rows} Felder und nichts Feineres. Helle Felder sprachen am meisten ` +
    "für den Befund; ein Umriss ist das nicht.",
  mapCrop: "Gesehen hat es nur das Quadrat in der Mitte.",
  mapEmpty: (name) => `Kein Teil der Fotografie sprach für ${name}.`,

  scores: "Werte",
  atThreshold: (value) => `dringend ab ${value}`,
  isUrgentClass: "dringend",
  scoresNote:
    "Ein Wert sagt, wie wahrscheinlich der Befund unter Bildern mit solchem Wert war, als das Modell " +
    "kalibriert wurde.",
  scoresUnknown: "Diese Werte sagen wenig: Fotografien wie diese kennt das Modell nicht.",
  notUrgentCut: "Kein Wert entscheidet hier von selbst, dass etwas dringend ist.",

  meaning: "Was „dringend“ bedeutet",
  prevalence: "Wie häufig ist es bei Ihnen?",
  prevalenceSays: (count) => `${count} von 1.000`,
  ofThese: (n) =>
    `Von 1.000 Menschen wie diesen haben **${n.present}** den Befund (${n.names}). ` +
    `Das Modell nennt **${n.urgent}** dringend: **${n.found}** davon haben ihn, **${n.falseAlarms}** nicht. ` +
    `**${n.missed}** übersieht es.` +
    (n.open === "0" ? "" : ` **${n.open}** kann es nicht beurteilen.`),
  ofUrgent: (found, urgent) => `Von den ${urgent}, die es dringend nennt, haben ihn **${found}**.`,
  ofRoutine: (missed, routine) =>
    `Von den ${routine}, die es Routine nennt, haben ihn **${missed}** trotzdem.`,
  found: "haben ihn und werden dringend genannt",
  missed: "haben ihn und werden Routine genannt",
  falseAlarm: "haben ihn nicht und werden dringend genannt",
  quiet: "haben ihn nicht und werden Routine genannt",
  openEither: "sind nicht beurteilbar",
  people: "Dieselben 1.000 Menschen als Punkte",
  rests: {
    test: (images) => `Gemessen an ${images} Bildern, die das Modell nie gesehen hatte.`,
    tune: (images) =>
      `Gemessen an den ${images} Bildern, an denen die Schwelle gewählt wurde; es kann also zu gut sein.`,
  },
  restsAmong: (inThousand) =>
    `Von diesen Bildern zeigten ${inThousand} von 1.000 den Befund; bei Ihnen ist er wohl seltener.`,
  intervals: (sensitivity, specificity) =>
    `95-%-Intervalle: Sensitivität ${sensitivity}, Spezifität ${specificity}.`,
  noMeaning: "Wie oft dieses Modell recht hat, wurde nicht gemessen.",

  rejectedTitle: "Diese Datei lässt sich nicht lesen",
  rejected: {
    empty: "Die Datei ist leer. Wählen Sie eine andere.",
    "not-an-image": "Die Datei ist kein JPEG- oder PNG-Bild. Wählen Sie eine andere.",
    unsupported:
      "Diese Art von Bild lässt sich hier nicht genau lesen. Speichern Sie es als gewöhnliches JPEG oder " +
      "PNG, und versuchen Sie es erneut.",
    truncated: "Das Ende der Datei fehlt. Kopieren Sie sie noch einmal von dort, wo sie herkam.",
    damaged: "Die Datei ist beschädigt. Kopieren Sie sie noch einmal von dort, wo sie herkam.",
    "too-large": "Das Bild hat mehr Bildpunkte, als dieses Gerät lesen kann. Wählen Sie ein kleineres.",
  },
  failedTitle: "Diese Fotografie konnte nicht ausgewertet werden",
  failed:
    "Die Auswertung brach ab, vielleicht weil das Gerät zu wenig Speicher hat. Schließen Sie andere " +
    "Seiten, und versuchen Sie es erneut.",
  again: "Erneut versuchen",

  detailsTitle: "Zur Person",
  detailsHint: "Auch das berücksichtigt das Modell. Lassen Sie offen, was Sie nicht wissen.",
  unknown: "Nicht bekannt",
  detailsRead: "Auswerten",
  detailsAll: (count) => `Für alle ${count} verwenden`,
  detailsUsed: "Angaben zur Person",
  detailsChange: "Ändern und neu auswerten",
  fields: { age: "Alter", sex: "Geschlecht", site: "Körperstelle", view: "Aufnahmerichtung" },
  units: { years: "Jahre" },

  technical: "Technische Angaben",
  facts: {
    bundle: "Modell",
    operatingPoint: "Arbeitspunkt",
    novelty: "Abstand von den Trainingsbildern",
    size: "Größe",
    time: "Zeit",
    sha256: "SHA-256 der Datei",
  },
  pixels: (width, height) => `${width} × ${height} Bildpunkte`,
  took: (total, decode, preprocess, network) =>
    `${total} ms: Lesen ${decode}, Vorbereiten ${preprocess}, Netz ${network}`,
  noveltyOf: (value, threshold) => `${value}; nicht beurteilbar über ${threshold}`,
};
