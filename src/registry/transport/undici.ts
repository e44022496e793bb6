// oxlint-disable-next-line typescript/triple-slash-reference -- types of packages are no module to import
/// <reference path="./undici-parts.d.ts" />
/**
 * What is used of undici: of its 109 modules 18, which halves what a first request has to load. They are parts that
 * undici does not promise to keep where they are, so `package.json` takes patches of the version that the tests have
 * seen and nothing else.
 */
export { default as errors } from "undici/lib/core/errors.js";
export { default as Client } from "undici/lib/dispatcher/client.js";
