/**
 * The image half of docker's Engine API, from both ends: served for the docker command line and other clients of docker, and asked
 * of a running docker that an image is to go to.
 * @module
 */
export type { CheckLogin } from "./docker-api/api-engine.ts";
export {
  type Docker,
  type DockerOptions,
  type DockersContainerd,
  openDocker,
} from "./docker-api/into/open-docker.ts";
export type { DockerPull, DockerPullOptions } from "./docker-api/into/pull-into-docker.ts";
export {
  type DockerApiLogger,
  type DockerApiOptions,
  type DockerApiServer,
  serveDockerApi,
} from "./docker-api/serve-docker-api.ts";
