/** The files of undici that `undici.ts` loads have no types beside them. */
declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici";
  export = Client;
}

declare module "undici/lib/core/errors.js" {
  import { errors } from "undici";
  export = errors;
}
