import type { quality as english } from "../en/quality";

export const quality: typeof english = {
  warnings: {
    small: {
      name: "Zu klein",
      what: "Die Fotografie hat zu wenige Bildpunkte.",
      todo: "Nehmen Sie das Original statt einer Vorschau, oder gehen Sie näher heran.",
    },
    dark: {
      name: "Zu dunkel",
      what: "Die Fotografie ist dunkler als die, die dieses Modell kennt.",
      todo: "Machen Sie mehr Licht, oder schalten Sie den Blitz ein.",
    },
    bright: {
      name: "Zu hell",
      what: "Die Fotografie ist heller als die, die dieses Modell kennt.",
      todo: "Vermeiden Sie direkte Sonne und Spiegelungen, oder halten Sie den Blitz weiter weg.",
    },
    blurred: {
      name: "Unscharf",
      what: "Die Fotografie ist weniger scharf als die, die dieses Modell kennt.",
      todo: "Wischen Sie die Linse ab, halten Sie still, tippen Sie zum Scharfstellen auf die Stelle, und halten Sie den Abstand.",
    },
  },
  title: "Besser noch einmal aufnehmen",
  lead: "Diese Fotografie wurde noch nicht ausgewertet, weil das Ergebnis wenig taugen könnte.",
  again: "Neue Aufnahme machen",
  anyway: "Trotzdem auswerten",
  readAnyway: (names) => `Ausgewertet, obwohl die Fotografie ${names.toLowerCase()} ist.`,
  noGuarantee: "Eine Fotografie ohne Warnung muss keine gute sein.",
};
