/**
 * What pulls by version 1 of the API need, in one place to be loaded when the first endpoint of it is asked.
 * @module
 */
export { createV1Client } from "../../registry/v1/v1-client.ts";
export { V1Remote } from "../../remotes/v1-remote.ts";
export { v1Puller } from "./v1-puller.ts";
