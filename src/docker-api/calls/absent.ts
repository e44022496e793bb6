import { answerJson } from "../http/answers.ts";
import { Refusal } from "../http/refusal.ts";
import type { ApiCall } from "./api-call.ts";

/** What docker's engine has and an engine of images has not, by the beginning of its path. */
export const ABSENT_KINDS: Readonly<Record<string, string>> = {
  containers: "container",
  exec: "container",
  commit: "container",
  networks: "network",
  volumes: "volume",
  plugins: "plugin",
  build: "builder",
  session: "builder",
  grpc: "builder",
  swarm: "swarm",
  nodes: "swarm",
  services: "swarm",
  tasks: "swarm",
  secrets: "swarm",
  configs: "swarm",
};

/** Lists, as docker's clients ask for them beside images; there is nothing in them. */
const LISTS: Readonly<Record<string, unknown>> = {
  "containers/json": [],
  networks: [],
  plugins: [],
  volumes: { Volumes: [], Warnings: null },
};

/** What a removal of everything that is not used finds, which `docker system prune` asks of each kind. */
const PRUNED: Readonly<Record<string, unknown>> = {
  "containers/prune": { ContainersDeleted: null, SpaceReclaimed: 0 },
  "networks/prune": { NetworksDeleted: null },
  "volumes/prune": { VolumesDeleted: null, SpaceReclaimed: 0 },
  "build/prune": { CachesDeleted: null, SpaceReclaimed: 0 },
};

/** The kinds that `docker inspect` tries one after the other. */
const INSPECTED = /^(?:containers|plugins)\/(.+)\/json$|^(?:networks|volumes)\/(.+)$/;

/** Answers for what is not here: lists are empty, nothing is found, and all else is not implemented. */
export function absent({ request, response, subject }: ApiCall): void {
  const answers = request.method === "GET" ? LISTS : PRUNED;
  if (["GET", "POST"].includes(request.method ?? "") && Object.hasOwn(answers, subject)) {
    answerJson(response, answers[subject]);
    return;
  }
  const kind = ABSENT_KINDS[subject.split("/", 1)[0] ?? ""] ?? "such thing";
  const [, one, other] = INSPECTED.exec(subject) ?? [];
  const name = one ?? other;
  if (request.method === "GET" && name !== undefined) throw new Refusal(404, `No such ${kind}: ${name}`);
  throw new Refusal(501, `${request.method} /${subject}: this engine keeps images and has no ${kind}`);
}
