import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCertificates } from "../../../src/registry/configuration/certificate-files.ts";
import { ConfigurationFiles } from "../../../src/registry/files/configuration-files.ts";
import { selfSigned } from "../../../src/testing.ts";

const [one, two] = [selfSigned(), selfSigned()];
const CUT = `${two.cert.slice(0, 200)}\n-----END CERTIFICATE-----\n`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-pem-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function read(text: string) {
  const path = join(folder, "ca.pem");
  await writeFile(path, text);
  return await readCertificates(new ConfigurationFiles(), { ca: [path], client: [] });
}

describe("readCertificates()", () => {
  it.each([
    one.cert,
    one.cert + two.cert,
    `# ours\n${one.cert}\nand theirs\r\n${two.cert}`,
    one.key + one.cert,
  ])("takes a bundle as it is (%#)", async (text) => expect(await read(text)).toEqual({ ca: [text] }));

  it.each([
    ["", "got no PEM certificate, wanted one"],
    [one.key, "got no PEM certificate, wanted one"],
    ["MIIB", "got no PEM certificate, wanted one"],
    [CUT, "certificate 1 of 1 cannot be read"],
    [one.cert + CUT, "certificate 2 of 2 cannot be read"],
  ])("refuses what is not a whole bundle (%#)", async (text, reason) => {
    await expect(read(text)).rejects.toThrow(`read "${join(folder, "ca.pem")}": ${reason}`);
  });
});
