// One reading on one page A4, in the language that is set. Loaded only when it is asked for, as the library is large.

import { jsPDF } from "jspdf";
import { language } from "../../messages";
import type { KeptReading } from "../history/kept";
import { pageOf } from "./page";
import { drawPage } from "./paper";
import { pictureOf, pictureOfText } from "./pictures";

export async function exportPdf(kept: KeptReading): Promise<Blob> {
  const page = pageOf(kept);
  const doc = new jsPDF({ format: "a4", unit: "mm", compress: true, putOnlyUsedFonts: true });
  doc.setDocumentProperties({ title: `${page.title} · ${page.bundle}`, subject: page.word, creator: "Overread" });
  doc.setLanguage(language.value);
  const photograph = await pictureOf(kept, { heat: false });
  const overlay = await pictureOf(kept, { heat: true });
  drawPage(doc, page, { photograph, overlay, textAsPicture: pictureOfText });
  return doc.output("blob");
}
