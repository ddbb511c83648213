// The type of a file by its first bytes: overread/imaging/decode.py. Its name is not asked.

export type MediaType = "image/jpeg" | "image/png";

interface Magic {
  name: string;
  start: string;
  offset?: number;
  read?: MediaType;
}

const MAGIC: readonly Magic[] = [
  { name: "JPEG", start: "\xff\xd8\xff", read: "image/jpeg" },
  { name: "PNG", start: "\x89PNG\r\n\x1a\n", read: "image/png" },
  { name: "TIFF", start: "II*\0" },
  { name: "TIFF", start: "MM\0*" },
  { name: "TIFF", start: "II+\0" },
  { name: "TIFF", start: "MM\0+" },
  { name: "DICOM", start: "DICM", offset: 128 },
  { name: "GIF", start: "GIF8" },
  { name: "BMP", start: "BM" },
  { name: "WebP", start: "WEBP", offset: 8 },
  { name: "HEIC", start: "ftyphei", offset: 4 },
  { name: "HEIC", start: "ftyphev", offset: 4 },
  { name: "HEIC", start: "ftypmif1", offset: 4 },
  { name: "AVIF", start: "ftypavif", offset: 4 },
  { name: "JPEG 2000", start: "\0\0\0\x0cjP  " },
  { name: "JPEG 2000", start: "\xff\x4f\xff\x51" },
  { name: "JPEG XL", start: "\xff\x0a" },
  { name: "JPEG XL", start: "\0\0\0\x0cJXL " },
  { name: "PDF", start: "%PDF-" },
  { name: "NIfTI", start: "n+1\0", offset: 344 },
  { name: "ZIP", start: "PK\x03\x04" },
  { name: "gzip", start: "\x1f\x8b" },
];

/** The format, and how it is read; null where the bytes are none that is known. */
export function sniff(file: Uint8Array): { name: string; read: MediaType | null } | null {
  const found = MAGIC.find(({ start, offset = 0 }) =>
    Array.from(start).every((letter, at) => file[offset + at] === letter.charCodeAt(0)),
  );
  return found ? { name: found.name, read: found.read ?? null } : null;
}
