/** A call that is answered with a status of HTTP and a sentence, where no class of ours says it. */
export class Refusal extends Error {
  /** Status of the answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Nothing is found at this path; dockerd's own words. */
export function pageNotFound(): Refusal {
  return new Refusal(404, "page not found");
}

/** A parameter that is none. */
export function badParameter(message: string): Refusal {
  return new Refusal(400, message);
}
