/**
 * Runs a command as root of a user namespace of an unprivileged user, who has a range of further identities there, as `newuidmap`
 * gives it to those whom /etc/subuid names: `with-id-map.ts <command>...`. Only root may run it. It ends as the command does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { ID_MAP } from "./id-map.ts";
import { NOBODY } from "./identities.ts";

/** Says when there is a namespace, and waits until it has its identities. */
const WAIT = 'echo >&3; read go <&4; exec 3>&- 4<&-; exec "$@"';

const [program = "", ...args] = [
  ...NOBODY,
  "unshare",
  "-U",
  "sh",
  "-c",
  WAIT,
  "sh",
  ...process.argv.slice(2),
];
const child = spawn(program, args, { stdio: ["inherit", "inherit", "inherit", "pipe", "pipe"] });
const ended = once(child, "exit") as Promise<[number | null, string | null]>;
const [, , , ready, go] = child.stdio as [null, null, null, Readable, Writable];
await Promise.race([once(ready, "data"), ended]);
for (const kind of ["uid", "gid"]) writeFileSync(`/proc/${child.pid}/${kind}_map`, ID_MAP);
go.end("\n");
const [status] = await ended;
process.exitCode = status ?? 1;
