import { arch, cpus, hostname, release, totalmem } from "node:os";
import { ownField } from "../../oci/json-object.ts";
import { hostPlatform } from "../../platform/host-platform.ts";
import { answerJson } from "../http/answers.ts";
import { badParameter } from "../http/refusal.ts";
import { credentialsIn } from "../http/registry-auth.ts";
import { type ApiCall, readJson } from "./api-call.ts";

/** The newest version of docker's API that is spoken here, and what clients go by. */
export const API_VERSION = "1.51";

/** The oldest one. */
const MIN_API_VERSION = "1.24";

/** `GET` and `HEAD /_ping`: the version, in headers that every answer has. */
export function ping({ request, response }: ApiCall): void {
  const body = request.method === "HEAD" ? "" : "OK";
  response.writeHead(200, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-cache, no-store, must-revalidate",
    pragma: "no-cache",
    swarm: "inactive",
  });
  response.end(body);
}

/** `GET /version` */
export function version({ engine, response }: ApiCall): void {
  const { name, version: Version } = engine.product;
  const { os: Os, architecture: Arch } = hostPlatform();
  const details = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Os,
    Arch,
    KernelVersion: release(),
  };
  answerJson(response, {
    Platform: { Name: name },
    Components: [{ Name: "Engine", Version, Details: { ...details, Experimental: "false" } }],
    Version,
    ...details,
  });
}

/** `GET /info` */
export async function info({ engine, response, signal }: ApiCall): Promise<void> {
  const { name, version: ServerVersion } = engine.product;
  const images = await engine.catalog.list({ signal });
  answerJson(response, {
    ID: name,
    Containers: 0,
    ContainersRunning: 0,
    ContainersPaused: 0,
    ContainersStopped: 0,
    Images: images.length,
    Driver: name,
    DriverStatus: [],
    SystemTime: new Date().toISOString(),
    KernelVersion: release(),
    OperatingSystem: process.platform,
    OSType: hostPlatform().os,
    Architecture: MACHINE_NAMES[arch()] ?? arch(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    Name: hostname(),
    ServerVersion,
    Swarm: { NodeID: "", LocalNodeState: "inactive", ControlAvailable: false, RemoteManagers: null },
    Warnings: null,
  });
}

/** What `uname` calls architectures. */
const MACHINE_NAMES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** `POST /auth`: what `docker login` asks before it keeps credentials. */
export async function auth(call: ApiCall): Promise<void> {
  const { engine, response, signal } = call;
  const config = await readJson(call);
  const credentials = credentialsIn(config);
  if (!credentials) throw badParameter("log in: got no credentials");
  const server = ownField(config, "serveraddress");
  const wanted = typeof server === "string" && server !== "" ? server : "docker.io";
  const login = await engine.checkLogin(wanted, { credentials, signal });
  const IdentityToken = login.credentials.identityToken ?? "";
  answerJson(response, { IdentityToken, Status: "Login Succeeded" });
}
