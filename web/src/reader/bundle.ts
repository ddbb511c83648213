// What bundle.json says (docs/reference/bundle.md), as far as a page needs it.

export type Task = "binary" | "multiclass" | "multilabel";

export interface Preprocess {
  size: number;
  resize: "squash" | "crop";
  interpolation: "bilinear" | "bicubic";
  mean: [number, number, number];
  std: [number, number, number];
}

export interface OperatingPoint {
  name: string;
  class_name: string;
  threshold: number;
  rule: string;
  sensitivity: number | null;
  specificity: number | null;
  positives: number;
  negatives: number;
}

export interface ConformalRule {
  coverage: number;
  lowest: (number | null)[];
  patients: number[];
}

export interface TriageRule {
  urgent: string[];
  novelty_threshold: number;
  conformal: ConformalRule | null;
}

export interface MetadataField {
  name: string;
  kind: "number" | "category";
  categories: string[];
  unit: string;
  missing: number | null;
}

/** What a photograph must have before it is worth reading; measured on the images of train. */
export interface Quality {
  images: number;
  shorter_side: number;
  dark: number;
  bright: number;
  sharpness: number;
}

export interface SmallNetwork {
  storage: "int8" | "int10" | "fp16";
  bytes: number;
  operating_points: OperatingPoint[];
  novelty_threshold: number;
  images: number;
  auc_change: number | null;
  decisions_changed: number | null;
  largest_score_change: number | null;
}

export interface Manifest {
  schema_version: number;
  name: string;
  version: string;
  task: Task;
  classes: string[];
  modality: string;
  preprocess: Preprocess;
  operating_points: OperatingPoint[];
  triage: TriageRule;
  metadata: MetadataField[];
  small: SmallNetwork | null;
  quality?: Quality | null;
  intended_use: string;
  limits: string[];
  provenance: Record<string, unknown>;
  files: Record<string, string>;
  seal: string;
}
