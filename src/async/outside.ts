import { AsyncLocalStorage } from "node:async_hooks";

/** Runs a function outside of every caller's `AsyncLocalStorage`: what many share belongs to none of them. */
export const outside: <R>(run: () => R) => R = AsyncLocalStorage.snapshot();
