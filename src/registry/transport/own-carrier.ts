import type { HttpRequest } from "../http/send.ts";
import type { Begun, Carrier, CarrierContext } from "./carrier.ts";
import { OwnExchange, type OwnExchangeParts } from "./own-exchange.ts";

/** A turn to send one request by somebody else's send: connections are its own business. */
export class OwnCarrier implements Carrier {
  /** A turn is used once. */
  readonly isOpen = false;
  readonly #parts: OwnExchangeParts;
  #exchange: OwnExchange | undefined;
  #destroyed: Error | undefined;

  constructor(parts: OwnExchangeParts) {
    this.#parts = parts;
  }

  begin(request: HttpRequest, context: CarrierContext): Begun {
    this.#exchange = new OwnExchange(request, { ...context, destroyed: this.#destroyed }, this.#parts);
    return this.#exchange;
  }

  async destroy(reason: Error): Promise<void> {
    this.#destroyed = reason;
    this.#exchange?.abort(reason);
  }
}
