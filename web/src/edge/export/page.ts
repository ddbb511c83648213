// What stands on the one page of paper of a reading, in words; paper.ts draws it.

import { messages } from "../../messages";
import { anyOf, count, decimal, percent } from "../../messages/numbers";
import type { Decision } from "../../reader/contract";
import { dateAndTime } from "../history/days";
import type { KeptReading } from "../history/kept";
import { peopleOf, ratesOf } from "../read/meaning";
import { labelOf, valueOf } from "../read/metadata";
import { inWords } from "../read/peopleInWords";
import { digitsOf, scoreTable } from "../read/scores";

export interface ScoreLine {
  name: string;
  /** "0.131" in the page's language. */
  value: string;
  /** 0..1; NaN where it is no number. */
  share: number;
  threshold: { value: string; share: number } | null;
}

export interface Paragraph {
  title: string;
  text: string;
}

export interface Page {
  title: string;
  bundle: string;
  decision: Decision;
  word: string;
  sentence: string;
  photograph: string;
  overlay: string;
  scores: ScoreLine[];
  /** Said where there are more scores than fit. */
  moreScores: string;
  paragraphs: Paragraph[];
  factsTitle: string;
  /** What and which, in pairs. */
  facts: [string, string][];
  warning: Paragraph;
  foot: string;
}

/** In the language that is set. */
export function pageOf(kept: KeptReading): Page {
  const { exporting: say, read } = messages.value;
  const { reading, opened, readAt } = kept;
  return {
    title: say.title,
    bundle: reading.bundle,
    decision: reading.decision,
    word: read.decisions[reading.decision],
    sentence: sentenceOf(kept),
    photograph: read.photograph,
    overlay: `${read.map}. ${read.mapCoarse(reading.saliency.width, reading.saliency.height)}`,
    scores: scoreLines(kept),
    moreScores: say.moreScores,
    paragraphs: paragraphsOf(kept),
    factsTitle: say.facts,
    facts: factsOf(kept),
    warning: { title: say.notADiagnosis, text: `${read.notDiagnosisLong} ${say.canBeWrong}` },
    foot: `${dateAndTime(readAt)} · ${say.madeBy(opened.site.overread)}`,
  };
}

function sentenceOf({ reading: { decision, reason, quality } }: KeptReading): string {
  const { read, quality: advice } = messages.value;
  const sentences = [decision === "cannot-assess" ? read.reasons[reason ?? "novel"] : read.meanings[decision]];
  if (decision === "cannot-assess" && reason !== "undecided") sentences.push(read.scoresUnknown);
  if (quality.length > 0) sentences.push(advice.readAnyway(quality.map((one) => advice.warnings[one].name).join(", ")));
  return sentences.join(" ");
}

function scoreLines({ reading, opened }: KeptReading): ScoreLine[] {
  const { read } = messages.value;
  const { deciding, others } = scoreTable(reading, opened);
  return [...deciding, ...others].map((row) => {
    const { names, score, threshold } = row;
    const digits = digitsOf(row);
    const limit = threshold === null ? "" : read.atThreshold(percent(threshold, digits));
    return {
      name: anyOf(names),
      value: percent(score, digits),
      share: score,
      threshold: threshold === null ? null : { value: limit, share: threshold },
    };
  });
}

function paragraphsOf({ opened }: KeptReading): Paragraph[] {
  const { exporting: say, read } = messages.value;
  const { intended_use: use, limits } = opened.manifest;
  const paragraphs = [{ title: read.meaning, text: meaningOf(opened) }];
  if (use) paragraphs.push({ title: say.intendedUse, text: use });
  if (limits.length > 0) paragraphs.push({ title: say.limits, text: limits.join(" ") });
  return paragraphs;
}

function meaningOf(opened: KeptReading["opened"]): string {
  const { read } = messages.value;
  const rates = ratesOf(opened);
  if (!rates) return read.noMeaning;
  const people = peopleOf(rates, rates.prevalence);
  const sentence = read.ofThese(inWords(people, anyOf(opened.manifest.triage.urgent)));
  return `${sentence.replaceAll("**", "")} ${read.rests[rates.split](count(rates.images))}`;
}

function factsOf(kept: KeptReading): [string, string][] {
  const { exporting: say, read } = messages.value;
  const { name, readAt, reading, opened, selfTest } = kept;
  const { manifest, site, runtime } = opened;
  const limit = (site.small ? manifest.small?.novelty_threshold : null) ?? manifest.triage.novelty_threshold;
  const network = site.network.replace(/^bundle\//, "");
  return [
    [say.file, name],
    [read.facts.sha256, reading.sha256],
    [say.readAt, `${dateAndTime(readAt)} (${readAt})`],
    [read.facts.size, read.pixels(reading.width, reading.height)],
    ...aboutThePerson(kept),
    ...aboutTheQuality(kept),
    [read.facts.novelty, read.noveltyOf(decimal(reading.novelty, 3), decimal(limit, 3))],
    [read.facts.operatingPoint, reading.operatingPoint || "–"],
    [read.facts.bundle, `${reading.bundle}, bundle.json ${site.bundle_digest}`],
    [say.network, `${network} ${manifest.files[network] ?? ""}`],
    [say.site, site.digest],
    [say.runtime, say.runtimeOf(runtime.backend, runtime.threads)],
    [say.selfTest, selfTestOf(selfTest)],
  ];
}

function aboutThePerson({ metadata, reading, opened }: KeptReading): [string, string][] {
  const { read } = messages.value;
  const fields = opened.manifest.metadata.map((field) => {
    const value = reading.metadataMissing.includes(field.name) ? null : valueOf(field, metadata);
    return `${labelOf(field)}: ${value ?? read.unknown}`;
  });
  return fields.length > 0 ? [[read.detailsUsed, fields.join("; ")]] : [];
}

function aboutTheQuality({ reading, opened }: KeptReading): [string, string][] {
  const { exporting: say, quality } = messages.value;
  if (!opened.manifest.quality) return [];
  const warnings = reading.quality.map((one) => quality.warnings[one].name);
  return [[say.quality, warnings.join(", ") || say.qualityGood]];
}

function selfTestOf(selfTest: KeptReading["selfTest"]): string {
  const { exporting: say } = messages.value;
  if (!selfTest) return say.selfTestOpen;
  return selfTest.passed ? say.selfTestPassed(selfTest.pictures) : say.selfTestFailed;
}
