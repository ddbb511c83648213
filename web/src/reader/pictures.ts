// The self-test's pictures in a site.

export const PICTURES = "bundle/selftest/";
export const OTHER_PIXELS = "the browser decodes JPEG to other pixels here; the site's own codec decodes";

export function isJpeg(name: string): boolean {
  return name.endsWith(".jpg");
}
