import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of real `docker-credential-*` programs. */
export interface HelperPrograms extends AsyncDisposable {
  readonly dir: string;
  /** An environment whose PATH finds the programs first, and the system's own after them. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes `docker-credential-<name>`, a shell script that may use `$DIR`. */
  add(name: string, script: string): Promise<void>;
  /** A file that a script left in `$DIR`. */
  read(file: string): Promise<string>;
}

/** Makes an empty directory for helpers; dispose of it to remove it. */
export async function helperPrograms(): Promise<HelperPrograms> {
  const dir = await mkdtemp(join(tmpdir(), "drayage-helpers-"));
  return {
    dir,
    env: { PATH: `${dir}:/usr/bin:/bin`, DIR: dir },
    async add(name, script) {
      const path = join(dir, `docker-credential-${name}`);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
    },
    read: (file) => readFile(join(dir, file), "utf8"),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  };
}
