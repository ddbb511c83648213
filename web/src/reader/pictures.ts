// The self-test's pictures in a site.

export const PICTURES = "bundle/selftest/";

export function isJpeg(name: string): boolean {
  return name.endsWith(".jpg");
}
