import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import { findPart } from "../../test/real/support/parts.ts";
import { holdPort } from "../../test/support/hold-port.ts";

/** How long nginx has to begin, in milliseconds. */
const START_MS = 10_000;

/** What speaks HTTPS before a registry. */
export interface TlsFront extends AsyncDisposable {
  /** `host:port`. */
  readonly host: string;
}

/** Starts one before the registry at an URL, with its files in a folder of its own below `data`. The caller disposes of it. */
export type StartTlsFront = (url: string, data: string) => Promise<TlsFront>;

/** nginx, which stands before most registries, where it is on this machine. */
export function findTlsFront(): StartTlsFront | undefined {
  const nginx = findPart("nginx");
  return nginx && ((url, data) => startNginx(nginx.path, url, data));
}

async function startNginx(program: string, url: string, data: string): Promise<TlsFront> {
  const folder = await mkdtemp(join(data, "drayage-bench-nginx-"));
  await using held = await holdPort();
  const { port } = held;
  const { key, cert } = selfSigned();
  await writeFile(join(folder, "key.pem"), key);
  await writeFile(join(folder, "cert.pem"), cert);
  await writeFile(join(folder, "nginx.conf"), configuration({ folder, port, url }));
  const arguments_ = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")];
  const child = spawn(program, arguments_, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit");
  const front: TlsFront = {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await answers(port);
  } catch (error) {
    await front[Symbol.asyncDispose]();
    throw error;
  }
  return front;
}

function configuration({ folder, port, url }: { folder: string; port: number; url: string }): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((what) => `${what}_temp_path ${join(folder, what)};`)
    .join(" ");
  return `
    daemon off; worker_processes 1; pid ${join(folder, "pid")};
    events { worker_connections 1024; }
    http {
      access_log off; client_max_body_size 0; ${temporary}
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${join(folder, "cert.pem")};
        ssl_certificate_key ${join(folder, "key.pem")};
        location / {
          proxy_pass ${url}; proxy_http_version 1.1; proxy_max_temp_file_size 0;
          proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;
        }
      }
    }
  `;
}

async function answers(port: number): Promise<void> {
  for (const end = performance.now() + START_MS; performance.now() < end; await sleep(20)) {
    const socket = connect({ port, host: "127.0.0.1" });
    const isUp = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
  }
  throw new Error(`Cannot measure HTTPS: nginx does not answer at port ${port} after ${START_MS} ms`);
}
