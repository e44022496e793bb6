import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { LinkHabits } from "../habits/pull-habits.ts";
import { type Refusal, refusalReply } from "../habits/refusal.ts";
import { type Call, type Reply, replyEmpty } from "../http/reply.ts";

/** What object stores say, in their own form. */
function storageRefusal(status: number, code: string, message: string): Refusal {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, words: { html: xml } };
}

const WITH_AUTHORIZATION = storageRefusal(400, "InvalidArgument", "Only one auth mechanism allowed");
const EXPIRED = storageRefusal(403, "AccessDenied", "Request has expired");
const OTHER_SIGNATURE = storageRefusal(403, "SignatureDoesNotMatch", "The signature does not match");

/** Signed addresses of blobs at the place that keeps them. */
export class Links {
  readonly #secret = randomBytes(16);
  readonly #habits: LinkHabits;
  readonly #elsewhere: string;
  #series = 0;

  /** `elsewhere` is the origin of the other host. */
  constructor(habits: LinkHabits, elsewhere: string | undefined) {
    this.#habits = habits;
    this.#elsewhere = habits.host === "other" && elsewhere !== undefined ? elsewhere : "";
  }

  /** No address that was given so far is good any more. */
  expire(): void {
    this.#series += 1;
  }

  /** Sends a request for a blob away, if this is one that is. */
  redirect({ method, route, range }: Call): Reply | undefined {
    const { status, body, onlyWhole } = this.#habits;
    if ((method !== "GET" && method !== "HEAD") || (onlyWhole && range !== undefined)) return undefined;
    const path = `/storage/${route.repository ?? ""}/blobs/${route.reference ?? ""}`;
    const query = new URLSearchParams({ series: String(this.#series), signature: this.#sign(path, method) });
    const headers = { location: `${this.#elsewhere}${path}?${query.toString()}` };
    return body === undefined
      ? replyEmpty(status, headers)
      : refusalReply({ status, words: { text: body } }, { headers });
  }

  /** Why a request to the storage is refused, if it is. */
  refuse({ method, route, headers }: Call): Reply | undefined {
    const { refusesAuthorization } = this.#habits;
    if (refusesAuthorization && headers.authorization !== undefined) return refusalReply(WITH_AUTHORIZATION);
    if (route.query.get("series") !== String(this.#series)) return refusalReply(EXPIRED);
    const given = Buffer.from(route.query.get("signature") ?? "");
    const wanted = Buffer.from(this.#sign(route.path, method));
    const isRight = given.byteLength === wanted.byteLength && timingSafeEqual(given, wanted);
    return isRight ? undefined : refusalReply(OTHER_SIGNATURE);
  }

  #sign(path: string, method: string): string {
    const signedMethod = this.#habits.perMethod ? method : "";
    return createHmac("sha256", this.#secret).update(`${signedMethod} ${this.#series} ${path}`).digest("hex");
  }
}
