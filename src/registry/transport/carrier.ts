import type { Clock } from "../../async/clock.ts";
import type { HttpRequest, HttpResponse } from "../http/send.ts";
import type { Outcome } from "./host-budget.ts";

/** What surrounds one request and its answer. */
export interface CarrierContext {
  readonly url: URL;
  readonly clock: Clock;
  /** Told how busy the host seems, at most twice: when the answer begins, and when the connection breaks. */
  readonly onOutcome: (outcome: Omit<Outcome, "full">) => void;
  /** Called once, when nothing more will come: whether the connection may serve another request. */
  readonly onOver: (reusable: boolean) => void;
}

/** A request that is under way. */
export interface Begun {
  /** The answer, once its headers are there. */
  readonly response: Promise<HttpResponse>;
  /** Whether it failed on a used connection before any byte of an answer: the server may never have seen it. */
  readonly stale: boolean;
  /** Whether the server had others over the same connection when it answered, so that it may have mixed them up. Default false. */
  readonly isShared?: boolean | undefined;
  /**
   * Whether it failed only because it shared a connection: those who shared it were given up, or its host does not bear that. Default:
   * neither.
   */
  readonly lost?: "with others" | "by host" | undefined;
}

/** A connection, in whichever thread it is, that carries one request at a time, or several brief ones. */
export interface Carrier {
  /** Whether another request could be sent over the socket as it stands. */
  readonly isOpen: boolean;
  /** Opens the socket before there is a request to send. Absent where none but a request opens it. */
  prepare?(): void;
  /** Sends a request. The signal is in force until the body has ended. */
  begin(request: HttpRequest, context: CarrierContext): Begun;
  /** Closes the socket, also one that does not stand yet, and fails what is under way with `reason`. */
  destroy(reason: Error): Promise<void>;
}
