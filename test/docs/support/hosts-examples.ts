import { codeBlocks, readDocument } from "./documents.ts";

/** A hosts.toml of the README. */
export interface HostsExample {
  /** The directory that it is for: a registry's, or `_default`. */
  readonly directory: string;
  /** Whose it is. */
  readonly what: string;
  readonly code: string;
}

/** First line of such an example: `# docker.io/hosts.toml: Harbor`. */
const TITLE = /^# (\S+)\/hosts\.toml: (.+)\n/;

/** The files of hosts.toml that the README shows. Throws for one that does not say what it is. */
export function hostsExamples(): readonly HostsExample[] {
  const blocks = codeBlocks(readDocument("README.md")).filter(({ language }) => language === "toml");
  return blocks.map(({ path, line, code }) => {
    const [, directory, what] = TITLE.exec(code) ?? [];
    if (directory === undefined || what === undefined) throw new Error(`${path}:${line}: whose hosts.toml?`);
    return { directory, what, code };
  });
}
