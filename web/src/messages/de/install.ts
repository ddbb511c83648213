import type { install as en } from "../en/install";

export const install: typeof en = {
  title: "Ohne Netz",
  kept: "Auf diesem Gerät aufbewahrt: Die Auswertung geht auch ohne Netz.",
  keeping: "Alles Nötige wird auf diesem Gerät aufbewahrt …",
  progress: (done, of) => `${done} von ${of} MB`,
  unknown: "Es wird nachgesehen, ob dieses Gerät die Seite aufbewahrt …",
  unsupported:
    "Dieser Browser bewahrt keine Seiten auf; die Auswertung geht daher nur mit Netz: Verlassen Sie den privaten Modus, oder nehmen Sie einen anderen Browser.",
  insecure:
    "Diese Seite kam über http; die Auswertung geht daher nur, solange das Netz da ist: Erfragen Sie bei denen, die diese Seite betreiben, eine Adresse mit https.",
  failed: "Auf diesem Gerät noch nicht aufbewahrt; die Auswertung geht nur mit Netz.",
  failedAs: (why) => `Auf diesem Gerät nicht aufbewahrt, denn ${why}: Laden Sie die Seite noch einmal mit Netz.`,
  whyNot: {
    "changed-file": (where) => `die Datei ${where} ist nicht die, aus der sie gemacht wurde`,
    "missing-file": (where) => `die Datei ${where} ließ sich nicht laden`,
    "no-space": () => "auf diesem Gerät ist kein Platz mehr",
  },
  mayBeErased: "Der Browser darf sie löschen, wenn das Gerät Platz braucht.",
  persist: "Dauerhaft behalten",
  notPersisted: "Das sagt der Browser nicht zu. Er tut es, sobald die App auf dem Startbildschirm liegt.",
  install: "App installieren",
  byHand: "Für den Startbildschirm: auf „Teilen“ tippen, dann auf „Zum Home-Bildschirm“.",
  updateReady: "Eine neue Version ist bereit",
  updateFromTo: (from, to) => `${to} kann ${from} ablösen; bis dahin bleibt die alte Version in Gebrauch.`,
  updateMadeAnew: (bundle) =>
    `${bundle} wurde unter derselben Version neu gemacht und kann anders antworten. Bis dahin bleibt die alte in Gebrauch.`,
  updateApp: "Das Modell bleibt dasselbe, die App darum ist neu. Bis dahin bleibt die alte Version in Gebrauch.",
  useNow: "Jetzt verwenden",
  later: "Später",
  elsewhere: "In einem anderen Tab ist eine neue Version in Gebrauch.",
  loadHere: "Auch hier laden",
  updateFailed: (why) =>
    `Eine neue Version konnte nicht aufbewahrt werden, denn ${why}. Die bisherige Version bleibt in Gebrauch.`,
};
