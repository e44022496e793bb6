import type { Socket } from "node:net";
import type { ConnectionSteps } from "../../progress/tracing.ts";

/** How the connections below sockets were made. */
const STEPS = new WeakMap<Socket, ConnectionSteps>();

/** Begins to note how a connection is made: by `socket`, which is about to look its server up. */
export function noteSteps(socket: Socket, startedAtMs: number): ConnectionSteps {
  const steps: ConnectionSteps = { startedAtMs };
  socket.once("lookup", () => {
    steps.lookedUpAtMs = performance.now();
  });
  socket.once("connect", () => {
    steps.tcpAtMs = performance.now();
  });
  STEPS.set(socket, steps);
  return steps;
}

/** Goes on noting for `socket`, which runs over the one below. */
export function moveSteps(below: Socket, socket: Socket): ConnectionSteps | undefined {
  const steps = STEPS.get(below);
  if (steps) STEPS.set(socket, steps);
  return steps;
}

/** How the connection of a socket was made. */
export function stepsOf(socket: Socket): ConnectionSteps | undefined {
  return STEPS.get(socket);
}

/** The times of another thread by the clock of this one, or the other way round, where each tells the other its `timeOrigin`. */
export function shiftSteps(
  { startedAtMs, ...steps }: ConnectionSteps,
  { from, to }: { readonly from: number; readonly to: number },
): ConnectionSteps {
  const shifted: Record<string, number> = {};
  for (const [step, atMs] of Object.entries(steps)) shifted[step] = atMs + from - to;
  return { startedAtMs: startedAtMs + from - to, ...shifted };
}
