/**
 * The image half of docker's Engine API, served for the docker command line and other clients of docker.
 * @module
 */
export type { CheckLogin } from "./docker-api/api-engine.ts";
export {
  type DockerApiLogger,
  type DockerApiOptions,
  type DockerApiServer,
  serveDockerApi,
} from "./docker-api/serve-docker-api.ts";
