import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { listOf } from "../../src/sw/told";

const files = [
  { path: "a.js", sha256: "1".repeat(64), bytes: 1, precache: true },
  { path: "b.js", sha256: "2".repeat(64), bytes: 2, precache: true },
];
const lines = files.map((one) => `${one.path} ${one.sha256}\n`).join("");
const digest = createHash("sha256").update(lines).digest("hex");

it("counts site.json among the version's files", async () => {
  const list = await listOf({ digest, site: "3".repeat(64), files });
  expect(list.at(-1)).toMatchObject({ path: "site.json", sha256: "3".repeat(64), precache: true });
});

it("refuses a list in which a hash was changed", async () => {
  const changed = [files[0]!, { ...files[1]!, sha256: "4".repeat(64) }];
  await expect(listOf({ digest, site: "3".repeat(64), files: changed })).rejects.toMatchObject({
    problem: "changed-file",
    where: "sw.js",
  });
});
