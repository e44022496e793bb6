import { createPrivateKey } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyAndCertificate } from "../../../src/testing.ts";

/** Somebody's home. */
export interface Home {
  readonly folder: string;
  /** Where containerd's layout is in it. */
  readonly hosts: string;
  /** The environment of whoever lives there. */
  readonly env: Readonly<Record<string, string>>;
}

/** What is in a home. */
export interface HomeParts {
  /** Contents by path: below `hosts/` containerd's layout, below `certs/` docker's, at their usual places. */
  readonly files: Readonly<Record<string, string>>;
  /** What stands for PEM in the contents. */
  readonly pem: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a home of an empty folder. */
export async function writeHome(folder: string, { files, pem, env }: HomeParts): Promise<Home> {
  const config = join(folder, ".config");
  const hosts = join(config, "containerd", "certs.d");
  const certs = join(config, "containers", "certs.d");
  for (const directory of [hosts, certs]) await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const [first = "", ...rest] = name.split("/");
    const path = join(...({ hosts: [hosts, ...rest], certs: [certs, ...rest] }[first] ?? [folder, name]));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, pem[text] ?? text);
  }
  const own = { HOME: folder, XDG_CONFIG_HOME: config, XDG_RUNTIME_DIR: join(folder, "run") };
  return { folder, hosts, env: { ...env, ...own } };
}

/** The forms in which a pair lies in files: `@name.cert`, `.key`, both in one, and the key with a passphrase. */
export function pemForms(name: string, { key, cert }: KeyAndCertificate): Readonly<Record<string, string>> {
  const secret = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open" } as const;
  return {
    [`${name}.cert`]: cert,
    [`${name}.key`]: key,
    [`${name}.both`]: cert + key,
    [`${name}.locked`]: createPrivateKey(key).export(secret).toString(),
  };
}
