import { execFileSync } from "node:child_process";

/** Stands in front of a command that an unprivileged user is to run. */
export const NOBODY: readonly string[] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Whether this host lets us run something behind these words. */
export function canRun(command: readonly string[]): boolean {
  const [program, ...args] = [...command, "true"];
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
